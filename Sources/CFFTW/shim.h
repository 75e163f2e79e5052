#include <fftw3.h>

/* An array of unknown size, which Swift does not import. */
static inline const char *fftwf_version_string(void) { return fftwf_version; }

/* The widest vector instructions of this processor that FFTW has code for; 0 where there is no choice. */
static inline int simd_bits(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return 512;
    if (__builtin_cpu_supports("avx2")) return 256;
    if (__builtin_cpu_supports("avx")) return 255;
    return 128;
#else
    return 0;
#endif
}

/* Whether this processor has fused multiply-add, by which glibc chooses its sines, powers and logarithms. */
static inline int has_fma(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("fma") != 0;
#else
    return 0;
#endif
}
