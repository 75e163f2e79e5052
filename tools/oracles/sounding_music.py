#!/usr/bin/env python3
"""What pages draw and play of MIDI files, by pretty_midi and mido: writes Tests/Fixtures/Golden/sounding.safetensors.

    sounding_music.py [OUT]
    sounding_music.py --served ADDRESS FOLDER

The second form asks a running `reprise serve` for the notes of every source, and compares them with the files of FOLDER
(its manifest's folder), with notes paired as midi_notes.py does, to 2 ms, and all else to 0.2 ms.

For each case:

    <case>.midi       U8 [bytes]    the file, written by mido from a seeded generator
    <case>.notes      F64 [M, 5]    start, end, pitch, velocity, program (128 for drums)
    <case>.beats      F64 [B]       the seconds of beats: notes of the time signature's denominator
    <case>.bars       I64 [K]       the places of bar lines in them
    <case>.signatures I64 [S, 3]    the place in `bars` from which a time signature holds, numerator, denominator
    <case>.tempi      F64 [T, 2]    second and BPM, up to the last note
    <case>.pedals     F64 [P, 3]    controller, start, end

Notes are paired by midi_notes.py; beats, tempi and pedals are replayed from mido's messages. Seconds are held against
pretty_midi's `tick_to_time`, and bar lines against its `get_downbeats`.
"""

import fractions
import importlib.metadata
import json
import pathlib
import sys
import tempfile
import urllib.request

import mido
import numpy as np
import pretty_midi
from safetensors.numpy import save_file

from midi_golden import SEED, cases, track_of
from midi_notes import mido_notes


def events(midi):
    """Messages of all tracks with their ticks, in the order of ticks, then of tracks."""
    found = []
    for track in midi.tracks:
        tick = 0
        for message in track:
            tick += message.time
            found.append((tick, message))
    return sorted(found, key=lambda event: event[0])


def clock(midi):
    """A function from ticks to seconds, exact but for the last division."""
    changes = {0: 500_000}
    for tick, message in events(midi):
        if message.type == "set_tempo":
            changes[tick] = message.tempo
    ticks = sorted(changes)

    def second(tick):
        total = 0
        for index, start in enumerate(ticks):
            end = ticks[index + 1] if index + 1 < len(ticks) else tick
            total += (min(end, tick) - start) * changes[start] if start < tick else 0
        return total / midi.ticks_per_beat / 1e6

    return second, [(tick, changes[tick]) for tick in ticks]


def bar_times(midi, second):
    """Beats, bar lines and time signatures up to the first bar line at or after the last note."""
    signatures = {0: (4, 4)}
    last, end = 0, 0
    for tick, message in events(midi):
        if message.type == "time_signature":
            signatures[tick] = (message.numerator, message.denominator)
        if message.type in ("note_on", "note_off"):
            last = max(last, tick)
        end = max(end, tick)
    beats, bars, held = [], [], []
    ticks = sorted(signatures)
    for index, start in enumerate(ticks):
        numerator, denominator = signatures[start]
        until = ticks[index + 1] if index + 1 < len(ticks) else None
        count = 0
        while True:
            tick = start + int(fractions.Fraction(4 * midi.ticks_per_beat * count, denominator))
            if until is not None and tick >= until:
                break
            if count % numerator == 0:
                if not held or held[-1][1:] != (numerator, denominator):
                    held.append((len(bars), numerator, denominator))
                bars.append(len(beats))
            beats.append(second(tick))
            if count % numerator == 0 and tick >= last:
                return np.array(beats), np.array(bars, np.int64), np.array(held, np.int64)
            count += 1
        if ticks[index + 1] > end:
            raise AssertionError("a time signature after the end")
    raise AssertionError("no last bar line")


def pedals(midi, second):
    """When sustain, sostenuto and soft pedals are down, on channels other than 10, by controller and channel."""
    found = []
    end = max(tick for tick, _ in events(midi))
    for controller in (64, 66, 67):
        for channel in range(16):
            down = None
            for tick, message in events(midi) + [(end, None)]:
                if message is not None and (message.type != "control_change" or message.channel != channel):
                    continue
                lifts = message is None or message.control == 121 or (message.control == controller and message.value < 64)
                if lifts and down is not None:
                    if tick > down:
                        found.append((controller, second(down), second(tick)))
                    down = None
                elif not lifts and message.control == controller and channel != 9:
                    down = tick if down is None else down
    return np.array(found, np.float64).reshape(-1, 3)


def notes(path, second):
    """Rows start, end, pitch, velocity, program; the tracks, channels and programs that have any."""
    paired, unended = mido_notes(str(path))[:2]
    found = np.concatenate([paired, unended])
    rows = [(second(int(note[0])), second(int(note[1])), *note[2:5]) for note in found]
    return np.array(rows, np.float64).reshape(-1, 5), {tuple(note[4:7]) for note in found}


def expected(path):
    """The arrays of a file, without its bytes."""
    midi = mido.MidiFile(path, clip=True)
    second, changes = clock(midi)
    beats, bars, signatures = bar_times(midi, second)
    last = max((tick for tick, message in events(midi) if message.type in ("note_on", "note_off")), default=0)
    tempi = [(second(tick), 6e7 / tempo) for index, (tick, tempo) in enumerate(changes)
             if index == 0 or tempo != changes[index - 1][1] and tick < last]
    return {
        "notes": notes(path, second)[0], "beats": beats, "bars": bars, "signatures": signatures,
        "tempi": np.array(tempi), "pedals": pedals(midi, second)}


