"""Dense rolls out of notes, for a whole batch at once (docs/formats.md, Dense rolls).

The same bytes as the Swift loader's: `RollPainter.swift`, `TranscriptionRoll.swift`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from ._array import Array

#: Bits of a note's `flags`.
BEGINS, LENGTHENED, ENDS = 1, 2, 4
DRUMS = 128
FAMILIES = 17
#: What a note is shown as while it sounds, or where it begins or ends.
NOTE_ROLLS = ("piano", "velocity", "onset", "onset_velocity", "offset")
#: note-seq's rolls for piano transcription.
TRANSCRIPTION_ROLLS = ("active", "weights", "onsets", "onset_velocities", "active_velocities", "offsets")


@dataclass
class Notes:
    """The notes of a batch of windows: one element per note, in the order of the shard within each example."""

    #: The number of examples, and the steps of each.
    examples: int
    steps: int
    #: The example that a note belongs to.
    example: Array
    #: Its steps: start ..< end, within the window, at least one.
    start: Array
    end: Array
    pitch: Array
    velocity: Array
    #: 0 to 127; 128 is drums.
    program: Array
    #: 255 is none.
    voice: Array
    flags: Array

    def chosen(self, keep: Array) -> Notes:
        """Some of the notes."""
        if keep.all():
            return self
        columns = (self.example, self.start, self.end, self.pitch, self.velocity, self.program, self.voice, self.flags)
        return Notes(self.examples, self.steps, *(column[keep] for column in columns))

    @property
    def family(self) -> Array:
        """0 to 15 by General MIDI; 16 is drums."""
        return np.where(self.program >= DRUMS, 16, self.program >> 3)

    def windows(self, steps: int, starts: Array, transposition: Array, stretch: Array) -> Notes:
        """What windows show: cut, stretched and transposed, in this order.

        Args:
            steps: the length of every window.
            starts: the first step of each example's window.
            transposition: semitones that each example's pitches move by; drums stay.
            stretch: each example's factor of time.
        """
        if steps == self.steps and not (starts.any() or transposition.any() or (stretch != 1).any()):
            return self
        start, end, pitch, flags = self.start, self.end, self.pitch, self.flags
        if starts.any():
            first = starts[self.example]
            begins_before = start < first
            flags = np.where(begins_before, flags & ~np.uint8(BEGINS), flags)
            start, end = np.maximum(start - first, 0), end - first
        inside = end > 0
        if (stretch != 1).any():
            factor = stretch[self.example]
            start, end = round_half_away(start * factor), round_half_away(end * factor)
            end = np.maximum(start + 1, end)
        if transposition.any():
            pitch = np.where(self.program == DRUMS, pitch, pitch + transposition[self.example])
            inside &= (pitch >= 0) & (pitch <= 127)
        inside &= start < steps
        over = end > steps
        flags = np.where(over, flags & ~np.uint8(ENDS), flags)
        notes = Notes(
            self.examples,
            steps,
            self.example,
            start,
            np.minimum(end, steps),
            pitch,
            self.velocity,
            self.program,
            self.voice,
            flags,
        )
        return notes.chosen(inside)


def round_half_away(values: Array) -> Array:
    """Numbers that are not negative, rounded to the nearest integer, halves up."""
    whole = np.trunc(values)
    return (whole + (values - whole >= 0.5)).astype(np.int64)


class Painter:
    """Paints the rolls of one batch; what several rolls need of the notes is computed once."""

    def __init__(self, notes: Notes, paints_drums: bool):
        self.notes = notes
        self._paints_drums = paints_drums
        self._shown: dict[tuple[int, int, bool, Optional[int]], Notes] = {}
        self._cells: dict[tuple[int, int, bool, Optional[int], int], tuple[Array, Array]] = {}

    def shown(self, pitches: tuple[int, int], drums: Optional[bool] = None, voice: Optional[int] = None) -> Notes:
        """The notes with certain pitches; drums by default as the manifest says."""
        drums = self._paints_drums if drums is None else drums
        key = (*pitches, drums, voice)
        if key not in self._shown:
            notes = self.notes
            keep = (notes.pitch >= pitches[0]) & (notes.pitch <= pitches[1])
            if not drums:
                keep &= notes.program < DRUMS
            if voice is not None:
                keep &= notes.voice == voice
            self._shown[key] = notes.chosen(keep)
        return self._shown[key]

    def roll(
        self,
        kind: str,
        pitches: tuple[int, int],
        dtype: np.dtype[Any],
        scale: float = 1.0,
        columns: int = 0,
        voice: Optional[int] = None,
    ) -> Array:
        """One of `NOTE_ROLLS`: [examples, steps, pitches + columns]; the last columns are left 0."""
        notes = self.shown(pitches, voice=voice)
        width = pitches[1] - pitches[0] + 1 + columns
        out = np.zeros((notes.examples, notes.steps, width), dtype)
        cells = out.reshape(-1)
        values = (
            np.arange(128, dtype=np.uint8)
            if dtype == np.uint8
            else np.arange(128, dtype=np.float32) * np.float32(scale)
        )
        row = notes.example * notes.steps
        column = notes.pitch - pitches[0]
        if kind in ("piano", "velocity"):
            key = (*pitches, self._paints_drums, voice, width)
            if key not in self._cells:
                self._cells[key] = _spans((row + notes.start) * width + column, notes.end - notes.start, width)
            place, note = self._cells[key]
            if kind == "piano":
                cells[place] = values[1]
            else:
                _raise(cells, place, values[notes.velocity][note])
        elif kind == "offset":
            last = (notes.flags & ENDS) != 0
            cells[((row + notes.end - 1) * width + column)[last]] = values[1]
        else:
            begins = (notes.flags & BEGINS) != 0
            place = ((row + notes.start) * width + column)[begins]
            if kind == "onset":
                cells[place] = values[1]
            else:
                _raise(cells, place, values[notes.velocity[begins]])
        return out

    def instrument(self, pitches: tuple[int, int], dtype: np.dtype[Any]) -> Array:
        """Sounding notes by family, drums last: [examples, steps, 17], at most 255."""
        notes = self.shown(pitches, drums=True)
        place, _ = _spans(
            (notes.example * notes.steps + notes.start) * FAMILIES + notes.family, notes.end - notes.start, FAMILIES
        )
        counts = np.bincount(place, minlength=notes.examples * notes.steps * FAMILIES)
        return np.minimum(counts, 255).astype(dtype).reshape(notes.examples, notes.steps, FAMILIES)

    def transcription(self, kind: str, pitches: tuple[int, int]) -> Array:
        """One of `TRANSCRIPTION_ROLLS`: float32 [examples, steps, pitches].

        Where notes of a pitch meet, the later one rules.
        """
        notes = self.shown(pitches)
        width = pitches[1] - pitches[0] + 1
        out = np.full((notes.examples, notes.steps, width), 1.0 if kind == "weights" else 0.0, np.float32)
        cells = out.reshape(-1)
        base = notes.example * notes.steps * width + notes.pitch - pitches[0]
        begins = (notes.flags & BEGINS) != 0
        # An onset is marked one step to each side.
        near = np.maximum(0, notes.start - 1)
        until = np.minimum(notes.steps, notes.start + 2)
        if kind == "active":
            cells[_spans(base + notes.start * width, notes.end - notes.start, width)[0]] = 1
        elif kind == "offsets":
            last = ((notes.flags & ENDS) != 0) & (notes.end < notes.steps)
            cells[(base + notes.end * width)[last]] = 1
        elif kind == "onsets":
            cells[_spans((base + near * width)[begins], (until - near)[begins], width)[0]] = 1
        elif kind == "weights":
            # 5 around the onset, then 5/1, 5/2, 5/3, … until the note ends.
            first, length = near[begins], (np.maximum(until, notes.end) - near)[begins]
            place, note = _spans(base[begins] + first * width, length, width)
            step = first[note] + np.arange(len(place)) - (np.cumsum(length) - length)[note]
            distance = np.maximum(1, step - until[begins][note] + 1)
            _assign(cells, place, (5.0 / distance).astype(np.float32))
        else:
            place, note = _spans(base + notes.start * width, notes.end - notes.start, width)
            _assign(cells, place, (notes.velocity / 127.0).astype(np.float32)[note])
            if kind == "onset_velocities":
                is_near = np.zeros(len(cells), bool)
                is_near[_spans((base + near * width)[begins], (until - near)[begins], width)[0]] = True
                cells[~is_near] = 0
        return out

    def voice_programs(self, voices: int) -> Array:
        """The program of each voice's first note in the window: int64 [examples, voices], -1 for a silent voice."""
        notes = self.notes.chosen(self.notes.voice < voices)
        out = np.full((notes.examples, voices), -1, np.int64)
        place = notes.example * voices + notes.voice
        _assign(out.reshape(-1), place[::-1], notes.program[::-1].astype(np.int64))
        return out


def _spans(first: Array, lengths: Array, stride: int) -> tuple[Array, Array]:
    """Cells `stride` apart from each first one on, and the number of the note that each belongs to."""
    note = np.repeat(np.arange(len(first)), lengths)
    step = np.arange(len(note)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return first[note] + step * stride, note


def _raise(cells: Array, place: Array, values: Array) -> None:
    """Raises cells to values; of several for a cell the largest."""
    # numpy does not say which of several assignments to a cell is the last, so what is still too low has another turn.
    while len(place):
        low = cells[place] < values
        place, values = place[low], values[low]
        cells[place] = values


def _assign(cells: Array, place: Array, values: Array) -> None:
    """Assigns values to cells; of several for a cell the last."""
    last = np.full(len(cells), -1, np.int64)
    _raise(last, place, np.arange(len(place)))
    used = np.flatnonzero(last >= 0)
    cells[used] = values[last[used]]
