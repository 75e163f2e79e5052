#!/usr/bin/env python3
"""The audio path as Python users write it, in one process and one thread; imports and warm-up are not timed.

    audio.py librosa|numpy|audioflux FOLDER OUT

Decode → mono → 44,100 Hz (soxr HQ) → RMS −20 dBFS → segments of 131,072 samples → log10 of 256 mel bands, float32 →
a safetensors file for each input. Nothing is hashed or flushed. audioflux has a filter bank of its own and does not
pad: 253 frames, where the others have 257.
"""

import math
import os
import sys

RATE, SEGMENT, N_FFT, HOP, BANDS = 44100, 131072, 2048, 512, 256


def one_thread():
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"


def read_frames(path):
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return samples.mean(axis=1), rate


def soxr_resample(samples, rate):
    import soxr

    return soxr.resample(samples, rate, RATE, quality="HQ")


def by_librosa():
    import librosa
    import numpy as np

    def mel(x):
        m = librosa.feature.melspectrogram(
            y=x, sr=RATE, n_fft=N_FFT, hop_length=HOP, n_mels=BANDS, power=1.0
        )
        return np.log10(np.maximum(m, 1e-5)).astype(np.float32, copy=False)

    return (
        lambda path: librosa.load(path, sr=None, mono=True),
        lambda y, rate: librosa.resample(y, orig_sr=rate, target_sr=RATE, res_type="soxr_hq"),
        mel,
    )


def by_numpy():
    """By hand: scipy's single-precision FFT, a matrix product with librosa's filters."""
    import librosa
    import numpy as np
    import scipy.fft

    window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
    bank = np.ascontiguousarray(
        librosa.filters.mel(sr=RATE, n_fft=N_FFT, n_mels=BANDS).astype(np.float32)
    )

    def mel(x):
        out = np.empty((len(x), BANDS, SEGMENT // HOP + 1), np.float32)
        for i, samples in enumerate(x):
            padded = np.pad(samples, N_FFT // 2)
            frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP]
            np.matmul(bank, np.abs(scipy.fft.rfft(frames * window, axis=1)).T, out=out[i])
        np.maximum(out, 1e-5, out=out)
        return np.log10(out, out=out)

    return read_frames, soxr_resample, mel


def by_audioflux():
    import audioflux
    import numpy as np
    from audioflux.type import SpectralDataType, SpectralFilterBankScaleType

    transform = audioflux.BFT(
        num=BANDS,
        radix2_exp=11,
        samplate=RATE,
        slide_length=HOP,
        scale_type=SpectralFilterBankScaleType.MEL,
        data_type=SpectralDataType.MAG,
    )
    transform.set_result_type(1)

    def mel(x):
        rows = [np.abs(transform.bft(np.ascontiguousarray(s), result_type=1)) for s in x]
        return np.stack([np.log10(np.maximum(r, 1e-5)).astype(np.float32) for r in rows])

    return read_frames, soxr_resample, mel


def main():
    kind, folder, out = sys.argv[1:4]
    one_thread()
    import numpy as np
    from safetensors.numpy import save_file

    from files import Clock, files

    decode, resample, mel = {"librosa": by_librosa, "numpy": by_numpy, "audioflux": by_audioflux}[kind]()
    os.makedirs(out, exist_ok=True)
    mel(np.zeros((1, SEGMENT), np.float32))
    resample(np.zeros(48000, np.float32), 48000)
    audio = segments = 0
    clock = Clock()
    for path in files(folder, {".wav", ".flac", ".ogg", ".mp3"}):
        y, rate = decode(path)
        audio += len(y) / rate
        if rate != RATE:
            y = resample(y, rate)
        rms = math.sqrt(float(np.dot(y, y)) / len(y) + 1e-12)
        y = y * np.float32(0.1 / rms)
        count = len(y) // SEGMENT
        features = mel(y[: count * SEGMENT].reshape(count, SEGMENT))
        save_file(
            {"mel": np.ascontiguousarray(features)}, f"{out}/{os.path.basename(path)}.safetensors"
        )
        segments += count
    clock.report(audio_s=audio, segments=segments)


if __name__ == "__main__":
    main()