def pedal_case(random):
    """Pedals of all kinds on three channels, one never lifted, one under drums; 6/8 after 4/4, and a slower tempo."""
    midi = mido.MidiFile(type=1, ticks_per_beat=48)
    midi.tracks.append(track_of([
        (0, mido.MetaMessage("time_signature", numerator=4, denominator=4)),
        (384, mido.MetaMessage("time_signature", numerator=6, denominator=8)),
        (300, mido.MetaMessage("set_tempo", tempo=750_000))]))
    for channel in (0, 5, 9):
        changes = []
        for controller in (64, 66, 67):
            for tick in sorted(int(t) for t in random.choice(900, 14, replace=False)):
                message = mido.Message("control_change", channel=channel, control=controller, value=int(random.integers(0, 128)))
                changes.append((tick, message))
        if channel == 5:
            changes.append((700, mido.Message("control_change", channel=5, control=121, value=0)))
            changes.append((905, mido.Message("control_change", channel=5, control=64, value=127)))
        for tick in range(0, 960, 40):
            pitch = 36 + channel + tick // 40
            changes.append((tick, mido.Message("note_on", channel=channel, note=pitch, velocity=1 + tick // 8)))
            changes.append((tick + 37, mido.Message("note_off", channel=channel, note=pitch)))
        midi.tracks.append(track_of(changes))
    return midi


def golden(out):
    random = np.random.default_rng(SEED)
    tensors = {}
    made = list(cases(random)) + [("pedals", pedal_case(random))]
    for name, midi in made:
        with tempfile.NamedTemporaryFile(suffix=".mid") as file:
            midi.save(file=file)
            file.flush()
            arrays, pretty = expected(file.name), pretty_midi.PrettyMIDI(file.name)
            data = pathlib.Path(file.name).read_bytes()
        second, _ = clock(midi)
        assert all(abs(second(t) - pretty.tick_to_time(t)) < 1e-9 for t in range(0, 400, 7))
        lines = arrays["beats"][arrays["bars"]]
        theirs = pretty.get_downbeats()
        assert all(np.abs(lines - line).min() < 1e-6 for line in theirs), (name, lines, theirs)
        tensors |= {f"{name}.{key}": value for key, value in arrays.items()}
        tensors[f"{name}.midi"] = np.frombuffer(data, np.uint8)
    versions = {tool: importlib.metadata.version(tool) for tool in ("pretty_midi", "mido", "numpy")}
    provenance = {"versions": versions, "seed": SEED, "script": "tools/oracles/sounding_music.py"}
    save_file(tensors, out, {"provenance": json.dumps(provenance, sort_keys=True)})
    out.chmod(0o644)


def served(address, folder):
    """Compares every MIDI source of a running explorer; prints a line for each difference; whether there is none."""
    def ask(path):
        with urllib.request.urlopen(address.rstrip("/") + path) as answer:
            return json.load(answer)

    differences, count, total, shapes = 0, 0, 0, {"tempi": 0, "signatures": 0, "pedals": 0}
    for number in range(ask("/api/dataset")["sources"]):
        source = ask(f"/api/source?source={number}")["source"]
        if source["kind"] != "midi":
            continue
        path = pathlib.Path(folder) / source["path"]
        ours = ask(f"/api/notes?source={number}")
        theirs = expected(path)
        count += 1
        rows = np.array([note[:5] for note in ours["notes"]], np.float64).reshape(-1, 5)
        rows[:, 1] += rows[:, 0]
        pairs = [
            ("beats", np.array(ours["beats"]), theirs["beats"], 1e-4),
            ("bars", np.array(ours["bars"]), theirs["bars"], 0),
            ("tempi", np.array(ours["tempi"]), theirs["tempi"], 1e-4),
            ("pedals", np.array([[c, s, s + d] for c, s, d in ours["pedals"]]).reshape(-1, 3), theirs["pedals"], 2e-4)]
        for name, one, other, tolerance in pairs:
            if one.shape != other.shape or np.abs(one - other).max(initial=0) > tolerance:
                differences += 1
                print(f"{source['path']}: {name} {one.shape} {other.shape}", file=sys.stderr)
        known, parts = notes(path, clock(mido.MidiFile(path, clip=True))[0])
        total += len(known)
        order = [rows_[np.lexsort((rows_[:, 1].round(3), rows_[:, 0].round(3), *rows_[:, 2:].T))] for rows_ in (rows, known)]
        if rows.shape != known.shape or len(ours["parts"]) != len(parts) or np.abs(order[0] - order[1]).max(initial=0) > 2e-3:
            differences += 1
            print(f"{source['path']}: notes {rows.shape} {known.shape}, parts {len(ours['parts'])} {len(parts)}", file=sys.stderr)
        shapes = {name: value + (len(theirs[name]) > (0 if name == "pedals" else 1)) for name, value in shapes.items()}
    print(json.dumps({"files": count, "notes": total, "differences": differences, "files_with_changes": shapes}))
    return differences == 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--served"]:
        sys.exit(0 if served(*sys.argv[2:]) else 1)
    root = pathlib.Path(__file__).resolve().parents[2]
    golden(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "Tests/Fixtures/Golden/sounding.safetensors")
