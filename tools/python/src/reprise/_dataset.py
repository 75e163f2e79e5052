"""A dataset's split as a sequence of segments."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Optional, Sequence, Union, overload

import numpy as np

from ._array import Array
from ._batches import Batches, SegmentSet, Windows
from ._cache import Cache, PathLike
from ._shard import Shard, Shards
from ._snapshot import KINDS, SPLITS, Snapshot, Source, canonical
from ._views import Chosen, Feature, Features, Filler, Names, Roll, Rolls, View, parse_views, unknown_label
from .errors import NotFoundError, NotInDatasetError, suggest

if TYPE_CHECKING:
    import pretty_midi

    from ._torch import TorchDataset


def load(
    name: str,
    split: str = "train",
    cache: Optional[PathLike] = None,
    *,
    kind: Optional[str] = None,
    rolls: Rolls = None,
    features: Features = None,
    root: Optional[PathLike] = None,
    verify: bool = True,
) -> Dataset:
    """Opens a split of a dataset that ``reprise build`` made.

    Args:
        name: the dataset's name, ``name@n`` for an older snapshot, or at least 6 digits of a snapshot's hash.
        split: ``train``, ``validation`` or ``test``.
        cache: the cache's folder; by default the environment variable REPRISE_CACHE, else ``./cache``.
        kind: only the segments of one kind: ``midi``, ``audio`` or ``paired``.
        rolls: what to paint of each segment's notes: names as ``"piano"``, or `Roll`; see there.
        features: the features of audio that items have; by default all.
        root: the folder of the manifest, for `Dataset.audio` to find the source files.
        verify: whether each shard's bytes are hashed at its first use in a process.

    Returns:
        A sequence of segments: ``len``, indices, slices, iteration.

    Raises:
        NotFoundError: no such cache, dataset or split.
        NotInDatasetError: no such kind, roll or feature.
        DamagedError: an object of the cache is missing or damaged.
    """
    if split not in SPLITS:
        raise NotFoundError(f"there is no split '{split}'; {suggest(split, SPLITS)}")
    if kind is not None and kind not in KINDS:
        raise NotInDatasetError(f"there is no kind '{kind}'; {suggest(kind, KINDS)}")
    opened = Cache(cache)
    snapshot = Snapshot.read(opened.resolve(name), opened)
    shards = Shards(snapshot, split, verify)
    shards.sizes()
    if kind is not None and shards.infos and not any(info.kind == kind for info in shards.infos):
        has = ", ".join(sorted({info.kind for info in shards.infos}))
        raise NotInDatasetError(f"the {split} split of '{snapshot.dataset}' has no {kind} segments, but {has}")
    dataset = Dataset(shards, kind, None, None if root is None else str(root))
    return dataset.with_views(rolls, features) if rolls is not None or features is not None else dataset


def datasets(cache: Optional[PathLike] = None) -> list[str]:
    """The names of the datasets in a cache."""
    return sorted(name for name in Cache(cache).references() if "@" not in name)


class Dataset(Sequence[dict[str, Any]]):
    """A split of a dataset: a sequence of segments, read from memory-mapped shards.

    ``ds[i]`` is a dict:

    ================= ==============================================================================================
    ``id``            ``train/12``: the segment's number in the split, as the program takes it
    ``kind``          ``midi``, ``audio`` or ``paired``
    ``path``          the source, relative to the manifest; of pairs the MIDI file
    ``piece``         the id of the musical work
    ``labels``        the labels that are known, as text: ``{"style": "jazz"}``; several values as a list
    ``label_ids``     every label of the dataset by its vocabulary: ``{"style": 1}``; -1 where it is unknown, or several
    ``start``         where it begins in its timeline, in steps (notes) or samples (audio)
    ``start_seconds`` the same in seconds; of pairs in the recording
    ``length``        its true length in steps or samples; the rest is padding
    ``notes``         a structured array: ``start``, ``length``, ``pitch``, ``velocity``, ``program``, ``voice``, ``flags``
    ``tempo``         BPM at each step
    ``mel``, …        every feature of audio
    ``piano``, …      the rolls that ``load(rolls=…)`` or `with_views` asked for
    ================= ==============================================================================================

    Features and ``tempo`` are read-only views of the mapped file: nothing is copied.
    """

    def __init__(
        self,
        shards: Shards,
        kind: Optional[str] = None,
        numbers: Optional[Array] = None,
        root: Optional[str] = None,
        views: Optional[Mapping[str, View]] = None,
    ):
        self._shards = shards
        self._kind = kind
        self._root = root
        self._chosen = numbers
        self._views = None if views is None else dict(views)
        self._fillers: dict[str, Filler] = {}
        self._entries: dict[int, list[Source]] = {}

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "_fillers": {}, "_entries": {}}
        state.pop("_numbers", None)
        return state

    @cached_property
    def _numbers(self) -> Array:
        """The segments' numbers in the split."""
        if self._chosen is not None:
            return self._chosen
        ranges = [
            np.arange(self._shards.first[place], self._shards.first[place + 1])
            for place, info in enumerate(self._shards.infos)
            if self._kind in (None, info.kind)
        ]
        return np.concatenate(ranges) if ranges else np.zeros(0, np.int64)

    # What the dataset is

    @property
    def snapshot(self) -> Snapshot:
        """The snapshot that was opened."""
        return self._shards.snapshot

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.snapshot.dataset

    @property
    def split(self) -> str:
        """The split: ``train``, ``validation`` or ``test``."""
        return self._shards.split

    @property
    def splits(self) -> dict[str, int]:
        """The number of segments in each split."""
        return {split: int(self.snapshot.document["splits"][split]["segments"]) for split in SPLITS}

    @property
    def kind(self) -> Optional[str]:
        """What the segments hold: ``midi``, ``audio`` or ``paired``; None if they are of several kinds."""
        if self._kind is not None:
            return self._kind
        kinds = {info.kind for info in self._shards.infos}
        return kinds.pop() if len(kinds) == 1 else None

    def _one_kind(self) -> str:
        kind = self.kind
        if kind is None:
            kinds = sorted({info.kind for info in self._shards.infos})
            if not kinds:
                raise NotInDatasetError(f"the {self.split} split of '{self.name}' has no segments")
            raise NotInDatasetError(
                f"the {self.split} split of '{self.name}' has {' and '.join(kinds)} segments; choose one: "
                f"reprise.load('{self.name}', kind='{kinds[0]}')"
            )
        return kind

    @property
    def vocabularies(self) -> dict[str, list[str]]:
        """Every label's values; a label's id is its place in this list."""
        return self.snapshot.vocabularies

    @property
    def statistics(self) -> dict[str, Array]:
        """What features were normalised by: ``mel.sigma``, ``mel.sigma_band``; with ``per: LABEL`` behind ``<value>/``."""
        return self.snapshot.statistics()

    @property
    def sources(self) -> list[Source]:
        """The files that this split's segments come from, in the order of paths."""
        kind = self.kind
        return [
            source
            for source in self.snapshot.sources
            if source.segments and source.split in (self.split, None) and kind in (None, source.segment_kind)
        ]

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest that the dataset was built from, defaults filled in."""
        return self.snapshot.manifest

    @property
    def features(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """The features of audio: element type and the shape of one segment's."""
        return self.snapshot.features if any(info.kind != "midi" for info in self._shards.infos) else {}

    def __repr__(self) -> str:
        snapshot, kind = self.snapshot, self.kind
        lines = [f"reprise.Dataset {self.name!r} ({self.split}, snapshot {snapshot.digest[:12]})"]
        lines.append(f"  segments: {len(self):,}" + (f", {kind}" if kind else ", of several kinds"))
        if snapshot.steps and kind != "audio":
            lines.append(f"  notes: {snapshot.steps} steps, pitches {snapshot.pitches[0]} to {snapshot.pitches[1]}")
        if kind != "midi":
            for feature, (dtype, shape) in self.features.items():
                lines.append(f"  {feature}: {dtype} {list(shape)}")
        for label, values in self.vocabularies.items():
            shown = ", ".join(values[:6]) + (f", … ({len(values)} values)" if len(values) > 6 else "")
            lines.append(f"  label {label}: {shown}")
        lines.append("  splits: " + ", ".join(f"{split} {count:,}" for split, count in self.splits.items()))
        return "\n".join(lines)

    # Items

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, key: slice) -> Dataset: ...
    def __getitem__(self, key: Union[int, slice]) -> Union[dict[str, Any], Dataset]:
        """A segment, or a part of the dataset that holds the segments of a slice."""
        if isinstance(key, slice):
            return self._with(numbers=self._numbers[key])
        number = self._number(key)
        place, index = self._shards.place(number)
        shard, snapshot = self._shards[place], self.snapshot
        tensors = shard.tensors
        source = self._source(place, index)
        item: dict[str, Any] = {
            "id": f"{self.split}/{number}",
            "kind": shard.info.kind,
            "path": source.path,
            "piece": source.piece,
            "labels": dict(shard.labels[tensors["segment.source"][index]]),
            "label_ids": {
                name: int(shard.label_numbers(name, vocabulary)[index])
                for name, vocabulary in self._vocabularies.items()
            },
            "start": int(tensors["segment.start"][index]),
            "start_seconds": shard.start_seconds(index, snapshot),
            "length": int(tensors["segment.length"][index]),
        }
        if shard.info.kind != "audio":
            item["notes"] = shard.notes(index)
            item["tempo"] = _frozen(tensors["tempo"][index])
        rolls: dict[str, View] = {}
        for name, view in self._shown(shard.info.kind).items():
            if isinstance(view, Feature):
                feature = shard.features[view.name][index]
                item[name] = _frozen(feature if view.frames is None else feature[..., : view.frames])
            else:
                rolls[name] = view
        if rolls:
            filler = self._filler(shard.info.kind, rolls)
            item.update({name: roll[0] for name, roll in filler.fill(Chosen.plain(np.array([number]))).items()})
        return item

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for index in range(len(self)):
            yield self[index]

    def select(self, indices: Sequence[int]) -> Dataset:
        """A part of the dataset: the segments with these indices, in this order."""
        return self._with(numbers=np.array([self._number(index) for index in indices], np.int64))

    def where(self, **labels: str) -> Dataset:
        """A part of the dataset: the segments whose labels have these values, as in ``ds.where(style="jazz")``.

        A segment with several values of a label is found by each.
        """
        return self._with(numbers=self._numbers[self._has_labels(labels, self._numbers)])

    def label_ids(self, name: str) -> Array:
        """A label of every segment by the dataset's vocabulary, int64; -1 where it is unknown, or has several values."""
        self._vocabulary(name)
        return self._label_numbers(name, self._numbers)

    def with_views(self, rolls: Rolls = None, features: Features = None) -> Dataset:
        """The same segments; items have these rolls (uint8, unless a `Roll` says float32) and features."""
        wanted = parse_views(rolls, features)
        views = dict(wanted)
        if features is None:
            views.update({name: Feature(name) for name in self.features if name not in views})
        kinds = {self.kind} if self.kind else {info.kind for info in self._shards.infos}
        for name, view in wanted.items():
            # A view that some of the segments can show is a view of those.
            able = kinds - ({"audio"} if isinstance(view, Roll) else {"midi"})
            for kind in sorted(able or kinds, key=str):
                Filler(self._shards, str(kind), {name: view})
        return self._with(views=views)

    # Training

    def batches(
        self,
        batch_size: int,
        *,
        seed: int = 0,
        epoch: int = 0,
        start: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        rolls: Rolls = None,
        features: Features = None,
        label: Names = None,
        columns: Names = None,
        windows: Windows = None,
        sets: Optional[Sequence[SegmentSet]] = None,
        balance: Optional[str] = None,
        share: str = "largest",
        transpose: tuple[int, int] = (0, 0),
        stretch: tuple[float, float] = (1.0, 1.0),
    ) -> Batches:
        """Batches of numpy arrays in a reproducible order: the same bytes as the Swift loader's.

        Args:
            batch_size: examples in a batch.
            seed: the seed of order and augmentation.
            epoch: the epoch to begin with.
            start: the examples of that epoch to skip; with `epoch`, the two numbers of a saved state.
            shuffle: whether each epoch has an order of its own; else the dataset's.
            drop_last: whether an epoch's last batch is left out when it is not full.
            rolls: names as ``"piano"``, `Roll`, a list of them, or a dict by name; float32 unless a `Roll` says uint8.
            features: names as ``"mel"``, `Feature`, a list of them, or a dict by name.
            label: a label, or several, as indices into `vocabularies`.
            columns: ``number``, ``start``, ``length``, ``frame_steps``.
            windows: shorter windows out of segments of notes: steps, or (steps, hop).
            sets: two (or more) sets of segments side by side: label values as ``{"style": "jazz"}``, or the numbers
                of segments in the split.
            balance: a label whose values get equal shares of an epoch.
            share: as many examples as the most frequent value has (``largest``), or the rarest (``smallest``).
            transpose: the range of semitones that each example is transposed by.
            stretch: the range of factors of time.
        """
        return Batches(
            self,
            batch_size,
            seed=seed,
            epoch=epoch,
            start=start,
            shuffle=shuffle,
            drop_last=drop_last,
            rolls=rolls,
            features=features,
            label=label,
            columns=columns,
            windows=windows,
            sets=sets,
            balance=balance,
            share=share,
            transpose=transpose,
            stretch=stretch,
        )

    def torch(
        self,
        *,
        rolls: Rolls = None,
        features: Features = None,
        label: Names = None,
        columns: Names = None,
        windows: Windows = None,
        as_tuple: bool = False,
    ) -> TorchDataset:
        """The dataset for PyTorch: a ``torch.utils.data.Dataset`` of dicts of tensors, for any DataLoader.

        Args:
            rolls: as for `batches`.
            features: as for `batches`.
            label: as for `batches`.
            columns: as for `batches`.
            windows: as for `batches`; each window is an item.
            as_tuple: items are tuples, in the order features, rolls, label, columns.
        """
        from ._torch import TorchDataset

        return TorchDataset(self, rolls, features, label, columns, windows, as_tuple)

    def to_huggingface(self, *, rolls: Rolls = None, features: Features = None, label: Names = None) -> Any:
        """The dataset as a ``datasets.Dataset`` of Hugging Face, copied to its own Arrow file.

        Args:
            rolls: names or `Roll`; uint8 unless a `Roll` says float32.
            features: names or `Feature`.
            label: labels, each a ``ClassLabel`` with the dataset's vocabulary.
        """
        from ._huggingface import to_huggingface

        return to_huggingface(self, rolls, features, label)

    # Music

    def to_symusic(self, index: int, *, pedals: bool = True) -> Any:
        """A segment's notes as a ``symusic.Score``, with programs, drums, velocities, tempo and control changes.

        Times are exact: a step is a whole number of ticks. Each voice of a program is a track.
        """
        from ._music import to_symusic

        return to_symusic(self, index, pedals)

    def to_pretty_midi(self, index: int, *, pedals: bool = True) -> pretty_midi.PrettyMIDI:
        """A segment's notes as a ``pretty_midi.PrettyMIDI``, with programs, drums, velocities and control changes."""
        from ._music import to_pretty_midi

        return to_pretty_midi(self, index, pedals)

    def audio(self, index: int, root: Optional[PathLike] = None) -> tuple[Array, int]:
        """A segment's samples and their rate, without padding.

        From the dataset's ``waveform`` if it has one (float32, with the dataset's gain and rate); else from the source
        file, which needs ``soundfile``: float32 [samples], the mean of its channels at its own rate, without gain.

        Args:
            index: the segment.
            root: the manifest's folder; by default that of ``load(root=…)``, else the current folder.
        """
        from ._music import audio

        return audio(self, index, root if root is not None else self._root)

    # Parts

    def _with(self, **changes: Any) -> Dataset:
        parts = {"numbers": self._chosen, "views": self._views, **changes}
        return Dataset(self._shards, self._kind, parts["numbers"], self._root, parts["views"])

    def _number(self, index: int) -> int:
        count = len(self._numbers)
        try:
            place = index.__index__()
        except AttributeError:
            raise TypeError(f"a segment's index is an int or a slice, not {type(index).__name__}") from None
        if not -count <= place < count:
            raise IndexError(f"segment {place} of {count} in the {self.split} split of '{self.name}'")
        return int(self._numbers[place])

    def _shown(self, kind: str) -> dict[str, View]:
        if self._views is None:
            return {} if kind == "midi" else {name: Feature(name) for name in self._feature_names}
        return {
            name: view for name, view in self._views.items() if kind != ("audio" if isinstance(view, Roll) else "midi")
        }

    def _filler(self, kind: str, views: dict[str, View]) -> Filler:
        if kind not in self._fillers:
            self._fillers[kind] = Filler(self._shards, kind, views)
        return self._fillers[kind]

    @cached_property
    def _feature_names(self) -> list[str]:
        return list(self.snapshot.features)

    @cached_property
    def _vocabularies(self) -> dict[str, list[str]]:
        return self.snapshot.vocabularies

    def _vocabulary(self, name: str) -> list[str]:
        if name not in self._vocabularies:
            raise unknown_label(self.snapshot, name)
        return self._vocabularies[name]

    def _places(self, numbers: Array) -> Iterator[tuple[Shard, Array, Array]]:
        """The shards of segments, with the places among `numbers` and the indices in the shard."""
        index, places = self._shards.places(numbers)
        for place, rows in places:
            yield self._shards.peek(place), rows, index[rows]

    def _peek_column(self, column: str, numbers: Array) -> Array:
        out = np.zeros(len(numbers), np.int64)
        for shard, rows, indices in self._places(numbers):
            out[rows] = shard.tensors[column][indices]
        return out

    def _label_numbers(self, name: str, numbers: Array) -> Array:
        out = np.zeros(len(numbers), np.int64)
        for shard, rows, indices in self._places(numbers):
            out[rows] = shard.label_numbers(name, self._vocabulary(name))[indices]
        return out

    def _has_labels(self, labels: Mapping[str, str], numbers: Array) -> Array:
        """Which segments have all of these values."""
        for name, value in labels.items():
            vocabulary = self._vocabulary(name)
            if value not in vocabulary:
                raise NotInDatasetError(f"no '{name}' of '{self.name}' is '{value}'; {suggest(value, vocabulary)}")
        out = np.ones(len(numbers), bool)
        for shard, rows, indices in self._places(numbers) if labels else ():
            for name, value in labels.items():
                out[rows] &= shard.has_label(name, value)[indices]
        return out

    def _source(self, place: int, index: int) -> Source:
        """The entry that a segment comes from."""
        if place not in self._entries:
            self._entries[place] = self._shard_sources(place)
        return self._entries[place][index]

    def _shard_sources(self, place: int) -> list[Source]:
        """The entry of each segment of a shard."""
        shard, snapshot = self._shards.peek(place), self.snapshot
        ordered = snapshot.segment_order(self.split, shard.info.kind)
        if all(source.split is not None for source in ordered):
            before = sum(info.segments for info in self._shards.infos[:place] if info.kind == shard.info.kind)
            ends = np.cumsum([source.segments for source in ordered])
            first = np.searchsorted(ends, before + np.arange(shard.count), "right")
            return [ordered[number] for number in first.tolist()]
        # Single segments were assigned to splits: entries by their bytes and labels.
        waiting: dict[tuple[str, bytes], list[Source]] = {}
        for source in ordered:
            waiting.setdefault((source.sha256, canonical(source.labels)), []).append(source)
        entries = []
        for sha, labels in zip(shard.sources, shard.labels):
            same = waiting.get((sha, canonical(labels)))
            entries.append(None if same is None else same.pop(0) if len(same) > 1 else same[0])
        found = [entries[number] for number in shard.tensors["segment.source"].tolist()]
        if None in found:
            raise shard._damage("has a source that the snapshot does not list")
        return found  # type: ignore[return-value]


def _frozen(array: Array) -> Array:
    """A view that cannot be written."""
    array = array.view()
    array.flags.writeable = False
    return array
