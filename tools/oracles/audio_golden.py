#!/usr/bin/env python3
"""Writes the golden vectors of the Audio module: Tests/Fixtures/Golden/audio*.safetensors.

usage: tools/oracles/audio_golden.py [OUTPUT_FOLDER]

Oracles: librosa (STFT, mel, MFCC, chroma), scipy.signal (band-pass), soxr VHQ (resampling). Everything is derived from
one seed; the versions are in each file's metadata. The parameters of each case are repeated in the tests.
"""
import functools

import librosa
import numpy as np
import scipy.signal
import soxr

import golden
from golden import FOLDER, signal

SEED = 20
save = functools.partial(golden.save, script="audio_golden.py", seed=SEED, modules=(librosa, np, scipy, soxr))


FEATURES = {
    # sr, stft, mel, spectrogram power, drop_nyquist
    "a": dict(sr=22050, n_fft=512, hop=128, win=512, window="hann", center=True, pad_mode="constant", pad_end=0,
              mel=dict(n_mels=40, fmin=0, fmax=11025, htk=False, norm="slaney"), power=1, drop=False, mfcc=13),
    "b": dict(sr=16000, n_fft=512, hop=160, win=400, window="hamming", center=True, pad_mode="reflect", pad_end=0,
              mel=dict(n_mels=32, fmin=50, fmax=7600, htk=True, norm=None), power=2, drop=False, mfcc=20),
    "c": dict(sr=22050, n_fft=1024, hop=256, win=1024, window="hann", center=False, pad_mode="constant", pad_end=100,
              mel=dict(n_mels=64, fmin=125, fmax=7500, htk=False, norm=None), power=1, drop=True, mfcc=40),
    "d": dict(sr=44100, n_fft=2048, hop=512, win=2048, window="hann", center=True, pad_mode="constant", pad_end=1024,
              mel=dict(n_mels=256, fmin=0, fmax=22050, htk=False, norm="slaney"), power=2, drop=True, mfcc=13),
    "e": dict(sr=8000, n_fft=602, hop=150, win=501, window="hann", center=True, pad_mode="constant", pad_end=7,
              mel=dict(n_mels=24, fmin=0, fmax=4000, htk=True, norm="slaney"), power=1, drop=False, mfcc=12),
}


def features(x, p):
    """The five features of one case; mel power is 1 in case b, 2 elsewhere."""
    y = np.concatenate([x, np.zeros(p["pad_end"], np.float32)])
    s = np.abs(librosa.stft(y, n_fft=p["n_fft"], hop_length=p["hop"], win_length=p["win"], window=p["window"],
                            center=p["center"], pad_mode=p["pad_mode"]))
    bank = librosa.filters.mel(sr=p["sr"], n_fft=p["n_fft"], **p["mel"])
    power_mel = bank @ s**2
    spectrogram = s ** p["power"]
    chroma = librosa.feature.chroma_stft(S=s**2, sr=p["sr"], n_fft=p["n_fft"], tuning=0)
    return {
        "spectrogram": spectrogram[:-1] if p["drop"] else spectrogram,
        "mel": bank @ s if p is FEATURES["b"] else power_mel,
        "mfcc": librosa.feature.mfcc(S=librosa.power_to_db(power_mel), n_mfcc=p["mfcc"]),
        "chroma": chroma,
        "db": librosa.power_to_db(power_mel, ref=np.max, top_db=60),
        "bank": bank,
    }


def main():
    rng = np.random.default_rng(SEED)
    FOLDER.mkdir(parents=True, exist_ok=True)
    x = signal(4000, rng)
    tensors = {"input": x}
    for name, p in FEATURES.items():
        for key, value in features(x, p).items():
            if key != "bank" or name == "b":
                tensors[f"{name}.{key}"] = value
    save("audio_features", tensors, FEATURES)

    bands = {"1": (125, 10000, 1), "2": (300, 3400, 2), "3": (60, 9000, 3), "5": (800, 1200, 5)}
    tensors = {"input": x}
    for name, (low, high, order) in bands.items():
        b, a = scipy.signal.butter(order, [low, high], btype="bandpass", fs=22050)
        sos = scipy.signal.butter(order, [low, high], btype="bandpass", fs=22050, output="sos")
        exact = scipy.signal.sosfilt(sos, x.astype(np.float64))
        if order <= 3:
            assert np.allclose(exact, scipy.signal.lfilter(b, a, x.astype(np.float64)), atol=1e-9)
        tensors[f"order{name}"] = exact
    save("audio_bandpass", tensors, {k: list(v) for k, v in bands.items()})

    # Noise and a sweep up to 0.9 of the lower Nyquist frequency, faded in and out.
    tensors = {}
    pairs = [(48000, 44100), (22050, 44100), (44100, 22050), (44100, 48000)]
    for source, target in pairs:
        edge = 0.9 * min(source, target) / source
        taps = scipy.signal.firwin(255, edge - 0.02, window=("kaiser", 14))
        n = 5999
        t = np.arange(n) / source
        noise = scipy.signal.lfilter(taps, 1, rng.standard_normal(n)) * 0.1
        sweep = 0.3 * scipy.signal.chirp(t, 20, t[-1], (edge - 0.02) * source / 2, "linear")
        x = ((noise + sweep) * scipy.signal.windows.tukey(n, 0.3)).astype(np.float32)
        tensors[f"{source}-{target}.input"] = x
        tensors[f"{source}-{target}.output"] = soxr.resample(x.astype(np.float64), source, target, "VHQ")
        tensors[f"{source}-{target}.librosa"] = librosa.resample(x, orig_sr=source, target_sr=target)
    save("audio_resample", tensors, {"pairs": pairs, "edge": 0.9})


main()
