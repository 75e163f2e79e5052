"""A dataset for PyTorch; the only module that imports torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence, Union

import numpy as np

from ._batches import Windows, items_of, parse_windows
from ._views import Chosen, Feature, Features, Filler, Names, Rolls, parse_views
from .errors import MissingPackageError, NotInDatasetError

try:
    import torch
    import torch.utils.data
except ImportError as error:
    raise MissingPackageError("Dataset.torch needs PyTorch: pip install torch") from error

if TYPE_CHECKING:
    from ._dataset import Dataset

Item = Union[dict[str, torch.Tensor], tuple[torch.Tensor, ...], torch.Tensor]


class TorchDataset(torch.utils.data.Dataset[Item]):
    """Segments, or windows of them, as tensors: a map-style dataset.

    Each process opens its own maps when it first needs them, so a worker gets the path of the cache and little more.
    A DataLoader fetches a whole batch at once (``__getitems__``), so its rolls are painted together.
    """

    def __init__(
        self,
        dataset: Dataset,
        rolls: Rolls = None,
        features: Features = None,
        label: Names = None,
        columns: Names = None,
        windows: Windows = None,
        as_tuple: bool = False,
    ):
        views = parse_views(rolls, features, label, columns, dtype="float32")
        if not views:
            raise NotInDatasetError("items of nothing; name rolls, features, a label or columns")
        for name, view in views.items():
            if isinstance(view, Feature) and view.random:
                raise NotInDatasetError(
                    f"view '{name}': a random window needs an epoch; use Dataset.batches, or crop in the transform"
                )
        size = parse_windows(windows)
        self.dataset = dataset
        self._filler = Filler(dataset._shards, dataset._one_kind(), views, size[0] if size else None)
        self._hop = size[1] if size else 0
        self._items = items_of(dataset, dataset._numbers, size)
        self._as_tuple = as_tuple

    def __len__(self) -> int:
        return self._items.count

    def __getitem__(self, index: int) -> Any:
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"item {index} of {count}")
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Several items at once."""
        numbers = np.asarray(indices, np.int64)
        numbers = np.where(numbers < 0, numbers + len(self), numbers)
        segments, windows = self._items[numbers]
        arrays = self._filler.fill(Chosen.plain(segments, windows * self._hop))
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        if self._as_tuple:
            return list(zip(*(tensor.unbind(0) for tensor in tensors.values())))
        columns = {name: tensor.unbind(0) for name, tensor in tensors.items()}
        return [{name: column[row] for name, column in columns.items()} for row in range(len(indices))]

    def __repr__(self) -> str:
        return f"reprise.TorchDataset of {self.dataset.name!r} ({self.dataset.split}): {len(self)} items of {', '.join(self._filler.views)}"
