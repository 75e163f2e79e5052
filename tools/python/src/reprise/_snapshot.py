"""A snapshot: what a dataset was built from, and the objects that hold it (docs/formats.md, Snapshot)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any, Mapping, Optional, Union

import safetensors.numpy

from ._array import Array
from ._cache import REPAIR, Cache
from .errors import DamagedError, NotFoundError

SPLITS = ("train", "validation", "test")
KINDS = ("audio", "midi", "paired")


@dataclass(frozen=True)
class Source:
    """One entry of the manifest: a file with its labels."""

    #: Its path, relative to the manifest.
    path: str
    #: SHA-256 of its bytes, in hexadecimal.
    sha256: str
    #: ``midi`` or ``audio``.
    kind: str
    #: The id of its piece; entries of one piece share it.
    piece: str
    #: Its split; None if single segments were assigned to splits.
    split: Optional[str]
    #: Its labels that are known.
    labels: Mapping[str, Union[str, list[str]]]
    #: Its segments, in all splits together; the recording of a pair has 0.
    segments: int
    #: The gain applied to its audio in dB; None for MIDI.
    gain_db: Optional[float] = None
    #: What was read with warnings.
    warnings: tuple[str, ...] = ()
    #: The path of the other half of a pair.
    pair: Optional[str] = None
    #: When the score begins in the recording, in seconds.
    offset_seconds: float = 0.0

    @property
    def segment_kind(self) -> str:
        """What its segments hold: ``midi``, ``audio`` or ``paired``."""
        return self.kind if self.pair is None else "paired"

    @property
    def _order(self) -> tuple[str, str, bytes]:
        return (self.piece, self.sha256, canonical(self.labels))


@dataclass(frozen=True)
class ShardInfo:
    """What a snapshot says of a shard."""

    object: str
    bytes: int
    segments: int
    kind: str


@dataclass(frozen=True)
class Grid:
    """The unit of time of notes."""

    #: ``beat``: steps follow the tempo; ``second``: a clock; ``first_beat``: a clock by the first tempo of each piece.
    unit: str
    #: Steps per that unit.
    steps: Fraction


@dataclass
class Snapshot:
    """One built dataset."""

    digest: str
    cache: Cache
    document: dict[str, Any] = field(repr=False)
    _orders: dict[tuple[str, str], list[Source]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, digest: str, cache: Cache) -> Snapshot:
        """Reads a snapshot, and refuses one of another format."""
        what = f"snapshot {digest[:12]}"
        try:
            document = json.loads(cache.read(digest, what))
            version = document["format"]
            if version == 2:
                for split in SPLITS:
                    for shard in document["splits"][split]["shards"]:
                        ShardInfo(**shard)
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedError(f"{what} is not a snapshot ({error!r}); build the dataset again") from error
        if version != 2:
            raise NotFoundError(
                f"{what} has format {version}, and this version of the package reads format 2; "
                + ("build the dataset again" if version < 2 else "update the package")
            )
        return cls(digest, cache, document)

    def __reduce__(self) -> Any:
        # Another process reads it again: the name is 64 digits, and the contents may be megabytes.
        return Snapshot.read, (self.digest, self.cache)

    @property
    def dataset(self) -> str:
        """The dataset's name."""
        return str(self.document["dataset"])

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest, defaults filled in."""
        return dict(self.document["manifest"])

    @property
    def vocabularies(self) -> dict[str, list[str]]:
        """Every label's values, sorted by bytes."""
        return {name: list(values) for name, values in self.document["vocabularies"].items()}

    @property
    def features(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """The features of audio: element type and the shape of one segment's."""
        return {
            name: (value["dtype"], tuple(value["shape"]))
            for name, value in sorted(self.document["features"].items())
            if name != "rolls"
        }

    @property
    def steps(self) -> int:
        """The steps of a segment of notes; 0 without notes."""
        return int(self.document["features"].get("rolls", {}).get("steps", 0))

    @property
    def pitches(self) -> tuple[int, int]:
        """The lowest and highest pitch of rolls."""
        low, high = self.document["features"].get("rolls", {}).get("pitches", (0, 127))
        return int(low), int(high)

    @property
    def paints_drums(self) -> bool:
        """Whether drums are painted in the rolls as other notes are."""
        return bool((self.manifest.get("midi") or {}).get("drums") == "include")

    @property
    def steps_are_frames(self) -> bool:
        """Whether step t of a pair is its frame t."""
        return "frames" in ((self.manifest.get("midi") or {}).get("grid") or {})

    @property
    def sample_rate(self) -> Optional[int]:
        """Samples per second of features; None without audio."""
        rate = (self.manifest.get("audio") or {}).get("sample_rate")
        return None if rate is None else int(rate)

    @property
    def grid(self) -> Optional[Grid]:
        """The unit of time of notes; None without notes."""
        midi = self.manifest.get("midi")
        if not midi:
            return None
        grid = midi["grid"]
        if "frames" in grid:
            return Grid("second", Fraction(int(self.sample_rate or 0), int(self.manifest["audio"]["stft"]["hop"])))
        for key, unit in (
            ("steps_per_beat", "beat"),
            ("steps_per_second", "second"),
            ("steps_per_first_beat", "first_beat"),
        ):
            if key in grid:
                return Grid(unit, Fraction(str(grid[key])))
        raise DamagedError(f"snapshot {self.digest[:12]} has a grid that this package does not know: {grid}")

    def shards(self, split: str) -> list[ShardInfo]:
        """The shards of a split, in order."""
        return [ShardInfo(**shard) for shard in self.document["splits"][split]["shards"]]

    @cached_property
    def sources(self) -> list[Source]:
        """Every entry, in the order of paths."""
        found: list[Source] = []
        for table in self.document["sources"]:
            what = f"table {table['object'][:12]} of snapshot {self.digest[:12]}"
            try:
                for entry in json.loads(self.cache.read(table["object"], what)):
                    entry["warnings"] = tuple(entry["warnings"])
                    found.append(Source(**entry))
            except (ValueError, KeyError, TypeError) as error:
                raise DamagedError(f"{what} cannot be read ({error!r}); build the dataset again") from error
        return sorted(found, key=lambda source: source.path.encode())

    def several_values(self, name: str) -> Optional[Source]:
        """A source that has several values of a label; None if there is none."""
        return next((source for source in self.sources if isinstance(source.labels.get(name), list)), None)

    def segment_order(self, split: str, kind: str) -> list[Source]:
        """Entries in the order of their segments in the shards of a split and kind: by piece, source and labels."""
        if (split, kind) not in self._orders:
            chosen = [s for s in self.sources if s.segment_kind == kind and s.segments > 0 and s.split in (split, None)]
            self._orders[split, kind] = sorted(chosen, key=lambda source: source._order)
        return self._orders[split, kind]

    def statistics(self) -> dict[str, Array]:
        """The numbers that features were normalised by."""
        digest = self.document["statistics"]
        if digest is None:
            return {}
        what = f"the statistics of snapshot {self.digest[:12]}"
        try:
            return dict(safetensors.numpy.load(self.cache.read(digest, what)))
        except safetensors.SafetensorError as error:
            raise DamagedError(f"{what} cannot be read ({error}); {REPAIR}") from error


def canonical(labels: Mapping[str, Union[str, list[str]]]) -> bytes:
    """Labels as canonical JSON."""
    return json.dumps(dict(labels), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
