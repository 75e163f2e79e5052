#!/usr/bin/env python3
"""Magnitudes to sound with Griffin-Lim as Python users run it, in one process and one thread.

    inversion.py make FILE
    inversion.py librosa|torchaudio FILE [--momentum M] [--iterations N] [--mel]

`make` writes the segments: `magnitudes`, F32 [segment, 1025, 257], and `mel`, F32 [segment, 256, 257], of powers, at
44,100 Hz. Imports and the first segment are not timed. `--mel` begins with the mel spectra. `convergence` is the mean of
20 log10(‖|X| − S‖ / ‖S‖) in dB.
"""

import argparse
import glob
import json
import os
import sys
import time

RATE, SEGMENT, N_FFT, HOP, BANDS, COUNT = 44100, 131072, 2048, 512, 256, 4


def one_thread():
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"


def make(path):
    """Harmonic tones with vibrato, clicks and noise, of four pitches."""
    import librosa
    import numpy as np
    from safetensors.numpy import save_file

    dice = np.random.default_rng(0)
    t = np.arange(SEGMENT) / RATE
    magnitudes, mels = [], []
    for index in range(COUNT):
        pitch = 110 * (index + 1) * (t + 0.0003 * np.sin(30 * t))
        y = sum(0.2 / n * np.sin(2 * np.pi * n * pitch) for n in range(1, 9)) * np.exp(-3 * (t % 0.5))
        y += 0.01 * dice.standard_normal(SEGMENT)
        s = np.abs(librosa.stft(y.astype(np.float32), n_fft=N_FFT, hop_length=HOP))
        magnitudes.append(s)
        mels.append(librosa.feature.melspectrogram(S=s**2, sr=RATE, n_fft=N_FFT, n_mels=BANDS))
    tensors = {"magnitudes": np.stack(magnitudes), "mel": np.stack(mels)}
    save_file({k: np.ascontiguousarray(v, np.float32) for k, v in tensors.items()}, path)


def by_librosa(options):
    import librosa

    def invert(s):
        return librosa.griffinlim(s, n_iter=options.iterations, hop_length=HOP, momentum=options.momentum)

    def from_mel(m):
        return librosa.feature.inverse.mel_to_stft(m, sr=RATE, n_fft=N_FFT)

    return invert, from_mel


def torchaudio_functions():
    """torchaudio's functions, which are Python; its wheels from PyPI also hold CUDA code, which is not needed here."""
    try:
        import torchaudio.functional.functional as functions

        return functions
    except (OSError, ImportError, AttributeError):
        pass
    import types

    for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
        del sys.modules[name]
    folder = next(p for p in (os.path.join(p, "torchaudio") for p in sys.path) if os.path.isdir(p))
    package, extension = types.ModuleType("torchaudio"), types.ModuleType("torchaudio._extension")
    package.__path__ = [folder]
    extension._IS_ALIGN_AVAILABLE = extension._IS_RIR_AVAILABLE = False
    extension._IS_TORCHAUDIO_EXT_AVAILABLE = False
    extension.fail_if_no_align = lambda function: function
    sys.modules |= {"torchaudio": package, "torchaudio._extension": extension}
    import torchaudio.functional.functional as functions

    return functions


def by_torchaudio(options):
    try:
        import torch
    except ImportError:
        # tools/test installs it there.
        root = os.path.abspath(f"{os.path.dirname(__file__)}/../../..")
        sys.path += glob.glob(f"{root}/.venv/lib/python3*/site-packages")
        import torch
    torch.set_num_threads(1)
    functions = torchaudio_functions()
    window = torch.hann_window(N_FFT)

    def invert(s):
        signal = functions.griffinlim(
            torch.from_numpy(s), window, N_FFT, HOP, N_FFT, 1.0, options.iterations, options.momentum, None, True
        )
        return signal.numpy()

    return invert, None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("make", "librosa", "torchaudio"))
    parser.add_argument("file")
    parser.add_argument("--momentum", type=float, default=0.99)
    parser.add_argument("--iterations", type=int, default=32)
    parser.add_argument("--mel", action="store_true")
    options = parser.parse_args()
    one_thread()
    if options.kind == "make":
        return make(options.file)
    import librosa
    import numpy as np
    from safetensors.numpy import load_file

    from files import Clock

    invert, from_mel = {"librosa": by_librosa, "torchaudio": by_torchaudio}[options.kind](options)
    data = load_file(options.file)
    wanted = data["magnitudes"]
    if options.mel:
        if from_mel is None:
            sys.exit("torchaudio's mel inversion is not compared")
        invert, segments = from_mel, data["mel"]
    else:
        segments = wanted
    invert(segments[0])
    clock = Clock()
    results = [invert(segment) for segment in segments]
    seconds, cpu = time.perf_counter() - clock.wall, time.process_time() - clock.cpu
    if options.mel:
        bank = librosa.filters.mel(sr=RATE, n_fft=N_FFT, n_mels=BANDS)
        found, wanted = [bank @ s**2 for s in results], segments
    else:
        found = [np.abs(librosa.stft(y, n_fft=N_FFT, hop_length=HOP)) for y in results]
    error = [20 * np.log10(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in zip(found, wanted)]
    answer = {"seconds": seconds, "cpu": cpu, "segments": len(segments), "convergence": float(np.mean(error))}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
