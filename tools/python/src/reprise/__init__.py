"""Reads the music datasets that Reprise builds.

    import reprise

    ds = reprise.load("genre", split="train", rolls=["piano"])
    ds[0]["piano"], ds[0]["labels"]["style"]

`load` opens a dataset as a sequence of segments; `Dataset.torch` and `Dataset.batches` feed training; `load_run` opens
what was trained; `build` runs the program ``reprise``.
"""

from ._batches import Batch, Batches
from ._build import BuildResult, build
from ._dataset import Dataset, datasets, load
from ._rolls import BEGINS, ENDS, LENGTHENED
from ._runs import Run, load_run
from ._snapshot import Source
from ._version import __version__
from ._views import Column, Feature, Label, Roll
from .errors import (
    BuildError,
    DamagedError,
    MissingPackageError,
    NotFoundError,
    NotInDatasetError,
    RepriseError,
)

__all__ = [
    "BEGINS",
    "ENDS",
    "LENGTHENED",
    "Batch",
    "Batches",
    "BuildError",
    "BuildResult",
    "Column",
    "DamagedError",
    "Dataset",
    "Feature",
    "Label",
    "MissingPackageError",
    "NotFoundError",
    "NotInDatasetError",
    "RepriseError",
    "Roll",
    "Run",
    "Source",
    "__version__",
    "build",
    "datasets",
    "load",
    "load_run",
]
