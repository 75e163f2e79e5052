"""Copies a folder of music, and plants one fault of each kind in it; the same seed plants the same faults."""

import csv
import os
import random
import shutil
import struct

import midi_events
import small_music

KINDS = ("duplicate", "mislabelled", "silent", "tempo", "drums")
# By how much a tempo is wrong.
FACTORS = (1 / 4, 1 / 3, 1 / 2, 2, 3, 4)
SHARES = (("train", 0.8), ("validation", 0.1), ("test", 0.1))
# Where `stats` and the explorer should show each, written down before the first draw.
CODES = {"duplicate": "duplicates.across-splits", "mislabelled": "labels.unlike", "silent": "audio.silent",
         "tempo": "midi.speed", "drums": "midi.drums-as-melody"}

MANIFEST = """\
version: 1
dataset: planted
sources:
  - table: "sources.csv"
midi: {}
audio:
  sample_rate: 16000
  features:
    mel: {bands: 64, fmax: 8000}
splits: {column: split}
"""


def files(data):
    """(path, collection, label, whether it is MIDI) of the files of midi/<collection>/<label>/ and audio/<label>/."""
    found = []
    for place, _, names in os.walk(data):
        parts = os.path.relpath(place, data).split(os.sep)
        is_midi = parts[0] == "midi"
        if len(parts) != (3 if is_midi else 2) or parts[0] not in ("midi", "audio"):
            continue
        found += [("/".join([*parts, name]), parts[-2], parts[-1], is_midi) for name in sorted(names)
                  if name.lower().endswith((".mid", ".midi") if is_midi else (".wav", ".flac", ".ogg", ".mp3"))]
    return sorted(found)


def with_tempo(data, factor):
    """The file, played so many times as fast."""
    out, has_first = bytearray(data), False
    for start, end in midi_events.tracks(data):
        for tick, status, place, after in midi_events.events(data, start, end):
            if status == midi_events.META and data[place] == 0x51 and after - place == 5:
                length = int.from_bytes(data[place + 2:after], "big")
                out[place + 2:after] = min(max(round(length / factor), 1), 0xFFFFFF).to_bytes(3, "big")
                has_first = has_first or tick == 0
    if not has_first:
        start = midi_events.tracks(data)[0][0]
        event = b"\0\xff\x51\3" + min(round(500_000 / factor), 0xFFFFFF).to_bytes(3, "big")
        out[start:start] = event
        out[start - 4:start] = struct.pack(">I", struct.unpack(">I", data[start - 4:start])[0] + len(event))
    return bytes(out)


def with_velocities(data, randomly):
    """The same notes, each a little louder or softer, as another export of the file would have them."""
    out = bytearray(data)
    for start, end in midi_events.tracks(data):
        for _, status, place, _ in midi_events.events(data, start, end):
            if status & 0xF0 == midi_events.NOTE_ON and status < 0xF0 and data[place + 1] > 0:
                out[place + 1] = min(max(data[place + 1] + randomly.randint(-8, 8), 1), 127)
    return bytes(out)


def channels(data):
    """How many notes each channel has."""
    counts = [0] * 16
    for start, end in midi_events.tracks(data):
        for _, status, place, _ in midi_events.events(data, start, end):
            if status & 0xF0 == midi_events.NOTE_ON and status < 0xF0 and data[place + 1] > 0:
                counts[status & 15] += 1
    return counts


def with_melodic_drums(data):
    """The file with its drums on a channel that was free, where their keys are pitches."""
    free = next(channel for channel, count in enumerate(channels(data)) if count == 0 and channel != midi_events.DRUMS)
    out = bytearray(data)
    for start, end in midi_events.tracks(data):
        for _, status, place, _ in midi_events.events(data, start, end):
            # A running status has no byte of its own: before its data is the end of a delta, below 128.
            if status < 0xF0 and status & 15 == midi_events.DRUMS and data[place - 1] >= 0x80:
                out[place - 1] = status & 0xF0 | free
    return bytes(out)


def plant(data, folder, seed):
    """Copies `data` into `folder`/data, plants the faults, and writes m.yaml and sources.csv beside it.

    Gives, for each of KINDS that the music allows, the path of the file with the fault and what was done.
    """
    randomly = random.Random(seed)
    all_files = files(data)
    rows, names = {}, [name for name, _ in SHARES]
    for path, _, label, _ in all_files:
        target = os.path.join(folder, "data", path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(os.path.join(data, path), target)
        rows[path] = {"style": label, "split": randomly.choices(names, [share for _, share in SHARES])[0]}
    found, free = {}, [one for one in all_files]
    randomly.shuffle(free)

    def contents(path):
        with open(os.path.join(data, path), "rb") as file:
            return file.read()

    def write(path, made):
        with open(os.path.join(folder, "data", path), "wb") as file:
            file.write(made)

    def choose(fits):
        """A file that has no other fault; None if none fits."""
        for one in free:
            if fits(one):
                free.remove(one)
                return one
        return None

    def is_sound(one):
        """MIDI of some length that the tools here can read."""
        try:
            return one[3] and sum(channels(contents(one[0]))) >= 100 and midi_events.seconds(contents(one[0])) > 5
        except midi_events.MIDIError:
            return False

    def has_drums(one):
        try:
            counts = channels(contents(one[0])) if one[3] else [0] * 16
        except midi_events.MIDIError:
            return False
        return counts[midi_events.DRUMS] >= 32 and 0 in counts

    if one := choose(is_sound):
        path = one[0].rsplit(".", 1)[0] + " again.mid"
        write(path, with_velocities(contents(one[0]), randomly))
        split = randomly.choice([name for name in names if name != rows[one[0]]["split"]])
        rows[path] = {"style": one[2], "split": split}
        found["duplicate"] = (path, f"{one[0]} with other velocities, in {split}")
    labels = {}
    for _, collection, label, is_midi in all_files:
        labels.setdefault((collection, is_midi), set()).add(label)
    if one := choose(lambda one: len(labels[one[1], one[3]]) > 1):
        wrong = randomly.choice(sorted(labels[one[1], one[3]] - {one[2]}))
        rows[one[0]]["style"] = wrong
        found["mislabelled"] = (one[0], f"{one[2]}, labelled {wrong}")
    if one := choose(lambda one: not one[3]):
        path = one[0].rsplit(".", 1)[0] + ".wav"
        os.remove(os.path.join(folder, "data", one[0]))
        rows[path] = rows.pop(one[0])
        write(path, small_music.wave_file([randomly.randint(-2, 2) for _ in range(20 * 44100)], 44100))
        found["silent"] = (path, "20 s of the last bits' noise")
    if one := choose(is_sound):
        factor = randomly.choice(FACTORS)
        write(one[0], with_tempo(contents(one[0]), factor))
        found["tempo"] = (one[0], f"{factor:.2f} times as fast")
    if one := choose(has_drums):
        write(one[0], with_melodic_drums(contents(one[0])))
        found["drums"] = (one[0], f"{channels(contents(one[0]))[midi_events.DRUMS]} notes of drums")
    with open(os.path.join(folder, "m.yaml"), "w", encoding="utf-8") as file:
        file.write(MANIFEST)
    with open(os.path.join(folder, "sources.csv"), "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "style", "split"])
        writer.writerows(["data/" + path, row["style"], row["split"]] for path, row in sorted(rows.items()))
    return {kind: ("data/" + path, what) for kind, (path, what) in found.items()}
