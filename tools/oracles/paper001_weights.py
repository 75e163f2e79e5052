#!/usr/bin/env python3
"""Loads a run of paper 001 into PyTorch by the names of its weights, and measures it on the test split once more.

    tools/oracles/paper001_weights.py CACHE RUN

`load_state_dict` takes best.safetensors as it is, strictly. For genre-cnn, rolls are painted here from the shards by
docs/formats.md alone, and accuracy and loss printed, to be compared with `reprise evaluate RUN`; for the others the
names and shapes are checked. Needs torch, numpy, safetensors.
"""
import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.numpy import load_file
from safetensors import safe_open
from safetensors.torch import load_file as load_weights

from paper001 import Chord, Genre, Judge, Velocity
from paper001_notes import Chord as AgedChord, NoteVelocity


def network(run):
    """The module whose names are those of the run's weights."""
    recipe, settings = run["recipe"], run["parameters"]
    if recipe == "genre-cnn":
        return Genre(480)
    holder = nn.Module()
    if recipe == "chord-lstm":
        # Older runs have none of these settings.
        hidden, aged = settings.get("hidden", 64), settings.get("ages", False)
        holder.styles = nn.ModuleList(
            AgedChord(hidden) if aged else Chord(keeps=settings["keep"]) for _ in range(2))
        holder.discriminators = nn.ModuleList(Judge(59) for _ in range(2 if settings.get("adversarial") else 0))
        return holder
    inputs = 118 if settings["input"] == "both" else 59
    published = settings.get("network", "published") == "published"
    holder.styles = nn.ModuleList(
        Velocity(59, inputs=inputs) if published else NoteVelocity(59) for _ in range(2))
    holder.judges = nn.ModuleList(Judge(59) for _ in range(2 if settings["adversarial"] else 0))
    return holder


def rolls(shard, drums):
    """[N, steps, 59]: pitches 32 to 88 while they sound, then sustain and soft pedal."""
    count, steps = shard["tempo"].shape
    roll = np.zeros((count, steps, 59), np.float32)
    offset = shard["notes.offset"]
    for segment in range(count):
        for row in range(offset[segment], offset[segment + 1]):
            pitch, start = int(shard["notes.pitch"][row]), int(shard["notes.start"][row])
            if 32 <= pitch <= 88 and (drums or shard["notes.program"][row] != 128):
                roll[segment, start:start + int(shard["notes.length"][row]), pitch - 32] = 1
    roll[:, :, 57] = shard["pedal"][:, :, 0]
    roll[:, :, 58] = shard["pedal"][:, :, 2]
    return roll


def main():
    cache, name = pathlib.Path(sys.argv[1]), sys.argv[2]
    run = json.loads((cache / "runs" / name / "run.json").read_text())
    net = network(run).eval()
    net.load_state_dict(load_weights(cache / "runs" / name / "best.safetensors"))
    print(f"{name}: PyTorch takes {len(net.state_dict())} tensors by their names")
    if run["recipe"] != "genre-cnn":
        return

    def path(digest):
        return cache / "objects" / digest[:2] / digest[2:]
    snapshot = json.loads(path(run["snapshot"]).read_text())
    hits = total = 0
    loss = 0.0
    for entry in snapshot["splits"]["test"]["shards"]:
        shard = load_file(path(entry["object"]))
        with safe_open(path(entry["object"]), "np") as file:
            styles = [labels["style"] for labels in json.loads(file.metadata()["labels"])]
        seen = torch.from_numpy(rolls(shard, snapshot["manifest"]["midi"]["drums"] == "include"))
        second = sorted(snapshot["vocabularies"]["style"])[-1]
        truth = torch.tensor([float(styles[i] == second) for i in shard["segment.source"]])
        with torch.no_grad():
            logits = net(seen)
        hits += int(((logits > 0).float() == truth).sum())
        loss += float(F.binary_cross_entropy_with_logits(logits, truth, reduction="sum"))
        total += len(truth)
    print(f"test: accuracy {hits / total:.6f}, loss {loss / total:.6f}, {total} segments")


if __name__ == "__main__":
    main()
