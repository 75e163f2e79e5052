#!/usr/bin/env python3
"""Makes the cache that the tests of both loaders read: `Tests/Fixtures/Loader/cache`.

    loader_fixture.py --reprise PROGRAM [FOLDER]

Five small datasets of made music: `mixed` (notes and sound), `sound` (its recordings), `dealt` (notes on a clock, single
segments assigned to splits), `pairs` (steps are frames) and `scores` (pairs whose steps follow the tempo). Of the cache
that the program builds, only what readers need is copied: references, snapshots, tables, statistics and shards. Needs the
standard library alone.
"""

import argparse
import json
import math
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tools", "lib"))
import small_music  # noqa: E402

TICKS = 96
RATE = 8000

MIXED = """\
version: 1
dataset: mixed
sources:
  - path: midi/*/*.mid
    labels: {style: "{dir}"}
  - path: more/*.mid
    labels: {style: blues, composer: "{stem}"}
  - path: audio/*/*.wav
    labels: {style: "{dir}"}
midi:
  grid: {steps_per_beat: 4}
  segment: {steps: 32}
  pitches: [20, 110]
  controls: [1, 64]
  voices: 3
audio:
  sample_rate: 8000
  loudness: none
  segment: {samples: 1024}
  stft: {n_fft: 256, hop: 128}
  features: {mel: {bands: 8, fmax: 4000}, waveform: {}}
  dtype: float16
splits: {train: 0.75, validation: 0.15, test: 0.1, method: exact, seed: 3}
shards: {target_bytes: 8KiB}
"""

PAIRS = """\
version: 1
dataset: NAME
sources:
  - table: pairs.csv
    path: "{midi}"
    pair: "{sound}"
    offset_seconds: late
    labels: [style]
midi:
  grid: GRID
audio:
  sample_rate: 8000
  loudness: none
  segment: {samples: 4096}
  stft: {n_fft: 256, hop: 128}
  features: {mel: {bands: 6, fmax: 4000}}
  normalize: none
splits: {train: 1, validation: 0, test: 0}
shards: {target_bytes: 16KiB}
"""

SOUND = """\
version: 1
dataset: sound
sources:
  - path: audio/*/*.wav
    labels: {style: "{dir}"}
audio:
  sample_rate: 8000
  loudness: none
  segment: {samples: 1024}
  stft: {n_fft: 256, hop: 128}
  features: {mel: {bands: 8, fmax: 4000}}
splits: {train: 0.75, validation: 0.25, test: 0, method: exact}
"""

DEALT = """\
version: 1
dataset: dealt
sources:
  - path: midi/*/*.mid
    labels: {style: "{dir}"}
midi:
  grid: {steps_per_second: 7}
  segment: {steps: 24, hop: 16}
  drums: include
  sustain: extend
splits: {train: 0.6, validation: 0.2, test: 0.2, by: segment}
shards: {target_bytes: 16KiB}
"""


def midi(events):
    """A file of format 0 out of (tick, bytes)."""
    track, now = b"", 0
    for tick, data in sorted(events, key=lambda event: event[0]):
        while tick - now > 16000:
            track += small_music.number(16000) + b"\xff\x06\x00"
            now += 16000
        track += small_music.number(tick - now) + data
        now = tick
    return small_music.midi_file(track)


def tempo(bpm):
    return b"\xff\x51\x03" + struct.pack(">I", round(60e6 / bpm))[1:]


def piece(seed):
    """Notes on three channels, one of them drums, that overlap at will; pedals, modulation, changes of tempo."""
    chance = random.Random(seed)
    bars = chance.randint(5, 12)
    last = TICKS * 4 * bars
    events = [(0, tempo(chance.randint(60, 180)))] + [
        (0, bytes([0xC0 | channel, chance.randrange(128)])) for channel in (0, 1, 9)
    ]
    events += [(chance.randrange(last), tempo(chance.randint(60, 180))) for _ in range(2)]
    for _ in range(bars * chance.randint(10, 25)):
        channel, pitch = chance.choice((0, 1, 1, 9)), chance.randint(12, 115)
        start = chance.randrange(last)
        events.append((start, bytes([0x90 | channel, pitch, chance.randint(1, 127)])))
        events.append((start + chance.randint(5, 350), bytes([0x80 | channel, pitch, 0])))
    for _ in range(4 * bars):
        control = chance.choice((1, 64, 66, 67))
        events.append((chance.randrange(last), bytes([0xB0, control, chance.choice((0, 30, 90, 127))])))
    return midi(events)


