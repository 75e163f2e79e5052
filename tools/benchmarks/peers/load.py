#!/usr/bin/env python3
"""Batches of 64 mel segments [256, 257], float32, from a warm page cache, in one thread.

    load.py safetensors|webdataset FOLDER

`safetensors`: plain mmap of one file, segments in random order, copied into a batch. `webdataset`: tar files of .npy,
in their order, decoded and stacked. The data are made at the first call: 1,024 segments, 257 MiB.
"""

import io
import json
import os
import random
import sys
import tarfile

import numpy as np

from files import Clock

COUNT, SHAPE, BATCH = 1024, (256, 257), 64


def make(folder):
    """The same segments as one safetensors file, and as tar files of 256 each."""
    from safetensors.numpy import save_file

    dice = np.random.default_rng(0)
    segments = dice.standard_normal((COUNT, *SHAPE), dtype=np.float32)
    os.makedirs(folder + ".part", exist_ok=True)
    save_file({"mel": segments}, f"{folder}.part/all.safetensors")
    for shard in range(COUNT // 256):
        with tarfile.open(f"{folder}.part/{shard:03}.tar", "w") as tar:
            for index in range(shard * 256, (shard + 1) * 256):
                body = io.BytesIO()
                np.save(body, segments[index])
                entry = tarfile.TarInfo(f"{index:06}.npy")
                entry.size = body.tell()
                body.seek(0)
                tar.addfile(entry, body)
    os.rename(folder + ".part", folder)


def by_safetensors(folder):
    path = f"{folder}/all.safetensors"
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        start = json.loads(file.read(length))["mel"]["data_offsets"][0] + 8 + length
    data = np.memmap(path, np.uint8, mode="r")[start:].view(np.float32).reshape(COUNT, *SHAPE)
    order = random.Random(0).sample(range(COUNT), COUNT)
    for start in range(0, COUNT, BATCH):
        yield np.stack([data[index] for index in order[start : start + BATCH]])


def by_webdataset(folder):
    import webdataset

    paths = [f"{folder}/{shard:03}.tar" for shard in range(COUNT // 256)]
    segments = webdataset.WebDataset(paths, shardshuffle=False, empty_check=False)
    batches = segments.decode().to_tuple("npy").batched(BATCH, collation_fn=lambda part: np.stack([x[0] for x in part]))
    yield from batches


def main():
    kind, folder = sys.argv[1:3]
    if not os.path.isdir(folder):
        make(folder)
    read = {"safetensors": by_safetensors, "webdataset": by_webdataset}[kind]
    for _ in read(folder):
        pass
    clock = Clock()
    count = 0
    for _ in range(3):
        for batch in read(folder):
            count += len(batch)
    clock.report(segments=count)


if __name__ == "__main__":
    main()
