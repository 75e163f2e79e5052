#include <stddef.h>
#include <stdint.h>

/// libFuzzer's loop: reads the options in `arguments`, and calls `target` until the time is over or a fault is found.
int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*target)(const uint8_t *data, size_t size));
