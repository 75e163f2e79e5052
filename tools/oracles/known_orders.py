#!/usr/bin/env python3
"""Known orders: outputs that are known to lie between a content and a piece of the target style.

    known_orders.py REPRISE DATASET CACHE SOURCE_LABEL TARGET_LABEL [--pairs 20] [--work DIR]

Takes pairs of a content and a target piece, both outside the train split of a dataset of MIDI files, and makes outputs in
which k of 4 quarters of the content's bars are replaced by the target's. `reprise evaluate` must put them in order: with
every k, content measures fall and style measures rise (medians over the pairs). Needs mido.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

import mido

FALLS = ["chroma_similarity", "note_f1"]
# The profile is that of all outputs together: of single pieces a mixture may come nearer to a style's mean than a pure one.
RISES = ["probability_notes", "profile_intervals_4_of_all"]
QUARTERS = range(5)


def sources(dataset, cache, label):
    """Sources of a dataset outside its train split with a style, one a piece."""

    def read(digest):
        with open(f"{cache}/objects/{digest[:2]}/{digest[2:]}", "rb") as file:
            return json.load(file)

    with open(f"{cache}/refs/{dataset}", encoding="ascii") as file:
        snapshot = read(file.read().strip())
    found = {}
    for table in snapshot["sources"]:
        for source in read(table["object"]):
            if source["kind"] == "midi" and source["split"] != "train" and label in source["labels"].values():
                found.setdefault(source["piece"], source["path"])
    return [path for _, path in sorted(found.items())]


def notes(path):
    """The notes in beats (onset, end, pitch, velocity, program, channel), and the length in beats."""
    midi = mido.MidiFile(path, clip=True)
    found, opened, programs = [], {}, {}
    for track in midi.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "program_change":
                programs[message.channel] = message.program
            if message.type == "note_on" and message.velocity:
                opened.setdefault((message.channel, message.note), []).append((tick, message.velocity))
            elif message.type in ("note_on", "note_off"):
                waiting = opened.get((message.channel, message.note))
                if waiting:
                    start, velocity = waiting.pop(0)
                    found.append(
                        (start / midi.ticks_per_beat, tick / midi.ticks_per_beat, message.note, velocity,
                         programs.get(message.channel, 0), message.channel)
                    )
    return found, max((end for _, end, *_ in found), default=0)


def write(path, found):
    """A MIDI file of notes at 120 BPM."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    midi = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    midi.tracks.append(track)
    events = []
    for start, end, pitch, velocity, program, channel in found:
        events.append((round(start * 480), 1, mido.Message("program_change", channel=channel, program=program)))
        events.append((round(start * 480), 2, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)))
        events.append((max(round(end * 480), round(start * 480) + 1), 0,
                       mido.Message("note_off", channel=channel, note=pitch, velocity=0)))
    last = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        track.append(message.copy(time=tick - last))
        last = tick
    midi.save(path)


def mix(content, target, quarter, beats):
    """Bars of the content, of which every quarter-th of four is the target's."""
    result = []
    for number, piece in ((0, content), (1, target)):
        for note in piece:
            bar = int(note[0] // 4)
            if note[0] < beats and (bar % 4 < quarter) == bool(number):
                result.append((note[0], min(note[1], beats), *note[2:]))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for word in ("reprise", "dataset", "cache", "source", "target"):
        parser.add_argument(word)
    parser.add_argument("--root", default=".", help="the folder that the manifest's paths start from")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--work", default="known-orders")
    options = parser.parse_args()
    pieces = {
        name: [os.path.join(options.root, path)
               for path in sources(options.dataset, options.cache, name)]
        for name in (options.source, options.target)
    }
    count = min(options.pairs, *(len(paths) for paths in pieces.values()))
    made = 0
    for content, target in zip(pieces[options.source], pieces[options.target]):
        ours, length = notes(content)
        theirs, other = notes(target)
        beats = min(length, other, 128) // 16 * 16
        if made == count or beats < 32:
            continue
        made += 1
        write(f"{options.work}/contents/{made:02}.mid", mix(ours, theirs, 0, beats))
        for quarter in QUARTERS:
            write(f"{options.work}/{quarter}/{made:02}.mid", mix(ours, theirs, quarter, beats))
    table = {}
    for quarter in QUARTERS:
        text = subprocess.run(
            [options.reprise, "evaluate", "--outputs", f"{options.work}/{quarter}",
             "--contents", f"{options.work}/contents", "--dataset", options.dataset, "--cache", options.cache,
             "--style", options.target, "--json"],
            check=True, capture_output=True, text=True,
        ).stdout
        found = json.loads(text)
        table[quarter] = {
            name: found["metrics"][name]
            if name.endswith("_of_all")
            else statistics.median(
                output["metrics"][name] for output in found["outputs"] if name in output["metrics"])
            for name in FALLS + RISES
        }
    print(f"{made} pairs of {options.source} and {options.target}; medians")
    print("replaced  " + "  ".join(FALLS + RISES))
    for quarter in QUARTERS:
        print(f"{quarter} of 4    " + "  ".join(f"{table[quarter][name]:>{len(name)}.3f}" for name in FALLS + RISES))
    faults = []
    for first, second in zip(QUARTERS, QUARTERS[1:]):
        faults += [f"{name} rises from {first} to {second}" for name in FALLS if table[second][name] > table[first][name]]
        faults += [f"{name} falls from {first} to {second}" for name in RISES if table[second][name] < table[first][name]]
    if any(abs(table[0][name] - 1) > 1e-9 for name in FALLS):
        faults.append("the untouched content does not score 1")
    for fault in faults:
        print(f"fault: {fault}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
