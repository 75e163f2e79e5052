#!/usr/bin/env python3
"""The Python package beside other ways to feed the same segments to PyTorch.

    python_loader.py NOTES SOUND [--cache DIR] [--rounds 5] [--segments 4096]

NOTES is a dataset of notes with a label, SOUND one with a mel. Each contender gives (roll, label) or (mel, label) in
shuffled batches of 64 as float32, except those that give single items. The others have the same arrays stored dense, in
their own format, written here before the clock starts: safetensors (one file, `safe_open` with slices), webdataset (tar of
.npy), datasets (Arrow), mosaicml-streaming (MDS). What is not installed is left out.

All run in turn, in rounds; a row has the medians of their rates: segments per second of processor time, of all processes
together, and per second of wall time. The first is what to compare on a machine that does other work too.
"""

import argparse
import io
import os
import pathlib
import platform
import resource
import statistics
import sys
import tarfile
import tempfile
import time

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python" / "src"))
import reprise  # noqa: E402

BATCH = 64


def seconds():
    """Processor time of this process and its finished children, and wall time."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used), time.perf_counter()


class Contender:
    def __init__(self, name, run, count):
        self.name, self.run, self.count, self.processor, self.wall = name, run, count, [], []

    def measure(self):
        begin = seconds()
        self.run()
        end = seconds()
        self.processor.append(self.count / (end[0] - begin[0]))
        self.wall.append(self.count / (end[1] - begin[1]))


def drain(loader, epochs=1):
    for _ in range(epochs):
        for _ in loader:
            pass


def feed(data, epochs, workers, **options):
    """Epochs through a DataLoader; its workers begin once, and have ended when it returns."""
    drain(DataLoader(data, num_workers=workers, persistent_workers=workers > 0, **options), epochs)


class Stored(Dataset):
    """Slices of one safetensors file, as its documentation shows; opened by each process."""

    def __init__(self, path, count):
        self.path, self.count, self.file = path, count, None

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        from safetensors import safe_open

        if self.file is None:
            self.file = safe_open(self.path, "pt")
            self.x, self.label = self.file.get_slice("x"), self.file.get_tensor("label")
        return self.x[index].float(), self.label[index]


def of_safetensors(folder, x, label, epochs):
    from safetensors.numpy import save_file

    path = folder / "x.safetensors"
    save_file({"x": x, "label": label}, path)
    data = Stored(str(path), len(x))
    yield "safetensors, data[i]", lambda: [data[i] for _ in range(epochs) for i in range(len(x))]
    for workers in (0, 2):
        yield (
            f"safetensors, {workers} workers",
            lambda workers=workers: feed(Stored(str(path), len(x)), epochs, workers, batch_size=BATCH, shuffle=True),
        )


def of_webdataset(folder, x, label, epochs):
    import webdataset

    def saved(array):
        data = io.BytesIO()
        np.save(data, array)
        return data.getvalue()

    count = 4
    for shard in range(count):
        with tarfile.open(folder / f"{shard}.tar", "w") as tar:
            for index in range(shard, len(x), count):
                for name, data in (("x.npy", saved(x[index])), ("cls", str(label[index]).encode())):
                    info = tarfile.TarInfo(f"{index:06}.{name}")
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))

    def run(workers):
        data = (
            webdataset.WebDataset(str(folder / f"{{0..{count - 1}}}.tar"), shardshuffle=count)
            .shuffle(1000)
            .decode()
            .to_tuple("x.npy", "cls")
            .map_tuple(lambda array: torch.from_numpy(array).float(), lambda value: value)
            .batched(BATCH)
        )
        feed(data, epochs, workers, batch_size=None)

    for workers in (0, 2):
        yield f"webdataset, {workers} workers", lambda workers=workers: run(workers)


def of_datasets(folder, x, label, epochs):
    import datasets

    datasets.disable_progress_bars()
    kind = datasets.Array2D(x.shape[1:], str(x.dtype))
    features = datasets.Features({"x": kind, "label": datasets.Value("int64")})
    data = datasets.Dataset.from_generator(
        lambda: ({"x": x[i], "label": int(label[i])} for i in range(len(x))), features=features, cache_dir=str(folder)
    ).with_format("torch")
    for workers in (0, 2):
        yield (
            f"datasets (Arrow), {workers} workers",
            lambda workers=workers: feed(data, epochs, workers, batch_size=BATCH, shuffle=True),
        )


def of_streaming(folder, x, label, epochs):
    import streaming

    local = str(folder / "mds")
    columns = {"x": f"ndarray:{x.dtype}:{','.join(map(str, x.shape[1:]))}", "label": "int"}
    with streaming.MDSWriter(out=local, columns=columns) as out:
        for index in range(len(x)):
            out.write({"x": x[index], "label": int(label[index])})

    def run(workers):
        streaming.base.util.clean_stale_shared_memory()
        data = streaming.StreamingDataset(local=local, shuffle=True, batch_size=BATCH)
        feed(data, epochs, workers, batch_size=BATCH)

    for workers in (0, 2):
        yield f"mosaicml-streaming, {workers} workers", lambda workers=workers: run(workers)


def of_reprise(ds, view, label, epochs):
    """Our own ways; `view` is the argument that names the roll or the feature."""

    def items(data):
        for _ in range(epochs):
            for index in range(len(data)):
                data[index]

    if "rolls" in view:
        painted = ds.with_views(**view)
        yield "reprise, ds[i], notes alone", lambda: items(ds)
        yield "reprise, ds[i] with a roll", lambda: items(painted)
    else:
        yield "reprise, ds[i], not copied", lambda: items(ds)
    yield "reprise, .batches", lambda: drain(ds.batches(BATCH, label=label, **view), epochs)
    for workers in (0, 2):

        def fed(workers=workers):
            batches = ds.batches(BATCH, label=label, **view)
            feed(batches, epochs, workers, batch_size=None, sampler=batches.sampler())

        yield f"reprise, .batches, {workers} workers", fed
        yield (
            f"reprise, .torch, {workers} workers",
            lambda workers=workers: feed(
                ds.torch(label=label, as_tuple=True, **view), epochs, workers, batch_size=BATCH, shuffle=True
            ),
        )


def contenders(ds, view, label, epochs, folder):
    found = [Contender(name, run, epochs * len(ds)) for name, run in of_reprise(ds, view, label, epochs)]
    # What the others store: the roll as bytes, or the mel as it is.
    name = view.get("rolls") or view.get("features")
    parts = [
        (batch[name], batch["style"])
        for batch in ds.batches(
            256,
            shuffle=False,
            label=label,
            **({"rolls": reprise.Roll(name, dtype="uint8")} if "rolls" in view else view),
        )
    ]
    x, labels = (np.concatenate(column) for column in zip(*parts))
    for make in (of_safetensors, of_webdataset, of_datasets, of_streaming):
        own = folder / make.__name__
        own.mkdir()
        try:
            found += [Contender(name, run, epochs * len(ds)) for name, run in make(own, x, labels, epochs)]
        except ImportError as error:
            print(f"{make.__name__.removeprefix('of_')} is left out: {error}", file=sys.stderr)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notes")
    parser.add_argument("sound")
    parser.add_argument("--cache")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--segments", type=int, default=4096, help="segments of NOTES, and about so many items of SOUND"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, "
          f"numpy {np.__version__}, torch {torch.__version__}")  # fmt: skip
    for dataset, view in ((options.notes, {"rolls": "piano"}), (options.sound, {"features": "mel"})):
        ds = reprise.load(dataset, cache=options.cache)[: options.segments]
        with tempfile.TemporaryDirectory() as folder:
            epochs = max(2, options.segments // len(ds))
            found = contenders(ds, view, "style", epochs, pathlib.Path(folder))
            for each in found:
                each.run()
            for _ in range(options.rounds):
                for each in found:
                    each.measure()
        print(f"\n{len(ds)} segments of {next(iter(view.values()))}, {epochs} epochs, {options.rounds} rounds")
        print("| | segments per processor second | per second |\n| --- | --- | --- |")
        for each in found:
            print(f"| {each.name} | {statistics.median(each.processor):,.0f} | {statistics.median(each.wall):,.0f} |")


if __name__ == "__main__":
    main()
