"""Runs that ``reprise train`` made: settings, weights, networks and evaluations (docs/formats.md, Run)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Mapping, Optional

import safetensors.numpy

from ._array import Array
from ._cache import Cache, PathLike
from ._dataset import Dataset, load
from ._snapshot import Snapshot
from ._views import Roll
from .errors import DamagedError, MissingPackageError, NotFoundError, NotInDatasetError, suggest

if TYPE_CHECKING:
    import torch

#: What the networks of paper 001 see: 57 pitches, then sustain and soft pedal.
_PIANO = {"pitches": (32, 88), "pedals": ("sustain", "soft")}
#: The recipes whose networks are here.
NETWORKS = ("composer-cnn", "genre-cnn", "mel-cnn", "velocity-cnn")


def load_run(name: str, cache: Optional[PathLike] = None) -> Run:
    """Opens a run of ``reprise train``.

    Args:
        name: the run's name, such as ``velocity-cnn-1``.
        cache: the cache's folder; by default the environment variable REPRISE_CACHE, else ``./cache``.

    Raises:
        NotFoundError: no such cache or run.
        DamagedError: its ``run.json`` cannot be read.
    """
    folder = Cache(cache).path / "runs"
    known = [entry.name for entry in folder.iterdir() if (entry / "run.json").is_file()] if folder.is_dir() else []
    if name not in known:
        raise NotFoundError(f"no run '{name}' in {folder}; {suggest(name, known)}")
    path = folder / name
    try:
        record = json.loads((path / "run.json").read_text(encoding="utf-8"))
        return Run(name, path, str(record["recipe"]), dict(record["parameters"]), str(record["snapshot"]), record)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{path / 'run.json'} is not what reprise train writes: {error}") from error


@dataclass(frozen=True)
class Run:
    """A trained system.

    Attributes:
        name: such as ``velocity-cnn-1``.
        path: its folder.
        recipe: such as ``velocity-cnn``.
        settings: every parameter's value.
        snapshot: the hash of the snapshot that it learned from.
        record: all of its ``run.json``.
    """

    name: str
    path: Path
    recipe: str
    settings: Mapping[str, Any]
    snapshot: str
    record: Mapping[str, Any] = field(repr=False)

    def dataset(self, split: str = "test") -> Dataset:
        """A split of the dataset that it learned from, as `load` gives it; of the kind that the network sees."""
        kind = None if self.recipe not in NETWORKS else "audio" if self.recipe == "mel-cnn" else "midi"
        return load(self.snapshot, split, cache=self._cache, kind=kind)

    def weights(self, objective: Optional[str] = None) -> dict[str, Array]:
        """The best weights and buffers as numpy arrays, by PyTorch's names.

        Args:
            objective: what they are best in; by default the recipe's first objective.
        """
        return safetensors.numpy.load_file(self._file(objective))

    def state_dict(self, objective: Optional[str] = None) -> dict[str, torch.Tensor]:
        """The best weights and buffers as torch tensors, for ``load_state_dict``.

        Args:
            objective: what they are best in; by default the recipe's first objective.
        """
        try:
            import safetensors.torch
        except ImportError as error:
            raise MissingPackageError("Run.state_dict needs PyTorch: pip install torch") from error
        return safetensors.torch.load_file(self._file(objective))

    def evaluation(self, split: str = "test") -> Optional[dict[str, Any]]:
        """What ``reprise evaluate`` kept for a split; None if there is nothing of the present weights."""
        try:
            found = json.loads((self.path / f"evaluation.{split}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        weights = hashlib.sha256(self._file(None).read_bytes()).hexdigest()
        return found if found["weights"] == weights else None

    @property
    def classes(self) -> list[str]:
        """The classes that logits are for, or the styles of a velocity network, in their order."""
        snapshot = self._snapshot()
        if self.recipe in ("composer-cnn", "mel-cnn"):
            return list(snapshot.vocabularies[self.settings["label"]])
        learned = {
            source.labels.get("style")
            for source in snapshot.sources
            if source.kind == "midi" and source.split in (None, "train")
        }
        return [style for style in snapshot.vocabularies.get("style", []) if style in learned]

    @property
    def views(self) -> dict[str, Any]:
        """What the network sees of a segment: arguments for `Dataset.torch` and `Dataset.batches`."""
        self._check()
        if self.recipe == "mel-cnn":
            return {"features": "mel"}
        if self.recipe == "composer-cnn":
            return {"rolls": self._composer_rolls()}
        sounding = Roll("piano", pedal_cells="states", **_PIANO)  # type: ignore[arg-type]
        if self.recipe == "genre-cnn":
            return {"rolls": {"sounding": sounding}}
        onsets = Roll("onset", pedal_cells="zeros", **_PIANO)  # type: ignore[arg-type]
        return {"rolls": {"sounding": sounding, "onsets": onsets}}

    def inputs(self, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """A batch of `views` as the arguments of the network."""
        self._check()
        if self.recipe == "mel-cnn":
            return (batch["mel"],)
        if self.recipe != "composer-cnn":
            return tuple(batch[name] for name in self.views["rolls"])
        import torch

        rolls = [batch[name] / 128 if name == "controls" else batch[name] for name in self._composer_rolls()]
        return (torch.cat(rolls, 2),)

    def network(self, objective: Optional[str] = None) -> torch.nn.Module:
        """The network with its best weights, in use (``eval``).

        For composer-cnn and mel-cnn it gives logits [N, classes], for genre-cnn the logit [N] of the second style. That
        of velocity-cnn takes a style's number too, and gives its velocities [N, steps, 59]. The numbers are those of the
        program, to float32's rounding. Of other recipes there is only `state_dict`.

        Args:
            objective: what the weights are best in; by default the recipe's first objective.

        Raises:
            NotInDatasetError: there is no network of this recipe, or of this input, here.
            MissingPackageError: PyTorch is not installed.
        """
        self._check()
        from . import _networks as networks

        settings = self.settings
        network: torch.nn.Module
        if self.recipe == "mel-cnn":
            network = networks.Mel(len(self.classes), dropout=settings["dropout"])
        elif self.recipe == "genre-cnn":
            network = networks.Genre(self._snapshot().steps, dropout=settings["dropout"])
        elif self.recipe == "composer-cnn":
            columns, classes = 128 * len(self._composer_rolls()), len(self.classes)
            if settings["depth"] == "deep":
                network = networks.DeepComposer(columns, classes, dropout=settings["dropout"])
            else:
                kind = networks.PublishedComposer
                sizes = kind.SINGLE if columns == 128 else kind.SEVERAL
                network = kind(self._snapshot().steps, columns, classes, sizes)
        else:
            styles = [self._velocity(networks) for _ in self.classes]
            network = networks.Velocities(styles, judges=len(styles) if settings["adversarial"] else 0)
        network.load_state_dict(self.state_dict(objective))
        return network.eval()

    # --- inside

    @property
    def _cache(self) -> Path:
        return self.path.parent.parent

    def _snapshot(self) -> Snapshot:
        return Snapshot.read(self.snapshot, Cache(self._cache))

    def _velocity(self, networks: Any) -> Any:
        settings = self.settings
        # Older runs have no such setting.
        if settings.get("network", "published") == "notes":
            return networks.NoteVelocity(59)
        front = 185 if settings["padding"] == "front" else 92
        inputs = 118 if settings["input"] == "both" else 59
        return networks.Velocity(59, inputs, front, settings["scale"])

    def _composer_rolls(self) -> dict[str, Roll]:
        kinds = {
            "onset": ("onsets",),
            "onset+offset": ("onsets", "offsets"),
            "rolls": ("active", "weights", "onsets", "onset_velocities", "active_velocities", "offsets"),
        }[self.settings["input"]]
        rolls = {kind: Roll(kind, pitches=(0, 127)) for kind in kinds}
        return {**rolls, "controls": Roll("controls")} if len(kinds) > 2 else rolls

    def _check(self) -> None:
        if self.recipe not in NETWORKS:
            raise NotInDatasetError(
                f"{self.name} is a run of {self.recipe}, of which there is only state_dict(); "
                f"networks: {', '.join(NETWORKS)}"
            )
        if self.settings.get("input") == "codes":
            raise NotInDatasetError(f"{self.name} sees codes of music-vae, of which there is only state_dict()")

    def _file(self, objective: Optional[str]) -> Path:
        file = self.path / ("best.safetensors" if objective is None else f"best.{objective}.safetensors")
        if not file.is_file():
            raise NotFoundError(f"{self.name} has no weights at {file}; train it further with --resume {self.name}")
        return file
