"""The messages of docs/troubleshooting.md are what the program prints. Needs the program reprise."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS / "lib"))
import command  # noqa: E402
import small_music  # noqa: E402

PROGRAM = command.built_program()
PAGE = (TOOLS.parent / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
MANIFEST = """\
version: 1
dataset: styles
sources:
  - path: music/*/*.mid
    labels: {style: "{dir}"}
midi: {segment: {steps: 16}}
splits: {train: 0.98, validation: 0.01, test: 0.01}
"""


@unittest.skipIf(PROGRAM is None, "the program reprise is not built")
class Messages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        (cls.folder / "music" / "jazz").mkdir(parents=True)
        for index in range(11):
            (cls.folder / "music" / "jazz" / f"{index}.mid").write_bytes(small_music.midi(index))
        (cls.folder / "music" / "jazz" / "broken.mid").write_bytes(b"MT")
        cls.write("styles", MANIFEST)
        cls.said = cls.run_program("build", "styles.yaml", status=3)

    @classmethod
    def write(cls, name, text):
        (cls.folder / f"{name}.yaml").write_text(text, encoding="utf-8")

    @classmethod
    def run_program(cls, *words, status, program=PROGRAM, **variables):
        """All that it prints."""
        done = subprocess.run(
            [program, *words], cwd=cls.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            env={**os.environ, "no_proxy": "127.0.0.1", **variables})
        if done.returncode != status:
            raise AssertionError(f"{words}: status {done.returncode}\n{done.stdout}")
        return done.stdout

    def assert_both(self, said, *parts):
        """A line of what was said has these parts, in this order, and so has a line of the page."""
        for text in (said, PAGE):
            self.assertRegex(text, ".*".join(map(re.escape, parts)))

    def test_sources(self):
        self.assert_both(
            self.said, "quarantined  music/jazz/broken.mid: expected 'MThd', found bytes 4d 54 (at 0) [midi.no-header]")
        self.assert_both(self.said, "warning: the validation split is empty: there are 11 pieces")
        self.write("none", MANIFEST.replace("music", "musik"))
        self.assert_both(
            self.run_program("build", "none.yaml", status=64),
            "error: none.yaml:4: 'musik/*/*.mid' matches no file; the manifest's folder exists, 'musik' does not")

    def test_sound_that_needs_ffmpeg(self):
        (self.folder / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
        self.write("sound", "version: 1\ndataset: sound\nsources: [{path: a.m4a}]\naudio: {}\n")
        self.assert_both(
            self.run_program("build", "sound.yaml", status=1, PATH="/nonexistent"),
            "this is an MPEG-4 or QuickTime file (m4a, mp4, mov), which is decoded by ffmpeg, and there is none; install "
            "ffmpeg, or convert it")

    def test_the_manifest(self):
        self.write("bad", MANIFEST.replace("{segment: {steps: 16}}", "{grid: {step_per_beat: 4}}"))
        self.assert_both(
            self.run_program("build", "bad.yaml", status=64),
            "error: bad.yaml:6: unknown key 'step_per_beat' in midi.grid; did you mean 'steps_per_beat'?")

    def test_the_cache(self):
        (self.folder / "other").mkdir()
        (self.folder / "other" / "x").write_text("")
        self.assert_both(
            self.run_program("build", "styles.yaml", "--cache", "other", status=64),
            "error: other is not a cache of Reprise: it holds x; name a new or an empty folder with --cache or "
            "REPRISE_CACHE")
        self.assert_both(
            self.run_program("stats", "stiles", status=10),
            "error: no dataset 'stiles' in the cache at cache; did you mean 'styles'?")

    def test_damage_is_repaired(self):
        shutil.copytree(self.folder / "cache", self.folder / "damaged")
        path = max((self.folder / "damaged" / "objects").glob("??/*"), key=lambda path: path.stat().st_size)
        path.chmod(0o644)
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        damaged = ("--cache", "damaged")
        self.assert_both(self.run_program("verify", *damaged, status=12), "damaged  objects/", ": its bytes hash to ")
        self.run_program("verify", "--repair", *damaged, status=0)
        self.run_program("verify", *damaged, status=0)

    def test_a_moved_cache_computes_nothing(self):
        with tempfile.TemporaryDirectory() as name:
            shutil.copytree(self.folder / "cache", pathlib.Path(name) / "moved-cache")
            shutil.copytree(self.folder / "music", pathlib.Path(name) / "music")
            shutil.copy(self.folder / "styles.yaml", name)
            done = subprocess.run(
                [PROGRAM, "build", "styles.yaml", "--cache", "moved-cache"], cwd=name, capture_output=True, text=True,
                check=False)
            self.assertIn("actions    0 run", done.stdout)

    def test_training(self):
        (self.folder / "alone").mkdir()
        shutil.copy(PROGRAM, self.folder / "alone" / "reprise")
        self.assert_both(
            self.run_program("train", "velocity-cnn", "--dataset", "styles", status=1,
                             program=str(self.folder / "alone" / "reprise"), PATH="/nonexistent"),
            "error: 'train' needs /", "/reprise-train, which cannot be run: it is not there; a release's './install "
            "--with-training' adds it, and in a checkout tools/install builds it")

    def test_a_remote(self):
        said = self.run_program(
            "build", "styles.yaml", "--cache", "alone-cache", "--remote", "http://127.0.0.1:9/x", status=3)
        self.assert_both(said, "the remote http://127.0.0.1:9/x fails (", "; it is not used for 10 s")


if __name__ == "__main__":
    unittest.main()
