#!/usr/bin/env python3
"""Writes the golden vectors of what judges hear: Tests/Fixtures/Golden/sound.safetensors.

usage: tools/oracles/sound_golden.py [OUTPUT_FOLDER]

Oracles: librosa (chroma, onset strength and onsets, tempo and beats, rolloff, mel) and numpy. The sound is made here: chords with
a beat, hiss, and a silence; the tests read it from the file. Everything is derived from one seed.
"""
import functools

import librosa
import numpy as np

import golden

SEED = 23
RATE = 22050
save = functools.partial(golden.save, script="sound_golden.py", seed=SEED, modules=(librosa, np))


def music(seconds, bpm, rng):
    """Chords on the beats of a tempo, clicks on the half beats, a little hiss, and silence for a while."""
    count = int(seconds * RATE)
    x = 0.003 * rng.standard_normal(count)
    beat = 60 / bpm
    for number in range(int(seconds / beat) - 1):
        start = int((0.25 + number * beat) * RATE)
        t = np.arange(min(int(1.2 * beat * RATE), count - start)) / RATE
        root = 110 * 2 ** ([0, 5, 7, 3][number // 4 % 4] / 12)
        for step in (0, 4, 7, 12):
            x[start : start + len(t)] += 0.12 * np.exp(-5 * t) * np.sin(2 * np.pi * root * 2 ** (step / 12) * t)
        x[start : start + 400] += (0.3 if number % 4 == 0 else 0.15) * np.exp(-np.arange(400) / 80) * rng.standard_normal(400)
        half = start + int(beat * RATE / 2)
        click = min(300, count - half)
        if click > 0:
            x[half : half + click] += 0.05 * np.exp(-np.arange(click) / 50) * rng.standard_normal(click)
    x[int(0.7 * count) : int(0.75 * count)] = 0
    return x.astype(np.float32)


def cosine(a, b, window, step):
    """The mean cosine of means of columns, where either is not 0."""
    count = max(a.shape[1], b.shape[1])
    a, b = (np.pad(x.astype(np.float64), ((0, 0), (0, count - x.shape[1]))) for x in (a, b))
    found = []
    for start in range(0, max(0, count - window) + 1, step):
        u, v = (x[:, start : start + window].mean(1) for x in (a, b))
        if u.any() or v.any():
            found.append(u @ v / (np.linalg.norm(u) * np.linalg.norm(v)) if u.any() and v.any() else 0)
    return np.mean(found)


def heard(name, x):
    """All that one sound gives."""
    out = {f"{name}.input": x}
    out[f"{name}.chroma"] = librosa.feature.chroma_stft(y=x.astype(np.float64), sr=RATE, tuning=0)
    for kind, aggregate in (("mean", np.mean), ("median", np.median)):
        out[f"{name}.onset.{kind}"] = librosa.onset.onset_strength(y=x, sr=RATE, aggregate=aggregate)
    out[f"{name}.onsets"] = librosa.onset.onset_detect(onset_envelope=out[f"{name}.onset.mean"], sr=RATE)
    return out | beats(name, out[f"{name}.onset.median"])


def beats(name, envelope):
    """Of an envelope: tempo, its tempogram's mean, beats at that tempo and at a given one."""
    tempo, found = librosa.beat.beat_track(onset_envelope=envelope, sr=RATE)
    _, given = librosa.beat.beat_track(onset_envelope=envelope, sr=RATE, bpm=100)
    gram = librosa.feature.tempogram(onset_envelope=envelope.astype(np.float64), sr=RATE, win_length=344)
    return {
        f"{name}.tempo": np.atleast_1d(tempo), f"{name}.beats": found, f"{name}.beats100": given,
        f"{name}.tempogram": gram.mean(1),
    }


def main():
    rng = np.random.default_rng(SEED)
    first, second = music(4, 132, rng), music(3.5, 96, rng)
    tensors = heard("a", first) | heard("b", second)
    # Envelopes alone: noise with a pulse, where many beats compete.
    for number in range(4):
        envelope = rng.gamma(1, 1, 900)
        envelope[:3] = 0
        envelope[int(rng.integers(5, 20)) :: int(rng.integers(14, 40))] += 3
        tensors[f"e{number}.envelope"] = envelope.astype(np.float32)
        tensors |= beats(f"e{number}", tensors[f"e{number}.envelope"])
    chroma = [tensors[f"{name}.chroma"] for name in "ab"]
    tensors["similarity.chroma"] = np.array([cosine(*chroma, 43, 21), cosine(*chroma, 1, 1)])
    onsets = [tensors[f"{name}.onset.mean"].astype(np.float64) for name in "ab"]
    onsets[1] = np.pad(onsets[1], (0, len(onsets[0]) - len(onsets[1])))
    tensors["similarity.onset"] = np.array([np.corrcoef(*onsets)[0, 1]])
    # Quality: the rolloff of each frame, and the level that the plain judge brings a sound to.
    tensors["a.rolloff"] = librosa.feature.spectral_rolloff(y=first.astype(np.float64), sr=RATE, roll_percent=0.95)[0]
    low = librosa.resample(first, orig_sr=RATE, target_sr=16000, res_type="soxr_hq")
    for name, x in (("mel", low), ("level", low / np.sqrt(np.mean(first.astype(np.float64) ** 2)) * 0.1)):
        mel = librosa.feature.melspectrogram(
            y=x.astype(np.float64), sr=16000, n_fft=512, hop_length=256, n_mels=96, pad_mode="reflect", fmax=8000)
        mel = np.log10(10000 * mel + 1)
        tensors[f"a.{name}"] = mel if name == "mel" else np.concatenate([mel.mean(1), mel.std(1)])
    # The filter that gives one sound the other's spectrum.
    powers = [(np.abs(librosa.stft(x.astype(np.float64))) ** 2).mean(1) for x in (first, second)]

    def smooth(power):
        power, out = power / power.sum(), []
        for k in range(len(power)):
            low, high = int(np.ceil(k / 2 ** (1 / 6))), min(int(np.floor(k * 2 ** (1 / 6))), len(power) - 1)
            out.append(power[low : high + 1].mean())
        return np.array(out)

    decibels = np.clip(10 * np.log10(smooth(powers[1]) / smooth(powers[0])), -24, 24)
    gains = 10 ** (decibels / 20)
    filtered = librosa.istft(librosa.stft(first.astype(np.float64)) * gains[:, None], length=len(first))
    filtered *= np.sqrt(np.mean(first.astype(np.float64) ** 2) / np.mean(filtered**2))
    tensors |= {"match.gains": gains, "match.output": filtered}
    save("sound", tensors, {"rate": RATE, "n_fft": 2048, "hop": 512})


if __name__ == "__main__":
    main()
