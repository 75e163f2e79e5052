"""The cache's folder: references to snapshots, and objects by their SHA-256 (docs/formats.md, Cache)."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Optional, Union

from .errors import DamagedError, NotFoundError, suggest

PathLike = Union[str, "os.PathLike[str]"]
_DIGITS = re.compile(r"[0-9a-f]{6,64}")
REPAIR = "repair the cache with `reprise verify --repair`, or build the dataset again"


class Cache:
    """A cache that ``reprise build`` wrote; it is only read."""

    def __init__(self, path: Optional[PathLike] = None):
        """Opens a cache: `path`, else the environment variable REPRISE_CACHE, else ``./cache``."""
        if path is None:
            path = os.environ.get("REPRISE_CACHE") or "cache"
        self.path = Path(path).absolute()
        if not (self.path / "objects").is_dir():
            raise NotFoundError(
                f"there is no cache of Reprise at {self.path}; build a dataset first (`reprise build MANIFEST`), "
                "or name the cache with cache=… or REPRISE_CACHE"
            )

    def references(self) -> dict[str, str]:
        """The hash of each dataset's newest snapshot, and of older ones as ``name@n``."""
        found = {}
        folder = self.path / "refs"
        for file in sorted(folder.iterdir()) if folder.is_dir() else []:
            digest = file.read_text(encoding="ascii", errors="replace").strip() if file.is_file() else ""
            if re.fullmatch(r"[0-9a-f]{64}", digest):
                found[file.name] = digest
        return found

    def resolve(self, name: str) -> str:
        """The hash of a snapshot by a dataset's name, ``name@n``, or at least 6 digits of the hash."""
        references = self.references()
        if name in references:
            return references[name]
        if _DIGITS.fullmatch(name):
            if len(name) == 64 and self.object(name).is_file():
                return name
            matches = {digest for digest in references.values() if digest.startswith(name)}
            if len(matches) == 1:
                return matches.pop()
        names = [known for known in references if "@" not in known]
        base = name.partition("@")[0]
        if base in names:
            older = sorted(known for known in references if known.startswith(base + "@"))
            hint = f"it has {', '.join([base, *older])}"
        else:
            hint = suggest(name, names) if names else "it holds none yet; build one first"
        raise NotFoundError(f"no dataset '{name}' in the cache at {self.path}; {hint}")

    def object(self, digest: str) -> Path:
        """Where an object lies."""
        return self.path / "objects" / digest[:2] / digest[2:]

    def read(self, digest: str, what: str) -> bytes:
        """An object's bytes, checked against its name."""
        try:
            data = self.object(digest).read_bytes()
        except OSError as error:
            reason = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
            raise DamagedError(f"{what} {reason} at {self.object(digest)}; {REPAIR}") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise DamagedError(f"{what} is damaged: the bytes at {self.object(digest)} have another hash; {REPAIR}")
        return data
