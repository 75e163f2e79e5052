// Linked into a program, comes before glibc's allocation and counts what goes through, of any thread and library.
// Elsewhere nothing is counted.
#include "allocations.h"

#ifdef __linux__
#include <features.h>
#endif

#ifdef __GLIBC__
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static atomic_bool is_counting;
static atomic_long calls, bytes;

static void note(size_t size) {
    if (!atomic_load_explicit(&is_counting, memory_order_relaxed)) return;
    atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&bytes, size, memory_order_relaxed);
}

void *malloc(size_t size) {
    note(size);
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    note(count * size);
    return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
    note(size);
    return __libc_realloc(old, size);
}
void *memalign(size_t alignment, size_t size) {
    note(size);
    return __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
    note(size);
    return __libc_memalign(alignment, size);
}
int posix_memalign(void **result, size_t alignment, size_t size) {
    note(size);
    void *memory = __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}

bool allocations_are_counted(void) { return true; }
void allocations_begin(void) {
    calls = bytes = 0;
    is_counting = true;
}
struct allocation_count allocations_end(void) {
    is_counting = false;
    return (struct allocation_count){calls, bytes};
}
#else
bool allocations_are_counted(void) { return false; }
void allocations_begin(void) {}
struct allocation_count allocations_end(void) { return (struct allocation_count){0, 0}; }
#endif
