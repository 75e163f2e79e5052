#!/usr/bin/env python3
"""Writes the golden vectors of audio output: Tests/Fixtures/Golden/audio_output*.safetensors.

usage: tools/oracles/audio_output_golden.py [OUTPUT_FOLDER]

Oracles: librosa (STFT, inverse STFT, Griffin-Lim, mel to spectrum, MFCC to mel) and scipy (non-negative least squares).
Everything is derived from one seed; each file's metadata name the versions. The tests repeat the parameters of each case.
"""
import functools

import librosa
import numpy as np
import scipy

import golden
from golden import FOLDER, signal

SEED = 12
save = functools.partial(golden.save, script="audio_output_golden.py", seed=SEED, modules=(librosa, np, scipy))


# n_fft, hop, win, window, center, pad_mode, length (None: what the frames cover)
TRANSFORMS = {
    "a": dict(n_fft=512, hop_length=128, win_length=512, window="hann", center=True, pad_mode="constant", length=None),
    "b": dict(n_fft=512, hop_length=100, win_length=400, window="hamming", center=True, pad_mode="reflect", length=3000),
    "c": dict(n_fft=602, hop_length=150, win_length=501, window="hann", center=True, pad_mode="constant", length=2900),
    "d": dict(n_fft=256, hop_length=64, win_length=256, window="hamming", center=False, pad_mode="constant", length=None),
    "e": dict(n_fft=256, hop_length=96, win_length=200, window="hann", center=True, pad_mode="constant", length=3500),
}


def transforms(rng):
    """STFT of a signal, and the inverse of a spectrogram that no signal has."""
    x = signal(3000, rng)
    tensors = {"input": x}
    for name, p in TRANSFORMS.items():
        p = dict(p)
        length = p.pop("length")
        spectrum = librosa.stft(x.astype(np.float64), **p)
        noise = rng.standard_normal((2, *spectrum.shape)).astype(np.float32)
        p.pop("pad_mode")
        changed = noise[0].astype(np.float64) + 1j * noise[1]
        tensors |= {
            f"{name}.real": spectrum.real, f"{name}.imaginary": spectrum.imag,
            f"{name}.changed.real": noise[0], f"{name}.changed.imaginary": noise[1],
            f"{name}.inverse": librosa.istft(changed, length=length, **p),
        }  # fmt: skip
    save("audio_output_stft", tensors, TRANSFORMS)


def griffinlim(magnitudes, angles, iterations, momentum, p):
    """librosa.griffinlim from given phases, which librosa itself only draws or sets to 0; in the precision of its input."""
    inverse = {k: v for k, v in p.items() if k != "pad_mode"}
    angles = angles * magnitudes
    previous = None
    for _ in range(iterations):
        rebuilt = librosa.stft(librosa.istft(angles, **inverse), **p)
        angles = rebuilt.copy()
        if previous is not None:
            angles -= momentum / (1 + momentum) * previous
        angles /= np.abs(angles) + librosa.util.tiny(angles)
        angles *= magnitudes
        previous = rebuilt
    return librosa.istft(angles, **inverse)


def griffin_lim(rng):
    """From the same phases; the drift is how far librosa in single precision is from librosa in double."""
    x = signal(3072, rng)
    tensors, drifts = {}, {}
    for name in ("a", "b", "d"):
        p = {k: v for k, v in TRANSFORMS[name].items() if k != "length"}
        magnitudes = np.abs(librosa.stft(x, **p)).astype(np.float32)
        turns = rng.random(magnitudes.shape).astype(np.float32)
        phasors = np.exp(2j * np.pi * turns.astype(np.float64)).astype(np.complex64)
        tensors |= {f"{name}.magnitudes": magnitudes, f"{name}.real": phasors.real, f"{name}.imaginary": phasors.imag}
        for momentum in (0, 0.99):
            for iterations in (1, 32):
                key = f"{name}.{round(100 * momentum)}.{iterations}"
                exact = griffinlim(
                    magnitudes.astype(np.float64), phasors.astype(np.complex128), iterations, momentum, p
                )
                single = griffinlim(magnitudes, phasors, iterations, momentum, p)
                drifts[key] = float(np.abs(single - exact).max() / np.abs(exact).max())
                tensors[key] = exact
        # librosa's own function, from the phase 0, holds the restated one to it.
        own = librosa.griffinlim(magnitudes.astype(np.float64), n_iter=32, momentum=0.99, init=None, **p)
        restated = griffinlim(magnitudes.astype(np.float64), np.ones(magnitudes.shape, complex), 32, 0.99, p)
        assert np.array_equal(own, restated)
        tensors[f"{name}.zero"] = own
        single = librosa.griffinlim(magnitudes, n_iter=32, momentum=0.99, init=None, **p)
        drifts[f"{name}.zero"] = float(np.abs(single - own).max() / np.abs(own).max())
    save("audio_output_griffin_lim", tensors, {"cases": TRANSFORMS, "drift of librosa in float32": drifts})
    for key, drift in drifts.items():
        print(f"{key}: {drift:.1e}")


