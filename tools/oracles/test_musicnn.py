#!/usr/bin/env python3
"""Holds the golden vectors of musicnn.py against PyTorch, and converted weights against both.

    tools/oracles/test_musicnn.py [DIR]

PyTorch's modules load the weights strictly by their names. The small networks come from the golden file; the trained ones
from DIR (default: cache/backbones/musicnn), and are left out where `tools/fetch-weights` was not run. The limit is 1e-5 of
each array's largest value: in float64 all that is left is the rounding of the file to float32, 6e-8. Prints the largest
error; the exit status is 1 if the limit is passed. Needs torch, numpy, safetensors.
"""

import json
import pathlib
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 1e-5


class VGG(nn.Module):
    def __init__(self, weights, pools):
        super().__init__()
        self.pools = pools
        self.input_norm = nn.BatchNorm2d(1, eps=0.001)
        for k in range(1, 6):
            out, ins = weights[f"conv{k}.weight"].shape[:2]
            setattr(self, f"conv{k}", nn.Conv2d(ins, out, 3, padding=1))
            setattr(self, f"norm{k}", nn.BatchNorm2d(out, eps=0.001))
        self.output = nn.Linear(*reversed(weights["output.weight"].shape))

    def forward(self, x):
        found, x = {}, self.input_norm(x[:, None])
        for k, (size, stride) in enumerate(self.pools, 1):
            x = F.max_pool2d(getattr(self, f"norm{k}")(F.relu(getattr(self, f"conv{k}")(x))), size, stride)
            found[f"pool{k}"] = x
        return {**found, "tags": torch.sigmoid(self.output(x.permute(0, 2, 3, 1).flatten(1)))}


class Branch(nn.Module):
    def __init__(self, kernel):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, kernel.shape[0], kernel.shape[2:]), nn.BatchNorm2d(kernel.shape[0], eps=0.001)

    def forward(self, x):
        return self.norm(F.relu(self.conv(x)))


class Musicnn(nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.input_norm = nn.BatchNorm2d(1, eps=0.001)
        for name, count in (("timbral", 2), ("temporal", 3), ("middle", 3)):
            setattr(self, name, nn.ModuleList(Branch(weights[f"{name}.{k}.conv.weight"]) for k in range(count)))
        hidden, pooled = weights["hidden.weight"].shape
        self.pool_norm, self.hidden_norm = nn.BatchNorm1d(pooled, eps=0.001), nn.BatchNorm1d(hidden, eps=0.001)
        self.hidden, self.output = nn.Linear(pooled, hidden), nn.Linear(hidden, len(weights["output.bias"]))

    def forward(self, x):
        x = self.input_norm(x[:, None])
        parts = [branch(F.pad(x, (0, 0, 3, 3))).amax(3) for branch in self.timbral]
        for branch in self.temporal:
            size = branch.conv.kernel_size[0]
            parts.append(branch(F.pad(x, (0, 0, (size - 1) // 2, size // 2))).amax(3))
        found = {"front": torch.cat(parts, 1)}
        y = found["front"]
        for k, branch in enumerate(self.middle):
            out = branch(F.pad(y.transpose(1, 2)[:, None], (0, 0, 3, 3)))[..., 0]
            y = out + y if k else out
            found[f"middle{k}"] = y
        layers = torch.cat(list(found.values()), 1)
        pooled = torch.stack([layers.amax(2), layers.mean(2)], 2).flatten(1)
        found["hidden"] = self.hidden_norm(F.relu(self.hidden(self.pool_norm(pooled))))
        return {**found, "tags": torch.sigmoid(self.output(found["hidden"]))}


def outputs(weights, pools, patches):
    module = (VGG(weights, pools) if pools else Musicnn(weights)).double().eval()
    # PyTorch counts the batches that were seen, TensorFlow does not; nothing is computed with that number.
    counts = {name: value for name, value in module.state_dict().items() if name.endswith("num_batches_tracked")}
    module.load_state_dict({**weights, **counts})
    with torch.no_grad():
        return {name: value.numpy() for name, value in module(patches).items()}


def compare(label, golden, found):
    """The largest error over an array's largest value, of all arrays of one network."""
    worst, count = 0, 0
    for name, value in found.items():
        wanted = {name: value}
        if value.ndim > 2:
            flat = value.reshape(*value.shape[:2], -1)
            wanted.update({f"{name}.mean": flat.mean(2), f"{name}.max": flat.max(2)})
        for part, array in wanted.items():
            if f"{label}/{part}" in golden:
                expected = golden[f"{label}/{part}"].double().numpy()
                worst = max(worst, np.abs(array - expected).max() / np.abs(expected).max())
                count += 1
    stored = [name for name in golden if name.startswith(f"{label}/") and "/weight." not in name]
    if count != len(stored):
        sys.exit(f"{label}: {count} of {len(stored)} arrays are compared")
    print(f"{label:<18} {count:>2} arrays, largest error {worst:.1e} of the largest value")
    return worst


def main():
    sys.path.insert(0, str(ROOT / "tools/lib"))
    from musicnn_weights import POOLS

    golden = load_file(ROOT / "Tests/Fixtures/Golden/musicnn.safetensors")
    patches, worst = golden["patches"].double(), []
    for name in ("MSD_vgg", "MTT_vgg", "musicnn"):
        prefix = f"small/{name}/weight."
        weights = {key[len(prefix):]: value for key, value in golden.items() if key.startswith(prefix)}
        worst.append(compare(f"small/{name}", golden, outputs(weights, POOLS.get(name), patches)))
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "cache/backbones/musicnn"
    for name in ("MSD_vgg", "MTT_vgg", "MSD_musicnn", "MTT_musicnn"):
        path = folder / f"{name}.safetensors"
        if not path.exists():
            print(f"{'real/' + name:<18} left out: {path} is not there; tools/fetch-weights makes it")
            continue
        with safe_open(path, "pt") as file:
            pools = json.loads(file.metadata().get("pools", "null"))
        worst.append(compare(f"real/{name}", golden, outputs(load_file(path), pools, patches)))
    return 1 if max(worst) > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
