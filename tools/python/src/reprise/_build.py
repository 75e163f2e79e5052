"""Runs the program ``reprise``."""

from __future__ import annotations

import codecs
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, TextIO

from ._cache import PathLike
from ._dataset import Dataset, load
from .errors import BuildError, NotFoundError

#: The exit status of a build that left out sources.
_QUARANTINED = 3


@dataclass(frozen=True)
class BuildResult:
    """What a build did."""

    #: The dataset's name.
    dataset: str
    #: The snapshot's hash.
    snapshot: str
    #: Counts of files: ``found``, ``ok``, ``quarantined``, ``unchanged``, ``excluded``, ``warned``.
    sources: dict[str, int]
    #: Segments of each split.
    segments: dict[str, int]
    #: Actions that were ``run``, and those that were cached (``hit``).
    actions: dict[str, int]
    #: Shards ``written`` and ``reused``.
    shards: dict[str, int]
    #: How long it took.
    seconds: float
    #: The files that could not be used: ``path``, ``code``, ``offset``, ``reason``.
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    #: What was read with warnings.
    warnings: list[str] = field(default_factory=list)
    #: The cache that holds the dataset.
    cache: Optional[str] = None

    def load(self, split: str = "train", **options: Any) -> Dataset:
        """Opens a split of the snapshot that was built; `options` as for `reprise.load`."""
        return load(self.snapshot, split, self.cache, **options)

    def __repr__(self) -> str:
        segments = ", ".join(f"{split} {count:,}" for split, count in self.segments.items())
        return (
            f"reprise.BuildResult {self.dataset!r} (snapshot {self.snapshot[:12]})\n"
            f"  sources: {self.sources.get('ok', 0):,} of {self.sources.get('found', 0):,}, {len(self.quarantine)} quarantined\n"
            f"  segments: {segments}\n"
            f"  actions: {self.actions.get('run', 0):,} run, {self.actions.get('hit', 0):,} cached, in {self.seconds:.1f} s"
        )


def find_program(program: Optional[PathLike] = None) -> str:
    """The program ``reprise``: the argument, else REPRISE_PROGRAM, else on the PATH, else in a checkout around."""
    named = os.fspath(program) if program is not None else os.environ.get("REPRISE_PROGRAM")
    if named:
        found = shutil.which(named)
        if found is None:
            raise NotFoundError(f"there is no program at {named}; tools/quickstart builds it as .build/release/reprise")
        return found
    found = shutil.which("reprise")
    if found is None:
        for folder in [Path.cwd(), *Path.cwd().parents, *Path(__file__).resolve().parents]:
            built = folder / ".build" / "release" / "reprise"
            if built.is_file() and os.access(built, os.X_OK):
                return str(built)
        raise NotFoundError(
            "there is no program `reprise` on the PATH; build it with tools/quickstart, or name it with program=… or "
            "REPRISE_PROGRAM"
        )
    return found


def build(
    manifest: PathLike,
    cache: Optional[PathLike] = None,
    *,
    jobs: Optional[int] = None,
    progress: bool = True,
    program: Optional[PathLike] = None,
    stream: Optional[TextIO] = None,
) -> BuildResult:
    """Builds a dataset by its manifest, or brings it up to date: ``reprise build MANIFEST``.

    Args:
        manifest: the YAML file.
        cache: the cache's folder; by default REPRISE_CACHE, else ``./cache``.
        jobs: worker threads; by default one per core.
        progress: whether the program's progress is shown.
        program: the program; by default REPRISE_PROGRAM, else ``reprise`` on the PATH.
        stream: where progress is shown; by default ``sys.stderr``.

    Returns:
        What was done; sources that were quarantined are in its ``quarantine``.

    Raises:
        BuildError: the program failed; the message is the program's.
        NotFoundError: there is no program.
    """
    command = [find_program(program), "build", os.fspath(manifest), "--json"]
    if cache is not None:
        command += ["--cache", os.fspath(cache)]
    if jobs is not None:
        command += ["--jobs", str(jobs)]
    shown = (stream or sys.stderr) if progress else None
    # A file, since the result may be longer than a pipe holds while progress is read.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as result:
        status, said = _run(command, result, shown)
        result.seek(0)
        output = result.read()
    if status not in (0, _QUARANTINED):
        errors = [line for line in said if line.startswith(("error:", "Error:"))]
        message = "\n".join(errors or said[-5:]) or f"it ended with status {status}"
        raise BuildError(f"reprise build {os.fspath(manifest)}: {message}", status)
    try:
        return _result(json.loads(output), cache)
    except (ValueError, KeyError, TypeError) as error:
        raise BuildError(
            f"the program {command[0]} gave no result that this package reads ({error!r})", status
        ) from error


def _run(command: list[str], output: TextIO, shown: Optional[TextIO]) -> tuple[int, list[str]]:
    """Runs a program; gives its status, and the lines that it wrote on stderr.

    Where progress is shown on a terminal, the program writes to a terminal too, so that it draws a bar.
    """
    reading, writing = _terminal(shown) or os.pipe()
    said, decoder = "", codecs.getincrementaldecoder("utf-8")("replace")
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=writing)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    try:
        while True:
            try:
                data = os.read(reading, 65536)
            except OSError:
                # A terminal whose other side is closed.
                break
            if not data:
                break
            text = decoder.decode(data)
            said += text
            if shown is not None:
                shown.write(text)
                shown.flush()
        status = process.wait()
    except BaseException:
        # Ctrl-C reaches the program too; it keeps what it has finished, and ends.
        process.terminate()
        process.wait()
        raise
    finally:
        os.close(reading)
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", said)
    return status, [line for line in re.split(r"[\r\n]+", plain) if line.strip()]


def _terminal(shown: Optional[TextIO]) -> Optional[tuple[int, int]]:
    """A terminal as wide as the one that progress is shown on; None where it is not a terminal."""
    if shown is None or not shown.isatty():
        return None
    try:
        import fcntl
        import pty
        import termios

        reading, writing = pty.openpty()
        size = fcntl.ioctl(shown.fileno(), termios.TIOCGWINSZ, bytes(8))
        fcntl.ioctl(writing, termios.TIOCSWINSZ, size)
        return reading, writing
    except (ImportError, OSError, ValueError):
        return None


def _result(document: dict[str, Any], cache: Optional[PathLike]) -> BuildResult:
    names = ("dataset", "snapshot", "sources", "segments", "actions", "shards", "seconds", "quarantine", "warnings")
    known = {name: document[name] for name in names if name in document}
    return BuildResult(cache=None if cache is None else os.fspath(cache), **known)
