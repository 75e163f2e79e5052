#!/usr/bin/env python3
"""Compares notes, seconds and dense rolls with symusic's and mido's, file by file.

    midi_notes.py DUMPS MIDI [--no-mido]

MIDI is a folder of MIDI files; DUMPS holds, for each of them, `<path>.safetensors` with what Reprise made of it:

    notes.onset, notes.offset            I64 [M], ticks
    notes.seconds                        F64 [M, 2], of onset and offset
    notes.{pitch,velocity,program,channel}  U8 [M], program 128 for drums
    notes.track                          I64 [M]
    piano, velocity, onset               U8 [N, steps, 128], drums apart
    instrument                           U8 [N, steps, 17]
    __metadata__: steps, steps_per_beat; segments do not overlap (hop = steps)

or `error` in `__metadata__` for a file that was refused. symusic pairs notes as we do, so every difference is a
fault of one of the two; it knows no channels, so those are held against mido's events, paired here. symusic leaves
out notes that are never closed: where mido's events show exactly those to be missing, the departure is explained.
Seconds are computed here from symusic's tempi in double precision (its own are single). Rolls are painted here from
symusic's notes, and the unclosed ones, by the rules of docs/formats.md. Departures without an explanation go to
stderr. Exit status 1 if less than 99.9 % of the notes agree, a time is off by more than 1 µs, or a roll differs.
"""

import argparse
import collections
import json
import pathlib
import sys

import mido
import numpy as np
import symusic
from safetensors import safe_open


def symusic_notes(score):
    """Rows (onset, offset, pitch, velocity, program) in ticks, sorted."""
    rows = []
    for track in score.tracks:
        a = track.notes.numpy()
        program = np.full(len(a["time"]), 128 if track.is_drum else track.program)
        rows.append(np.stack([a["time"], a["time"] + a["duration"], a["pitch"], a["velocity"], program], axis=1))
    rows = np.concatenate(rows).astype(np.int64) if rows else np.zeros((0, 5), np.int64)
    return rows[np.lexsort(rows.T[::-1])]


def mido_notes(path):
    """Rows (onset, offset, pitch, velocity, program, channel, track) paired first open first closed."""
    midi = mido.MidiFile(path, clip=True)
    rows, unended = [], []
    for number, track in enumerate(midi.tracks):
        tick, programs, pending = 0, [0] * 16, collections.defaultdict(collections.deque)
        for message in track:
            tick += message.time
            if message.type == "program_change":
                programs[message.channel] = message.program
            elif message.type == "note_on" and message.velocity > 0:
                program = 128 if message.channel == 9 else programs[message.channel]
                pending[message.channel, message.note].append((tick, message.velocity, program))
            elif message.type in ("note_on", "note_off") and pending[message.channel, message.note]:
                start, velocity, program = pending[message.channel, message.note].popleft()
                rows.append((start, tick, message.note, velocity, program, message.channel, number))
            elif message.type == "end_of_track":
                break
        for (channel, pitch), notes in pending.items():
            unended += [(start, tick, pitch, velocity, program, channel, number) for start, velocity, program in notes]
    rows, unended = (np.array(notes, np.int64).reshape(-1, 7) for notes in (rows + unended, unended))
    return rows[np.lexsort(rows.T[::-1])], unended


def seconds(ticks, score):
    """The time of ticks by symusic's tempi, in double precision."""
    changes = {0: 500_000}
    for tempo in score.tempos:
        changes[tempo.time] = tempo.mspq
    at = np.array(sorted(changes))
    per_tick = np.array([changes[t] for t in at]) / score.ticks_per_quarter
    base = np.concatenate([[0.0], np.cumsum(np.diff(at) * per_tick[:-1])])
    index = np.searchsorted(at, ticks, side="right") - 1
    return (base[index] + (ticks - at[index]) * per_tick[index]) / 1e6


