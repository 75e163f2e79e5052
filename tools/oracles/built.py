"""Builds a dataset with the program, and reads what it left in the cache by docs/formats.md alone.

The scripts that compare Reprise with other people's libraries share this; it shares no code with the program.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from safetensors import safe_open

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MIDI_ENDINGS = ("mid", "midi", "MID", "rmi", "kar")
AUDIO_ENDINGS = ("wav", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "au", "w64")


def arguments(doc, folder=True):
    """A parser with what every script takes: FOLDER and --reprise."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    if folder:
        parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--reprise", default=str(ROOT / ".build/release/reprise"), help="the program (%(default)s)")
    parser.add_argument("--jobs", type=int, help="the program's own --jobs")
    return parser


def every_file(folder, endings):
    """A manifest's glob for all files below a folder with one of these endings."""
    return f"{pathlib.Path(folder).resolve()}/**/*.{{{','.join(endings)}}}"


class Dataset:
    """A dataset, built from a manifest (a dict) in a temporary folder, which `with` removes.

    `sources` holds the snapshot's entries by SHA-256 (the first entry of each), `files` their absolute paths.
    """

    def __init__(self, program, manifest, jobs=None):
        self._temporary = tempfile.TemporaryDirectory(prefix="reprise-oracle-")
        self.folder = pathlib.Path(self._temporary.name).resolve()
        self.program, self.cache = program, self.folder / "cache"
        path = self.folder / "manifest.yaml"
        # JSON is YAML too.
        path.write_text(json.dumps({"version": 1, "dataset": "oracle", **manifest}))
        self.summary = json.loads(self.run("build", path, "--json", *(["--jobs", str(jobs)] if jobs else [])))
        self.snapshot = json.loads(self.object(self.summary["snapshot"]).read_bytes())
        self.sources = {}
        tables = [json.loads(self.object(table["object"]).read_bytes()) for table in self.snapshot["sources"]]
        for entry in sorted((entry for table in tables for entry in table), key=lambda entry: entry["path"].encode()):
            self.sources.setdefault(entry["sha256"], entry)
        self.files = {sha: self.folder / entry["path"] for sha, entry in self.sources.items()}
        self.records = self._read_journals()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._temporary.cleanup()

    def run(self, *words):
        """Runs a command of the program; its standard output. Status 3, some sources quarantined, is no failure."""
        command = [self.program, *map(str, words), "--cache", str(self.cache)]
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ, NO_COLOR="1"))
        if result.returncode not in (0, 3):
            sys.exit(f"{' '.join(command)}: exit status {result.returncode}")
        return result.stdout

    def object(self, digest):
        return self.cache / "objects" / digest[:2] / digest[2:]

    def _read_journals(self):
        """{(stage, digest of its first input): record}, what was dropped left out."""
        lines = []
        for path in self.cache.glob("journals/*.jsonl"):
            with open(path, encoding="utf-8") as file:
                lines += [json.loads(line) for line in file]
        dropped = {}
        for line in lines:
            if "drop" in line:
                dropped[line["drop"]] = max(line["at"], dropped.get(line["drop"], 0))
        records = {}
        for line in lines:
            record = line.get("record")
            if record and record["inputs"] and line["at"] > dropped.get(record["key"], -1):
                records[record["stage"], record["inputs"][0][1]] = record
        return records

    def record(self, stage, digest):
        """The record of the stage's action whose first input is the digest, or None."""
        return self.records.get((stage, digest))

    def shards(self):
        """Each shard as (its source hashes, its tensors); a tensor is read when it is asked for."""
        for split in self.snapshot["splits"].values():
            for shard in split["shards"]:
                with safe_open(self.object(shard["object"]), "np") as file:
                    yield json.loads(file.metadata()["sources"]), file.get_tensor

    def features(self, names):
        """(source hash, {name: array [segments, …]}) of each source of a dataset with `dedupe: true`."""
        for sources, tensor in self.shards():
            source, start = tensor("segment.source"), tensor("segment.start")
            arrays = {name: tensor(name) for name in names}
            for index, sha in enumerate(sources):
                rows = np.flatnonzero(source == index)
                rows = rows[np.argsort(start[rows], kind="stable")]
                yield sha, {name: array[rows] for name, array in arrays.items()}


def inspect(program, path):
    """A MIDI file as `reprise inspect FILE --json` shows it, or None if it is refused: the columns of all timelines in one.

    A list's columns are `note.<column>`; ticks and seconds count from the start of the row's timeline.
    """
    run = subprocess.run([program, "inspect", str(path), "--json"], capture_output=True, text=True, check=False)
    if run.returncode:
        return None
    shown = json.loads(run.stdout)
    timelines = shown["timelines"]
    score = {"format": shown["format"], "division": shown.get("ticks_per_quarter", 0x8000)}
    for name in timelines[0]["notes"] if timelines else ():
        score[f"note.{name}"] = np.concatenate([np.array(timeline["notes"][name]) for timeline in timelines])
    score["timeline.end"] = np.array([timeline["end"] for timeline in timelines])
    score["timeline.seconds"] = np.array([timeline["seconds"] for timeline in timelines])
    return score
