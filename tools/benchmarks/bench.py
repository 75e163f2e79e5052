#!/usr/bin/env python3
"""Ours and theirs in turn, in one run; see tools/bench."""

import argparse
import itertools
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

import corpus
from measure import Bench, Failed, Row, ratio, rounds

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AUDIO = """\
version: 1
dataset: bench
sources:
  - path: {folder}/**/*.*
audio:
  sample_rate: 44100
  resampler: {resampler}
  loudness: {{rms_dbfs: -20}}
  segment: {{samples: 131072, drop_last: true}}
  stft: {{n_fft: 2048, hop: 512}}
  features:
    mel: {{bands: 256, power: 1}}
  normalize: log
"""
MIDI = """\
version: 1
dataset: bench
sources:
  - path: {folder}/**/*.mid
midi:
  grid: {{steps_per_beat: 4}}
  segment: {{steps: 32, drop_last: true}}
"""
# A segment's mel in float32, of either manifest and of the floor.
MEL_BYTES = 256 * 257 * 4
# Peers for Python, as pip calls them.
PEERS = "numpy scipy librosa soundfile soxr threadpoolctl symusic safetensors audioflux dvc webdataset".split()
FLAGS = ["-O3", "-march=native", "-w"]
FLOORS = {
    "timed": [],
    "walk": ["-lcrypto"],
    "copy": ["-lcrypto"],
    "resample": ["-lsamplerate", "-lcrypto", "-lm"],
    "midi": ["-lcrypto", "-lm"],
    "audio": ["-ffast-math", "-lfftw3f", "-lsndfile", "-lsamplerate", "-lsoxr", "-lcrypto", "-lm"],
}


def tell(text):
    print(f"    {text}", file=sys.stderr, flush=True)


# What must be there.


def compile_floors(bench):
    os.makedirs(bench.bin, exist_ok=True)
    floors = f"{ROOT}/tools/benchmarks/floors"
    compiler = os.environ.get("CC", "cc")
    for name, flags in FLOORS.items():
        words = [compiler, *FLAGS, "-o", f"{bench.bin}/{name}", f"{floors}/{name}.c", *flags]
        subprocess.run(words, check=True)
    words = ["swiftc", "-O", "-o", f"{bench.bin}/empty", f"{floors}/empty.swift"]
    if platform.system() == "Linux":
        words.insert(1, "-static-stdlib")
    subprocess.run(words, check=True)


def install_peers(bench):
    """Each peer alone, so that one that cannot be had does not keep the others away."""
    environment = bench.options.environment
    if not os.path.exists(bench.python):
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    find = "import importlib.metadata as m, sys; [m.version(n) for n in sys.argv[1:]]"
    if subprocess.run([bench.python, "-c", find, *PEERS], capture_output=True, check=False).returncode == 0:
        return
    pip = [bench.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, *PEERS], capture_output=True, check=False).returncode == 0:
        return
    for name in PEERS:
        if subprocess.run([*pip, name], capture_output=True, check=False).returncode != 0:
            tell(f"{name} cannot be installed; its rows are left out")


def install_torchaudio(bench):
    """Without the packages that it names, of which torch alone is gigabytes; torch is that of tools/test, in .venv."""
    if subprocess.run([bench.python, "-m", "pip", "show", "-q", "torchaudio"], capture_output=True, check=False).returncode:
        words = [bench.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "torchaudio"]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            tell("torchaudio cannot be installed; its rows are left out")


