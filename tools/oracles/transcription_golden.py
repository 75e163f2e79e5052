#!/usr/bin/env python3
"""Golden vectors for the loader's transcription rolls from note-seq: python3 tools/oracles/transcription_golden.py

Writes Tests/Fixtures/Golden/transcription.safetensors: a MIDI file of notes and control changes on a grid of 4 steps a
beat, and what note_seq.sequences_lib.sequence_to_pianoroll says of it, step by step. Needs note-seq 0.0.5 (Apache-2.0), mido,
numpy, safetensors."""
import importlib.metadata
import io
import pathlib
import random

import mido
import note_seq
import numpy as np
from safetensors.numpy import save_file

SEED = 23
STEPS = 48
PITCHES = (36, 84)
TICKS = 120  # a step; 480 a quarter note, of half a second
GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures/Golden"
random.seed(SEED)


def track(channel, program, count):
    """Notes of one channel that do not overlap within a pitch, and control changes."""
    events, busy = [(0, 0, mido.Message("program_change", channel=channel, program=program))], {}
    for _ in range(count):
        pitch, start = random.randint(*PITCHES), random.randrange(STEPS)
        end = min(STEPS, start + random.randint(1, 14))
        if any(start < e and s < end for s, e in busy.get(pitch, [])):
            continue
        busy.setdefault(pitch, []).append((start, end))
        events.append((start, 2, mido.Message("note_on", channel=channel, note=pitch, velocity=random.randint(1, 127))))
        events.append((end, 1, mido.Message("note_off", channel=channel, note=pitch)))
    for _ in range(25):
        events.append((random.randrange(STEPS), 0, mido.Message(
            "control_change", channel=channel, control=random.choice([1, 7, 11, 64, 66, 67]), value=random.randint(0, 127))))
    result, now = mido.MidiTrack(), 0
    for step, _, message in sorted(events, key=lambda e: e[:2]):
        result.append(message.copy(time=(step - now) * TICKS))
        now = step
    return result


file = mido.MidiFile(type=1, ticks_per_beat=4 * TICKS)
# The voice with more notes is the first of ours, and of notes that begin together on a pitch the last one rules.
file.tracks += [track(0, 3, 160), track(1, 40, 90)]
buffer = io.BytesIO()
file.save(file=buffer)

sequence = note_seq.midi_to_note_sequence(buffer.getvalue())
for item in list(sequence.notes):
    for name in ("start_time", "end_time"):
        value = getattr(item, name)
        assert abs(value * 8 - round(value * 8)) < 1e-6
        setattr(item, name, round(value * 8) / 8)
for item in sequence.control_changes:
    item.time = round(item.time * 8) / 8
# One row more, for what ends with the last step.
sequence.total_time = STEPS / 8
rolls = note_seq.sequences_lib.sequence_to_pianoroll(sequence, 8, *PITCHES)
out = {"midi": np.frombuffer(buffer.getvalue(), np.uint8)}
for name in ("active", "weights", "onsets", "onset_velocities", "active_velocities", "offsets", "control_changes"):
    value = getattr(rolls, name)
    assert value.shape[0] == STEPS + 1, value.shape
    out[name] = np.ascontiguousarray(value[:STEPS].astype(np.float32))
metadata = {"tool": "note-seq", "version": importlib.metadata.version("note-seq"), "seed": str(SEED),
            "steps": str(STEPS), "pitches": "36 84", "script": "transcription_golden.py"}
save_file(out, GOLDEN / "transcription.safetensors", metadata=metadata)
print({k: (v.shape, int(np.count_nonzero(v))) for k, v in out.items()}, len(sequence.notes))
