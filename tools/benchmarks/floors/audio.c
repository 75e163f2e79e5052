// The floor of the audio path: what any program has to do, done plainly, one stage after the other.
//
//   audio OUTPUT RESAMPLER FILE…      RESAMPLER: none, soxr_hq, medium
//
// Read and hash each file; decode; mean of the channels; resample to 44,100 Hz; RMS to −20 dBFS; segments of 131,072
// samples; STFT 2048/512 (FFTW, a MEASURE plan, made before the clock starts); 256 Slaney mel bands of the magnitude;
// log10; hash and write the float32 features; fsync. Each stage's seconds are told apart.
#include "floor.h"

#include <fftw3.h>
#include <samplerate.h>
#include <sndfile.h>
#include <soxr.h>

enum { RATE = 44100, N = 2048, HOP = 512, SEGMENT = 131072, FRAMES = SEGMENT / HOP + 1, BINS = N / 2 + 1, BANDS = 256 };

static double mel_of(double f) { return f < 1000 ? f * 3 / 200 : 15 + log(f / 1000) / (log(6.4) / 27); }
static double hertz_of(double m) { return m < 15 ? m * 200 / 3 : 1000 * exp((m - 15) * (log(6.4) / 27)); }

static int first_bin[BANDS], bin_count[BANDS];
static float *weights[BANDS];

static void make_bank(void) {
    for (int band = 0; band < BANDS; band++) {
        double edge[3];
        for (int i = 0; i < 3; i++) edge[i] = hertz_of(mel_of(RATE / 2.0) * (band + i) / (BANDS + 1));
        first_bin[band] = ceil(edge[0] * N / RATE);
        int last = fmin(floor(edge[2] * N / RATE), BINS - 1);
        bin_count[band] = last < first_bin[band] ? 0 : last - first_bin[band] + 1;
        weights[band] = malloc((bin_count[band] + 1) * sizeof(float));
        for (int i = 0; i < bin_count[band]; i++) {
            double f = (double)(first_bin[band] + i) * RATE / N;
            double w = fmin((f - edge[0]) / (edge[1] - edge[0]), (edge[2] - f) / (edge[2] - edge[1]));
            weights[band][i] = fmax(w, 0) * 2 / (edge[2] - edge[0]);
        }
    }
}

