"""Music that is made, datasets of it, and `reprise` run on them: what the tests of exports and of sharing have in common."""

import csv
import importlib.util
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import command  # noqa: E402
from small_music import midi_file, number, wave_file  # noqa: E402

ROLLS = ["piano", "velocity", "onset", "instrument"]


def needs(*modules):
    """Skips a test, and says why, unless the libraries are there."""
    lacking = [name for name in modules if importlib.util.find_spec(name) is None]
    return unittest.skipIf(lacking, f"not installed: {', '.join(lacking)}")


def midi(seed):
    """A file in 3/4, 96 ticks a quarter, with a tempo change, two programs and drums; its notes lie on a grid of 24."""
    conductor = b"\0\xff\x58\x04\x03\x02\x18\x08" + b"\0\xff\x51\x03" + (500_000).to_bytes(3, "big")
    conductor += number(24 * 40) + b"\xff\x51\x03" + (400_000 + 1000 * seed).to_bytes(3, "big")
    tracks = [conductor]
    for channel, program in ((0, 5 + seed), (3, 40), (9, 0)):
        body = bytes([0, 0xC0 | channel, program])
        for step in range(60):
            pitch = 40 + (seed * 7 + step * (channel + 3)) % 30
            body += bytes([0, 0x90 | channel, pitch, 30 + (step * 5 + seed) % 90])
            body += bytes([24, 0x80 | channel, pitch, 0])
        tracks.append(body)
    return midi_file(*tracks, kind=1)


def write_wave(path, seed, rate, channels, count):
    """Sixteen-bit sines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = [
        int(9000 * math.sin((seed + 1 + channel) * 0.05 * index)) for index in range(count) for channel in range(channels)
    ]
    path.write_bytes(wave_file(samples, rate, channels))


STYLES = ["étude, «fast»", 'say "jazz"']

MIX = """\
version: 1
dataset: mix
about:
  title: "A mix: of notes & sound"
  licence: cc-by-4.0
  citation: "@misc{mix}"
sources:
  - path: midi/*/*.mid
    labels: {style: "{dir}", piece_number: "{stem}"}
  - path: audio/*/*.wav
    labels: {style: "{dir}"}
midi:
  grid: {steps_per_beat: 4}
  segment: {steps: 16}
  pitches: [30, 90]
audio:
  sample_rate: 8000
  loudness: none
  segment: {samples: 2048}
  stft: {n_fft: 256, hop: 128}
  features: {mel: {bands: 8, fmax: 4000}, waveform: {}}
splits: {train: 0.7, validation: 0.15, test: 0.15, method: exact, seed: 3}
shards: {target_bytes: 4KiB}
"""

PAIRS = """\
version: 1
dataset: pairs
sources:
  - path: pairs/*.mid
    pair: "pairs/{stem}.wav"
midi:
  grid: {steps_per_beat: 4}
  segment: {steps: 16}
audio:
  sample_rate: 8000
  loudness: none
  segment: {samples: 8192}
  stft: {n_fft: 256, hop: 128}
  features: {mel: {bands: 8, fmax: 4000}, waveform: {}}
splits: {train: 1, validation: 0, test: 0}
"""

SOUND = """\
version: 1
dataset: sound
sources:
  - path: stereo/*.wav
audio:
  sample_rate: 8000
  loudness: none
  segment: {samples: 2000}
  stft: {n_fft: 256, hop: 128}
  features: {mel: {bands: 8, fmax: 4000}}
  dtype: float16
splits: {train: 1, validation: 0, test: 0}
"""


class Music(unittest.TestCase):
    """Music, datasets of it, and the program."""

    @classmethod
    def setUpClass(cls):
        cls.binary = command.built_program()
        if cls.binary is None:
            raise unittest.SkipTest("reprise is not built; name it by REPRISE_BINARY")
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.holder.name)
        for seed in range(9):
            path = cls.folder / "midi" / STYLES[seed % 2] / f"{seed}.mid"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(midi(seed))
        for seed in range(4):
            write_wave(cls.folder / "audio" / STYLES[seed % 2] / f"{seed}.wav", seed, 8000, 1, 90_000 + 700 * seed)
        for seed in range(2):
            write_wave(cls.folder / "stereo" / f"{seed}.wav", seed, 16000, 2, 9000)
            path = cls.folder / "pairs" / f"{seed}.mid"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(midi(seed))
            write_wave(path.with_suffix(".wav"), seed, 8000, 1, 60_000)
        for name, text in (("mix", MIX), ("sound", SOUND), ("pairs", PAIRS)):
            (cls.folder / f"{name}.yaml").write_text(text, encoding="utf-8")
            cls.reprise("build", f"{name}.yaml", "--jobs", "1", statuses=(0, 3))

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    @classmethod
    def reprise(cls, *words, statuses=(0,), cache="cache"):
        """Runs the program; its object, for `--json`."""
        done = subprocess.run(
            [cls.binary, *words, "--cache", cache], cwd=cls.folder, capture_output=True, text=True, check=False)
        if done.returncode not in statuses:
            raise AssertionError(f"{words}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout) if "--json" in words else done

    def export(self, form, *words, dataset="mix", cache="cache"):
        """A folder with an export."""
        folder = tempfile.mkdtemp(dir=self.folder)
        self.reprise("export", dataset, "--to", folder, "--format", form, *words, cache=cache)
        return pathlib.Path(folder)

    def index(self, folder=None):
        """The list of segments that an export has, by the standard library's reader of CSV."""
        with open((folder or self.export("csv")) / "index.csv", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def arrays(self, folder=None):
        """Every segment's arrays by its name, out of the NumPy archives."""
        import numpy

        folder = folder or self.export("npz")
        found = {}
        for split in ("train", "validation", "test"):
            place = 0
            # Shards are numbered in the order of the split.
            files = sorted((folder / split).glob("*.npz"), key=lambda path: path.stem.split("-")[1])
            for path in files:
                with numpy.load(path) as archive:
                    arrays = {name: archive[name] for name in archive.files}
                for index in range(len(arrays["segment.start"])):
                    found[f"{split}/{place}"] = {name: array[index] for name, array in arrays.items()}
                    place += 1
        return found
