#!/usr/bin/env python3
"""Converts state dicts of many types with tools/convert-weights and reads them back with the safetensors library.

Needs torch and safetensors; the exit status is 1 if a tensor differs, or a file that should be refused is not.
"""

import pathlib
import subprocess
import sys
import tempfile

import torch
import torch.nn as nn
from safetensors.torch import load_file

TOOL = pathlib.Path(__file__).resolve().parents[1] / "lib/convert_state_dict.py"


def convert(source, target):
    return subprocess.run([sys.executable, TOOL, source, target], capture_output=True, text=True, check=False)


def main():
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LSTM(4, 5, bidirectional=True))
    base = torch.randn(6, 5)
    state = {
        **network.state_dict(), "transposed": base.T, "part": base[1:3, ::2], "shared": base, "scalar": torch.tensor(7), "empty": torch.zeros(0, 3),
        "half": base.half(), "brain": base.bfloat16(), "bool": base > 0, "last": base.double().to(memory_format=torch.contiguous_format),
        "channels": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    }
    refused = {
        "a module": network, "a list": [base], "nothing": {}, "a checkpoint": {"state_dict": state, "epoch": 3}, "sparse": {"a": base.to_sparse()},
        "complex": {"a": base.to(torch.complex64)},
    }
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "a.pth"), pathlib.Path(folder, "a.safetensors")
        torch.save(state, source)
        done = convert(source, target)
        if done.returncode:
            failures.append(done.stderr)
        else:
            found = load_file(target)
            if set(found) != set(state):
                failures.append(f"names: {set(found) ^ set(state)}")
            failures += [name for name in found if found[name].dtype != state[name].dtype or not torch.equal(found[name], state[name])]
        before = target.read_bytes() if target.exists() else b""
        for what, value in refused.items():
            torch.save(value, source)
            done = convert(source, target)
            if done.returncode != 1 or "Traceback" in done.stderr or not done.stderr.startswith("error: "):
                failures.append(f"{what} is not refused: {done.returncode} {done.stderr}")
        source.write_bytes(b"no weights")
        if convert(source, target).returncode != 1 or target.read_bytes() != before:
            failures.append("a damaged file is not refused, or the older result is gone")
    print("\n".join(failures) or f"{len(state)} tensors are the same, {len(refused) + 1} files are refused")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