int main(int count, char **words) {
    if (count < 4) return 64;
    make_bank();
    float *frame = fftwf_alloc_real(N);
    fftwf_complex *spectrum = fftwf_alloc_complex(BINS);
    fftwf_plan plan = fftwf_plan_dft_r2c_1d(N, frame, spectrum, FFTW_MEASURE);
    float *window = malloc(N * sizeof(float)), *padded = calloc(SEGMENT + N, sizeof(float));
    float *magnitudes = malloc(sizeof(float) * FRAMES * BINS), *mel = malloc(sizeof(float) * BANDS * FRAMES);
    for (int i = 0; i < N; i++) window[i] = 0.5 - 0.5 * cos(2 * M_PI * i / N);
    unsigned char *bytes = NULL;
    size_t room = 0, samples_room = 0, converted_room = 0;
    float *samples = NULL, *converted = NULL;
    double hashing = 0, decoding = 0, resampling = 0, stft = 0, bands = 0, writing = 0, audio = 0;
    size_t segments = 0;
    int output = open(words[1], O_CREAT | O_TRUNC | O_WRONLY, 0666);
    if (output < 0) fail(words[1]);
    double start = now(), used = cpu();
    for (int i = 3; i < count; i++) {
        double a = now();
        size_t size = read_file(words[i], &bytes, &room);
        hash(bytes, size);
        double b = now();
        hashing += b - a;
        SF_INFO info = {0};
        SNDFILE *file = sf_open(words[i], SFM_READ, &info);
        if (!file) return 1;
        if ((size_t)info.frames + 8192 > samples_room)
            samples = realloc(samples, (samples_room = info.frames + 8192) * sizeof(float));
        static float block[8192 * 8];
        size_t frames = 0;
        sf_count_t n;
        while ((n = sf_readf_float(file, block, 8192)) > 0) {
            if (frames + n > samples_room)
                samples = realloc(samples, (samples_room = 2 * (frames + n)) * sizeof(float));
            float *to = samples + frames;
            if (info.channels == 2)
                for (int j = 0; j < n; j++) to[j] = 0.5f * (block[2 * j] + block[2 * j + 1]);
            else
                for (int j = 0; j < n; j++) {
                    float sum = 0;
                    for (int c = 0; c < info.channels; c++) sum += block[j * info.channels + c];
                    to[j] = sum / info.channels;
                }
            frames += n;
        }
        sf_close(file);
        audio += (double)frames / info.samplerate;
        a = now();
        decoding += a - b;
        float *signal = samples;
        if (info.samplerate != RATE) {
            size_t wanted = (frames * RATE + info.samplerate - 1) / info.samplerate;
            if (wanted + 64 > converted_room)
                converted = realloc(converted, (converted_room = wanted + 64) * sizeof(float));
            if (words[2][0] == 's') {
                soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
                size_t made;
                if (soxr_oneshot(info.samplerate, RATE, 1, samples, frames, NULL, converted, wanted, &made, NULL,
                                 &quality, NULL))
                    return 1;
                frames = made;
            } else {
                SRC_DATA data = {.data_in = samples, .data_out = converted, .input_frames = frames,
                                 .output_frames = wanted, .src_ratio = (double)RATE / info.samplerate};
                if (src_simple(&data, SRC_SINC_MEDIUM_QUALITY, 1)) return 1;
                frames = data.output_frames_gen;
            }
            signal = converted;
        }
        b = now();
        resampling += b - a;
        double squares = 0;
        for (size_t j = 0; j < frames; j++) squares += (double)signal[j] * signal[j];
        float gain = 0.1 / sqrt(squares / frames + 1e-12);
        decoding += now() - b;
        for (size_t s = 0; s + SEGMENT <= frames; s += SEGMENT, segments++) {
            a = now();
            for (int j = 0; j < SEGMENT; j++) padded[N / 2 + j] = signal[s + j] * gain;
            for (int t = 0; t < FRAMES; t++) {
                for (int j = 0; j < N; j++) frame[j] = padded[t * HOP + j] * window[j];
                fftwf_execute(plan);
                float *to = magnitudes + (size_t)t * BINS;
                for (int j = 0; j < BINS; j++)
                    to[j] = sqrtf(spectrum[j][0] * spectrum[j][0] + spectrum[j][1] * spectrum[j][1]);
            }
            b = now();
            stft += b - a;
            for (int t = 0; t < FRAMES; t++) {
                float *from = magnitudes + (size_t)t * BINS;
                for (int band = 0; band < BANDS; band++) {
                    float sum = 0;
                    for (int j = 0; j < bin_count[band]; j++) sum += weights[band][j] * from[first_bin[band] + j];
                    mel[band * FRAMES + t] = sum;
                }
            }
            for (int j = 0; j < BANDS * FRAMES; j++) mel[j] = log10f(mel[j] > 1e-5f ? mel[j] : 1e-5f);
            a = now();
            bands += a - b;
            hash(mel, sizeof(float) * BANDS * FRAMES);
            b = now();
            hashing += b - a;
            write_all(output, mel, sizeof(float) * BANDS * FRAMES);
            writing += now() - b;
        }
    }
    double a = now();
    if (fsync(output) < 0) fail("fsync");
    writing += now() - a;
    printf("{\"seconds\": %.6f, \"cpu\": %.6f, \"audio_s\": %.1f, \"segments\": %zu, \"stages\": {\"hash\": %.4f, "
           "\"decode\": %.4f, \"resample\": %.4f, \"stft\": %.4f, \"mel\": %.4f, \"write\": %.4f}}\n",
           now() - start, cpu() - used, audio, segments, hashing, decoding, resampling, stft, bands, writing);
    return 0;
}
