"""The commands that make what is true by construction, as they are called; MMA, networks and packages are not needed."""

import contextlib
import csv
import importlib.machinery
import importlib.util
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import zipfile

TOOLS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..")
sys.path.insert(0, os.path.join(TOOLS, "lib"))
sys.path.insert(0, os.path.join(TOOLS, "tests"))
import command  # noqa: E402
import musicnn_weights  # noqa: E402
import safetensors_file  # noqa: E402
import test_tensor_bundle  # noqa: E402

# Writes a MIDI file in 4/4 (for the groove Waltz in 3/4) that holds the chart, and knows three grooves.
MMA = """\
#!/usr/bin/env python3
import re, sys
if sys.argv[1:] == ["-v"]:
    print("21.09")
    sys.exit()
chart = open(sys.argv[-1]).read()
groove = re.search("Groove (.*)", chart).group(1)
if groove not in ("Swing", "Tango", "Waltz"):
    print(f"Error: <Line 4> Groove '{groove.upper()}' could not be found in memory or\\n library files")
    sys.exit(1)
text = chart.encode()[:100]
track = b"\\0\\xff\\x58\\x04" + bytes([3 if groove == "Waltz" else 4, 2, 24, 8]) + b"\\0\\xff\\x01" + bytes([len(text)]) + text + b"\\0\\xff\\x2f\\0"
with open(sys.argv[sys.argv.index("-f") + 1], "wb") as file:
    file.write(b"MThd\\0\\0\\0\\6\\0\\1\\0\\1\\0\\x60MTrk" + len(track).to_bytes(4, "big") + track)
"""


