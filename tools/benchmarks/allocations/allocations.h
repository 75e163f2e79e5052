#pragma once
#include <stdbool.h>

/// What a program took from `malloc` and its kin; memory mapped otherwise is not in it, and what is freed stays in it.
struct allocation_count {
    /// Calls of any thread.
    long calls;
    /// Bytes asked for.
    long bytes;
};

/// Whether there is a count: only where the C library is glibc.
bool allocations_are_counted(void);
/// Begins to count, from nothing.
void allocations_begin(void);
/// Ends the count.
struct allocation_count allocations_end(void);
