#!/usr/bin/env python3
"""Measures real MIDI files, and altered copies of some, by other libraries, for the tests of `Judging` to compare with.

    judging_parity.py FOLDER OUT [COUNT]

FOLDER holds MIDI files; COUNT of them (24) are chosen by a hash of their names, of those with 50 to 4000 notes that
every reader reads alike: no notes of length 0, none that overlap on a key, all tempo events in the first track, where
pretty_midi looks for them. (midi_notes.py compares readers.) Then

    REPRISE_JUDGING_ORACLE=OUT swift test --filter NotesParityTests

compares everything and prints the largest difference of each measure.
"""

import hashlib
import io
import pathlib
import sys

import mido
import numpy as np
import symusic
from safetensors.numpy import save_file

import judging_notes


def altered(data, random):
    """A copy without a tenth of the notes; of the others some begin up to 0.15 beats later or have another pitch."""
    score = symusic.Score.from_midi(data)
    for track in score.tracks:
        kept, ends = [], {}
        for note in sorted(track.notes, key=lambda n: (n.time, n.pitch)):
            draw = random.random()
            if draw < 0.1:
                continue
            onset = note.time + (int(random.integers(0, max(1, score.ticks_per_quarter // 7))) if draw < 0.5 else 0)
            pitch = min(127, note.pitch + 1) if draw > 0.8 and not track.is_drum else note.pitch
            if ends.get(pitch, 0) <= onset:
                ends[pitch] = onset + max(1, note.duration)
                kept.append(symusic.Note(onset, max(1, note.duration), pitch, note.velocity))
        track.notes = symusic.core.NoteTickList(kept)
    return score.dumps_midi()


def is_plain(data):
    """Whether readers cannot differ."""
    for number, track in enumerate(mido.MidiFile(file=io.BytesIO(data)).tracks):
        tick, open_, begun = 0, set(), {}
        for message in track:
            tick += message.time
            if message.type == "set_tempo" and number > 0:
                return False
            if message.type not in ("note_on", "note_off"):
                continue
            key = (message.channel, message.note)
            if message.type == "note_on" and message.velocity > 0:
                if key in open_:
                    return False
                open_.add(key)
                begun[key] = tick
            elif key in open_:
                if begun[key] == tick:
                    return False
                open_.remove(key)
        if open_:
            return False
    return True


def main():
    folder, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 24
    paths = sorted(
        (p for p in folder.rglob("*") if p.suffix.lower() in (".mid", ".midi")),
        key=lambda p: hashlib.sha256(p.relative_to(folder).as_posix().encode()).digest())
    tensors, pieces, skipped = {}, [], 0
    for path in paths:
        if len(pieces) == count:
            break
        data = path.read_bytes()
        try:
            piece = judging_notes.read(data)
        except Exception as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            continue
        if not 50 <= len(piece.notes) <= 4000 or not is_plain(data):
            skipped += 1
            continue
        tensors[f"piece.{len(pieces)}.path"] = np.frombuffer(path.relative_to(folder).as_posix().encode(), np.uint8)
        print(len(pieces), path.relative_to(folder), len(piece.notes), flush=True)
        pieces.append(piece)
    random = np.random.default_rng(20261126)
    pairs = [(i, (i + 1) % count) for i in range(count)]
    for original in range(0, count, 3):
        name = bytes(tensors[f"piece.{original}.path"]).decode()
        data = altered((folder / name).read_bytes(), random)
        pairs.append((len(pieces), original))
        tensors[f"piece.{len(pieces)}.midi"] = np.frombuffer(data, np.uint8)
        pieces.append(judging_notes.read(data))
    for number, piece in enumerate(pieces):
        tensors |= judging_notes.piece_tensors(number, piece)
        print("measured", number, flush=True)
    tensors |= judging_notes.shared_tensors(pieces, pairs)
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, out, {"folder": str(folder.resolve())})
    print(f"{count} files, {len(pieces) - count} altered copies, {len(pairs)} pairs; {skipped} files were skipped")


if __name__ == "__main__":
    main()
