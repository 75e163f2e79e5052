"""What of each segment a batch shows, and how a batch of it is made.

The same bytes as the Swift loader's: `BatchLayout.swift`, `BatchFiller.swift`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Mapping, Optional, Sequence, Union

import numpy as np

from ._array import Array
from ._rolls import NOTE_ROLLS, TRANSCRIPTION_ROLLS, Notes, Painter, round_half_away
from ._shard import Shard, Shards
from .errors import NotInDatasetError, joined, suggest

PEDALS = ("sustain", "sostenuto", "soft")
#: Everything that `Roll` can show.
ROLLS = (*NOTE_ROLLS, "instrument", "pedal", "tempo", "controls", "voice_programs", *TRANSCRIPTION_ROLLS)
COLUMNS = ("number", "start", "length", "frame_steps")


@dataclass(frozen=True)
class Roll:
    """A view of notes, with time first: ``[steps, …]``, with N in front in a batch.

    ============================== =================================================================================
    kind                           a cell
    ============================== =================================================================================
    ``piano``                      1 while a note sounds
    ``velocity``                   the velocity while a note sounds; the larger where notes overlap
    ``onset``, ``offset``          1 where a note begins; 1 in its last step
    ``onset_velocity``             the velocity where a note begins
    ``instrument``                 ``[steps, 17]``: sounding notes of General MIDI's 16 families, then of drums
    ``pedal``                      ``[steps, 3]``: sustain, sostenuto and soft pedal
    ``tempo``                      ``[steps]``: BPM
    ``controls``                   ``[steps, numbers]``: a control change's value plus 1, else 0
    ``voice_programs``             ``[voices]``: the program of each voice; -1 for a silent one
    ``active``, ``weights``,       note-seq's rolls for piano transcription
    ``onsets``, ``offsets``,
    ``onset_velocities``,
    ``active_velocities``
    ============================== =================================================================================

    Attributes:
        kind: what is shown.
        dtype: ``uint8`` or ``float32``; by default uint8 in ``ds[i]``, and float32 for training.
        scale: what values of a float32 roll are multiplied by, such as 1/127.
        pitches: the lowest and highest pitch; by default the manifest's.
        pedals: pedals as further columns behind the pitches.
        pedal_cells: ``states`` (1 while down), ``presses`` (1 where it goes down) or ``zeros``.
        voice: the only voice that is shown.
        numbers: of ``controls``, the controls that are shown; by default all 128.
        voices: of ``voice_programs``, how many voices.
    """

    kind: str = "piano"
    dtype: Optional[str] = None
    scale: float = 1.0
    pitches: Optional[tuple[int, int]] = None
    pedals: tuple[str, ...] = ()
    pedal_cells: str = "states"
    voice: Optional[int] = None
    numbers: Optional[tuple[int, ...]] = None
    voices: int = 4

    def __post_init__(self) -> None:
        def check(holds: bool, problem: str) -> None:
            if not holds:
                raise NotInDatasetError(f"roll '{self.kind}': {problem}")

        if self.kind not in ROLLS:
            raise NotInDatasetError(f"there is no roll '{self.kind}'; {suggest(self.kind, ROLLS)}")
        check(self.dtype in (None, "uint8", "float32"), f"dtype '{self.dtype}' is neither uint8 nor float32")
        check(self.scale == 1 or self.dtype != "uint8", "only a float32 roll is scaled")
        check(self.scale == 1 or self.kind in NOTE_ROLLS, "it has no scale")
        check(all(pedal in PEDALS for pedal in self.pedals), f"pedals are {', '.join(PEDALS)}, not {self.pedals}")
        check(self.pedal_cells in ("states", "presses", "zeros"), "pedal_cells is states, presses or zeros")
        check(self.voice is None or 0 <= self.voice <= 254, "voices are numbered from 0 to 254")
        check(self.voices >= 1, "at least one voice")
        if self.pitches is not None:
            low, high = self.pitches
            check(0 <= low <= high <= 127, f"pitches {low} to {high} are not a range in 0 to 127")


@dataclass(frozen=True)
class Feature:
    """A view of a feature of audio: ``[bands, frames]`` or ``[samples]``, float32 in batches.

    Attributes:
        name: as in the manifest, such as ``mel``.
        frames: a window of so many frames (samples of a waveform); by default all.
        random: whether the window begins at random; else at the first frame.
    """

    name: str
    frames: Optional[int] = None
    random: bool = False


@dataclass(frozen=True)
class Label:
    """A label as its index in the dataset's vocabulary, int64; -1 where it is unknown."""

    name: str


@dataclass(frozen=True)
class Column:
    """A number of the segment, int64.

    ``number`` in the split (``train/12`` is 12), ``start`` and ``length`` of the window in steps or samples, or of
    pairs ``frame_steps``: the step of each frame, -1 outside the window.
    """

    name: str


