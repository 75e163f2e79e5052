#!/usr/bin/env python3
"""Checks that memory stays flat: the peak RSS for an hour of audio is at most 1.2 times that for a minute.

usage: tools/oracles/audio_memory.py --extract 'COMMAND' [--minutes 60] [--formats wav,flac,ogg,mp3]

COMMAND is run as `COMMAND AUDIO`. The files are made with ffmpeg in a temporary folder: tones and noise, stereo.
"""
import argparse
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time


def peak_rss(command):
    """Runs a command; its peak resident memory in MiB and its seconds."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} failed")
    return usage.ru_maxrss / 1024, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--extract", required=True)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--formats", default="wav,flac,ogg,mp3")
    arguments = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for ending in arguments.formats.split(","):
            peaks = []
            for minutes in (1, arguments.minutes):
                path = pathlib.Path(folder) / f"{minutes}.{ending}"
                source = "anoisesrc=r=44100:a=0.1,aeval=val(0)|val(0)*0.5+0.2*sin(880*t):c=stereo"
                subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-t", str(60 * minutes), str(path)],
                               check=True)
                peaks.append(peak_rss(shlex.split(arguments.extract) + [str(path)]))
                path.unlink()
            ratio = peaks[1][0] / peaks[0][0]
            failed = failed or ratio > 1.2
            print(f"{ending}: {peaks[0][0]:.1f} MiB for 1 min, {peaks[1][0]:.1f} MiB for {arguments.minutes} min: "
                  f"{ratio:.3f} ({peaks[1][1] / arguments.minutes * 60:.2f} s an hour)", flush=True)
    sys.exit(1 if failed else 0)


main()
