"""What the scripts that write golden vectors of audio share: one file with its provenance, and one signal."""
import json
import pathlib
import sys

import numpy as np
from safetensors.numpy import save_file

FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "Tests/Fixtures/Golden")


def save(name, tensors, parameters, *, script, seed, modules):
    """Writes one file with its provenance."""
    metadata = {
        "script": f"tools/oracles/{script}",
        "seed": str(seed),
        "tools": json.dumps({m.__name__: m.__version__ for m in modules}, sort_keys=True),
        "parameters": json.dumps(parameters, sort_keys=True),
    }
    tensors = {k: np.ascontiguousarray(v, dtype=np.float32) for k, v in tensors.items()}
    save_file(tensors, FOLDER / f"{name}.safetensors", metadata)


def signal(length, rng):
    """Tones, noise, an impulse, and a stretch of digital silence."""
    t = np.arange(length)
    x = 0.3 * np.sin(0.05 * t) + 0.2 * np.sin(0.31 * t + 1) + 0.01 * np.sin(1.7 * t)
    x += 0.02 * rng.standard_normal(length)
    x[length // 2 : length // 2 + length // 5] = 0
    x[length // 2 + length // 10] = 0.9
    return x.astype(np.float32)
