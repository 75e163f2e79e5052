"""Segments as scores and as sound, for the libraries that people use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Optional

import numpy as np

from ._array import Array
from ._cache import PathLike
from ._rolls import DRUMS
from ._shard import Shard
from .errors import DamagedError, MissingPackageError, NotFoundError, NotInDatasetError

if TYPE_CHECKING:
    from ._dataset import Dataset

#: At least so many ticks make a quarter note.
_RESOLUTION = 480
_PEDAL_CONTROLS = (64, 66, 67)


@dataclass
class _Score:
    """A segment's notes in ticks; a step is a whole number of them."""

    ticks_per_quarter: int
    #: (tick, BPM)
    tempi: list[tuple[int, float]]
    #: One for each (program, voice), the voice with the most notes of its piece first, drums last.
    tracks: list[_Track]


@dataclass
class _Track:
    """The notes of one voice of a program."""

    program: int
    is_drum: bool
    #: (begin, end, pitch, velocity)
    notes: list[tuple[int, int, int, int]]
    #: (tick, number, value); all are in the first track, unless that is drums.
    controls: list[tuple[int, int, int]]


def _score(dataset: Dataset, index: int, pedals: bool) -> _Score:
    number = dataset._number(index)
    place, row = dataset._shards.place(number)
    shard, snapshot = dataset._shards[place], dataset.snapshot
    grid = snapshot.grid
    if shard.info.kind == "audio" or grid is None:
        raise NotInDatasetError(f"{dataset.split}/{number} of '{dataset.name}' is a segment of audio; it has no notes")
    if grid.unit == "beat":
        # Steps per beat may be a fraction: its numerator divides the ticks.
        factor = -(-_RESOLUTION // grid.steps.numerator)
        quarter, step = grid.steps.numerator * factor, grid.steps.denominator * factor
        tempo = shard.tensors["tempo"][row].tolist()
        changes = [0] + [at for at in range(1, len(tempo)) if tempo[at] != tempo[at - 1]]
        tempi = [(at * step, tempo[at] if tempo[at] > 0 else 120.0) for at in changes]
    else:
        # A clock: a quarter note is as many steps as are nearest to half a second.
        seconds = float(shard.step_seconds(row, snapshot)[0])
        quarter, step = max(1, round(0.5 / seconds)), 1
        if quarter < _RESOLUTION:
            step = -(-_RESOLUTION // quarter)
            quarter *= step
        tempi = [(0, 60.0 * step / (quarter * seconds))]
    notes = shard.notes(row)
    keys = set(zip(notes["voice"].tolist(), notes["program"].tolist()))
    tracks = []
    for voice, program in sorted(keys, key=lambda key: (key[1] >= DRUMS, key)):
        own = notes[(notes["voice"] == voice) & (notes["program"] == program)]
        begin = own["start"].astype(np.int64) * step
        columns = (begin, begin + own["length"].astype(np.int64) * step, own["pitch"], own["velocity"])
        is_drum = program >= DRUMS
        tracks.append(_Track(0 if is_drum else program, is_drum, list(zip(*(c.tolist() for c in columns))), []))
    if pedals and tracks and not tracks[0].is_drum:
        tracks[0].controls = sorted(_controls(shard, row, step))
    return _Score(quarter, tempi, tracks)


def _controls(shard: Shard, row: int, ticks_per_step: int) -> Iterator[tuple[int, int, int]]:
    """Stored control changes; without any, pedals where they go down and up."""
    offset = shard.tensors["controls.offset"]
    begin, end = int(offset[row]), int(offset[row + 1])
    stored = set()
    for entry in range(begin, end):
        number = int(shard.tensors["controls.number"][entry])
        stored.add(number)
        yield (
            int(shard.tensors["controls.step"][entry]) * ticks_per_step,
            number,
            int(shard.tensors["controls.value"][entry]),
        )
    for pedal, number in enumerate(_PEDAL_CONTROLS):
        if number in stored:
            continue
        down = shard.tensors["pedal"][row, :, pedal].astype(np.int8)
        change = np.diff(down, prepend=np.int8(0))
        for at in np.flatnonzero(change).tolist():
            yield at * ticks_per_step, number, 127 if change[at] > 0 else 0


def to_symusic(dataset: Dataset, index: int, pedals: bool) -> Any:
    """See `Dataset.to_symusic`."""
    try:
        import symusic
    except ImportError as error:
        raise MissingPackageError("Dataset.to_symusic needs symusic: pip install symusic") from error
    score = _score(dataset, index, pedals)
    result: Any = symusic.Score(score.ticks_per_quarter)
    for tick, bpm in score.tempi:
        result.tempos.append(symusic.Tempo(time=tick, qpm=bpm))
    for own in score.tracks:
        track: Any = symusic.Track(name="", program=own.program, is_drum=own.is_drum)
        for begin, end, pitch, velocity in own.notes:
            track.notes.append(symusic.Note(time=begin, duration=end - begin, pitch=pitch, velocity=velocity))
        for tick, control, value in own.controls:
            track.controls.append(symusic.ControlChange(time=tick, number=control, value=value))
        result.tracks.append(track)
    return result


def to_pretty_midi(dataset: Dataset, index: int, pedals: bool) -> Any:
    """See `Dataset.to_pretty_midi`."""
    try:
        import pretty_midi
    except ImportError as error:
        raise MissingPackageError("Dataset.to_pretty_midi needs pretty_midi: pip install pretty_midi") from error
    score = _score(dataset, index, pedals)
    result = pretty_midi.PrettyMIDI(resolution=score.ticks_per_quarter, initial_tempo=score.tempi[0][1])
    # pretty_midi has no public way to add a tempo.
    result._tick_scales = [(tick, 60.0 / (bpm * score.ticks_per_quarter)) for tick, bpm in score.tempi]
    ends = [note[1] for track in score.tracks for note in track.notes]
    changes = [control[0] for track in score.tracks for control in track.controls]
    result._update_tick_to_time(max(ends + changes, default=0) + 1)
    seconds = result.tick_to_time
    for own in score.tracks:
        instrument = pretty_midi.Instrument(program=own.program, is_drum=own.is_drum)
        for begin, end, pitch, velocity in own.notes:
            instrument.notes.append(pretty_midi.Note(velocity, pitch, seconds(begin), seconds(end)))
        for tick, control, value in own.controls:
            instrument.control_changes.append(pretty_midi.ControlChange(control, value, seconds(tick)))
        result.instruments.append(instrument)
    return result


def audio(dataset: Dataset, index: int, root: Optional[PathLike]) -> tuple[Array, int]:
    """See `Dataset.audio`."""
    number = dataset._number(index)
    place, row = dataset._shards.place(number)
    shard, snapshot = dataset._shards[place], dataset.snapshot
    rate = snapshot.sample_rate
    if shard.info.kind == "midi" or rate is None:
        raise NotInDatasetError(f"{dataset.split}/{number} of '{dataset.name}' is a segment of notes; it has no sound")
    block = snapshot.manifest["audio"]["segment"]
    if shard.info.kind == "audio":
        begin, length = int(shard.tensors["segment.start"][row]), int(shard.tensors["segment.length"][row])
    else:
        begin, length = int(shard.tensors["segment.audio_start"][row]), None
    if "waveform" in shard.features:
        samples = shard.features["waveform"][row][:length]
        return samples.astype(np.float32), rate
    if length is None:
        length = int(block["samples"]) if "samples" in block else round(float(block["seconds"]) * rate)
    source = dataset._source(place, row)
    path = Path(root if root is not None else ".") / (source.path if source.kind == "audio" else str(source.pair))
    try:
        import soundfile
    except ImportError as error:
        raise MissingPackageError(
            f"'{dataset.name}' has no waveform, so its sound is in {source.path}, and reading that needs soundfile: "
            "pip install soundfile; or add audio: {features: {waveform: {}}} to the manifest"
        ) from error
    if not path.is_file():
        raise NotFoundError(
            f"'{dataset.name}' has no waveform, and its source is not at {path}; name the manifest's folder with root=…, "
            "or add audio: {features: {waveform: {}}} to the manifest"
        )
    try:
        with soundfile.SoundFile(os.fspath(path)) as file:
            first = (begin * file.samplerate + rate // 2) // rate
            last = ((begin + length) * file.samplerate + rate // 2) // rate
            file.seek(min(first, file.frames))
            samples = file.read(last - first, dtype="float32", always_2d=True)
            return np.ascontiguousarray(samples.mean(axis=1, dtype=np.float32)), int(file.samplerate)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise DamagedError(f"{path} cannot be read: {error}") from error
