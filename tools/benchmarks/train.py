#!/usr/bin/env python3
"""Training from Swift beside PyTorch from Python, in turn: the same networks, losses, optimisers, batches and steps.

    tools/benchmarks/train.py [RECIPE…] [--blocks 7] [--steps N] [--threads 1] [--python FILE] [--reprise FILE]
    tools/benchmarks/train.py --memory 10000

Ours is `reprise train` as a user runs it: its loader paints every batch from the shards on one thread of its own, every
loss is looked at, every step has a line of metrics and an event; blocks are shorter than an epoch. PyTorch's batches lie
ready in memory, so that loading costs it nothing; its networks are those of tools/oracles. Both count the wall time of all
steps, the first included. Each block runs both, in alternating order; a ratio over 1 says that ours is the faster. Prints a
line a recipe, with the share of our time spent waiting for the loader.

--memory trains genre-cnn for so many steps and prints the resident memory at each tenth of them.

Without a folder `--music` (one folder a style) the files are made here. PyTorch: --python names one that has it.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/lib"))
import small_music  # noqa: E402

MANIFEST = """\
version: 1
dataset: speed
sources:
  - path: "{pattern}"
    labels: {{style: "{{dir}}"}}
midi:
  grid: {{steps_per_first_beat: 8, rounding: floor}}
  segment: {{steps: 480, drop_last: true}}
  pitches: [32, 88]
  controls: [64, 67]
splits: {{train: 0.9, validation: 0.05, test: 0.05, by: piece, method: exact, stratify: style, seed: 0}}
"""
# Four bars of sixteenth notes, as cyclegan takes them.
BARS = MANIFEST.replace("dataset: speed", "dataset: speed-bars").replace(
    "{{steps_per_first_beat: 8, rounding: floor}}", "{{steps_per_beat: 4}}").replace("steps: 480", "steps: 64").replace(
    "  pitches: [32, 88]\n  controls: [64, 67]\n", "")
# One bar of four voices, as parallel-vae takes them.
VOICES = MANIFEST.replace("dataset: speed", "dataset: speed-voices").replace(
    "{{steps_per_first_beat: 8, rounding: floor}}", "{{steps_per_beat: 4}}").replace("steps: 480", "steps: 16").replace(
    "  pitches: [32, 88]\n  controls: [64, 67]\n", "  pitches: [24, 83]\n  voices: 4\n")
# Recipe, batch, steps a block.
JOBS = {"genre-cnn": (32, 80), "chord-lstm": (16, 30), "velocity-cnn": (8, 12), "music-vae": (32, 40),
        "composer-cnn": (32, 20), "cyclegan": (4, 8), "parallel-vae": (32, 40)}
# What our side needs said beyond the recipe's standard.
SETTINGS = {"chord-lstm": ["features=genre-cnn-1", "ages=false"], "velocity-cnn": ["network=published"],
            "composer-cnn": ["label=style", "input=onset"],
            "cyclegan": ["filters=16", "blocks=4"]}
# The datasets of recipes that see other segments.
DATASETS = {"cyclegan": "speed-bars", "parallel-vae": "speed-voices"}


def peer(recipe, batch, steps, threads):
    """PyTorch's side: trains on batches that lie ready, and prints the seconds."""
    sys.path.insert(0, str(ROOT / "tools/oracles"))
    import torch
    import torch.nn.functional as F
    from paper000 import Deep
    from paper000_vae import VAE, losses
    from paper001 import Chord, Genre, Velocity

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if recipe == "cyclegan":
        from cyclegan import trained
        return print(json.dumps({"seconds": trained(batch, steps)}))
    if recipe == "parallel-vae":
        from paper003 import trained
        return print(json.dumps({"seconds": trained(batch, steps)}))

    def roll(density, steps=480, columns=59):
        return (torch.rand(batch, steps, columns) < density).float()

    def adam(module):
        return torch.optim.Adam(module.parameters(), 1e-3, eps=1e-7)

    if recipe == "genre-cnn":
        net = Genre(480, dropout=0.5)
        jobs = [(net, adam(net), lambda b: F.binary_cross_entropy_with_logits(net(b[0]), b[1]))]
        ready = [[(roll(0.05), torch.randint(0, 2, (batch,)).float())] for _ in range(4)]
    elif recipe == "music-vae":
        net = VAE(128, hidden=64, conductor=64, decoder=256)
        jobs = [(net, torch.optim.Adam(net.parameters(), 4e-3),
                 lambda b: losses(net, b, torch.randn(batch, 64), 0.2, 0)[3])]
        ready = [[roll(0.01, 32, 128)] for _ in range(4)]
    elif recipe == "composer-cnn":
        net = Deep(128, 2, [64, 64, 128, 128], dropout=0.3)
        jobs = [(net, adam(net), lambda b: F.cross_entropy(net(b[0]), b[1]))]
        ready = [[(roll(0.03, 480, 128), torch.randint(0, 2, (batch,)))] for _ in range(4)]
    elif recipe == "velocity-cnn":
        nets = [Velocity(59, inputs=118, front=92, scale=64) for _ in range(2)]

        def loss(net):
            return lambda b: F.mse_loss(net(torch.cat([b[0], b[1]], 2), b[1]), b[2], reduction="sum") / b[1].sum()
        jobs = [(net, adam(net), loss(net)) for net in nets]

        def one():
            sounding = roll(0.05)
            onsets = sounding * roll(0.3)
            return sounding, onsets, onsets * 64
        ready = [[one(), one()] for _ in range(4)]
    else:
        features = Genre(480).eval()
        nets = [Chord(keeps=True) for _ in range(2)]

        def loss(net):
            def of(b):
                with torch.no_grad():
                    seen = features.feature(b[0])
                return F.binary_cross_entropy_with_logits(net(b[0][:, :-1], seen), b[0][:, 1:]) * 59
            return of
        jobs = [(net, adam(net), loss(net)) for net in nets]
        ready = [[(roll(0.05),), (roll(0.05),)] for _ in range(4)]
    begin = time.perf_counter()
    for step in range(steps):
        for (net, optimiser, loss), batches in zip(jobs, ready[step % 4]):
            optimiser.zero_grad()
            value = loss(batches)
            value.backward()
            value.item()
            if recipe in ("chord-lstm", "music-vae"):
                torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
    print(json.dumps({"seconds": time.perf_counter() - begin}))


