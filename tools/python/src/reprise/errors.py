"""What can go wrong. Every message says what happened, where, and what to do."""

from __future__ import annotations

import difflib
from typing import Iterable, Optional

__all__ = ["RepriseError", "NotFoundError", "NotInDatasetError", "DamagedError", "MissingPackageError", "BuildError"]


class RepriseError(Exception):
    """The base of all errors of this package."""


class NotFoundError(RepriseError, LookupError):
    """There is no such cache, dataset, split or program."""


class NotInDatasetError(RepriseError, ValueError):
    """The dataset does not hold what was asked for: a roll, a feature, a label, a longer window."""


class DamagedError(RepriseError):
    """A file of the cache is missing, or is not what the snapshot says."""


class MissingPackageError(RepriseError, ImportError):
    """A package that this call needs is not installed."""


class BuildError(RepriseError):
    """``reprise build`` failed.

    Attributes:
        status: the program's exit status; ``docs/formats.md`` lists them (64: the manifest is wrong, 11: another
            process builds, 12: the cache is damaged).
    """

    def __init__(self, message: str, status: Optional[int] = None):
        super().__init__(message)
        self.status = status


def suggest(word: str, known: Iterable[str]) -> str:
    """A hint at the end of a message: the nearest known word, or all of them."""
    known = sorted(known)
    if not known:
        return "there are none"
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return "there are " + ", ".join(known[:20]) + (", …" if len(known) > 20 else "")


def joined(hint: str, more: str) -> str:
    """A hint and what follows it."""
    return f"{hint} {more}" if hint.endswith("?") else f"{hint}; {more}"