def rolls(rows, tpq, steps, per_beat):
    """The four dense rolls [N, steps, …] of rows in ticks: rounded half up, ends at least a step after starts."""
    start = (2 * rows[:, 0] * per_beat + tpq) // (2 * tpq)
    end = np.maximum((2 * rows[:, 1] * per_beat + tpq) // (2 * tpq), start + 1)
    count = -(-int(end.max(initial=1)) // steps)
    total = count * steps
    piano, velocity, onset = (np.zeros((total, 128), np.uint8) for _ in range(3))
    instrument = np.zeros((total, 17), np.int64)
    for s, e, pitch, v, program in zip(start, end, *rows[:, 2:5].T):
        instrument[s:e, 16 if program == 128 else program // 8] += 1
        if program != 128:
            piano[s:e, pitch] = 1
            velocity[s:e, pitch] = np.maximum(velocity[s:e, pitch], v)
            onset[s, pitch] = 1
    named = dict(piano=piano, velocity=velocity, onset=onset, instrument=np.minimum(instrument, 255).astype(np.uint8))
    return {name: roll.reshape(count, steps, -1) for name, roll in named.items()}


def common(a, b):
    """How many rows two sorted tables share, as multisets."""
    count = collections.Counter(map(tuple, a.tolist()))
    count.subtract(map(tuple, b.tolist()))
    return len(a) - sum(n for n in count.values() if n > 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dumps", type=pathlib.Path)
    parser.add_argument("midi", type=pathlib.Path)
    parser.add_argument("--no-mido", action="store_true", help="leave out channels, tracks and unended notes")
    arguments = parser.parse_args()
    sums, departures, worst = collections.Counter(), [], 0.0
    for dump in sorted(arguments.dumps.rglob("*.safetensors")):
        name = str(dump.relative_to(arguments.dumps).with_suffix(""))
        source = arguments.midi / name
        with safe_open(dump, "np") as file:
            metadata = file.metadata() or {}
            if "error" in metadata:
                departures.append((name, f"refused here: {metadata['error']}"))
                continue
            ours = {key: file.get_tensor(key) for key in file.keys()}
        columns = [ours[f"notes.{c}"].astype(np.int64) for c in "onset offset pitch velocity program channel track".split()]
        table = np.stack(columns, axis=1)
        table = table[np.lexsort(table.T[::-1])]
        sums["files"] += 1
        sums["notes"] += len(table)
        unended = np.zeros((0, 7), np.int64)
        if not arguments.no_mido:
            try:
                theirs, unended = mido_notes(source)
                same = common(table, theirs)
                sums["mido files"] += 1
                sums["mido notes"] += len(theirs)
                sums["equal to mido"] += same
                if same != len(table) or same != len(theirs):
                    departures.append((name, f"mido: {len(theirs)} notes, here {len(table)}, equal {same}"))
            except Exception as error:
                departures.append((name, f"mido refuses: {error!r}"))
        try:
            score = symusic.Score(str(source))
        except Exception as error:
            departures.append((name, f"symusic refuses: {error!r}"))
            continue
        theirs, mine = symusic_notes(score), table[:, :5]
        same = common(mine, theirs)
        sums["symusic files"] += 1
        sums["symusic notes"] += len(theirs)
        sums["equal to symusic"] += same
        every = np.concatenate([theirs, unended[:, :5]])
        agrees = common(mine, every) == len(mine) == len(every)
        if len(unended) and agrees:
            sums["files with notes never closed"] += 1
            sums["notes never closed"] += len(unended)
        if not agrees:
            departures.append((name, f"symusic: {len(theirs)} notes, here {len(mine)}, equal {same}"))
        ticks = np.stack([ours["notes.onset"], ours["notes.offset"]], axis=1)
        if len(ticks):
            worst = max(worst, float(np.abs(ours["notes.seconds"] - seconds(ticks, score)).max()))
        if agrees:
            steps, per_beat = int(metadata["steps"]), int(metadata["steps_per_beat"])
            for key, roll in rolls(every, score.ticks_per_quarter, steps, per_beat).items():
                sums["rolls"] += 1
                if not np.array_equal(roll, ours[key]):
                    sums["rolls that differ"] += 1
                    departures.append((name, f"roll {key}: {roll.shape} there, {ours[key].shape} here"))
    for name, what in departures:
        print(f"{name}: {what}", file=sys.stderr)
    sums["departures without explanation"] = len(departures)
    share = sums["equal to symusic"] / max(1, sums["notes"])
    print(json.dumps({**sums, "share equal to symusic": share, "worst seconds": worst}, indent=1))
    return 0 if share >= 0.999 and worst <= 1e-6 and not sums["rolls that differ"] else 1


if __name__ == "__main__":
    sys.exit(main())
