#!/usr/bin/env python3
"""Compares notes, seconds and dense rolls with symusic's and mido's, for every MIDI file of a folder.

    midi_notes.py FOLDER [--reprise PROGRAM] [--no-mido]

The program builds a dataset of the folder; notes and seconds are those of `reprise inspect FILE --json`, rolls those of `reprise export
--format npz`, all by docs/formats.md. symusic pairs notes as we do, so every difference is a fault of one of the two. It
knows no channels and no tracks' numbers, so those are held against mido's events, paired here. Three departures from
symusic are explained, each only where mido's events, replayed by the rules of docs/formats.md, give our notes exactly:
symusic leaves out notes that are never closed; it takes programs from a note's own track alone, and drums from channel 10
alone; and mode messages (CC 120, 123 to 127) end no note in it.

Seconds are computed from our tempo map in exact integers, and from symusic's tempi in double precision (its own seconds
are single); the program's own arithmetic is held against both by the length that it records of each piece. Rolls are
painted here from symusic's notes, and the unclosed ones, by the rules of docs/formats.md.

Departures without an explanation go to stderr. Exit status 1 if less than 99.9 % of the notes agree or are explained, one of those that do not agree is not
explained, a time is off by more than 1 µs, or a roll differs.
"""

import collections
import json
import shutil
import sys

import mido
import numpy as np
import symusic

import built

STEPS, PER_BEAT = 64, 4


def symusic_notes(score):
    """Rows (onset, offset, pitch, velocity, program) in ticks, sorted."""
    rows = []
    for track in score.tracks:
        a = track.notes.numpy()
        program = np.full(len(a["time"]), 128 if track.is_drum else track.program)
        rows.append(np.stack([a["time"], a["time"] + a["duration"], a["pitch"], a["velocity"], program], axis=1))
    rows = np.concatenate(rows).astype(np.int64) if rows else np.zeros((0, 5), np.int64)
    return rows[np.lexsort(rows.T[::-1])]


SILENCE = {120, 123, 124, 125, 126, 127}


class Parts:
    """What each channel of each port plays, from messages in the order of ticks, then of the file."""

    def __init__(self):
        self.programs, self.banks, self.mode, self.rhythm, self.receives, self.bank_drums = {}, {}, {}, {}, {}, set()

    def take(self, port, message):
        """A program change, bank select or SysEx message of mido."""
        if message.type == "program_change":
            key = port, message.channel
            self.programs[key] = message.program
            mode, bank = self.mode.get(port), self.banks.get(key, 0)
            drums = bank >= 126 if mode == "xg" else mode != "gs" and bank == 120 and message.channel in (9, 10)
            (self.bank_drums.add if drums else self.bank_drums.discard)(key)
        elif message.type == "control_change":
            self.banks[port, message.channel] = message.value
        else:
            self.take_sysex(port, bytes(message.data))

    def reset(self, port, mode):
        self.mode[port] = mode
        for table in (self.rhythm, self.receives, self.banks):
            for key in [k for k in table if k[0] == port]:
                del table[key]
        self.bank_drums = {k for k in self.bank_drums if k[0] != port}

    def take_sysex(self, port, data):
        if len(data) == 4 and data[0] == 0x7E and data[2] == 9 and data[3] in (1, 2, 3):
            self.reset(port, {1: "gm", 2: None, 3: "gm2"}[data[3]])
        elif len(data) >= 9 and data[0] == 0x41 and data[2:4] == b"\x42\x12" and sum(data[4:]) % 128 == 0:
            for at, value in enumerate(data[7:-1], data[6]):
                block = data[5] & 15
                part = 9 if block == 0 else block - 1 if block < 10 else block
                target = port ^ (data[4] == 0x50)
                if (data[4], data[5], at) in ((0x40, 0, 0x7F), (0, 0, 0x7F)):
                    self.reset(port, "gs")
                elif data[4] in (0x40, 0x50) and data[5] >> 4 == 1 and at == 0x15:
                    self.rhythm[target, part] = value > 0
                    self.mode.setdefault(target, "gs")
                elif data[4] in (0x40, 0x50) and data[5] >> 4 == 1 and at == 0x02:
                    self.receives[target, part] = value
        elif len(data) >= 7 and data[0] == 0x43 and data[1] >> 4 == 1 and data[2] == 0x4C:
            for at, value in enumerate(data[6:], data[5]):
                if data[3:5] == b"\0\0" and at in (0x7E, 0x7F):
                    self.reset(port, "xg")
                elif data[3] == 8 and data[4] < 16 and at == 7:
                    self.rhythm[port, data[4]] = value > 0 or data[4] == 9
                    self.mode.setdefault(port, "xg")
                elif data[3] == 8 and data[4] < 16 and at == 4:
                    self.receives[port, data[4]] = value

    def is_drum(self, port, channel):
        if (port, channel) in self.bank_drums:
            return True
        parts = [p for p in range(16) if self.receives.get((port, p), p) == channel]
        return any(self.rhythm.get((port, p), p == 9) for p in parts) or (not parts and channel == 9)


