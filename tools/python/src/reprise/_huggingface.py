"""A dataset as one of the library ``datasets``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator

from ._views import Chosen, Features, Filler, Names, Rolls, parse_views
from .errors import MissingPackageError

if TYPE_CHECKING:
    from ._dataset import Dataset

#: Segments that are painted together.
_AT_ONCE = 64


def to_huggingface(dataset: Dataset, rolls: Rolls, features: Features, label: Names) -> Any:
    """See `Dataset.to_huggingface`."""
    try:
        import datasets
    except ImportError as error:
        raise MissingPackageError("Dataset.to_huggingface needs datasets: pip install datasets") from error
    views = parse_views(rolls, features, label)
    columns: dict[str, Any] = {"id": datasets.Value("string"), "path": datasets.Value("string")}
    if views:
        filler = Filler(dataset._shards, dataset._one_kind(), views)
        sample = filler.fill(Chosen.plain(dataset._numbers[:1])) if len(dataset) else {}
        for name, array in sample.items():
            view = views[name]
            if array.ndim == 1:
                columns[name] = datasets.ClassLabel(names=dataset.vocabularies[getattr(view, "name")])
            elif array.ndim == 2:
                columns[name] = datasets.Sequence(datasets.Value(str(array.dtype)), length=array.shape[1])
            else:
                columns[name] = datasets.Array2D(array.shape[1:], str(array.dtype))

    def rows() -> Iterator[dict[str, Any]]:
        for begin in range(0, len(dataset), _AT_ONCE):
            numbers = dataset._numbers[begin : begin + _AT_ONCE]
            arrays = filler.fill(Chosen.plain(numbers)) if views else {}
            for row, number in enumerate(numbers.tolist()):
                source = dataset._source(*dataset._shards.place(number))
                values = {name: int(array[row]) if array.ndim == 1 else array[row] for name, array in arrays.items()}
                yield {"id": f"{dataset.split}/{number}", "path": source.path, **values}

    return datasets.Dataset.from_generator(rows, features=datasets.Features(columns))