def music(folder):
    """Two hundred files of two styles, some 16 segments each, four notes at once: an epoch is longer than a block."""
    randomly = random.Random(1)
    for number in range(200):
        track = bytearray([0, 0xFF, 0x51, 3, 0x07, 0xA1, 0x20])
        for _ in range(16 * 480 // 2):
            keys = randomly.sample(range(32, 89), 4)
            for key in keys:
                track += bytes([0, 0x90, key, randomly.randint(1, 127)])
            for place, key in enumerate(keys):
                track += bytes([0 if place else 24, 0x80, key, 0])
        place = folder / "music" / ("first" if number % 2 else "second")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.mid").write_bytes(small_music.midi_file(track))
    return "music/*/*.mid"


class Ours:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        pattern = f"{os.path.abspath(options.music)}/*/*.mid" if options.music else music(folder)
        (folder / "speed.yaml").write_text(MANIFEST.format(pattern=pattern), encoding="utf-8")
        self.call("build", "speed.yaml")
        if "cyclegan" in options.recipes:
            (folder / "bars.yaml").write_text(BARS.format(pattern=pattern), encoding="utf-8")
            self.call("build", "bars.yaml")
        if "parallel-vae" in options.recipes:
            (folder / "voices.yaml").write_text(VOICES.format(pattern=pattern), encoding="utf-8")
            self.call("build", "voices.yaml")

    def call(self, *words):
        done = subprocess.run(
            [self.options.reprise, *words, "--cache", "cache", "--json"], cwd=self.folder, capture_output=True,
            text=True, check=False)
        if done.returncode not in (0, 3):
            sys.exit(f"{' '.join(words)}: {done.stderr.strip().splitlines()[-1:]}")
        return json.loads(done.stdout)

    def train(self, recipe, batch, steps):
        words = ["train", recipe, "--dataset", DATASETS.get(recipe, "speed"), "--threads", str(self.options.threads), "--max-steps",
                 str(steps), "--epochs", "100000", "--set", f"batch={batch}", "--set", "patience=0"]
        for setting in SETTINGS.get(recipe, []):
            words += ["--set", setting]
        return self.call(*words)


def speed(options, ours):
    failed = False
    if "chord-lstm" in options.recipes:
        ours.train("genre-cnn", 32, 1)
    for recipe in options.recipes:
        batch, steps = JOBS[recipe]
        steps = options.steps or steps
        ratios, waits, times = [], [], []

        def mine():
            result = ours.train(recipe, batch, steps)
            shutil.rmtree(ours.folder / "cache/runs" / result["run"])
            waits.append(result["waiting"])
            return result["seconds"]

        def theirs():
            done = subprocess.run(
                [options.python, __file__, "--peer", recipe, str(batch), str(steps), str(options.threads)],
                capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"PyTorch does not run: {done.stderr.strip().splitlines()[-1:]}; --python names one that has it")
            return json.loads(done.stdout.strip().splitlines()[-1])["seconds"]

        for block in range(options.blocks):
            a, b = (mine(), theirs()) if block % 2 == 0 else reversed((theirs(), mine()))
            ratios.append(b / a)
            times.append(a)
        ratio, wait = statistics.median(ratios), statistics.median(waits)
        failed |= ratio < 0.97 or wait >= 0.02
        print(f"{recipe}: {ratio:.3f} times PyTorch's speed (median of {options.blocks}; {min(ratios):.3f} to "
              f"{max(ratios):.3f}); {statistics.median(times) / steps * 1e3:.2f} ms a step of {batch}; "
              f"{wait * 100:.2f} % of it waiting for the loader", flush=True)
    return failed


def memory(options, ours):
    words = [options.reprise, "train", "genre-cnn", "--dataset", "speed", "--threads", str(options.threads),
             "--max-steps", str(options.memory), "--epochs", "100000", "--set", "batch=4", "--set", "patience=0",
             "--cache", "cache"]
    process = subprocess.Popen(words, cwd=ours.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    metrics = ours.folder / "cache/runs/genre-cnn-1/events.out.tfevents.0.reprise"
    record = ours.folder / "cache/runs/genre-cnn-1/run.json"
    seen, marks = [], [options.memory * tenth // 10 for tenth in range(1, 11)]
    while process.poll() is None:
        try:
            step = (json.loads(record.read_text()).get("result") or {}).get("steps", 0) if metrics.exists() else 0
        except (OSError, ValueError):
            step = 0
        if marks and step >= marks[0]:
            pages = int(pathlib.Path(f"/proc/{process.pid}/statm").read_text().split()[1])
            seen.append((step, pages * os.sysconf("SC_PAGE_SIZE") / 2**20))
            marks = [mark for mark in marks if mark > step]
        time.sleep(0.02)
    print("\n".join(f"step {step:6d}: {size:.1f} MiB" for step, size in seen))
    growth = seen[-1][1] - seen[0][1]
    print(f"{growth:+.1f} MiB from step {seen[0][0]} to step {seen[-1][0]}")
    return growth > 8


def main():
    if sys.argv[1:2] == ["--peer"]:
        return peer(sys.argv[2], *map(int, sys.argv[3:6]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", help=", ".join(JOBS))
    parser.add_argument("--blocks", type=int, default=7)
    parser.add_argument("--steps", type=int, help="steps a block; by default some seconds' worth")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--python", default=str(ROOT / ".venv/bin/python"))
    parser.add_argument("--reprise", default=str(ROOT / ".build/release/reprise"))
    parser.add_argument("--music", help="a folder with a folder of MIDI files for each of two styles")
    parser.add_argument("--memory", type=int, help="steps of the test of memory")
    options = parser.parse_args()
    unknown = set(options.recipes) - JOBS.keys()
    if unknown:
        parser.error(f"no job for {', '.join(sorted(unknown))}")
    options.recipes = options.recipes or list(JOBS)
    options.reprise = os.path.abspath(options.reprise)
    with tempfile.TemporaryDirectory(prefix="reprise-train-speed-") as folder:
        ours = Ours(options, pathlib.Path(folder))
        failed = memory(options, ours) if options.memory else speed(options, ours)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