View = Union[Roll, Feature, Label, Column]
Rolls = Union[None, str, Roll, Sequence[Union[str, Roll]], Mapping[str, Union[str, Roll]]]
Features = Union[None, str, Feature, Sequence[Union[str, Feature]], Mapping[str, Union[str, Feature]]]
Names = Union[None, str, Sequence[str]]


def _named(views: Any, make: Any) -> list[tuple[str, Any]]:
    """Views with their names, out of a word, a view, a list of them or a mapping."""
    if views is None:
        return []
    if isinstance(views, Mapping):
        return [(name, make(view) if isinstance(view, str) else view) for name, view in views.items()]
    if isinstance(views, (str, Roll, Feature)):
        views = [views]
    if not isinstance(views, Sequence) or not all(isinstance(view, (str, Roll, Feature)) for view in views):
        raise TypeError(f"views are named by texts, Roll or Feature, a list of them or a dict, not by {views!r}")
    made = [make(view) if isinstance(view, str) else view for view in views]
    return [(view.kind if isinstance(view, Roll) else view.name, view) for view in made]


def parse_views(
    rolls: Rolls = None,
    features: Features = None,
    label: Names = None,
    columns: Names = None,
    dtype: str = "uint8",
) -> dict[str, View]:
    """Views by their names, in the order features, rolls, labels, columns."""
    found: dict[str, View] = {}
    named = _named(features, Feature)
    for name, roll in _named(rolls, Roll):
        named.append((name, replace(roll, dtype=roll.dtype or ("float32" if roll.scale != 1 else dtype))))
    named += [(name, view) for name, view in _named(label, Label)]
    for name, column in _named(columns, Column):
        if column.name not in COLUMNS:
            raise NotInDatasetError(f"there is no column '{column.name}'; {suggest(column.name, COLUMNS)}")
        named.append((name, column))
    for name, view in named:
        if name in found:
            raise NotInDatasetError(
                f"two views are named '{name}'; name them: rolls={{'first': Roll(…), 'second': Roll(…)}}"
            )
        found[name] = view
    return found


@dataclass
class Chosen:
    """The windows that a batch shows, and how each is changed."""

    #: The segments' numbers in the split.
    number: Array
    #: The first step of each window.
    start: Array
    transposition: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    stretch: Array = field(default_factory=lambda: np.ones(0))
    #: Where among all places a random window of frames begins, in [0, 1).
    place: Array = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def plain(cls, number: Array, start: Optional[Array] = None) -> Chosen:
        """Windows that are not changed."""
        count = len(number)
        start = np.zeros(count, np.int64) if start is None else start
        return cls(number, start, np.zeros(count, np.int64), np.ones(count), np.zeros(count))


class Filler:
    """Makes batches of some views of segments of one kind."""

    def __init__(
        self, shards: Shards, kind: str, views: Mapping[str, View], steps: Optional[int] = None, changes: bool = False
    ):
        self.shards = shards
        self.snapshot = shards.snapshot
        self.kind = kind
        self.views = dict(views)
        self.vocabularies = self.snapshot.vocabularies
        own = self.snapshot.steps if kind != "audio" else 0
        #: The steps of a window; 0 for audio.
        self.steps = own if steps is None or kind == "audio" else steps
        self._own_steps = own
        if self.steps > own:
            raise NotInDatasetError(
                f"segments of {self._dataset} have {own} steps, not {self.steps}; set midi: {{segment: {{steps: {self.steps}}}}} "
                "in the manifest"
            )
        for name, view in self.views.items():
            self._check(name, view, changes)

    @property
    def _dataset(self) -> str:
        return f"'{self.snapshot.dataset}'"

    def _check(self, name: str, view: View, changes: bool) -> None:
        snapshot, kind = self.snapshot, self.kind
        is_window = self.steps != self._own_steps

        def refuse(problem: str) -> None:
            raise NotInDatasetError(f"view '{name}' of {self._dataset}: {problem}")

        if isinstance(view, Roll):
            if kind == "audio":
                refuse("audio segments hold no notes; add MIDI sources and `midi:` to the manifest")
            stored = (snapshot.manifest["midi"]).get("controls")
            if view.kind == "controls" and stored is not True:
                missing = sorted(set(view.numbers or ()) - set(stored or ()))
                if missing or not stored:
                    wanted = sorted(set(stored or ()) | set(missing)) or "true"
                    refuse(f"control changes are not stored; set midi: {{controls: {wanted}}} in the manifest")
        elif isinstance(view, Feature):
            if kind == "midi" or view.name not in snapshot.features:
                known = [] if kind == "midi" else list(snapshot.features)
                adding = f"a feature is added by audio: {{features: {{{view.name}: …}}}} in the manifest"
                refuse(f"the {kind} segments hold no '{view.name}'; {joined(suggest(view.name, known), adding)}")
            width = snapshot.features[view.name][1][-1]
            if view.frames is not None and not 1 <= view.frames <= width:
                refuse(
                    f"'{view.name}' has {width} frames, not {view.frames}; lengthen audio: {{segment: …}} in the manifest"
                )
            if kind == "paired":
                if view.frames is not None or (
                    is_window and (not snapshot.steps_are_frames or view.name == "waveform")
                ):
                    refuse(
                        "it would show other instants than the notes do; use whole segments of pairs, or windows of steps that "
                        "are frames (grid: {frames: mel})"
                    )
                if changes:
                    refuse("it cannot follow transposed or stretched notes; leave these out for pairs")
        elif isinstance(view, Label):
            if view.name not in self.vocabularies:
                raise unknown_label(snapshot, view.name)
            refuse_several(snapshot, view.name)
        elif view.name == "frame_steps":
            if kind != "paired":
                refuse("only pairs have it; add `pair` to an item of sources in the manifest")
            if is_window and not snapshot.steps_are_frames:
                refuse("it is of whole segments; leave out the windows")

    def fill(self, chosen: Chosen) -> dict[str, Array]:
        """A batch: every view by its name, N examples in front."""
        index, places = self.shards.places(chosen.number)
        batch = _Batch(self, chosen, index, [(self.shards[place], rows) for place, rows in places])
        return {name: batch.show(view) for name, view in self.views.items()}