def load(name):
    """A command as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), os.path.join(TOOLS, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


class CommandTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.mkdir(self.path("bin"))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, data=b""):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(data)

    def call(self, name, *words, status=0, path=None):
        environment = {**os.environ, "PATH": path or self.path("bin") + os.pathsep + os.environ["PATH"]}
        done = subprocess.run(
            [sys.executable, "-B", os.path.join(TOOLS, name), *words], env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done.stdout + done.stderr

    def tree(self, folder):
        return {str(path.relative_to(folder)): path.read_bytes() for path in pathlib.Path(folder).rglob("*") if path.is_file()}

    def test_help(self):
        for name in ("fetch-weights", "convert-weights", "parallel-pairs", "render", "transcribe"):
            self.assertIn(f"tools/{name} ", self.call(name, "--help"))

    def test_a_damaged_wheel(self):
        self.write("musicnn.whl", b"PK but not all of it")
        words = self.call("fetch-weights", "--cache", self.path("cache"), "--wheel", self.path("musicnn.whl"), status=1)
        self.assertIn("is damaged, or not the wheel of musicnn 0.1.0", words)
        self.assertEqual([name for name in self.tree(self.path("cache")) if name != "CACHEDIR.TAG"], [])
        words = self.call("fetch-weights", "--cache", self.path("cache"), "--wheel", self.path("nowhere"), status=1)
        self.assertIn("cannot be read", words)

    def test_a_wheel(self):
        fetch = load("fetch-weights")
        layers = {}
        for layer in musicnn_weights.VGG_LAYERS:
            shapes = {"gamma": [1], "beta": [1], "moving_mean": [1], "moving_variance": [1]}
            if "norm" not in layer:
                shapes = {"kernel": [3, 3, 1, 1] if "CNN" in layer else [2, 50], "bias": [1] if "CNN" in layer else [50]}
            for part, shape in shapes.items():
                count = 4
                for length in shape:
                    count *= length
                layers[f"{layer}/{part}"] = (1, shape, bytes(count))
        target = self.path("target")

        def convert(damage):
            test_tensor_bundle.write(self.path("toy"), layers)
            with zipfile.ZipFile(self.path("toy.whl"), "w") as archive:
                archive.writestr(fetch.LICENCE, "may be used")
                for network in ("MSD_vgg", "MTT_vgg"):
                    for ending in (".index", ".data-00000-of-00001"):
                        data = bytearray(pathlib.Path(self.path("toy") + ending).read_bytes())
                        if damage == network + ending:
                            data[7] ^= 4
                        archive.writestr(f"musicnn/{network}/{ending}", bytes(data))
            # The wheel's own checksum is right here, so that those in the bundles are what finds the damage.
            fetch.SHA256 = command.sha256(self.path("toy.whl"))
            with tempfile.TemporaryDirectory() as work, contextlib.redirect_stderr(io.StringIO()):
                fetch.convert(self.path("toy.whl"), target, work)

        convert(None)
        self.assertEqual(set(self.tree(target)), {"LICENCE.txt", "MSD_vgg.safetensors", "MTT_vgg.safetensors"})
        self.assertEqual(self.tree(target)["LICENCE.txt"], b"may be used")
        path = os.path.join(target, "MTT_vgg.safetensors")
        self.assertEqual(safetensors_file.metadata(path)["network"], "MTT_vgg")
        os.unlink(path)
        for ending in (".index", ".data-00000-of-00001"):
            with self.assertRaisesRegex(command.Stop, f"MTT_vgg/{ending}, byte .*checksum"):
                convert("MTT_vgg" + ending)
            self.assertFalse(os.path.exists(path))

    def pairs(self, *words, to="pairs", status=0):
        self.write("bin/mma", MMA.encode())
        os.chmod(self.path("bin/mma"), 0o755)
        return self.call("parallel-pairs", "--to", self.path(to), *words, status=status)

    def test_pairs(self):
        self.pairs("--songs", "3", "--grooves", "Swing, Tango", "--seed", "5")
        names = [f"song-00{number}" for number in (1, 2, 3)]
        found = self.tree(self.path("pairs"))
        expected = {"pairs.csv", "parallel-pairs.yaml"} | {f"charts/{name}.mma" for name in names}
        self.assertEqual(set(found), expected | {f"{groove}/{name}.mid" for groove in ("Swing", "Tango") for name in names})
        with open(self.path("pairs/pairs.csv"), encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([(row["song"], row["groove"]) for row in rows], [(name, groove) for name in names for groove in ("Swing", "Tango")])
        for row in rows:
            data = found[row["file"]]
            # Each file comes from its song's chart, in its groove.
            self.assertIn(f"Groove {row['groove']}\n".encode(), data)
            self.assertIn(f"RndSeed {row['seed']}\n".encode(), data)
            self.assertIn(f"// {row['key']}, ".encode(), data)
        self.assertIn('piece: "{song}"', found["parallel-pairs.yaml"].decode())
        self.pairs("--songs", "3", "--grooves", "Swing, Tango", "--seed", "5", "--jobs", "1", to="again")
        self.assertEqual(self.tree(self.path("again")), found)
        self.pairs("--songs", "3", "--grooves", "Swing, Tango", "--seed", "6", to="other")
        self.assertFalse(set(found.values()) & set(self.tree(self.path("other")).values()))

    def test_grooves_that_cannot_be_used(self):
        for grooves, words in (
            ("Swing,Waltz", "the groove Waltz is in 3/4"), ("Swing,Polka", "MMA has no groove Polka"), ("Swing", "at least two"),
            ("Swing,../x", "cannot be a groove's name"), ("Swing,swing", "appears twice"), ("Swing,charts", "charts"),
        ):
            self.assertIn(words, self.pairs("--grooves", grooves, status=1))
            self.assertFalse(os.path.exists(self.path("pairs/pairs.csv")))
        self.assertIn("--songs is 1 to 500", self.pairs("--songs", "0", status=1))

    def test_a_missing_program_names_its_package(self):
        for name, words, package in (
            ("parallel-pairs", ["--to", self.path("a")], "apt-get install mma"),
            ("render", [self.folder, "--to", self.path("a")], "apt-get install fluidsynth"),
        ):
            self.assertIn(package, self.call(name, *words, status=1, path=self.path("bin")))

    def test_what_is_transcribed(self):
        transcribe = load("transcribe")
        for name in ("music/a.wav", "music/deep/b.FLAC", "music/.hidden.wav", "music/notes.txt", "true/a.mid"):
            self.write(name)

        def plan(mark="model 1", against=None):
            with contextlib.redirect_stderr(io.StringIO()):
                jobs, there = transcribe.plan([self.path("music")], mark, against)
            return [(os.path.relpath(job["to"], self.folder), job["is_current"]) for job in jobs], there

        wanted = [("music/a.transcribed.mid", False), ("music/deep/b.transcribed.mid", False)]
        self.assertEqual(plan(), (wanted, 0))
        self.write("music/a.transcribed.mid", b"by model 1")
        self.assertEqual(plan(), (wanted[1:], 1))
        self.assertEqual(plan("model 2"), (wanted, 0))
        self.assertEqual(plan(against=self.path("true"))[0], [(wanted[0][0], True), wanted[1]])
        os.utime(self.path("music/a.transcribed.mid"), (1, 1))
        self.assertEqual(plan(), (wanted, 0))
        self.write("music/a.mp3")
        with self.assertRaisesRegex(command.Stop, "would both become"):
            plan()
        with self.assertRaisesRegex(command.Stop, "no audio files"):
            transcribe.plan([self.path("true")], "model 1", None)

    def test_whole_files(self):
        command.write_whole(self.path("a", "b.txt"), "first")
        with self.assertRaises(RuntimeError):
            with command.whole_file(self.path("a", "b.txt")) as temporary:
                with open(temporary, "w", encoding="utf-8") as file:
                    file.write("part")
                raise RuntimeError
        self.assertEqual(self.tree(self.path("a")), {"b.txt": b"first"})
        mask = os.umask(0o027)
        try:
            command.write_whole(self.path("a", "b.txt"), "second")
        finally:
            os.umask(mask)
        self.assertEqual(os.stat(self.path("a", "b.txt")).st_mode & 0o777, 0o640)


if __name__ == "__main__":
    unittest.main()
