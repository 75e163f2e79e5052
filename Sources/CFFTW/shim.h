#include <fftw3.h>

/* An array of unknown size, which Swift does not import. */
static inline const char *fftwf_version_string(void) { return fftwf_version; }
