"""Batches in the order of the Swift loader: a function of seed, epoch and position (docs/formats.md).

`ItemSelection.swift`, `BatchRing.swift` (its cursor) and `BatchFiller.swift` do the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Optional, Sequence, Union

import numpy as np

from ._array import Array
from ._order import ItemList, ItemOrder, below, hash_words, unit
from ._views import Chosen, Features, Filler, Names, Rolls, parse_views, refuse_several
from .errors import NotInDatasetError

if TYPE_CHECKING:
    from ._dataset import Dataset

#: The steps of windows, or (steps, hop).
Windows = Union[None, int, tuple[int, int]]
#: Labels with their values, or numbers of segments; None: all.
SegmentSet = Union[None, Mapping[str, str], Sequence[int]]


@dataclass(frozen=True)
class State:
    """A place in the order: the epoch, from 0, and the examples of it that were given."""

    epoch: int = 0
    position: int = 0


class Batch(dict):  # type: ignore[type-arg]
    """The arrays of a batch by the names of its views.

    Attributes:
        epoch: the batch's epoch.
        position: the examples of the epoch before it.
        after: the state after it, to be saved with what was learned from it.
    """

    epoch: int = 0
    position: int = 0
    after: dict[str, int]


def parse_windows(windows: Any) -> Optional[tuple[int, int]]:
    """A window's steps and the distance between two of them."""
    if windows is None:
        return None
    steps, hop = (windows, windows) if isinstance(windows, (int, np.integer)) else windows
    if steps < 1 or hop < 1:
        raise NotInDatasetError(f"windows of {steps} steps, {hop} apart; both are at least 1")
    return int(steps), int(hop)


