#!/usr/bin/env python3
"""Processor time of recordings to constant-Q transforms: Reprise beside librosa, in turn, one thread each.

    cqt.py FOLDER [--reprise PROGRAM] [--rounds N] [--bins-per-octave B] [--hop H]

Both decode every file, resample it to 44,100 Hz (soxr HQ), and transform each segment of 131,072 samples with filters from C1 to B7.
Reprise also measures loudness, hashes, normalises, and writes the cache. Python's imports and first call are not counted; Reprise's start is.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

RATE, SEGMENT = 44100, 131072
ENDINGS = (".wav", ".flac", ".ogg", ".mp3")


def by_librosa(folder, each, hop):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
    import librosa
    import numpy as np

    def transform(y):
        return np.abs(librosa.cqt(y, sr=RATE, hop_length=hop, n_bins=7 * each, bins_per_octave=each))

    transform(np.zeros(SEGMENT, np.float32))
    librosa.resample(np.zeros(48000, np.float32), orig_sr=48000, target_sr=RATE, res_type="soxr_hq")
    segments, inner, start = 0, 0.0, time.process_time()
    for path in sorted(p for p in pathlib.Path(folder).rglob("*") if p.suffix in ENDINGS):
        y, rate = librosa.load(path, sr=None, mono=True)
        if rate != RATE:
            y = librosa.resample(y, orig_sr=rate, target_sr=RATE, res_type="soxr_hq")
        y = np.pad(y, (0, -len(y) % SEGMENT))
        begun = time.process_time()
        for part in y.reshape(-1, SEGMENT):
            transform(part)
            segments += 1
        inner += time.process_time() - begun
    print(json.dumps({"seconds": time.process_time() - start, "cqt": inner, "segments": segments}))


def child_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def by_reprise(program, folder, features, hop):
    """The processor time of a first build with one job, and its segments."""
    with tempfile.TemporaryDirectory() as work:
        manifest = {
            "version": 1, "dataset": "cqt", "sources": [{"path": f"{pathlib.Path(folder).resolve()}/**/*.{{wav,flac,ogg,mp3}}"}],
            "audio": {"sample_rate": RATE, "segment": {"samples": SEGMENT}, "stft": {"hop": hop}, "features": features},
            "splits": {"train": 1}}
        path = pathlib.Path(work) / "m.yaml"
        path.write_text(json.dumps(manifest))
        before = child_seconds()
        result = subprocess.run([program, "build", path, "--jobs", "1", "--cache", f"{work}/cache", "--json"],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        return child_seconds() - before, sum(json.loads(result.stdout)["segments"].values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--reprise", default=".build/release/reprise")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bins-per-octave", type=int, default=12)
    parser.add_argument("--hop", type=int, default=512)
    parser.add_argument("--only-librosa", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    each, hop = arguments.bins_per_octave, arguments.hop
    if arguments.only_librosa:
        return by_librosa(arguments.folder, each, hop)
    ours, theirs = [], []
    for _ in range(arguments.rounds):
        cqt = {"cqt": {"bins": 7 * each, "bins_per_octave": each}}
        seconds, segments = by_reprise(arguments.reprise, arguments.folder, cqt, hop)
        ours.append(seconds)
        command = [sys.executable, __file__, arguments.folder, "--only-librosa", "--hop", str(hop), "--bins-per-octave", str(each)]
        theirs.append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout))
    assert theirs[0]["segments"] == segments, (theirs[0]["segments"], segments)
    whole, inner = (statistics.median(t[key] for t in theirs) for key in ("seconds", "cqt"))
    ours = statistics.median(ours)
    print(f"{segments} segments, {each} bins per octave, hop {hop}; medians of {arguments.rounds}, processor time")
    print(f"whole path: Reprise {ours:.2f} s, librosa {whole:.2f} s, {whole / ours:.1f} times")
    print(f"librosa.cqt alone: {1000 * inner / segments:.1f} ms a segment")


if __name__ == "__main__":
    main()