def mido_notes(path):
    """Rows (onset, offset, pitch, velocity, program, channel, track) paired first open first closed.

    Programs and drums are replayed over all tracks, by port. Further: the rows that nothing ends, and the number of rows
    that a mode message ends.
    """
    midi = mido.MidiFile(path, clip=True)
    events = []
    for number, track in enumerate(midi.tracks):
        tick, port = 0, 0
        for message in track:
            tick += message.time
            if message.type == "midi_port":
                port = message.port
            events.append((tick, number, port, message))
            if message.type == "end_of_track":
                break
    ends = {number: tick for tick, number, _, _ in events}
    parts, own, pending, rows, silenced = Parts(), {}, collections.defaultdict(collections.deque), [], 0
    for tick, number, port, message in sorted(events, key=lambda event: event[:2]):
        if message.type == "program_change":
            own[number, port, message.channel] = message.program
            parts.take(port, message)
        elif message.type == "sysex" or message.type == "control_change" and message.control == 0:
            parts.take(port, message)
        elif message.type == "control_change" and message.control in SILENCE:
            for (track, channel, pitch), notes in pending.items():
                while (track, channel) == (number, message.channel) and notes and notes[0][0] < tick:
                    start, velocity, program, _ = notes.popleft()
                    rows.append((start, tick, pitch, velocity, program, channel, number))
                    silenced += 1
        elif message.type == "note_on" and message.velocity > 0:
            program = own.get((number, port, message.channel), parts.programs.get((port, message.channel), 0))
            program = 128 if parts.is_drum(port, message.channel) else program
            pending[number, message.channel, message.note].append((tick, message.velocity, program, port))
        elif message.type in ("note_on", "note_off") and pending[number, message.channel, message.note]:
            start, velocity, program, _ = pending[number, message.channel, message.note].popleft()
            rows.append((start, tick, message.note, velocity, program, message.channel, number))
    silences = [(t, n, p, m.channel) for t, n, p, m in events if m.type == "control_change" and m.control in SILENCE]
    unended = []
    for (number, channel, pitch), notes in pending.items():
        for start, velocity, program, port in notes:
            later = [t for t, n, p, c in silences if (p, c) == (port, channel) and t > start]
            end = min([ends[number], *later])
            unended.append((start, end, pitch, velocity, program, channel, number))
    rows, unended = (np.array(notes, np.int64).reshape(-1, 7) for notes in (rows + unended, unended))
    return rows[np.lexsort(rows.T[::-1])], unended, silenced


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


def our_notes(score):
    """Rows (onset, offset, pitch, velocity, program, channel, track) of an inspected file."""
    onset = score["note.onset"].astype(np.int64)
    columns = [score[f"note.{name}"].astype(np.int64) for name in ("pitch", "velocity", "program", "channel", "track")]
    rows = np.stack([onset, onset + score["note.duration"].astype(np.int64), *columns], axis=1)
    return rows[np.lexsort(rows.T[::-1])]


