#!/usr/bin/env python3
"""Writes the golden vectors of the constant-Q transform: Tests/Fixtures/Golden/audio_cqt.safetensors.

usage: tools/oracles/cqt_golden.py [OUTPUT_FOLDER]

Two oracles. `librosa.cqt` and `librosa.pseudo_cqt`; and, for two cases without sparsity, the definition: in float64 and in the time
domain, the inner product of the signal with each filter around each frame's centre, at the sample rate of the filter's octave, to
which soxr's best quality brings the signal. The parameters of each case are repeated in the tests.
"""
import functools
import importlib
import warnings

import librosa
import numpy as np
import soxr

import golden
from golden import FOLDER

SEED = 23
C1 = librosa.note_to_hz("C1")
constantq = importlib.import_module("librosa.core.constantq")
save = functools.partial(golden.save, script="cqt_golden.py", seed=SEED, modules=(librosa, np, soxr))

DEFAULT = dict(sr=22050, hop=512, n_bins=84, bins_per_octave=12, fmin=C1, tuning=0, filter_scale=1, sparsity=0.01, window="hann",
               scale=True, length=20000, start=0, pad_end=0, defined=False)
CASES = {
    # librosa's defaults.
    "a": {},
    # The rate is halved once before the first octave; with a lead of zeros, since frame 0 is centred on sample 1024.
    "b": dict(sr=44100, hop=512, start=1024, sparsity=0, defined=True),
    # An odd hop: all octaves at the signal's rate.
    "c": dict(sr=44100, hop=441, n_bins=48, fmin=110, sparsity=0, length=9000, defined=True),
    # Five octaves, the last in part; halved three times; short filters that grow with their length.
    "d": dict(sr=16000, hop=136, n_bins=100, bins_per_octave=24, fmin=70, tuning=0.3, filter_scale=0.5, window="hamming", scale=False,
              sparsity=0.05, length=6000, pad_end=500),
    # A quarter of the rate before the first octave; frame 0 is centred beside a multiple of the hop.
    "e": dict(sr=48000, hop=1024, n_bins=30, fmin=80, length=30000, start=1500, scale=False),
    # Filters up to half the sample rate, beyond the pass band of soxr_hq.
    "f": dict(sr=8000, hop=64, n_bins=79, fmin=40, length=6000, sparsity=0),
    # A signal far shorter than most filters.
    "g": dict(hop=64, length=300),
    # One filter.
    "h": dict(hop=100, n_bins=1, fmin=440, length=3000),
}