MELS = {
    "a": dict(sr=22050, n_fft=512, n_mels=40, fmin=0, fmax=11025, htk=False, norm="slaney", power=2),
    "b": dict(sr=16000, n_fft=512, n_mels=32, fmin=50, fmax=7600, htk=True, norm=None, power=1),
    # More bands than bins at the low end: empty and dependent filters.
    "c": dict(sr=44100, n_fft=512, n_mels=128, fmin=0, fmax=22050, htk=False, norm="slaney", power=2),
    "d": dict(sr=44100, n_fft=2048, n_mels=256, fmin=0, fmax=22050, htk=False, norm="slaney", power=2),
}


def mels(rng):
    """Mel spectra of a signal and of nothing (noise): librosa's spectrum, and the exact fit.

    The spectrum that fits a mel spectrum best is not unique, but its mel spectrum is: `fit`, by the active-set method.
    """
    x = signal(3000, rng)
    tensors = {}
    for name, p in MELS.items():
        p = dict(p)
        power = p.pop("power")
        bank = librosa.filters.mel(dtype=np.float32, **p)
        s = np.abs(librosa.stft(x, n_fft=p["n_fft"], hop_length=512)) ** power
        noise = np.abs(rng.standard_normal((p["n_mels"], 4))).astype(np.float32) ** 4 * bank.max()
        for kind, mel in (("signal", (bank @ s)[:, :4]), ("noise", noise)):
            mel = np.ascontiguousarray(mel, dtype=np.float32)
            exact = np.stack(
                [bank.astype(np.float64) @ scipy.optimize.nnls(bank.astype(np.float64), c.astype(np.float64))[0] for c in mel.T], axis=1
            )
            tensors |= {
                f"{name}.{kind}.mel": mel,
                f"{name}.{kind}.fit": exact,
                f"{name}.{kind}.librosa": librosa.feature.inverse.mel_to_stft(
                    mel, sr=p["sr"], n_fft=p["n_fft"], power=power, fmin=p["fmin"], fmax=p["fmax"], htk=p["htk"],
                    norm=p["norm"],
                ),
            }  # fmt: skip
    save("audio_output_mel", tensors, MELS)


CEPSTRA = {
    "a": dict(n_mfcc=13, n_mels=40, lifter=0, ref=1.0),
    "b": dict(n_mfcc=20, n_mels=32, lifter=22, ref=2.5),
    "c": dict(n_mfcc=40, n_mels=40, lifter=0, ref=1.0),
}


def cepstra(rng):
    """MFCC to mel."""
    tensors = {}
    for name, p in CEPSTRA.items():
        mfcc = (30 * rng.standard_normal((p["n_mfcc"], 11)) / (1 + np.arange(p["n_mfcc"]))[:, None]).astype(np.float32)
        tensors[f"{name}.mfcc"] = mfcc
        tensors[f"{name}.mel"] = librosa.feature.inverse.mfcc_to_mel(
            mfcc.astype(np.float64), n_mels=p["n_mels"], lifter=p["lifter"], ref=p["ref"]
        )
    save("audio_output_mfcc", tensors, CEPSTRA)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for part in (transforms, griffin_lim, mels, cepstra):
        part(np.random.default_rng(SEED))


main()