class Comparison:
    """The sums over all files, and what departs without an explanation."""

    def __init__(self):
        self.sums, self.departures, self.expected = collections.Counter(), [], {}
        self.worst = {"note": 0.0, "piece": 0.0}
        self.silenced = 0

    def depart(self, path, what):
        self.departures.append(f"{path}: {what}")

    def compare(self, sha, path, score, with_mido):
        """One file's notes and seconds; keeps what its rolls should be made of."""
        sums, table = self.sums, our_notes(score)
        sums["files"] += 1
        sums["notes"] += len(table)
        if score["division"] >= 0x8000 or score["format"] == 2:
            return self.depart(path, "SMPTE divisions and format 2 are not compared")
        unended, replayed = self.compare_mido(path, table) if with_mido else (np.zeros((0, 7), np.int64), None)
        try:
            theirs_score = symusic.Score(str(path))
        except Exception as error:
            return self.depart(path, f"symusic refuses: {error!r}")
        theirs, mine = symusic_notes(theirs_score), table[:, :5]
        same = common(mine, theirs)
        sums["symusic files"] += 1
        sums["symusic notes"] += len(theirs)
        sums["equal to symusic"] += same
        every = np.concatenate([theirs, unended[:, :5]])
        agrees = common(mine, every) == len(mine) == len(every)
        if not agrees and replayed is not None:
            # symusic knows no programs of other tracks and no messages of parts: the replay of mido's events does.
            plain = [notes[:, :4] for notes in (mine, every)]
            differ = len(mine) - common(mine, every)
            if common(mine, replayed) == len(mine) == len(replayed):
                if common(*plain) == len(mine) == len(every):
                    sums["files with programs or drums that symusic does not know"] += 1
                    sums["notes with programs or drums that symusic does not know"] += differ
                    every, agrees = mine, True
                elif self.silenced:
                    sums["files with notes ended by mode messages"] += 1
                    sums["notes ended by mode messages"] += self.silenced
                    every, agrees = mine, True
        if len(unended) and agrees:
            sums["files with notes never closed"] += 1
            sums["notes never closed"] += len(unended)
        if agrees:
            self.expected[sha] = (path, every, theirs_score.ticks_per_quarter)
        else:
            self.depart(path, f"symusic: {len(theirs)} notes, here {len(mine)}, equal {same}")
        ours = np.stack([score["note.onset_seconds"], score["note.offset_seconds"]], axis=1)
        ticks = np.stack([score["note.onset"], score["note.onset"] + score["note.duration"]], axis=1)
        end = (score["timeline.end"][:1], score["timeline.seconds"][:1])
        for name, (ticks, seconds_here) in (("note", (ticks.astype(np.int64), ours)), ("piece", end)):
            if len(ticks):
                off = np.abs(seconds_here - seconds(ticks, theirs_score)).max()
                self.worst[name] = max(self.worst[name], float(off))

    def compare_mido(self, path, table):
        try:
            theirs, unended, self.silenced = mido_notes(path)
        except Exception as error:
            self.depart(path, f"mido refuses: {error!r}")
            return np.zeros((0, 7), np.int64), None
        same = common(table, theirs)
        self.sums["mido files"] += 1
        self.sums["mido notes"] += len(theirs)
        self.sums["equal to mido"] += same
        if same != len(table) or same != len(theirs):
            self.depart(path, f"mido: {len(theirs)} notes, here {len(table)}, equal {same}")
        return unended, theirs[:, :5]

    def compare_rolls(self, index, arrays):
        """The segments of one exported file; `index` is dataset.json."""
        source, start = arrays["segment.source"], arrays["segment.start"]
        held = {name: arrays[name] for name in ("piano", "velocity", "onset", "instrument")}
        for number in np.unique(source).tolist():
            sha = index["sources"][number]
            if sha not in self.expected:
                continue
            path, rows, per_quarter = self.expected.pop(sha)
            mine = np.flatnonzero(source == number)
            mine = mine[np.argsort(start[mine], kind="stable")]
            wanted = rolls(rows, per_quarter, STEPS, PER_BEAT)
            if start[mine].tolist() != list(range(0, len(wanted["piano"]) * STEPS, STEPS)):
                self.sums["rolls that differ"] += 1
                self.depart(path, f"segments start at {start[mine].tolist()[:4]}…, wanted {len(wanted['piano'])}")
                continue
            for name, roll in wanted.items():
                self.sums["rolls"] += len(roll)
                differ = int((held[name][mine] != roll).any(axis=(1, 2)).sum())
                if differ:
                    self.sums["rolls that differ"] += differ
                    self.depart(path, f"{differ} of {len(roll)} {name} rolls differ")


def main():
    parser = built.arguments(__doc__)
    parser.add_argument("--no-mido", action="store_true", help="leave out channels, tracks and unended notes")
    arguments = parser.parse_args()
    manifest = {
        "sources": [{"path": built.every_file(arguments.folder, built.MIDI_ENDINGS)}], "dedupe": True,
        "midi": {"grid": {"steps_per_beat": PER_BEAT}, "segment": {"steps": STEPS}},
        "shards": {"target_bytes": "1MiB"},
    }
    comparison = Comparison()
    with built.Dataset(arguments.reprise, manifest, arguments.jobs) as dataset:
        for entry in dataset.snapshot["quarantine"]:
            comparison.depart(entry["path"], f"refused here: {entry['code']}")
        for sha, path in dataset.files.items():
            comparison.compare(sha, path, built.inspect(arguments.reprise, path), not arguments.no_mido)
        for split in dataset.snapshot["splits"]:
            folder = dataset.folder / split
            dataset.run("export", "oracle", "--to", folder, "--format", "npz", "--split", split)
            index = json.loads((folder / "dataset.json").read_text())
            for path in sorted(folder.glob("*/*.npz")):
                with np.load(path) as arrays:
                    comparison.compare_rolls(index, arrays)
            shutil.rmtree(folder)
    for path, _, _ in comparison.expected.values():
        comparison.depart(path, "no segments of it were exported")
    for what in comparison.departures:
        print(what, file=sys.stderr)
    sums, worst = comparison.sums, comparison.worst
    explained = sums["notes with programs or drums that symusic does not know"] + sums["notes ended by mode messages"]
    share = (sums["equal to symusic"] + explained) / max(1, sums["notes"])
    sums["rolls that differ"] += 0
    sums["departures without explanation"] = len(comparison.departures)
    print(json.dumps({**sums, "share equal to symusic or explained": share, "worst seconds": worst}, indent=1))
    good = share >= 0.999 and max(worst.values()) <= 1e-6 and not comparison.departures
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
