"""Shards: memory-mapped files of segments (docs/formats.md, Shard)."""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
import struct
from pathlib import Path
from typing import Any, Iterator, Optional, Union

import numpy as np

from ._array import Array
from ._cache import REPAIR
from ._snapshot import ShardInfo, Snapshot
from .errors import DamagedError

_NUMPY = {
    "F64": "<f8",
    "I64": "<i8",
    "U64": "<u8",
    "F32": "<f4",
    "I32": "<i4",
    "U32": "<u4",
    "F16": "<f2",
    "I16": "<i2",
    "U16": "<u2",
    "U8": "u1",
    "I8": "i1",
    "BOOL": "?",
}
NOTE_COLUMNS = ("start", "length", "pitch", "velocity", "program", "voice", "flags")
#: One note: steps within its segment, and what MIDI says of it.
NOTE_DTYPE = np.dtype(
    [
        ("start", "<u2"),
        ("length", "<u2"),
        ("pitch", "u1"),
        ("velocity", "u1"),
        ("program", "u1"),
        ("voice", "u1"),
        ("flags", "u1"),
    ]
)
_FEATURES = ("chroma", "cqt", "mel", "mfcc", "spectrogram", "waveform")


class Shard:
    """A shard, mapped into memory; its columns are views of the mapping, without a copy."""

    def __init__(self, path: Path, info: ShardInfo, snapshot: Snapshot):
        self.name = f"shard {info.object[:12]}"
        self.info = info
        self.count = info.segments
        self._path = path
        try:
            with open(path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size != info.bytes:
                    raise self._damage(f"has {size} bytes, not the snapshot's {info.bytes}")
                # Private pages: PyTorch wants memory that can be written, and the file stays as it is.
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except OSError as error:
            reason = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
            raise self._damage(reason) from error
        try:
            metadata = self._read_header()
            self.sources: list[str] = json.loads(metadata["sources"])
            self.labels: list[dict[str, Union[str, list[str]]]] = json.loads(metadata["labels"])
            self._check(snapshot)
        except (ValueError, KeyError, TypeError, struct.error) as error:
            raise self._damage(f"is not a shard ({error!r})") from error
        self.features = {name: self.tensors[name] for name in _FEATURES if name in self.tensors}
        self.steps = self.tensors["tempo"].shape[1] if "tempo" in self.tensors else 0
        self._numbers: dict[str, Array] = {}
        self._seconds: Optional[Array] = None
        self._timelines: Optional[Array] = None

    def _damage(self, problem: str) -> DamagedError:
        return DamagedError(f"{self.name} {problem} ({self._path}); {REPAIR}")

    def verify(self) -> None:
        """Hashes the bytes."""
        if hashlib.sha256(self._map).hexdigest() != self.info.object:
            raise self._damage("is damaged: its bytes have another hash")

    def _read_header(self) -> dict[str, str]:
        (length,) = struct.unpack_from("<Q", self._map, 0)
        if length > len(self._map) - 8:
            raise ValueError("a header longer than the file")
        header = json.loads(self._map[8 : 8 + length])
        metadata: dict[str, str] = header.pop("__metadata__")
        self.tensors: dict[str, Array] = {}
        for name, entry in header.items():
            dtype, shape = np.dtype(_NUMPY[entry["dtype"]]), tuple(entry["shape"])
            begin, end = entry["data_offsets"]
            if end - begin != dtype.itemsize * math.prod(shape):
                raise ValueError(f"'{name}' has {end - begin} bytes for {shape}")
            array = np.frombuffer(self._map, dtype, math.prod(shape), 8 + length + begin).reshape(shape)
            self.tensors[name] = array
        return metadata

    def _check(self, snapshot: Snapshot) -> None:
        """Checks everything that readers rely on, so that no index leaves a tensor."""
        count, tensors = self.count, self.tensors
        steps = snapshot.steps
        expected: dict[str, tuple[str, tuple[int, ...]]] = {
            "segment.source": ("<i4", (count,)),
            "segment.timeline": ("<i2", (count,)),
            "segment.start": ("<i8", (count,)),
            "segment.length": ("<i8", (count,)),
        }
        if self.info.kind != "midi":
            for name, (dtype, shape) in snapshot.features.items():
                expected[name] = (_NUMPY[dtype], (count, *shape))
        if self.info.kind != "audio":
            rows, changes = len(tensors["notes.start"]), len(tensors["controls.step"])
            expected.update(
                {
                    "notes.offset": ("<i8", (count + 1,)),
                    "controls.offset": ("<i8", (count + 1,)),
                    "pedal": ("u1", (count, steps, 3)),
                    "tempo": ("<f4", (count, steps)),
                    "controls.step": ("<u2", (changes,)),
                    "controls.number": ("u1", (changes,)),
                    "controls.value": ("u1", (changes,)),
                    "controls.channel": ("u1", (changes,)),
                }
            )
            for name in NOTE_COLUMNS:
                expected["notes." + name] = ("<u2" if name in ("start", "length") else "u1", (rows,))
        if self.info.kind == "paired":
            expected["segment.audio"] = ("<i4", (count,))
            expected["segment.audio_start"] = ("<i8", (count,))
            if not snapshot.steps_are_frames:
                frames = next(shape[1] for _, shape in snapshot.features.values() if len(shape) == 2)
                expected["frame.step"] = ("<u2", (count, frames))
        for name, (dtype, shape) in expected.items():
            if name not in tensors:
                raise ValueError(f"tensor '{name}' is missing")
            if tensors[name].dtype != np.dtype(dtype) or tensors[name].shape != shape:
                raise ValueError(f"tensor '{name}' is {tensors[name].dtype} {tensors[name].shape}, not {dtype} {shape}")
        if set(tensors) - set(expected):
            raise ValueError(f"tensor '{min(set(tensors) - set(expected))}' is unknown")
        if len(self.labels) != len(self.sources):
            raise ValueError(f"{len(self.labels)} entries have labels, of {len(self.sources)}")
        for name in ("segment.source", "segment.audio"):
            if name in tensors and count and not 0 <= tensors[name].min() <= tensors[name].max() < len(self.sources):
                raise ValueError(f"'{name}' names an entry outside the list")
        if self.info.kind != "audio":
            for name, total in (("notes.offset", rows), ("controls.offset", changes)):
                offset = tensors[name]
                if offset[0] != 0 or offset[-1] != total or (np.diff(offset) < 0).any():
                    raise ValueError(f"'{name}' does not divide {total} rows")
            if rows:
                ends = tensors["notes.start"].astype(np.int64) + tensors["notes.length"]
                if ends.max() > steps or tensors["notes.length"].min() < 1:
                    raise ValueError("a note is outside its segment")
                if tensors["notes.pitch"].max() > 127 or tensors["notes.program"].max() > 128:
                    raise ValueError("a note has a pitch or program that MIDI does not have")

    # Labels

    def label_numbers(self, name: str, vocabulary: list[str]) -> Array:
        """A label of every segment, as its index in the dataset's vocabulary; -1 where it is unknown or has several values."""
        if name not in self._numbers:
            places = {value: index for index, value in enumerate(vocabulary)}
            try:
                entries = [self._number(own.get(name), places) for own in self.labels]
            except KeyError as error:
                raise self._damage(f"has the {name} {error}, which the snapshot does not list") from error
            self._numbers[name] = np.array(entries, np.int64)[self.tensors["segment.source"]]
        return self._numbers[name]

    @staticmethod
    def _number(value: Union[str, list[str], None], places: dict[str, int]) -> int:
        return -1 if value is None or isinstance(value, list) else places[value]

    def has_label(self, name: str, value: str) -> Array:
        """Whether a label of every segment is a value, or has it among several."""
        entries = [
            value in own if isinstance(own := labels.get(name), list) else own == value for labels in self.labels
        ]
        return np.array(entries, bool)[self.tensors["segment.source"]]

    # Notes

    def notes(self, index: int) -> Array:
        """The notes of one segment, as a structured array of `NOTE_DTYPE`."""
        begin, end = self.tensors["notes.offset"][index : index + 2]
        notes = np.empty(end - begin, NOTE_DTYPE)
        for name in NOTE_COLUMNS:
            notes[name] = self.tensors["notes." + name][begin:end]
        return notes

    def rows(self, indices: Array, prefix: str = "notes") -> tuple[Union[Array, slice], Array]:
        """The rows of some segments' notes or controls, and which of `indices` each row belongs to."""
        offset = self.tensors[prefix + ".offset"]
        if len(indices) == 1:
            begin, end = offset[indices[0]], offset[indices[0] + 1]
            return slice(begin, end), np.zeros(end - begin, np.int64)
        first = offset[indices]
        counts = offset[indices + 1] - first
        owner = np.repeat(np.arange(len(indices)), counts)
        return np.arange(len(owner)) + (first - np.cumsum(counts) + counts)[owner], owner

    # Time

    def start_seconds(self, index: int, snapshot: Snapshot) -> float:
        """When a segment begins, in seconds from its timeline's start; of pairs in the recording."""
        if self.info.kind == "paired":
            return float(self.tensors["segment.audio_start"][index]) / float(snapshot.sample_rate or 1)
        if self.info.kind == "audio":
            return float(self.tensors["segment.start"][index]) / float(snapshot.sample_rate or 1)
        if self._seconds is None:
            self._seconds = np.array([seconds for seconds in self._walk(snapshot)])
        return float(self._seconds[index])

    def step_seconds(self, index: int, snapshot: Snapshot) -> Array:
        """How long each step of a segment lasts, in seconds."""
        grid = snapshot.grid
        if grid is None:
            raise ValueError("no notes, no steps")
        if grid.unit == "second":
            return np.full(self.steps, float(1 / grid.steps))
        tempo = self.tensors["tempo"][index].astype(np.float64)
        if grid.unit == "first_beat":
            tempo = np.full(self.steps, self.tensors["tempo"][self._firsts[index], 0], np.float64)
        return 60 / np.where(tempo > 0, tempo, 120.0) / float(grid.steps)

    @property
    def _firsts(self) -> Array:
        """The first segment of each segment's timeline; neighbours in a shard are neighbours in time."""
        if self._timelines is None:
            keys = np.stack([self.tensors["segment.source"], self.tensors["segment.timeline"]])
            begins = np.concatenate([[True], (np.diff(keys, axis=1) != 0).any(0)])[: self.count]
            self._timelines = np.maximum.accumulate(np.where(begins, np.arange(self.count), 0))
        return self._timelines

    def _walk(self, snapshot: Snapshot) -> Iterator[float]:
        grid = snapshot.grid
        starts = self.tensors["segment.start"]
        if grid is not None and grid.unit == "second":
            yield from (float(start / grid.steps) for start in starts.tolist())
            return
        position, seconds, before = 0, 0.0, np.zeros(0)
        for index, start in enumerate(starts.tolist()):
            lengths = self.step_seconds(index, snapshot)
            if self._firsts[index] == index:
                # Steps of segments that are elsewhere last as long as the first one here.
                position, seconds, before = 0, 0.0, np.full(self.steps, lengths[0])
            distance = start - position
            seconds += float(before[:distance].sum())
            seconds += max(0, distance - self.steps) * float(before[-1])
            position, before = start, lengths
            yield seconds


class Shards:
    """The shards of a split; each process opens its own when it first uses them."""

    #: How many are open at once: each map holds a file descriptor, and processes often may have 1,024.
    limit = 256

    def __init__(self, snapshot: Snapshot, split: str, verify: bool = True, verified: frozenset[str] = frozenset()):
        self.snapshot = snapshot
        self.split = split
        self._verifies = verify
        self.infos = [info for info in snapshot.shards(split) if info.segments]
        counts = [info.segments for info in self.infos]
        #: The number of each shard's first segment in the split, and the number of all.
        self.first = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)
        self._open: dict[int, Shard] = {}
        self._verified = set(verified)

    def __reduce__(self) -> Any:
        # Maps stay with their process; what was verified need not be verified again.
        return Shards, (self.snapshot, self.split, self._verifies, frozenset(self._verified))

    @property
    def count(self) -> int:
        """The segments of the split."""
        return int(self.first[-1])

    def place(self, number: int) -> tuple[int, int]:
        """The shard of a segment, and its number there."""
        shard = int(np.searchsorted(self.first, number, "right")) - 1
        return shard, number - int(self.first[shard])

    def places(self, numbers: Array) -> tuple[Array, list[tuple[int, Array]]]:
        """The number of each segment in its shard; and each shard, with where its segments stand among `numbers`."""
        place = np.searchsorted(self.first, numbers, "right") - 1
        index = numbers - self.first[place]
        if len(place) and (place == place[0]).all():
            return index, [(int(place[0]), np.arange(len(place)))]
        return index, [(each, np.flatnonzero(place == each)) for each in np.unique(place).tolist()]

    def peek(self, place: int) -> Shard:
        """A shard for the small columns that say what it holds; its bytes are not hashed."""
        shard = self._open.pop(place, None)
        if shard is None:
            info = self.infos[place]
            shard = Shard(self.snapshot.cache.object(info.object), info, self.snapshot)
            if len(self._open) >= self.limit:
                # The one that was used longest ago; its map stays as long as a view of it does.
                del self._open[next(iter(self._open))]
        self._open[place] = shard
        return shard

    def __getitem__(self, place: int) -> Shard:
        """A shard; at its first use its bytes are hashed."""
        shard = self.peek(place)
        if self._verifies and shard.info.object not in self._verified:
            shard.verify()
            self._verified.add(shard.info.object)
        return shard

    def sizes(self) -> None:
        """Checks that every shard is there, with the size that the snapshot says."""
        for info in self.infos:
            path = self.snapshot.cache.object(info.object)
            if not path.is_file():
                raise DamagedError(f"shard {info.object[:12]} is missing ({path}); {REPAIR}")
            if path.stat().st_size != info.bytes:
                raise DamagedError(
                    f"shard {info.object[:12]} has {path.stat().st_size} bytes, not the snapshot's {info.bytes} ({path}); {REPAIR}"
                )