def music(length, sr, rng):
    """Notes with harmonics, from C1 to C8 and beside the scale, in noise, with a stretch of silence and a click."""
    t = np.arange(length) / sr
    x = 0.003 * rng.standard_normal(length)
    for onset in np.linspace(0, 0.9 * length / sr, 12):
        here = np.maximum(t - onset, 0)
        note = C1 * 2 ** rng.uniform(0, 6)
        tone = sum(np.sin(2 * np.pi * note * h * here + h) / h for h in range(1, 9) if note * h < 0.45 * sr)
        x += 0.2 * tone * np.exp(-6 * here) * (t >= onset)
    x[length // 2 : length // 2 + length // 8] = 0
    x[length * 3 // 4] += 0.8
    return x.astype(np.float32)


def padded(x, p):
    """The signal with zeros before it, so that frame 0 is a multiple of the hop, and that frame's number."""
    first = -(-p["start"] // p["hop"])
    return np.concatenate([np.zeros(first * p["hop"] - p["start"], np.float32), x, np.zeros(p["pad_end"], np.float32)]), first


def count(p):
    """Columns: those of the STFT, whose frames are 2 * start long, or centred."""
    length = p["length"] + p["pad_end"]
    return 1 + (length - 2 * p["start"]) // p["hop"]


def by_librosa(x, p):
    y, first = padded(x, p)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # short signals
        c = librosa.cqt(y, sr=p["sr"], hop_length=p["hop"], fmin=p["fmin"], n_bins=p["n_bins"], bins_per_octave=p["bins_per_octave"],
                        tuning=p["tuning"], filter_scale=p["filter_scale"], sparsity=p["sparsity"], window=p["window"], scale=p["scale"])
    return np.abs(c)[:, first : first + count(p)]


def by_definition(x, p):
    """sum over n of w(n) x(c - n) exp(i w n), divided by the sum of w, times the root of the filter's length."""
    y, first = padded(x.astype(np.float64), p)
    ratio = 2 ** (2 / p["bins_per_octave"])
    q = p["filter_scale"] * (ratio + 1) / (ratio - 1)
    frequencies = p["fmin"] * 2 ** ((np.arange(p["n_bins"]) + p["tuning"]) / p["bins_per_octave"])
    octaves = -(-p["n_bins"] // p["bins_per_octave"])
    twos = (p["hop"] & -p["hop"]).bit_length() - 1
    top = frequencies[-1] * (1 + 0.5 * 1.50018310546875 / q)
    halvings = max(0, min(int(np.ceil(np.log2(p["sr"] / 2 / top))) - 2, twos - octaves + 1))
    result = np.zeros((p["n_bins"], count(p)))
    for octave in range(octaves):
        divisor = 2 ** halvings
        rate, hop = p["sr"] / divisor, p["hop"] // divisor
        low = y if divisor == 1 else soxr.resample(y, divisor, 1, "VHQ")
        for bin in range(max(0, p["n_bins"] - (octave + 1) * p["bins_per_octave"]), p["n_bins"] - octave * p["bins_per_octave"]):
            length = q * rate / frequencies[bin]
            n = np.arange(np.floor(-length / 2), np.floor(length / 2))
            window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(len(n)) / len(n))
            filter = window / window.sum() * np.exp(2j * np.pi * frequencies[bin] / rate * n)
            # The convolution at the frames' centres; sample 0 of the filter is number -n[0].
            whole = np.convolve(low, filter)[int(-n[0]) :]
            for column in range(result.shape[1]):
                place = (first + column) * hop
                value = whole[place] if place < len(whole) else 0
                result[bin, column] = np.abs(value) * np.sqrt(q * p["sr"] / frequencies[bin])
        halvings += twos > halvings
    return result


def pseudo(p, n_fft):
    """librosa.pseudo_cqt's matrix, and its product with the magnitudes of an STFT is what pseudo_cqt gives."""
    x = music(6000, p["sr"], np.random.default_rng(SEED))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = librosa.pseudo_cqt(x, sr=p["sr"], hop_length=p["hop"], fmin=p["fmin"], n_bins=p["n_bins"],
                                    bins_per_octave=p["bins_per_octave"], sparsity=p["sparsity"], scale=p["scale"])
    frequencies = librosa.cqt_frequencies(p["n_bins"], fmin=p["fmin"], bins_per_octave=p["bins_per_octave"])
    alpha = librosa.filters._relative_bandwidth(freqs=frequencies)
    basis, found, lengths = getattr(constantq, "__vqt_filter_fft")(
        p["sr"], frequencies, 1, 1, p["sparsity"], hop_length=p["hop"], alpha=alpha)
    assert found == n_fft, found
    weights = 1 / np.sqrt(n_fft) if p["scale"] else np.sqrt(lengths[:, None] / n_fft)
    matrix = np.abs(basis.toarray()) * weights
    spectrum = np.abs(librosa.stft(x, n_fft=n_fft, hop_length=p["hop"]))
    assert np.allclose(matrix @ spectrum, wanted, rtol=1e-4, atol=1e-6 * wanted.max())
    return matrix


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    tensors, parameters = {}, {}
    for number, (name, changes) in enumerate(CASES.items()):
        p = DEFAULT | changes
        x = music(p["length"], p["sr"], np.random.default_rng([SEED, number]))
        if p["defined"]:
            x *= np.sin(np.pi * np.arange(len(x)) / len(x)).astype(np.float32) ** 2
        tensors[f"{name}.input"], tensors[f"{name}.cqt"] = x, by_librosa(x, p)
        if p["defined"]:
            exact = by_definition(x, p)
            tensors[f"{name}.definition"] = exact
            print(name, "librosa and the definition differ by", np.abs(tensors[f"{name}.cqt"] - exact).max() / exact.max())
        parameters[name] = p
    for name, changes in {"p": dict(n_bins=20, fmin=440, hop=256), "q": dict(n_bins=20, fmin=440, hop=256, scale=False, sparsity=0)}.items():
        tensors[f"{name}.filters"] = pseudo(DEFAULT | changes, 1024)
        parameters[name] = DEFAULT | changes
    save("audio_cqt", tensors, parameters)


main()