def items_of(dataset: Dataset, segments: Array, windows: Optional[tuple[int, int]]) -> ItemList:
    """The examples of some segments: windows that do not lie in padding alone, none longer than a segment."""
    counts = np.ones(len(segments), np.int64)
    if windows is not None and dataset.kind != "audio":
        length = np.maximum(1, dataset._peek_column("segment.length", segments))
        counts = np.minimum((dataset.snapshot.steps - windows[0]) // windows[1], (length - 1) // windows[1]) + 1
    return ItemList(segments, counts)


class Batches:
    """Batches of a dataset, shuffled without a stored order.

    A loop gives the rest of the current epoch; the next loop gives the next epoch. The state is two numbers, so a
    run resumes in the middle of an epoch with the very next batch::

        batches = dataset.batches(64, seed=1, rolls="piano", label="style")
        for epoch in range(10):
            for batch in batches:
                step(batch["piano"], batch["style"])
                save(batches.state_dict())

    It is also a map-style dataset of whole batches for PyTorch, in the same order with any number of workers::

        loader = torch.utils.data.DataLoader(batches, batch_size=None, sampler=batches.sampler(), num_workers=4)

    With two sets each batch is a tuple of two, example by example one of each.
    """

    def __init__(
        self,
        dataset: Dataset,
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
    ):
        if batch_size < 1:
            raise NotInDatasetError(f"batches of {batch_size}; at least 1")
        if transpose[0] > transpose[1] or not 0 < stretch[0] <= stretch[1]:
            raise NotInDatasetError(
                f"transpose={transpose} and stretch={stretch} are ranges (low, high), and factors of time are above 0"
            )
        if share not in ("largest", "smallest"):
            raise NotInDatasetError(f"share is 'largest' or 'smallest', not '{share}'")
        views = parse_views(rolls, features, label, columns, dtype="float32")
        if not views:
            raise NotInDatasetError("a batch of nothing; name rolls, features, a label or columns")
        self._dataset = dataset
        self._seed = int(seed)
        self._transpose, self._stretch = transpose, stretch
        self._windows = parse_windows(windows)
        changes = tuple(transpose) != (0, 0) or tuple(stretch) != (1.0, 1.0)
        kind = dataset._one_kind()
        self._filler = Filler(dataset._shards, kind, views, self._windows[0] if self._windows else None, changes)
        if len(dataset) == 0:
            raise NotInDatasetError(f"the {dataset.split} split of '{dataset.name}' has no {kind} segments")
        sets = [None] if sets is None else list(sets)
        self._orders = [
            ItemOrder(self._groups(each, balance), balance and share, hash_words(self._seed, number), shuffle)
            for number, each in enumerate(sets)
        ]
        #: Examples in a batch.
        self.batch_size = int(batch_size)
        #: Whether an epoch's last batch is left out when it is not full.
        self.drop_last = drop_last
        #: The examples of an epoch: those of the longest set.
        self.examples = max(order.count for order in self._orders)
        if drop_last and self.examples < batch_size:
            raise NotInDatasetError(
                f"an epoch of {self.examples} has no whole batch of {batch_size}; keep the last, or take smaller ones"
            )
        self._state = State()
        self.load_state_dict({"epoch": epoch, "position": start})

    # Examples

    def _groups(self, chosen: SegmentSet, balance: Optional[str]) -> list[ItemList]:
        dataset = self._dataset
        labels: dict[str, str] = {}
        segments = dataset._numbers
        if isinstance(chosen, Mapping):
            labels = dict(chosen)
        elif chosen is not None:
            segments = np.asarray(chosen, np.int64)
            outside = segments[~np.isin(segments, dataset._numbers)]
            if len(outside):
                raise NotInDatasetError(f"the {dataset.split} split has no {dataset._one_kind()} segment {outside[0]}")
        segments = segments[dataset._has_labels(labels, segments)]
        if balance is None:
            groups = [segments]
        else:
            vocabulary = dataset._vocabulary(balance)
            refuse_several(dataset.snapshot, balance)
            numbers = dataset._label_numbers(balance, segments)
            groups = [segments[numbers == value] for value in range(len(vocabulary))]
        lists = [items_of(dataset, group, self._windows) for group in groups if len(group)]
        if not lists:
            which = "".join(f" with {name} = {value}" for name, value in sorted(labels.items()))
            raise NotInDatasetError(
                f"the {dataset.split} split of '{dataset.name}' has no {dataset._one_kind()} segments{which}"
            )
        return lists

    def __len__(self) -> int:
        """The batches of a whole epoch."""
        return self._count(self.examples)

    def _count(self, examples: int) -> int:
        """The batches of so many examples."""
        return examples // self.batch_size if self.drop_last else -(-examples // self.batch_size)

    # State

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self._state.epoch

    def set_epoch(self, epoch: int) -> None:
        """Goes to the start of an epoch."""
        self.load_state_dict({"epoch": epoch, "position": 0})

    def state_dict(self) -> dict[str, int]:
        """The place of the next batch; JSON of it is also the Swift loader's state."""
        return {"epoch": self._state.epoch, "position": self._state.position}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Goes to a place that `state_dict`, or the `after` of a batch, said."""
        epoch, position = int(state["epoch"]), int(state["position"])
        if epoch < 0 or not 0 <= position <= self.examples:
            raise NotInDatasetError(f"epoch {epoch}, position {position} is outside an epoch of {self.examples}")
        self._state = self._settled(epoch, position)

    def _settled(self, epoch: int, position: int) -> State:
        """Leaves an epoch that has no batch left."""
        left = self.examples - position
        if left == 0 or (self.drop_last and left < self.batch_size):
            return State(epoch + 1, 0)
        return State(epoch, position)

    def _after(self, epoch: int, position: int) -> State:
        """The place behind a batch."""
        return self._settled(epoch, min(position + self.batch_size, self.examples))

    # Batches

    def __iter__(self) -> Iterator[Any]:
        epoch = self._state.epoch
        while self._state.epoch == epoch:
            state = self._state
            batch = self.at(state.epoch, state.position)
            self._state = self._after(state.epoch, state.position)
            yield batch

    def __getitem__(self, key: Union[int, tuple[int, int]]) -> Any:
        """A batch by its number in the current epoch, or by (epoch, position) as `sampler` gives them."""
        if isinstance(key, tuple):
            return self.at(*key)
        count = len(self)
        if not -count <= key < count:
            raise IndexError(f"batch {key} of {count}")
        return self.at(self._state.epoch, (key % count) * self.batch_size)

    def sampler(self) -> Sampler:
        """The places of batches for PyTorch's DataLoader: from the state to the end of its epoch, then the next epochs.

        With it, workers may persist over epochs. What the DataLoader fetches ahead moves the state too, so save the
        `after` of the last batch that was used.
        """
        return Sampler(self)

    def at(self, epoch: int, position: int) -> Any:
        """The batch at a place in the order."""
        if epoch < 0 or not 0 <= position < self.examples:
            raise IndexError(f"epoch {epoch}, position {position} is outside an epoch of {self.examples}")
        after = self._after(epoch, position)
        positions = np.arange(position, min(position + self.batch_size, self.examples))
        found = []
        for number, order in enumerate(self._orders):
            segments, windows = order.items(epoch * self.examples + positions)
            draw = hash_words(self._seed, epoch, positions, number, 1)
            batch = Batch(self._filler.fill(self._changed(segments, windows, draw)))
            batch.epoch, batch.position = epoch, position
            batch.after = {"epoch": after.epoch, "position": after.position}
            found.append(batch)
        return found[0] if len(found) == 1 else tuple(found)

    def _changed(self, segments: Array, windows: Array, draw: Array) -> Chosen:
        chosen = Chosen.plain(segments, windows * (self._windows[1] if self._windows else 0))
        if self._filler.kind == "audio":
            chosen.place = unit(hash_words(draw, 2))
            return chosen
        low, high = self._transpose
        chosen.transposition = low + below(high - low + 1, hash_words(draw, 3))
        slow, fast = self._stretch
        if slow < fast:
            # libm's pow, as in Swift; numpy's own may differ in the last bit.
            powers = [math.pow(fast / slow, value) for value in unit(hash_words(draw, 4)).tolist()]
            chosen.stretch = slow * np.array(powers)
        else:
            chosen.stretch = np.full(len(segments), float(slow))
        return chosen

    def __repr__(self) -> str:
        views = ", ".join(self._filler.views)
        return (
            f"reprise.Batches of {self._dataset.name!r} ({self._dataset.split}): {len(self)} batches of {self.batch_size} "
            f"per epoch, {self.examples} examples; {views}; at epoch {self._state.epoch}, position {self._state.position}"
        )


class Sampler:
    """The places of batches, epoch after epoch; see `Batches.sampler`."""

    def __init__(self, batches: Batches):
        self._batches = batches

    def __iter__(self) -> Iterator[tuple[int, int]]:
        batches = self._batches
        epoch = batches._state.epoch
        while batches._state.epoch == epoch:
            state = batches._state
            batches._state = batches._after(state.epoch, state.position)
            yield (state.epoch, state.position)

    def __len__(self) -> int:
        """The batches that are left of the epoch."""
        return self._batches._count(self._batches.examples - self._batches._state.position)
