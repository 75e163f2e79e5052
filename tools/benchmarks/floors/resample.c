// libsamplerate's own loop over samples that are in memory: 48,000 → 44,100 Hz, SINC_MEDIUM, mono, in blocks.
//
//   resample SECONDS
#include "floor.h"

#include <samplerate.h>

int main(int count, char **words) {
    if (count < 2) return 64;
    size_t frames = (size_t)(atof(words[1]) * 48000);
    float *samples = malloc(frames * sizeof(float)), out[8192];
    uint32_t state = 1;
    for (size_t i = 0; i < frames; i++) {
        state = state * 1664525 + 1013904223;
        samples[i] = 0.5 * sin(i * 0.05) + 0.1 * ((float)(state >> 8) / (1 << 24) - 0.5);
    }
    int code;
    SRC_STATE *converter = src_new(SRC_SINC_MEDIUM_QUALITY, 1, &code);
    if (!converter) return 1;
    double start = now(), used = cpu(), sum = 0;
    for (size_t done = 0; done < frames;) {
        SRC_DATA data = {.data_in = samples + done, .data_out = out, .output_frames = 8192, .src_ratio = 441.0 / 480,
                         .input_frames = frames - done < 4096 ? frames - done : 4096};
        if (src_process(converter, &data)) return 1;
        done += data.input_frames_used;
        sum += out[0];
    }
    printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"sum\": %g}\n", now() - start, cpu() - used, sum);
    return 0;
}
