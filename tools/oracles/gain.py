#!/usr/bin/env python3
"""For every feature: packing with a gain equals the features of the gained audio.

    gain.py FOLDER [--reprise PROGRAM] [--files N]

Some files of the folder are built with a loudness target, which gains them at `pack`. Then each is multiplied by the gain that the
snapshot gives, written as float WAV, and built with `loudness: none`. Each feature of the two datasets must agree to 1e-5 of its
largest value, in several settings: powers, normalised and logarithmic forms, the band-pass, a peak ceiling. In logarithmic forms it is
1e-3: the transform rounds to 1e-7 of its largest bin, and a logarithm makes that visible in the smallest. The files are written as
float WAV in both cases, so that decoders have no part in it. Exit status 1 if a difference is larger.
"""

import pathlib
import sys
import tempfile

import numpy as np
import soundfile

import built

LIMIT, LOGARITHMIC = 1e-5, 1e-3
EVERY = {"mel": {"bands": 64}, "spectrogram": {"power": 1}, "mfcc": {"coefficients": 20, "bands": 64}, "chroma": {}, "cqt": {}, "waveform": {}}
SQUARES = {"mel": {"bands": 64, "power": 1, "scale": "htk"}, "spectrogram": {"power": 2, "drop_nyquist": True}}
SETTINGS = {
    "rms -20": ({"rms_dbfs": -20}, {"features": EVERY}),
    "rms -3": ({"rms_dbfs": -3}, {"features": SQUARES}),
    "lufs -23, band-pass": ({"lufs": -23}, {"features": EVERY, "bandpass": {"low_hz": 125, "high_hz": 8000, "order": 1}}),
    "lufs -9, peak -1": ({"lufs": -9}, {"features": EVERY, "peak": -1}),
    "rms -20, log10_1p": ({"rms_dbfs": -20}, {"features": EVERY, "normalize": {"compress": "log10_1p", "per": "dataset"}}),
    "rms -20, log": ({"rms_dbfs": -20}, {"features": EVERY, "normalize": "log"}),
}


def manifest(folder, loudness, settings):
    return {
        "sources": [{"path": f"{folder}/*.wav"}], "dedupe": True,
        "audio": {"sample_rate": 22050, "resampler": "fastest", "segment": {"samples": 32768}, "normalize": "none",
                  "stft": {"n_fft": 1024, "hop": 512}, **settings, "loudness": loudness},
        "splits": {"train": 1}, "statistics": "exact",
    }


def features(dataset, names):
    """{file's name: {feature: array}}"""
    return {dataset.files[sha].name: arrays for sha, arrays in dataset.features(names)}


def main():
    parser = built.arguments(__doc__)
    parser.add_argument("--files", type=int, default=8, help="how many files to take (%(default)s)")
    arguments = parser.parse_args()
    paths = sorted(p for p in arguments.folder.rglob("*") if p.suffix.lstrip(".") in built.AUDIO_ENDINGS)
    paths = paths[:: max(1, len(paths) // arguments.files)][: arguments.files]
    failures = 0
    with tempfile.TemporaryDirectory(prefix="reprise-gain-") as temporary:
        plain, gained = (pathlib.Path(temporary) / name for name in ("plain", "gained"))
        plain.mkdir()
        gained.mkdir()
        audio = {}
        for path in paths:
            x, rate = soundfile.read(path, dtype="float32", always_2d=True, frames=8 * 48000)
            audio[path.stem + ".wav"] = (x, rate)
            soundfile.write(plain / (path.stem + ".wav"), x, rate, subtype="FLOAT")
        for words, (loudness, settings) in SETTINGS.items():
            settings = dict(settings)
            with built.Dataset(arguments.reprise, manifest(plain, loudness, settings), arguments.jobs) as dataset:
                packed = features(dataset, settings["features"])
                gains = {pathlib.Path(entry["path"]).name: entry["gain_db"] for entry in dataset.snapshot["sources"]}
            for name, (x, rate) in audio.items():
                soundfile.write(gained / name, x * np.float32(10 ** (gains[name] / 20)), rate, subtype="FLOAT")
            settings.pop("peak", None)
            with built.Dataset(arguments.reprise, manifest(gained, "none", settings), arguments.jobs) as dataset:
                direct = features(dataset, settings["features"])
            print(f"{words}: gains {min(gains.values()):.2f} to {max(gains.values()):.2f} dB, {len(gains)} files")
            for feature in settings["features"]:
                worst = 0.0
                for name in audio:
                    a, b = packed[name][feature], direct[name][feature]
                    worst = max(worst, float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30)))
                limit = LOGARITHMIC if "normalize" in settings and feature in ("mel", "spectrogram", "cqt") else LIMIT
                broken = not worst <= limit
                failures += broken
                print(f"  {feature:<12} worst {worst:.2g} (limit {limit:g}){'  TOO MUCH' if broken else ''}", flush=True)
    return 1 if failures or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
