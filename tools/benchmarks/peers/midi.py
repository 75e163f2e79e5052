#!/usr/bin/env python3
"""The MIDI path with symusic, the fastest Python library for it, in one process; imports are not timed.

    midi.py parse FOLDER
    midi.py rolls FOLDER OUT

`rolls`: parse → 4 steps a beat → velocity and onset rolls, tracks merged by their maximum, drums left out → dense U8
[32, 128] segments → safetensors shards of some 64 MiB. Inputs and shards are hashed (SHA-256), nothing is flushed.
"""

import hashlib
import os
import sys

import numpy as np
import symusic
from safetensors.numpy import save

from files import Clock, files

ENDINGS = {".mid", ".midi"}


def parse(folder):
    notes = errors = 0
    paths = files(folder, ENDINGS)
    clock = Clock()
    for path in paths:
        try:
            notes += symusic.Score(path).note_num()
        except Exception:  # noqa: BLE001  symusic has no class of its own for files it cannot read
            errors += 1
    clock.report(files=len(paths), notes=notes, errors=errors)


class Shards:
    """Collects segments, and writes a shard whenever 64 MiB are there."""

    def __init__(self, out):
        self.out, self.parts, self.held, self.count, self.written = out, [], 0, 0, 0
        os.makedirs(out, exist_ok=True)

    def add(self, rolls):
        self.parts.append(rolls)
        self.held += rolls.nbytes
        if self.held > 64 << 20:
            self.flush()

    def flush(self):
        if not self.parts:
            return
        data = save(
            {
                "velocity": np.concatenate([part[0] for part in self.parts]),
                "onset": np.concatenate([part[1] for part in self.parts]),
            }
        )
        hashlib.sha256(data).hexdigest()
        with open(f"{self.out}/{self.count}.safetensors", "wb") as file:
            file.write(data)
        self.written += len(data)
        self.count += 1
        self.parts, self.held = [], 0


def rolls(folder, out):
    shards = Shards(out)
    errors = segments = 0
    paths = files(folder, ENDINGS)
    clock = Clock()
    for path in paths:
        try:
            with open(path, "rb") as file:
                raw = file.read()
            hashlib.sha256(raw).hexdigest()
            score = symusic.Score.from_midi(raw).resample(4, min_dur=1)
            if any(track.is_drum for track in score.tracks):
                score.tracks = symusic.core.TrackTickList(
                    [track for track in score.tracks if not track.is_drum]
                )
            if len(score.tracks) == 0:
                continue
            roll = score.pianoroll(
                modes=["frame", "onset"], pitch_range=[0, 128], encode_velocity=True
            )
            roll = roll.max(axis=1) if roll.shape[1] > 1 else roll[:, 0]
            steps = roll.shape[2] // 32 * 32
            if steps == 0:
                continue
            cut = np.ascontiguousarray(roll[:, :, :steps].transpose(0, 2, 1)).reshape(2, -1, 32, 128)
            shards.add(cut)
            segments += cut.shape[1]
        except Exception:  # noqa: BLE001  as above
            errors += 1
    shards.flush()
    clock.report(files=len(paths), segments=segments, bytes=shards.written, errors=errors)


if __name__ == "__main__":
    if sys.argv[1] == "parse":
        parse(sys.argv[2])
    else:
        rolls(*sys.argv[2:4])
