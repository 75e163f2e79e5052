#!/usr/bin/env python3
"""Compares our features and loudness with librosa's and ffmpeg's, for every audio file of a folder.

    audio_parity.py FOLDER [--reprise PROGRAM] [--resampler soxr_hq|best|medium|fastest]

The program builds a dataset of the folder with `loudness: none` and `normalize: none`; features are read from its shards,
loudness from the records of its stage `spectrum`, by docs/formats.md alone. librosa is given the samples that libsndfile
decodes, resampled by the same library, so that what differs is the features. Each segment's difference is a part of its array's largest
value, and may be 1e-4.

Chroma is each frame divided by its own maximum, so in a frame of next to nothing it is noise divided by noise: frames with less
than 1e-10 of the energy of their file's loudest are left out there, and counted.

Loudness is held against `ffmpeg -af ebur128`: integrated loudness may differ by 0.1 LU. Its range and true peak are printed.
Exit status 1 if a limit is passed, or a file cannot be compared.
"""

import re
import subprocess
import sys

import librosa
import numpy as np
import samplerate
import soundfile
import soxr

import built

RATE, SEGMENT = 44100, 131072
FEATURES = ["mel", "spectrogram", "mfcc", "chroma", "cqt", "waveform"]
LIMIT, LOUDNESS_LIMIT, QUIET = 1e-4, 0.1, 1e-10
MEL, MEL128 = (librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=bands) for bands in (256, 128))


def reference(x):
    """librosa's features of one segment, and each frame's energy."""
    s = np.abs(librosa.stft(x, n_fft=2048, hop_length=512))
    return {
        "mel": MEL @ s**2,
        "spectrogram": s,
        "mfcc": librosa.feature.mfcc(S=librosa.power_to_db(MEL128 @ s**2), n_mfcc=20),
        "chroma": librosa.feature.chroma_stft(S=s**2, sr=RATE, n_fft=2048, tuning=0),
        "cqt": np.abs(librosa.cqt(x, sr=RATE, hop_length=512)),
        "waveform": x,
    }, (s.astype(np.float64) ** 2).sum(axis=0)


