"""Small MIDI and WAV files made of numbers, for tests that need many of them."""

import math
import os
import random
import struct

#: A dataset of such files in folders `midi` and `sound`, in small segments and shards.
MANIFEST = """\
version: 1
dataset: numbers
sources:
  - {path: "midi/*.mid"}
  - {path: "sound/*.wav"}
midi: {segment: {steps: 16}}
audio:
  sample_rate: 8000
  segment: {samples: 2048}
  stft: {n_fft: 256, hop: 256}
  features: {mel: {bands: 8, fmax: 4000}}
splits: {train: 0.8, validation: 0.1, test: 0.1}
shards: {target_bytes: 16KiB}
"""


def number(value):
    """A number of variable length, as MIDI files have them."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.insert(0, value & 0x7F | 0x80)
    return bytes(digits)


def midi_file(*tracks, kind=0):
    """A MIDI file, 96 ticks a quarter, out of tracks: their events with the ticks before each, but for the track's end."""
    out = b"MThd" + struct.pack(">IHHH", 6, kind, len(tracks), 96)
    for track in tracks:
        track = bytes(track) + b"\0\xff\x2f\0"
        out += b"MTrk" + struct.pack(">I", len(track)) + track
    return out


def wave_file(samples, rate, channels=1):
    """A WAV file of 16 bits out of the samples of all channels in turn."""
    data = struct.pack(f"<{len(samples)}h", *samples)
    header = struct.pack("<IHHIIHH", 16, 1, channels, rate, 2 * channels * rate, 2 * channels, 16)
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + header + b"data" + struct.pack("<I", len(data)) + data


def midi(seed):
    """A file of format 0 with 8 to 40 notes."""
    randomly = random.Random(seed)
    track = bytearray([0, 0xC0, seed & 127])
    for _ in range(randomly.randint(8, 40)):
        pitch = randomly.randint(40, 80)
        track += bytes([0, 0x90, pitch, randomly.randint(1, 127), randomly.randint(1, 96), 0x80, pitch, 0])
    return midi_file(track)


def audio(seed, seconds=4.0, rate=8000):
    """A WAV file, one channel of 16 bits: a tone in noise."""
    randomly = random.Random(seed)
    step = randomly.uniform(0.1, 2)
    count = int(seconds * rate)
    samples = [int(8000 * math.sin(step * i)) + randomly.randint(-500, 500) for i in range(count)]
    return wave_file(samples, rate)


def tree(folder, midi=0, audio=0, seed=1, per_folder=1000):
    """Writes so many files, no more than `per_folder` to a folder; their names do not repeat."""
    makers = globals()
    for kind, ending, count in (("midi", "mid", midi), ("audio", "wav", audio)):
        for number in range(count):
            place = os.path.join(folder, f"{kind}{number // per_folder:03d}")
            if number % per_folder == 0:
                os.makedirs(place, exist_ok=True)
            with open(os.path.join(place, f"{number:06d}.{ending}"), "wb") as file:
                file.write(makers[kind](seed * 1_000_000 + number))