def versions(bench):
    code = (
        "import importlib.metadata as m, json\n"
        "found = {}\n"
        f"for n in {PEERS!r}:\n"
        "    try: found[n] = m.version(n)\n"
        "    except m.PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    return bench.answer([bench.python, "-c", code])


# Ours.


def manifest(bench, name, text):
    path = f"{bench.work}/{name}.yaml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def ours(bench, path, jobs, name="cache", keep=False):
    """A build by the release program; with an empty cache unless told to keep it.

    Caches of earlier rounds are removed when the group is done: ext4 is slow to make files where many were just deleted.
    """
    serial = itertools.count()

    def run():
        cache = f"{bench.work}/caches/{name}" if keep else f"{bench.work}/caches/{name}-{jobs}-{next(serial)}"
        while not keep and os.path.exists(cache):
            cache += "+"
        words = [bench.reprise, "build", path, "--cache", cache, "--jobs", str(jobs), "--json"]
        found = bench.timed(words, status=(0, 3))
        found["summary"] = json.loads(found.pop("output"))
        return found

    return run


def split_in_two(paths):
    """Halves with the same formats in each: files of one format follow each other in pairs of rounds."""
    by_kind = {}
    for path in paths:
        by_kind.setdefault(os.path.splitext(path)[1], []).append(path)
    halves = [[], []]
    for kind in sorted(by_kind):
        for index, path in enumerate(by_kind[kind]):
            halves[index % 2].append(path)
    return halves


# The rows. Each group runs its contenders in turn and gives rows.


def audio_group(bench):
    """44,100 Hz: whole path against peers and floor; with 2 jobs; memory."""
    folder = corpus.audio(bench.options.music, bench.work, 44100, 8)
    path = manifest(bench, "audio44", AUDIO.format(folder=folder, resampler="soxr_hq"))
    files = corpus.listed(folder, corpus.AUDIO)
    floor = [f"{bench.bin}/audio", f"{bench.work}/floor", "none"]
    halves = [
        [f"{bench.bin}/audio", f"{bench.work}/floor-{i}", "none", *half]
        for i, half in enumerate(split_in_two(files))
    ]
    contenders = {
        "ours": ours(bench, path, 1),
        "floor": lambda: bench.answer([*floor, *files]),
        "ours, 2 jobs": ours(bench, path, 2),
        "floor, 2 processes": lambda: bench.together(halves),
    }
    for peer in ("librosa", "numpy", "audioflux"):
        contenders[peer] = lambda peer=peer: bench.peer("audio.py", peer, folder, f"{bench.work}/peers-out")
    answers, failed = rounds(contenders, bench.options.pairs, tell)
    rows = []
    for peer, target in (("librosa", 2.5), ("numpy", 1.8), ("audioflux", 1.8)):
        row = Row("audio, whole path, 1 job", peer, target)
        rows.append(compare(row, answers, failed, peer, "ours"))
    row = Row("audio, whole path, 1 job", "sum of the C floors", 1.4, is_limit=True)
    rows.append(compare(row, answers, failed, "ours", "floor"))
    row = Row("audio, 2 jobs: gain", "gain of 2 C processes", 0.95)
    if {"ours", "ours, 2 jobs", "floor", "floor, 2 processes"} <= answers.keys():
        mine = ratio(answers, "ours", "ours, 2 jobs")
        theirs = ratio(answers, "floor", "floor, 2 processes")
        note = f"{statistics.median(mine):.2f} against {statistics.median(theirs):.2f}"
        rows.append(row.fill([a / b for a, b in zip(mine, theirs)], note=note))
    else:
        rows.append(row.missing("; ".join(failed.values())))
    peak(bench, rows, answers, "audio")
    bench.floors["audio"] = medians(answers, "floor")
    return rows


def resample_group(bench):
    """48,000 Hz: soxr against librosa, libsamplerate against C."""
    folder = corpus.audio(bench.options.music, bench.work, 48000, 4)
    files = corpus.listed(folder, corpus.AUDIO)
    paths = {
        kind: manifest(bench, f"audio48-{kind}", AUDIO.format(folder=folder, resampler=kind))
        for kind in ("soxr_hq", "medium")
    }
    floor = [f"{bench.bin}/audio", f"{bench.work}/floor"]
    contenders = {
        "ours, soxr_hq": ours(bench, paths["soxr_hq"], 1),
        "librosa": lambda: bench.peer("audio.py", "librosa", folder, f"{bench.work}/peers-out"),
        "floor, soxr_hq": lambda: bench.answer([*floor, "soxr_hq", *files]),
        "ours, medium": ours(bench, paths["medium"], 1),
        "floor, medium": lambda: bench.answer([*floor, "medium", *files]),
        "loop, medium": lambda: bench.answer([f"{bench.bin}/resample", str(corpus.SECONDS * len(files))]),
    }
    answers, failed = rounds(contenders, bench.options.pairs, tell)
    rows = []
    for name, against, target, above, below in (
        ("48 kHz, soxr_hq, whole path", "librosa", 2.3, "librosa", "ours, soxr_hq"),
        ("48 kHz, medium, whole path", "the same path in C", 0.9, "floor, medium", "ours, medium"),
    ):
        rows.append(compare(Row(name, against, target), answers, failed, above, below))
    if "loop, medium" in answers and "ours, medium" in answers:
        share = statistics.median(ratio(answers, "loop, medium", "ours, medium"))
        rows[-1].note = f"libsamplerate's loop alone takes {share:.2f} of our whole path"
    bench.floors["audio, soxr_hq"] = medians(answers, "floor, soxr_hq")
    bench.floors["audio, medium"] = medians(answers, "floor, medium")
    return rows


def midi_group(bench):
    """MIDI: whole path and parse against symusic; memory."""
    folder = corpus.midi(bench.options.music, bench.work)
    path = manifest(bench, "midi", MIDI.format(folder=folder))
    files = corpus.listed(folder, corpus.MIDI)
    floor = [f"{bench.bin}/midi", f"{bench.work}/floor"]
    contenders = {
        "ours": ours(bench, path, 1),
        "symusic": lambda: bench.peer("midi.py", "rolls", folder, f"{bench.work}/peers-out"),
        "ours, 2 jobs": ours(bench, path, 2),
        "floor, sparse": lambda: bench.answer([*floor, "sparse", *files]),
        "floor, dense": lambda: bench.answer([*floor, "dense", *files]),
        "symusic, parse": lambda: bench.peer("midi.py", "parse", folder),
    }
    kernels = bench.options.kernels
    if kernels and os.path.exists(kernels):
        words = [kernels, folder, "--only", "read, parse", "--once", "--json"]
        contenders["ours, parse"] = lambda: bench.answer(words)
    answers, failed = rounds(contenders, bench.options.pairs, tell)
    row = Row("MIDI, whole path, 1 job", "symusic (writes dense rolls, we sparse notes)", 5)
    rows = [compare(row, answers, failed, "symusic", "ours")]
    row = Row("MIDI, whole path, 1 job", "C floor of notes alone, sparse", 4, is_limit=True)
    rows.append(compare(row, answers, failed, "ours", "floor, sparse"))
    row = Row("MIDI, parse alone", "symusic's parse", 1.5)
    rows.append(compare(row, answers, failed, "symusic, parse", "ours, parse"))
    peak(bench, rows, answers, "MIDI")
    bench.floors["midi, sparse"] = medians(answers, "floor, sparse")
    bench.floors["midi, dense"] = medians(answers, "floor, dense")
    if {"ours, 2 jobs", "floor, sparse"} <= answers.keys():
        found = statistics.median(ratio(answers, "ours, 2 jobs", "floor, sparse"))
        tell(f"ours, 2 jobs: {found:.2f} times the sparse C floor")
    return rows


def noop_group(bench):
    """Nothing changed, and one file changed, of 1,000; against DVC and an empty program."""
    folder = f"{bench.work}/changing"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(corpus.midi(bench.options.music, bench.work), folder)
    path = manifest(bench, "changing", MIDI.format(folder=folder))
    cache = {"keep": True, "name": "cache-changing"}
    project = f"{bench.work}/dvc"
    failed_dvc = prepare_dvc(bench, project, folder)
    time.sleep(2.5)
    ours(bench, path, 2, **cache)()
    contenders = {"ours": ours(bench, path, 2, **cache)}
    if not failed_dvc:
        contenders["dvc"] = lambda: repro(bench, project)
    contenders["empty"] = lambda: bench.timed([f"{bench.bin}/empty"])
    contenders["walk"] = lambda: bench.answer([f"{bench.bin}/walk", folder])
    answers, failed = rounds(contenders, max(bench.options.pairs, 5), tell)
    failed.update({"dvc": failed_dvc} if failed_dvc else {})
    rows = [compare(Row("no-op build of 1,000 files", "dvc repro", 15), answers, failed, "dvc", "ours")]
    row = Row("no-op build of 1,000 files", "empty Swift program + stat walk", 3, is_limit=True)
    for key in ("seconds", "cpu"):
        for mine, other in zip(answers["empty"], answers["walk"]):
            mine[key] += other[key]
    rows.append(compare(row, answers, failed, "ours", "empty"))
    bench.floors["empty program + walk"] = medians(answers, "empty")
    if "change" not in bench.wanted:
        return rows
    victims = [file for file in corpus.listed(folder, corpus.MIDI) if edit(file, 0.5, dry=True)]

    def change(run, step):
        """Edits one file in its place, waits until its times are past doubt, runs."""
        edit(victims[step[0] % len(victims)], 0.97)
        copy = f"{project}/midi/{os.path.basename(victims[step[0] % len(victims)])}"
        if not failed_dvc:
            shutil.copyfile(victims[step[0] % len(victims)], copy)
        step[0] += 1
        time.sleep(2.1)
        return run()

    step = [0]
    contenders = {"ours": lambda: change(ours(bench, path, 2, **cache), step)}
    if not failed_dvc:
        contenders["dvc"] = lambda: change(lambda: repro(bench, project), step)
    answers, failed = rounds(contenders, bench.options.pairs, tell)
    failed.update({"dvc": failed_dvc} if failed_dvc else {})
    row = Row("one file changed of 1,000", "dvc repro (its stage: symusic)", 20)
    rows.append(compare(row, answers, failed, "dvc", "ours"))
    return rows


def edit(path, factor, dry=False):
    with open(path, "rb") as file:
        changed = corpus.edited(file.read(), factor)
    if changed and not dry:
        with open(path, "wb") as file:
            file.write(changed)
    return changed is not None


def prepare_dvc(bench, project, folder):
    """A DVC project with one stage over the folder, run once; why it could not be made, if so."""
    shutil.rmtree(project, ignore_errors=True)
    os.makedirs(project)
    shutil.copytree(folder, f"{project}/midi")
    for name in ("midi.py", "files.py"):
        shutil.copy(f"{bench.peers}/{name}", project)
    with open(f"{project}/dvc.yaml", "w", encoding="utf-8") as file:
        file.write(
            f"stages:\n  rolls:\n    cmd: {bench.python} midi.py rolls midi out\n"
            "    deps: [midi, midi.py]\n    outs: [out]\n"
        )
    try:
        for words in (["init", "--no-scm", "-q"], ["config", "core.analytics", "false"]):
            dvc(bench, project, words)
        repro(bench, project)
    except (Failed, OSError) as error:
        return str(error)
    return None


def dvc(bench, project, words):
    program = os.path.join(os.path.dirname(bench.python), "dvc")
    if not os.path.exists(program):
        raise Failed("dvc is not installed")
    return bench.timed([program, "--cd", project, *words])


def repro(bench, project):
    return dvc(bench, project, ["repro", "-q"])


def loader_group(bench):
    """The loader beside memcpy, by its own program where that is built; beside Python's readers."""
    program = bench.options.loader
    if not os.path.exists(program):
        why = "build it: swift build -c release --product LoaderSpeed"
        return [Row("loader", "memcpy, safetensors, webdataset", 0.7).missing(why)]
    folder = corpus.midi(bench.options.music, bench.work)
    words = [program, "--work", f"{bench.work}/loader", "--midi", folder, "--rounds", str(bench.options.pairs + 2)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    rows, speed = [], None
    for line in done.stdout.splitlines():
        # What | its GB/s | memcpy's | segments per second | median ratio | least to greatest | target
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 7 or " to " not in cells[5]:
            continue
        if speed is None and "mel" in cells[0]:
            speed = float(cells[3])
        if cells[6]:
            row = Row(f"loader, {cells[0]}", "memcpy of the batches", float(cells[6]))
            row.median = float(cells[4])
            row.low, row.high = (float(cell) for cell in cells[5].split(" to "))
            row.note = f"{cells[1]} GB/s; least to greatest"
            rows.append(row)
    contenders = {
        name: lambda name=name: bench.peer("load.py", name, f"{bench.work}/load")
        for name in ("safetensors", "webdataset")
    }
    answers, failed = rounds(contenders, bench.options.pairs, tell)
    for name, against, target in (
        ("safetensors", "plain mmap of safetensors in Python", 2),
        ("webdataset", "webdataset", 10),
    ):
        row = Row("loader, mel batches of 64", against, target)
        if name in answers and speed:
            found = [speed * a["seconds"] / a["segments"] for a in answers[name]]
            rows.append(row.fill(found, note="after the loader, not in turn"))
        else:
            rows.append(row.missing(failed.get(name, "the loader's speed is not known")))
    return rows


def kernels_group(bench):
    """Our kernels one by one, and what the same costs in C where a floor does it; there are no targets."""
    program = bench.options.kernels
    if not os.path.exists(program):
        return [Row("kernels", "the C floors").missing("build it: swift build -c release --product Kernels")]
    folders = [corpus.midi(bench.options.music, bench.work), corpus.audio(bench.options.music, bench.work, 44100, 8)]
    midi = corpus.listed(folders[0], corpus.MIDI)
    sounds = corpus.listed(folders[1], corpus.AUDIO)
    high = corpus.listed(corpus.audio(bench.options.music, bench.work, 48000, 4), corpus.AUDIO)
    sizes = [sum(os.path.getsize(path) for path in paths) for paths in (midi, sounds)]
    output, seconds = f"{bench.work}/floor", 60
    batches = {"batch, mel": 64 * MEL_BYTES, "batch, 4 rolls 64 x 128, U8": 64 * 64 * (3 * 128 + 17)}
    contenders = {
        "ours": lambda: bench.answer([program, *folders, "--json"]),
        "sparse": lambda: bench.answer([f"{bench.bin}/midi", output, "sparse", *midi]),
        "dense": lambda: bench.answer([f"{bench.bin}/midi", output, "dense", *midi]),
        "audio": lambda: bench.answer([f"{bench.bin}/audio", output, "none", *sounds]),
        "soxr": lambda: bench.answer([f"{bench.bin}/audio", output, "soxr_hq", *high]),
        "medium": lambda: bench.answer([f"{bench.bin}/resample", str(seconds)]),
    }
    for name, size in batches.items():
        contenders[name] = lambda size=size: bench.answer([f"{bench.bin}/copy", str(size), "0.3"])
    answers, failed = rounds(contenders, bench.options.pairs, tell)
    if "ours" not in answers:
        return [Row("kernels", "the C floors").missing(failed["ours"])]

    def per(stage, unit):
        """Seconds a unit of some stages, by an answer."""
        return lambda a: sum(a["stages"][name] for name in stage.split()) / unit(a)

    def packed(size, made):
        """Seconds a byte of what is made: its hash, its writing."""
        return lambda a: a["stages"]["hash"] / (size + made(a)) + a["stages"]["write"] / made(a)

    def mel(a):
        return a["segments"] * MEL_BYTES

    floors = {
        "read, parse": ("sparse", "read, parse bare notes", per("read parse", lambda a: a["notes"])),
        "parse": ("sparse", "parse bare notes", per("parse", lambda a: a["notes"])),
        "cut to the grid": ("sparse", "notes on a grid, no segments", per("lay", lambda a: a["notes"])),
        "rasterise, velocity 64 x 128": ("dense", "paint pieces whole", per("lay", lambda a: a["bytes"])),
        "hash": ("sparse", "SHA-256", per("hash", lambda a: a["bytes"] + sizes[0])),
        "FFT, mel of 256 bands": ("audio", "STFT, mel, log10", per("stft mel", lambda a: a["segments"] * 131072)),
        "resample, medium": ("medium", "libsamplerate's loop", lambda a: a["seconds"] / (seconds * 48000)),
        "resample, soxr_hq": ("soxr", "soxr_oneshot", per("resample", lambda a: a["audio_s"] * 48000)),
        "pack, notes": ("sparse", "SHA-256, write, flush", packed(sizes[0], lambda a: a["bytes"])),
        "pack, mel": ("audio", "SHA-256, write, flush", packed(sizes[1], mel)),
    }
    # `copy` tells nanoseconds a byte as its seconds.
    floors |= {name: (name, "memcpy", lambda a: a["seconds"] * 1e-9) for name in batches}
    rows = []
    for index, kernel in enumerate(answers["ours"][0]["kernels"]):
        passes = [a["kernels"][index] for a in answers["ours"]]
        mine = [k["seconds"] / k["units"] for k in passes]
        cost = f"{1e9 * statistics.median(mine):.3g} ns a {kernel['unit']}"
        if kernel["allocations"] is not None:
            calls, taken = (kernel[key] / kernel["calls"] for key in ("allocations", "allocated_bytes"))
            cost += f"; a {kernel['call']}: {calls:,.{0 if calls >= 100 else 1}f} allocations, {taken:,.0f} bytes"
        name, against, floor = floors.get(kernel["name"], (None, "no floor", None))
        row = Row(f"kernel: {kernel['name']}", against)
        if name in answers:
            theirs = [floor(a) for a in answers[name]]
            cost = f"floor {1e9 * statistics.median(theirs):.3g}, ours {cost}"
            row.fill([a / b for a, b in zip(mine, theirs)])
        row.note = cost
        rows.append(row)
    bench.floors["kernels"] = answers["ours"][-1]["kernels"]
    return rows


def inversion_group(bench):
    """Griffin-Lim of segments, plain and fast, and magnitudes from mel spectra, in one thread."""
    program = bench.options.inversion
    if not os.path.exists(program):
        why = "build it: swift build -c release --product InversionSpeed"
        return [Row("Griffin-Lim", "librosa, torchaudio").missing(why)]
    install_torchaudio(bench)
    file = f"{bench.work}/inversion.safetensors"
    if not os.path.exists(file):
        subprocess.run([bench.python, f"{bench.peers}/inversion.py", "make", file], check=True)
    rows = []
    for name, words, targets in (
        ("Griffin-Lim, fast", ["--momentum", "0.99"], {"librosa": 8, "torchaudio": 3}),
        ("Griffin-Lim, plain", ["--momentum", "0"], {"librosa": 8, "torchaudio": 3}),
        ("magnitudes from mel", ["--mel"], {"librosa": None}),
    ):
        contenders = {"ours": lambda words=words: bench.answer([program, file, *words])}
        for peer in targets:
            contenders[peer] = lambda peer=peer, words=words: bench.peer("inversion.py", peer, file, *words)
        answers, failed = rounds(contenders, bench.options.pairs, tell)
        for peer, target in targets.items():
            row = compare(Row(f"{name}, 1 thread", peer, target), answers, failed, peer, "ours")
            if "ours" in answers and peer in answers:
                errors = [statistics.fmean(a["convergence"] for a in answers[n]) for n in ("ours", peer)]
                row.note += "; error {:.1f} dB / {:.1f} dB".format(*errors)
            rows.append(row)
    return rows


def scale_group(bench):
    """Cost of a first build and of a no-op by the number of sources: a line through it, and the exponent of what sources add."""
    sizes = [1] + [n for n in (100, 300, 1000, 3000, 10_000, 30_000, 100_000) if n <= bench.options.sources]
    # What an interrupted run left would make a first build a no-op.
    shutil.rmtree(f"{bench.work}/caches", ignore_errors=True)
    found = {"first build": [], "no-op build": []}
    for size in sizes:
        path = manifest(bench, f"scale-{size}", MIDI.format(folder=corpus.small(bench.work, size)))
        # Of the large there is one first build; the small are short, and differ more from time to time.
        builds = [ours(bench, path, 2, name=f"scale-{size}-{i}", keep=True) for i in range(1 if size > 3000 else 3)]
        # A file younger than a tick of the clock is looked at again.
        time.sleep(2.1)
        first = [build() for build in builds]
        again = [builds[-1]() for _ in range(9)]
        point = {"sources": size}
        found["first build"].append(point | {k: statistics.median(a[k] for a in first) for k in ("seconds", "cpu")})
        # Some milliseconds, which others on the machine can only make more.
        found["no-op build"].append(point | {k: min(a[k] for a in again) for k in ("seconds", "cpu")})
        said = ", ".join(f"{what} {points[-1]['seconds']:.4g} s" for what, points in found.items())
        tell(f"{size} sources: {said}, load {os.getloadavg()[0]:.1f}")
    rows = []
    for what, points in found.items():
        row = Row(f"cost from 100 to {sizes[-1]:,} sources: {what}", "linear: exponent", 1.1, is_limit=True)
        rows.append(row)
        power = fit_power(points, "seconds")
        if power is None:
            row.missing("it takes --sources 1000 or more")
            continue
        row.median, row.low, row.high = power
        row.cpu = (fit_power(points, "cpu") or (None,))[0]
        fixed, slope, r2 = fit_line([p["sources"] for p in points[1:]], [p["seconds"] for p in points[1:]])
        row.note = f"{1000 * fixed:.3g} ms + {1e6 * slope:.3g} µs a source, r² {r2:.4f}"
        row.details = {"intercept_s": fixed, "slope_s": slope, "r2": r2, "points": points}
    return rows


def fit_line(sizes, seconds):
    """Least squares of the relative error: intercept, slope, and r² with the same weights."""
    weights = [1 / s**2 for s in seconds]
    w = sum(weights)
    x = sum(a * b for a, b in zip(weights, sizes)) / w
    y = sum(a * b for a, b in zip(weights, seconds)) / w
    above = sum(a * (b - x) * (c - y) for a, b, c in zip(weights, sizes, seconds))
    slope = above / sum(a * (b - x) ** 2 for a, b in zip(weights, sizes))
    left = sum(a * (c - y - slope * (b - x)) ** 2 for a, b, c in zip(weights, sizes, seconds))
    return y - slope * x, slope, 1 - left / sum(a * (c - y) ** 2 for a, c in zip(weights, seconds))


def fit_power(points, key):
    """The exponent of a line through the logarithms of sources and cost, and its 95 % interval by Student's t.

    The first point is one source, which costs what any build does. The fit is of what others add to it, where that can be
    told; None if that leaves fewer than three points.
    """
    alone = points[0][key]
    logs = [(math.log(p["sources"]), math.log(p[key] - alone)) for p in points[1:] if p[key] > 1.1 * alone]
    if len(logs) < 3:
        return None
    x, y = (statistics.fmean(values) for values in zip(*logs))
    spread = sum((a - x) ** 2 for a, _ in logs)
    exponent = sum((a - x) * (b - y) for a, b in logs) / spread
    left = sum((b - y - exponent * (a - x)) ** 2 for a, b in logs)
    degrees = len(logs) - 2
    quantile = (12.71, 4.30, 3.18, 2.78, 2.57)[min(degrees, 5) - 1]
    reach = quantile * math.sqrt(left / degrees / spread)
    return exponent, exponent - reach, exponent + reach


def compare(row, answers, failed, above, below):
    for name in (above, below):
        if name not in answers:
            return row.missing(failed.get(name, f"no '{name}'"))
    note = f"{medians(answers, above)['seconds']:.3g} s / {medians(answers, below)['seconds']:.3g} s"
    return row.fill(ratio(answers, above, below), ratio(answers, above, below, "cpu"), note)


def peak(bench, rows, answers, what):
    """The greatest resident memory of builds with 2 jobs, as a share of the 200 MiB."""
    if "ours, 2 jobs" in answers:
        mib = [a["rss_kib"] / 1024 for a in answers["ours, 2 jobs"]]
        rows.append(Row(f"peak memory, {what}, 2 jobs", "MiB", 200, is_limit=True).fill(mib))


def medians(answers, name):
    if not answers.get(name):
        return None
    found = {k: statistics.median(a[k] for a in answers[name]) for k in ("seconds", "cpu")}
    if "stages" in answers[name][0]:
        found["stages"] = {
            k: statistics.median(a["stages"][k] for a in answers[name]) for k in answers[name][0]["stages"]
        }
    return found


GROUPS = {
    "audio": audio_group, "resample": resample_group, "midi": midi_group, "noop": noop_group,
    "loader": loader_group, "kernels": kernels_group, "inversion": inversion_group, "scale": scale_group,
}  # fmt: skip
ROWS = "audio resample midi noop change loader kernels inversion scale".split()


def main():
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of: {' '.join(ROWS)}")
    parser.add_argument("--music", default=f"{ROOT}/../shared/data", help="a folder of MIDI and audio files")
    parser.add_argument("--work", default="/tmp/reprise-bench", help="where corpora and caches go")
    parser.add_argument("--environment", default=f"{ROOT}/.venv-bench", help="the peers' Python environment")
    parser.add_argument("--reprise", default=f"{ROOT}/.build/release/reprise", help="our program")
    parser.add_argument("--loader", default=f"{ROOT}/.build/release/LoaderSpeed", help="our loader beside memcpy")
    parser.add_argument("--inversion", default=f"{ROOT}/.build/release/InversionSpeed", help="our Griffin-Lim")
    parser.add_argument("--kernels", default=f"{ROOT}/.build/release/Kernels", help="our kernels")
    parser.add_argument("--pairs", type=int, default=5, help="rounds that count (at least 5 for a table)")
    parser.add_argument("--scale", action="store_true", help="also 100 to 100,000 sources (minutes)")
    parser.add_argument("--sources", type=int, default=100_000, metavar="N", help="the most of the row scale")
    parser.add_argument("--json", metavar="FILE", help="write the results there too")
    options = parser.parse_args()
    for row in options.rows:
        if row not in ROWS:
            parser.error(f"no row '{row}'; there are: {' '.join(ROWS)}")
    bench = Bench(options, ROOT)
    os.makedirs(bench.work, exist_ok=True)
    wanted = options.rows or [row for row in ROWS if row != "scale"]
    if options.scale and "scale" not in wanted:
        wanted.append("scale")
    bench.wanted = wanted
    compile_floors(bench)
    install_peers(bench)
    began = os.getloadavg()
    rows = []
    for group in dict.fromkeys("noop" if row == "change" else row for row in wanted):
        print(f"==> {group}", file=sys.stderr, flush=True)
        rows += GROUPS[group](bench)
        shutil.rmtree(f"{bench.work}/caches", ignore_errors=True)
    report(bench, rows, began, os.getloadavg())
    if options.json:
        results = {
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cores": os.cpu_count(),
            "load": {"before": began, "after": os.getloadavg()}, "pairs": options.pairs,
            "machine": machine(), "peers": versions(bench), "floors": bench.floors,
            "rows": [row.json for row in rows],
        }  # fmt: skip
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1, ensure_ascii=False)
            file.write("\n")
    return 0


def machine():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def report(bench, rows, before, after):
    lines = [["what", "against", "target", "median", "95 %", "CPU", "verdict"]]
    lines += [row.cells for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(7)]
    for number, line in enumerate(lines):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print(
        f"\n{bench.options.pairs} pairs a row; {machine()}, {os.cpu_count()} processors; "
        f"load {before[0]:.1f} before, {after[0]:.1f} after"
    )


if __name__ == "__main__":
    sys.exit(main())
