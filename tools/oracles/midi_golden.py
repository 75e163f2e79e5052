#!/usr/bin/env python3
"""Writes Tests/Fixtures/Golden/symbolic.safetensors: small MIDI files and what symusic and pretty_midi make of them.

    midi_golden.py [OUT]

For each case:

    <case>.midi      U8 [bytes]     the file, written by mido from a seeded generator
    <case>.notes     I64 [M, 5]     symusic: onset, offset (ticks), pitch, velocity, program (128 for drums), sorted
    <case>.seconds   F64 [M, 2]     pretty_midi's tick_to_time of both
    <case>.metres    I64 [K, 3]     symusic: tick, numerator, denominator
    <case>.frame     U8 [128, L]    symusic's pianoroll at one step a tick, velocities, drums left out
    <case>.onset     U8 [128, L]    likewise, velocities where notes begin

Notes of one pitch never meet, since symusic's roll takes the later where they do, ours the louder; and every note has
an end and a length, since both tools drop those that lack them. Tempo events are in the first track, the only one
where pretty_midi looks for them.
"""

import importlib.metadata
import io
import json
import pathlib
import sys

import mido
import numpy as np
import pretty_midi
import symusic
from safetensors.numpy import save_file

SEED = 20260101


def track_of(events):
    """A track of (tick, message) pairs; at equal ticks in their order."""
    track, tick = mido.MidiTrack(), 0
    for at, message in sorted(events, key=lambda event: event[0]):
        track.append(message.copy(time=at - tick))
        tick = at
    return track


def melody(random, channel, count, pitches, drum_gap):
    """Notes that follow each other on each pitch: (tick, message) pairs."""
    events = []
    for pitch in pitches:
        tick = int(random.integers(0, 20))
        for _ in range(count):
            tick += int(random.integers(drum_gap, 30))
            length, velocity = int(random.integers(1, 40)), int(random.integers(1, 128))
            on = dict(note=pitch, channel=channel, velocity=velocity)
            off = random.choice(["note_off", "note_on"])
            events.append((tick, mido.Message("note_on", **on)))
            events.append((tick + length, mido.Message(str(off), note=pitch, channel=channel, velocity=0)))
            tick += length
    return events


def cases(random):
    """Names and files: one track, tempi and time signatures, many programs with drums."""
    plain = mido.MidiFile(type=0, ticks_per_beat=24)
    plain.tracks.append(track_of(melody(random, 0, 12, range(50, 62), 1)))
    yield "plain", plain

    tempi = mido.MidiFile(type=1, ticks_per_beat=96)
    ticks = np.sort(random.choice(500, 24, replace=False))
    changes = [(int(t), mido.MetaMessage("set_tempo", tempo=int(random.integers(100_000, 2_000_000)))) for t in ticks]
    signatures = [
        (int(t), mido.MetaMessage("time_signature", numerator=n, denominator=d))
        for t, n, d in [(0, 3, 4), (72, 6, 8), (200, 7, 16)]
    ]
    tempi.tracks.append(track_of(changes + signatures))
    tempi.tracks.append(track_of(melody(random, 3, 8, range(40, 50), 0)))
    yield "tempi", tempi

    band = mido.MidiFile(type=1, ticks_per_beat=12)
    for part, program in enumerate([0, 33, 65, 120]):
        changes = [(0, mido.Message("program_change", channel=part, program=program))]
        later = (150, mido.Message("program_change", channel=part, program=program + 3))
        pitches = range(30 + 12 * part, 36 + 12 * part)
        band.tracks.append(track_of(changes + [later] + melody(random, part, 8, pitches, 1)))
    band.tracks.append(track_of(melody(random, 9, 12, range(36, 42), 0)))
    yield "band", band


def vectors(name, midi):
    """The arrays of one case."""
    buffer = io.BytesIO()
    midi.save(file=buffer)
    data = buffer.getvalue()
    score = symusic.Score.from_midi(data)
    pretty = pretty_midi.PrettyMIDI(io.BytesIO(data))
    rows = []
    for track in score.tracks:
        for note in track.notes:
            program = 128 if track.is_drum else track.program
            rows.append((note.time, note.time + note.duration, note.pitch, note.velocity, program))
    notes = np.array(sorted(rows), np.int64)
    seconds = np.array([[pretty.tick_to_time(int(t)) for t in row[:2]] for row in notes], np.float64)
    for index in [i for i, track in enumerate(score.tracks) if track.is_drum][::-1]:
        del score.tracks[index]
    roll = score.pianoroll(modes=["onset", "frame"], pitch_range=[0, 128], encode_velocity=True).max(axis=1)
    signatures = [(m.time, m.numerator, m.denominator) for m in score.time_signatures]
    return {
        f"{name}.midi": np.frombuffer(data, np.uint8),
        f"{name}.notes": notes,
        f"{name}.seconds": seconds,
        f"{name}.metres": np.array(signatures, np.int64).reshape(-1, 3),
        f"{name}.onset": np.ascontiguousarray(roll[0], np.uint8),
        f"{name}.frame": np.ascontiguousarray(roll[1], np.uint8),
    }


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "Tests/Fixtures/Golden/symbolic.safetensors"
    random = np.random.default_rng(SEED)
    tensors = {}
    for name, midi in cases(random):
        tensors |= vectors(name, midi)
    versions = {tool: importlib.metadata.version(tool) for tool in ("symusic", "pretty_midi", "mido", "numpy")}
    # One key: the writer orders several at random.
    provenance = {
        "versions": versions, "seed": SEED, "script": "tools/oracles/midi_golden.py",
        "parameters": "pianoroll: one step a tick, pitch_range 0 to 128, encode_velocity"}
    save_file(tensors, out, {"provenance": json.dumps(provenance, sort_keys=True)})
    out.chmod(0o644)


if __name__ == "__main__":
    main()
