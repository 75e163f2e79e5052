#!/usr/bin/env python3
"""Writes Tests/Fixtures/Golden/listening.safetensors: exact intervals and p values of counts, by scipy and statsmodels.

    listening_golden.py [FOLDER]
"""

import importlib.metadata
import json
import pathlib
import sys

import numpy as np
import scipy.stats
from safetensors.numpy import save_file
from statsmodels.stats.multitest import multipletests

SEED = 20261127
FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "Tests/Fixtures/Golden")


def main():
    random = np.random.default_rng(SEED)
    cases = [(count, trials) for trials in (1, 2, 5, 8, 17, 40) for count in range(trials + 1)]
    cases += [(int(random.integers(0, trials + 1)), trials) for trials in (100, 333, 2_000) for _ in range(12)]
    rows = []
    for count, trials in cases:
        two = scipy.stats.binomtest(count, trials)
        one = scipy.stats.binomtest(count, trials, alternative="greater")
        ends = [end for level in (0.95, 0.99) for end in two.proportion_ci(level, method="exact")]
        rows.append([*ends, two.pvalue, one.pvalue])
    tensors = {"counts": np.array(cases, np.int64), "binomial": np.array(rows)}
    for number in range(6):
        values = random.uniform(size=1 + 3 * number) ** 4
        # Equal values too.
        values[: number // 2] = values[-1]
        tensors[f"holm.{number}.p"] = values
        tensors[f"holm.{number}.corrected"] = multipletests(values, method="holm")[1]
    packages = ("numpy", "scipy", "statsmodels")
    metadata = {"script": "tools/oracles/listening_golden.py", "seed": str(SEED),
                "tools": json.dumps({name: importlib.metadata.version(name) for name in packages}, sort_keys=True)}
    save_file({key: np.ascontiguousarray(value) for key, value in tensors.items()},
              FOLDER / "listening.safetensors", metadata)


if __name__ == "__main__":
    main()
