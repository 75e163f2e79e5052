#!/usr/bin/env python3
"""Compares our features and loudness with librosa's and ffmpeg's on every audio file of a folder.

usage: tools/oracles/audio_parity.py FOLDER --extract 'COMMAND' [--resampler medium|soxr_hq] [--limit N]

COMMAND is run as `COMMAND --features LIST --resampler R --out FILE.safetensors AUDIO`; the file holds each feature as
[segments, rows, frames] at unity gain (mfcc final) and, in its metadata, lufs, lra, truePeak, rms, frames and samples.
librosa is given the same decoded samples, resampled by the same library, so that what differs is the features.
Differences are parts of each array's maximum; loudness in LU against `ffmpeg -af ebur128=peak=true`.
"""
import argparse
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

import librosa
import numpy as np
import samplerate
import soundfile
import soxr
from safetensors import safe_open

RATE, SEGMENT = 44100, 131072
FEATURES = ["mel", "spectrogram", "mfcc", "chroma", "waveform"]


def reference(x):
    """librosa's features of one segment."""
    s = np.abs(librosa.stft(x, n_fft=2048, hop_length=512))
    mel = librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=256) @ s**2
    mel128 = librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=128) @ s**2
    return {
        "mel": mel,
        "spectrogram": s,
        "mfcc": librosa.feature.mfcc(S=librosa.power_to_db(mel128), n_mfcc=20),
        "chroma": librosa.feature.chroma_stft(S=s**2, sr=RATE, n_fft=2048, tuning=0),
        "waveform": x,
    }


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
    """Integrated loudness, range and true peak, as ffmpeg prints them (one decimal)."""
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-i", str(path), "-af", "ebur128=peak=true:framelog=verbose",
               "-f", "null", "-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    find = lambda pattern: float(re.findall(pattern, text)[-1])
    return find(r"I:\s+(-?[\d.]+|-inf) LUFS"), find(r"LRA:\s+(-?[\d.]+) LU"), find(r"Peak:\s+(-?[\d.]+|-inf) dBFS")


def number(text):
    return float("nan") if text == "null" else float(text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--extract", required=True)
    parser.add_argument("--resampler", default="medium")
    parser.add_argument("--limit", type=int)
    arguments = parser.parse_args()
    endings = {".wav", ".flac", ".ogg", ".mp3", ".opus", ".aiff"}
    paths = sorted(p for p in arguments.folder.rglob("*") if p.suffix in endings)[: arguments.limit]
    worst = {}

    def note(key, value, path):
        if value > worst.get(key, (-1,))[0] or np.isnan(value):
            worst[key] = (value, path)

    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "features.safetensors"
        for path in paths:
            command = shlex.split(arguments.extract) + ["--features", ",".join(FEATURES), "--resampler",
                                                        arguments.resampler, "--out", str(out), str(path)]
            subprocess.run(command, check=True)
            x, rate = soundfile.read(path, dtype="float32", always_2d=True)
            mono = resampled(x.mean(1), rate, arguments.resampler)
            with safe_open(out, "np") as file:
                facts = file.metadata()
                if int(facts["frames"]) != len(x):
                    print(f"{path}: {facts['frames']} frames, soundfile has {len(x)}")
                    failures += 1
                    continue
                arrays = {name: file.get_tensor(name) for name in FEATURES}
            group = "at 44.1 kHz" if rate == RATE else f"resampled ({arguments.resampler})"
            for index in range(len(arrays["mel"])):
                part = mono[index * SEGMENT : (index + 1) * SEGMENT]
                expected = reference(np.pad(part, (0, SEGMENT - len(part))))
                for name, array in expected.items():
                    difference = np.abs(arrays[name][index] - array).max() / max(np.abs(array).max(), 1e-30)
                    note(f"{name} {group}", difference, path)
            integrated, lra, peak = ffmpeg_loudness(path)
            note("integrated loudness, LU", abs(number(facts["lufs"]) - integrated), path)
            note("loudness range, LU", abs(number(facts["lra"]) - lra), path)
            note("true peak, dB", abs(number(facts["truePeak"]) - peak), path)
            rms = 20 * np.log10(np.sqrt(np.mean(mono.astype(np.float64) ** 2)))
            note(f"rms {group}, dB", abs(number(facts["rms"]) - rms), path)
    print(f"{len(paths)} files")
    for key, (value, path) in sorted(worst.items()):
        print(f"{key:42s} {value:.3g}   {path.relative_to(arguments.folder)}")
    sys.exit(1 if failures else 0)


main()