def resampled(x, rate, resampler):
    """The mono signal at RATE, with ceil(n * ratio) samples."""
    if rate == RATE:
        return x
    wanted = -(-len(x) * RATE // rate)
    if resampler == "soxr_hq":
        y = soxr.resample(x, rate, RATE, "HQ")
    else:
        y = samplerate.resample(np.concatenate([x, np.zeros(4096, np.float32)]), RATE / rate, "sinc_" + resampler)
    return librosa.util.fix_length(y.astype(np.float32), size=wanted)


def ffmpeg_loudness(path):
    """Integrated loudness, range and true peak, as ffmpeg measures them: the first two to three decimals."""
    measure = "ebur128=peak=true:metadata=1:framelog=verbose,ametadata=mode=print:file=-"
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-i", str(path), "-map", "0:a:0", "-af", measure, "-f", "null", "-"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    last = lambda pattern, text: float((re.findall(pattern, text) or ["nan"])[-1])
    return (last(r"lavfi\.r128\.I=(-?[\d.]+)", result.stdout), last(r"lavfi\.r128\.LRA=([\d.]+)", result.stdout),
            last(r"Peak:\s+(-?[\d.]+|-inf) dBFS", result.stderr))


def number(value):
    return float("nan") if value is None else float(value)


class Worst:
    """The largest difference of each kind, with the file it is of."""

    def __init__(self):
        self.values, self.count = {}, {}

    def add(self, key, value, path):
        self.count[key] = self.count.get(key, 0) + 1
        if key not in self.values or not value <= self.values[key][0]:
            self.values[key] = (float(value), path)


def compare_features(arrays, path, facts, resampler, worst):
    """Holds a source's segments against librosa; gives the number of quiet frames, or None if lengths differ."""
    x, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = resampled(x.mean(1), rate, resampler)
    if facts["frames"] != len(x) or facts["samples"] != len(mono) or len(arrays["mel"]) != -(-len(mono) // SEGMENT):
        print(f"{path}: {facts['frames']} frames, {facts['samples']} samples; soundfile has {len(x)}, {len(mono)}")
        return None
    group = "at 44.1 kHz" if rate == RATE else f"resampled ({resampler})"
    parts = [mono[i * SEGMENT : (i + 1) * SEGMENT] for i in range(len(arrays["mel"]))]
    expected = [reference(np.pad(part, (0, SEGMENT - len(part)))) for part in parts]
    loudest = max(energy.max() for _, energy in expected)
    quiet = 0
    for index, (features, energy) in enumerate(expected):
        for name, array in features.items():
            difference = np.abs(arrays[name][index] - array)
            if name == "chroma":
                heard = energy > QUIET * loudest
                quiet += int((~heard).sum())
                difference = difference[:, heard]
            if difference.size:
                worst.add((name, group), difference.max() / max(np.abs(array).max(), 1e-30), path)
    return quiet


def compare_loudness(path, facts, worst):
    lufs, range_, peak = ffmpeg_loudness(path)
    # ffmpeg says -70 where there is nothing above the gate.
    ours = -70.0 if facts["lufs"] is None else facts["lufs"]
    worst.add(("integrated loudness, LU", "all"), abs(ours - lufs), path)
    worst.add(("loudness range, LU", "all"), abs(number(facts["lra"]) - range_), path)
    if np.isfinite(peak):
        worst.add(("true peak, dB", "all"), abs(number(facts["true_peak"]) - peak), path)


def main():
    parser = built.arguments(__doc__)
    parser.add_argument("--resampler", default="soxr_hq", choices=["soxr_hq", "best", "medium", "fastest"])
    arguments = parser.parse_args()
    manifest = {
        "sources": [{"path": built.every_file(arguments.folder, built.AUDIO_ENDINGS)}], "dedupe": True,
        "audio": {
            "sample_rate": RATE, "resampler": arguments.resampler, "loudness": "none",
            "segment": {"samples": SEGMENT, "hop": SEGMENT},
            "stft": {"n_fft": 2048, "hop": 512, "window": "hann", "center": True, "pad_mode": "constant"},
            "features": {
                "mel": {"bands": 256}, "spectrogram": {"power": 1}, "mfcc": {"coefficients": 20, "bands": 128},
                "chroma": {}, "cqt": {}, "waveform": {}},
            "normalize": "none"},
        "shards": {"target_bytes": "8MiB"},
    }
    worst, failures, quiet, files = Worst(), 0, 0, 0
    with built.Dataset(arguments.reprise, manifest, arguments.jobs) as dataset:
        for entry in dataset.snapshot["quarantine"]:
            print(f"{entry['path']}: refused here: {entry['code']}")
            failures += 1
        for sha, arrays in dataset.features(FEATURES):
            facts, path = dataset.record("spectrum", sha)["facts"], dataset.files[sha].resolve()
            files += 1
            frames = compare_features(arrays, path, facts, arguments.resampler, worst)
            failures += frames is None
            quiet += frames or 0
            compare_loudness(path, facts, worst)
    print(f"{files} files; {quiet} frames under {QUIET:g} of their file's loudest, left out of chroma")
    limits = {name: LIMIT for name in FEATURES} | {"integrated loudness, LU": LOUDNESS_LIMIT}
    for (name, group), (value, path) in sorted(worst.values.items()):
        limit = limits.get(name)
        broken = limit is not None and not value <= limit
        failures += broken
        print(f"{name:<24} {group:<20} {worst.count[name, group]:>6} compared, worst {value:.3g}"
              f"{'' if limit is None else f' (limit {limit:g})'}{'  TOO MUCH' if broken else ''}  {path.name}")
    return 1 if failures or not files else 0


if __name__ == "__main__":
    sys.exit(main())
