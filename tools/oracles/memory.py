#!/usr/bin/env python3
"""Checks that memory stays flat: the peak RSS of building an hour of audio is at most 1.2 times that of a minute.

    memory.py [--reprise PROGRAM] [--minutes 60] [--formats wav,flac,ogg,mp3] [--data FOLDER]

The files are made with ffmpeg in a temporary folder: tones and noise, stereo. With --data, the peak of a build of all MIDI and
audio below FOLDER with two jobs is measured too, and may be 200 MiB. Exit status 1 if a limit is passed.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import built

RATIO, LARGEST = 1.2, 200


def peak_rss(program, manifest, jobs):
    """Builds a dataset in a temporary folder: peak resident memory in MiB, seconds, and the summary."""
    with tempfile.TemporaryDirectory(prefix="reprise-memory-") as folder:
        path = pathlib.Path(folder) / "manifest.yaml"
        path.write_text(json.dumps({"version": 1, "dataset": "memory", **manifest}))
        command = [program, "build", str(path), "--json", "--jobs", str(jobs), "--cache", f"{folder}/cache"]
        start = time.monotonic()
        with open(f"{folder}/out", "w+b") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            summary = json.loads(out.read() or b"{}")
        if process.returncode not in (0, 3):
            sys.exit(f"{' '.join(command)}: exit status {process.returncode}")
        return usage.ru_maxrss / 1024, time.monotonic() - start, summary


def audio(path):
    return {"sources": [{"path": str(path)}], "splits": {"train": 1},
            "audio": {"features": {"mel": {"bands": 256}}, "normalize": {"compress": "log10_1p", "per": "dataset"}}}


def main():
    parser = built.arguments(__doc__, folder=False)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--formats", default="wav,flac,ogg,mp3")
    parser.add_argument("--data", type=pathlib.Path)
    arguments = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory(prefix="reprise-memory-") as folder:
        for ending in arguments.formats.split(","):
            peaks = []
            for minutes in (1, arguments.minutes):
                path = pathlib.Path(folder) / f"{minutes}.{ending}"
                source = "anoisesrc=r=44100:a=0.1,aeval=val(0)|val(0)*0.5+0.2*sin(880*t):c=stereo"
                subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", source, "-t", str(60 * minutes),
                                str(path)], check=True)
                peaks.append(peak_rss(arguments.reprise, audio(path), 2))
                path.unlink()
            ratio = peaks[1][0] / peaks[0][0]
            failed |= ratio > RATIO
            print(f"{ending}: {peaks[0][0]:.1f} MiB for 1 min, {peaks[1][0]:.1f} MiB for {arguments.minutes} min: "
                  f"{ratio:.3f} (limit {RATIO}), {peaks[1][1] / arguments.minutes * 60:.1f} s an hour", flush=True)
    if arguments.data:
        manifest = audio(built.every_file(arguments.data, built.AUDIO_ENDINGS + built.MIDI_ENDINGS)) | {"midi": {}}
        peak, seconds, summary = peak_rss(arguments.reprise, manifest, 2)
        failed |= peak > LARGEST
        print(f"{arguments.data}: {peak:.1f} MiB (limit {LARGEST}) in {seconds:.1f} s: {summary['sources']}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