def noise(seed, count):
    chance = random.Random(seed)
    return small_music.wave_file([chance.randint(-10000, 10000) for _ in range(count)], RATE)


def pair(seed, delay):
    """A melody, and its recording by tones."""
    chance = random.Random(seed)
    events, notes, tick = [(0, tempo(120))], [], 0
    for _ in range(16):
        tick += chance.randint(24, 80)
        pitch = chance.randint(50, 85)
        notes.append((tick, pitch))
        events += [(tick, bytes([0x90, pitch, chance.randint(40, 120)])), (tick + 20, bytes([0x80, pitch, 0]))]
    samples = [0.0] * int((tick / 192 + delay + 0.7) * RATE)
    for tick, pitch in notes:
        first, step = int((tick / 192 + delay) * RATE), 2 * math.pi * 440 * 2 ** ((pitch - 69) / 12) / RATE
        for i in range(min(1500, len(samples) - first)):
            samples[first + i] += 0.3 * math.sin(step * i) * (1 - i / 1500)
    return midi(events), small_music.wave_file([max(-32767, min(32767, int(32767 * value))) for value in samples], RATE)


def write(folder, path, data):
    path = os.path.join(folder, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def make(folder):
    for number in range(14):
        style = ("jazz", "jazz", "classical")[number % 3]
        write(folder, f"midi/{style}/{number}.mid", piece(number))
        if number < 4:
            write(folder, f"audio/{style}/{number}.wav", noise(number, 5000 + 300 * number))
    for number in range(3):
        write(folder, f"more/composer{number}.mid", piece(100 + number))
    # Equal bytes with other labels: entries of their own.
    shutil.copy(os.path.join(folder, "midi/jazz/0.mid"), os.path.join(folder, "more/copied.mid"))
    table = "midi,sound,style,late\n"
    for number in range(5):
        delay = (0.0, 0.05)[number % 2]
        score, sound = pair(number, delay)
        write(folder, f"pairs/{number}.mid", score)
        write(folder, f"pairs/{number}.wav", sound)
        table += f"pairs/{number}.mid,pairs/{number}.wav,{('folk', 'jazz')[number % 2]},{delay}\n"
    write(folder, "pairs.csv", table)
    write(folder, "mixed.yaml", MIXED)
    write(folder, "dealt.yaml", DEALT)
    write(folder, "sound.yaml", SOUND)
    write(folder, "pairs.yaml", PAIRS.replace("NAME", "pairs").replace("GRID", "{frames: mel}"))
    write(
        folder,
        "scores.yaml",
        PAIRS.replace("NAME", "scores").replace("GRID", "{steps_per_beat: 6}\n  segment: {steps: 10}"),
    )


def copy_what_readers_need(cache, target):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(os.path.join(cache, "refs"), os.path.join(target, "refs"))
    shutil.copy(os.path.join(cache, "CACHEDIR.TAG"), target)

    def copy(digest):
        with open(os.path.join(cache, "objects", digest[:2], digest[2:]), "rb") as file:
            data = file.read()
        write(target, f"objects/{digest[:2]}/{digest[2:]}", data)
        return data

    for name in os.listdir(os.path.join(cache, "refs")):
        snapshot = json.loads(copy(open(os.path.join(cache, "refs", name)).read().strip()))
        shards = [shard["object"] for split in snapshot["splits"].values() for shard in split["shards"]]
        for digest in shards + [table["object"] for table in snapshot["sources"]] + [snapshot["statistics"]]:
            if digest:
                copy(digest)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reprise", default=os.path.join(ROOT, ".build/release/reprise"))
    parser.add_argument("folder", nargs="?", default=os.path.join(ROOT, "Tests/Fixtures/Loader/cache"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make(folder)
        for name in ("mixed", "sound", "dealt", "pairs", "scores"):
            subprocess.run(
                [
                    options.reprise,
                    "build",
                    os.path.join(folder, f"{name}.yaml"),
                    "--cache",
                    os.path.join(folder, "cache"),
                ],
                check=True,
                stdout=sys.stderr,
            )
        copy_what_readers_need(os.path.join(folder, "cache"), options.folder)


if __name__ == "__main__":
    main()