def unknown_label(snapshot: Any, name: str) -> NotInDatasetError:
    """The error for a label that a dataset does not have."""
    hint = joined(suggest(name, snapshot.vocabularies), f"labels come from the manifest: labels: {{{name}: …}}")
    return NotInDatasetError(f"the dataset '{snapshot.dataset}' has no label '{name}'; {hint}")


def refuse_several(snapshot: Any, name: str) -> None:
    """Raises if some source has several values of a label, where one is needed."""
    source = snapshot.several_values(name)
    if source is not None:
        raise NotInDatasetError(
            f"{source.path} has several values of '{name}' ({', '.join(source.labels[name])}), and a class is one; "
            f"give each file one value, or use Dataset.where({name}=…)"
        )


class _Batch:
    """One batch while it is made; what several views need is computed once."""

    def __init__(self, filler: Filler, chosen: Chosen, index: Array, parts: list[tuple[Shard, Array]]):
        self._filler = filler
        self._chosen = chosen
        self._count = len(index)
        #: The number of each example's segment in its shard.
        self._index = index
        #: The shards, each with the examples that it has.
        self._parts = parts
        self._painter: Optional[Painter] = None
        self._source: Optional[Array] = None

    def show(self, view: View) -> Array:
        if isinstance(view, Feature):
            return self._feature(view)
        if isinstance(view, Label):
            vocabulary = self._filler.vocabularies[view.name]
            return self._gather(lambda shard: shard.label_numbers(view.name, vocabulary), (), np.int64)
        if isinstance(view, Column):
            return self._column(view.name)
        pitches = view.pitches or self._filler.snapshot.pitches
        dtype = np.dtype(view.dtype or "uint8")
        if view.kind in NOTE_ROLLS:
            roll = self.painter.roll(view.kind, pitches, dtype, view.scale, len(view.pedals), view.voice)
            if view.pedals and view.pedal_cells != "zeros":
                down = self._pedals()[:, :, [PEDALS.index(pedal) for pedal in view.pedals]] != 0
                if view.pedal_cells == "presses":
                    down[:, 1:] &= ~down[:, :-1].copy()
                roll[:, :, -len(view.pedals) :] = np.where(down, dtype.type(view.scale), dtype.type(0))
            return roll
        if view.kind == "instrument":
            return self.painter.instrument(self._filler.snapshot.pitches, dtype)
        if view.kind == "pedal":
            return (self._pedals() != 0).astype(dtype)
        if view.kind == "tempo":
            last = self._filler._own_steps - 1
            tempo = self._gather(lambda shard: shard.tensors["tempo"], (last + 1,), np.float32)
            return np.take_along_axis(tempo, np.minimum(self.source, last), 1)
        if view.kind == "controls":
            return self._controls(view.numbers)
        if view.kind == "voice_programs":
            return self.painter.voice_programs(view.voices)
        return self.painter.transcription(view.kind, pitches)

    def _gather(self, column: Any, shape: tuple[int, ...], dtype: Any) -> Array:
        """A column's elements of all examples."""
        out = np.empty((self._count, *shape), dtype)
        for shard, rows in self._parts:
            out[rows] = column(shard)[self._index[rows]]
        return out

    @property
    def source(self) -> Array:
        """The segment's step that each step of each window shows."""
        if self._source is None:
            steps = np.arange(self._filler.steps)
            stretch = self._chosen.stretch[:, None]
            self._source = self._chosen.start[:, None] + np.where(stretch == 1, steps, steps / stretch).astype(np.int64)
        return self._source

    @property
    def painter(self) -> Painter:
        if self._painter is None:
            found: list[list[Array]] = []
            for shard, rows in self._parts:
                note, owner = shard.rows(self._index[rows])
                columns = {name: shard.tensors["notes." + name][note] for name in ("start", "length", "pitch")}
                start = columns["start"].astype(np.int64)
                found.append(
                    [
                        rows[owner],
                        start,
                        start + columns["length"],
                        columns["pitch"].astype(np.int64),
                        shard.tensors["notes.velocity"][note] & 127,
                        shard.tensors["notes.program"][note],
                        shard.tensors["notes.voice"][note],
                        shard.tensors["notes.flags"][note],
                    ]
                )
            whole = found[0] if len(found) == 1 else [np.concatenate(column) for column in zip(*found)]
            notes = Notes(self._count, self._filler._own_steps, *whole)
            chosen = self._chosen
            notes = notes.windows(self._filler.steps, chosen.start, chosen.transposition, chosen.stretch)
            self._painter = Painter(notes, self._filler.snapshot.paints_drums)
        return self._painter

    def _pedals(self) -> Array:
        last = self._filler._own_steps - 1
        pedal = self._gather(lambda shard: shard.tensors["pedal"], (last + 1, 3), np.uint8)
        shown = np.take_along_axis(pedal, np.minimum(self.source, last)[:, :, None], 1)
        shown[self.source > last] = 0
        return shown

    def _controls(self, numbers: Optional[tuple[int, ...]]) -> Array:
        numbers = tuple(range(128)) if numbers is None else numbers
        columns = np.full(256, -1, np.int64)
        for column, number in enumerate(numbers):
            columns[number] = column
        steps, chosen = self._filler.steps, self._chosen
        out = np.zeros((self._count, steps, len(numbers)), np.float32)
        for shard, rows in self._parts:
            change, owner = shard.rows(self._index[rows], "controls")
            example = rows[owner]
            step = shard.tensors["controls.step"][change].astype(np.int64) - chosen.start[example]
            column = columns[shard.tensors["controls.number"][change]]
            keep = (step >= 0) & (column >= 0)
            factor = chosen.stretch[example]
            step = np.where(factor == 1, step, round_half_away(np.maximum(step, 0) * factor))
            keep &= step < steps
            value = (shard.tensors["controls.value"][change] & 127).astype(np.float32) + np.float32(1)
            # The last of several changes in a step counts.
            cell = ((example * steps + step) * len(numbers) + column)[keep][::-1]
            cell, last = np.unique(cell, return_index=True)
            out.reshape(-1)[cell] = value[keep][::-1][last]
        return out

    def _feature(self, view: Feature) -> Array:
        snapshot, steps = self._filler.snapshot, self._filler.steps
        shape = list(snapshot.features[view.name][1])
        width = shape[-1]
        first = np.zeros(self._count, np.int64)
        if view.frames is not None:
            shape[-1] = view.frames
            if view.random:
                first = (self._chosen.place * float(width - view.frames + 1)).astype(np.int64)
        elif self._filler.kind == "paired" and len(shape) == 2 and steps < self._filler._own_steps:
            shape[-1] = steps
            first = self._chosen.start
        out = np.empty((self._count, *shape), np.float32)
        for shard, rows in self._parts:
            feature = shard.features[view.name]
            if shape[-1] == width:
                out[rows] = feature[self._index[rows]]
                continue
            for row in rows.tolist():
                begin = int(first[row])
                out[row] = feature[self._index[row], ..., begin : begin + shape[-1]]
        return out

    def _column(self, name: str) -> Array:
        chosen, steps = self._chosen, self._filler.steps
        if name == "number":
            return chosen.number.astype(np.int64)
        if name == "start":
            return self._gather(lambda shard: shard.tensors["segment.start"], (), np.int64) + chosen.start
        if name == "length":
            length = self._gather(lambda shard: shard.tensors["segment.length"], (), np.int64)
            return length if steps == 0 else np.clip(length - chosen.start, 0, steps)
        if "frame.step" not in self._parts[0][0].tensors:
            return np.broadcast_to(np.arange(steps), (self._count, steps)).copy()
        frames = self._parts[0][0].tensors["frame.step"].shape[1]
        step = self._gather(lambda shard: shard.tensors["frame.step"], (frames,), np.int64)
        return np.where(step == 65535, -1, step)
