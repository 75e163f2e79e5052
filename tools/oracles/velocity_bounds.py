#!/usr/bin/env python3
"""How well velocities can be predicted from notes at all: python3 tools/oracles/velocity_bounds.py FOLDER [COLLECTION …]

FOLDER holds MIDI files and pieces.csv (path,collection,label,piece): performances of one work have one `piece`. For each
label it prints the variance of velocities, and what of it is left within files, within 30 seconds, and among notes that
begin within 50 ms. Then it aligns each two performances of a work by their pitches, and prints the squared difference of
their velocities: what an error would be if another pianist's performance were the prediction. Half of it is what no
prediction from notes can go below, if performances differ at random. Needs mido, numpy (requirements.txt)."""
import collections
import csv
import difflib
import itertools
import pathlib
import sys

import mido
import numpy as np

CHORD = 0.05  # seconds


def notes(path):
    """Onset in seconds, chord, pitch and velocity of each note, chords sorted by pitch: [notes, 4]."""
    time, found = 0.0, []
    for message in mido.MidiFile(path, clip=True):
        time += message.time
        if message.type == "note_on" and message.velocity and message.channel != 9:
            found.append((time, message.note, message.velocity))
    rows, chord, begin = [], -1, -1.0
    for time, pitch, velocity in sorted(found):
        if chord < 0 or time - begin >= CHORD:
            chord, begin = chord + 1, time
        rows.append((time, chord, pitch, velocity))
    return np.array(sorted(rows, key=lambda row: (row[1], row[2])), float).reshape(-1, 4)


def left(velocities, groups):
    """The mean squared distance from the mean of each group."""
    _, numbers = np.unique(groups, axis=0, return_inverse=True)
    numbers = numbers.ravel()
    means = np.bincount(numbers, velocities) / np.bincount(numbers)
    return np.mean((velocities - means[numbers]) ** 2)


def aligned(first, second):
    """Velocities of the notes that both play, by the longest common runs of at least four pitches."""
    match = difflib.SequenceMatcher(None, first[:, 2].tolist(), second[:, 2].tolist(), autojunk=False)
    runs = [run for run in match.get_matching_blocks() if run.size >= 4]
    return (np.concatenate([first[r.a:r.a + r.size, 3] for r in runs] or [np.zeros(0)]),
            np.concatenate([second[r.b:r.b + r.size, 3] for r in runs] or [np.zeros(0)]))


def main():
    folder = pathlib.Path(sys.argv[1])
    with open(folder / "pieces.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if not sys.argv[2:] or row["collection"] in sys.argv[2:]]
    files, works = collections.defaultdict(list), collections.defaultdict(list)
    for row in rows:
        try:
            played = notes(folder / row["path"])
        except Exception as fault:  # mido has many
            print(f"{row['path']}: {fault}", file=sys.stderr)
            continue
        if len(played) > 1:
            files[row["label"]].append(played)
            works[row["piece"]].append(played)
    for label, all_notes in sorted(files.items()):
        number = np.repeat(np.arange(len(all_notes)), [len(n) for n in all_notes])
        joined = np.concatenate(all_notes)
        velocity = joined[:, 3]
        print(f"{label}: {len(all_notes)} files, variance {velocity.var():.1f}; within files {left(velocity, number):.1f}, "
              f"30 s {left(velocity, np.stack([number, joined[:, 0] // 30], 1)):.1f}, "
              f"chords {left(velocity, np.stack([number, joined[:, 1]], 1)):.1f}")
    found = []
    for performances in works.values():
        pairs = []
        # Of works with many performances the first eight are enough.
        for first, second in itertools.combinations(performances[:8], 2):
            if max(len(first), len(second)) > 12_000:
                continue
            a, b = aligned(first, second)
            if len(a) < 200 or len(a) < 0.6 * min(len(first), len(second)) or (a == b).mean() > 0.9 or not a.std() * b.std():
                continue
            pairs.append((((a - b) ** 2).mean(), (a - b).var(), a.var(), np.corrcoef(a, b)[0, 1]))
        if pairs:
            found.append(np.median(pairs, axis=0))
    if found:
        names = ("squared difference", "without each one's mean", "variance", "correlation")
        print(f"{len(found)} works with several performances, medians: "
              + ", ".join(f"{name} {value:.2f}" for name, value in zip(names, np.median(found, axis=0))))


if __name__ == "__main__":
    main()
