#!/usr/bin/env python3
"""Writes the golden vectors of the Audio module: Tests/Fixtures/Golden/audio*.safetensors.

usage: tools/oracles/audio_golden.py [OUTPUT_FOLDER]

Oracles: librosa (STFT, mel, MFCC, chroma, the numbers of a segment), scipy.signal (band-pass), soxr VHQ (resampling). Everything is derived from
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


def numbers(x, p, length):
    """The six numbers of one segment of `length` samples, whose first are x: over the frames of x alone."""
    n, hop, center = p["n_fft"], p["hop"], p["center"]
    y = np.concatenate([x, np.zeros(length - len(x) + p["pad_end"])])
    s = np.abs(librosa.stft(y, n_fft=n, hop_length=hop, win_length=p["win"], window=p["window"], center=center,
                            pad_mode=p["pad_mode"]))
    if not center:
        x = np.pad(x, (0, max(0, n - len(x))), constant_values=np.nan)  # the first frame is there, however short x is
    true = ~np.isnan(x)
    x = np.where(true, x, 0)
    frames = dict(frame_length=n, hop_length=hop, center=center)
    count = n * librosa.feature.rms(y=true.astype(float), **frames)[0] ** 2
    power = n * librosa.feature.rms(y=x, **frames)[0] ** 2 / count
    crossings = n * librosa.feature.zero_crossing_rate(x, **frames)[0] / count
    s = s[:, : len(count)]
    rise = librosa.onset.onset_strength(S=s, sr=p["sr"], center=False, detrend=False,
                                        aggregate=lambda d, axis: np.sqrt((d**2).sum(axis)))
    return {
        "loudness": librosa.power_to_db((x[true] ** 2).mean(), amin=1e-10, top_db=None),
        "silence": (power < 1e-7).mean(),
        "centroid": librosa.feature.spectral_centroid(S=s, sr=p["sr"]).mean(),
        "rolloff": librosa.feature.spectral_rolloff(S=s, sr=p["sr"], roll_percent=0.85).mean(),
        "flux": rise[1:].mean() if len(rise) > 1 else 0,
        "zero_crossings": crossings.mean(),
    }


def measured(rng):
    """Ten segments of 4000 samples and a part of one: ever higher tones in noise, near silence, digital silence."""
    t = np.arange(41500)
    x = 0.2 * np.sin(0.02 * t + 2e-5 * t**2) + 0.1 * rng.random() * np.sin(0.7 * t)
    x += np.repeat(np.geomspace(1e-3, 0.1, 11), 4000)[: len(t)] * rng.standard_normal(len(t))
    x[5000:7000] *= 1e-4
    x[16000:20000] = 0
    x[25000:27000] = 0
    x[30000:34000] *= np.hanning(4000)
    return x.astype(np.float32)


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

    # A generator of its own: what follows stays as it is.
    music = measured(np.random.default_rng(SEED + 1))
    tensors = {"input": music}
    segments = [music[k : k + 4000] for k in range(0, len(music), 4000)] + [music[:300]]
    for name, p in FEATURES.items():
        found = [numbers(segment.astype(np.float64), p, 4000) for segment in segments]
        for key in found[0]:
            tensors[f"{name}.{key}"] = [f[key] for f in found]
    save("audio_numbers", tensors, FEATURES)

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
