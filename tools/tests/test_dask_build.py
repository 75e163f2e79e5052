"""`tools/dask_build.py` on a cluster of this machine: a scheduler and three workers, two of which are killed.

Needs the program reprise and dask.distributed; without them the test is skipped.
"""

import importlib.util
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS / "lib"))
import command  # noqa: E402
import small_music  # noqa: E402

PROGRAM = command.built_program()
FILES, SLICES = 120, 30
MANIFEST = """\
version: 1
dataset: numbers
sources:
  - {path: "midi/*.mid"}
  - {path: "sound/*.wav"}
midi: {segment: {steps: 16}}
audio:
  sample_rate: 8000
  segment: {samples: 2048}
  stft: {n_fft: 256, hop: 256}
  features: {mel: {bands: 8, fmax: 4000}}
splits: {train: 0.8, validation: 0.1, test: 0.1}
shards: {target_bytes: 16KiB}
"""


@unittest.skipIf(importlib.util.find_spec("distributed") is None, "not installed: dask[distributed]")
@unittest.skipIf(PROGRAM is None, "the program reprise is not built")
class Dask(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        for kind in ("midi", "sound"):
            (self.folder / kind).mkdir()
        for index in range(FILES):
            (self.folder / "midi" / f"{index}.mid").write_bytes(small_music.midi(index))
        for index in range(8):
            samples = [(index * 31 + at * (index + 3)) % 2001 - 1000 for at in range(8000)]
            (self.folder / "sound" / f"{index}.wav").write_bytes(small_music.wave_file(samples, 8000))
        (self.folder / "midi" / "broken.mid").write_bytes(b"MT")
        (self.folder / "numbers.yaml").write_text(MANIFEST, encoding="utf-8")
        self.processes = []
        self.addCleanup(self.stop)

    def start(self, *words):
        log = open(self.folder / "cluster.log", "ab")
        self.addCleanup(log.close)
        process = subprocess.Popen([sys.executable, "-m", *words], cwd=self.folder, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def stop(self):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.wait()

    def snapshot(self, cache):
        words = [PROGRAM, "datasets", "--cache", cache, "--json"]
        done = subprocess.run(words, cwd=self.folder, capture_output=True, check=True)
        return json.loads(done.stdout)["datasets"][0]["snapshot"]

    def journals(self):
        return len(list((self.folder / "cache" / "journals").glob("worker-*")))

    def test_two_of_three_workers_are_killed(self):
        address_file = self.folder / "scheduler.json"
        self.start("distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1",
                   "--scheduler-file", str(address_file))
        deadline = time.monotonic() + 60
        while not address_file.exists():
            self.assertLess(time.monotonic(), deadline, "the scheduler did not start")
            time.sleep(0.1)
        workers = [
            self.start("distributed.cli.dask_worker", "--scheduler-file", str(address_file), "--nthreads", "1",
                       "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
            for _ in range(3)
        ]
        address = json.loads(address_file.read_text(encoding="utf-8"))["address"]
        errors = self.folder / "errors.txt"
        with open(errors, "wb") as file:
            build = subprocess.Popen(
                [sys.executable, str(TOOLS / "dask_build.py"), "numbers.yaml", "--scheduler", address, "--cache", "cache",
                 "--slices", str(SLICES), "--reprise", PROGRAM],
                cwd=self.folder, stdout=subprocess.PIPE, stderr=file)
            while build.poll() is None and self.journals() < SLICES // 3:
                time.sleep(0.02)
            for worker in workers[:2]:
                worker.send_signal(signal.SIGKILL)
            done = self.journals()
            output = build.communicate(timeout=300)[0].decode()
        said = errors.read_text(encoding="utf-8")
        self.assertEqual(build.returncode, 3, f"one source is quarantined: {said}")
        self.assertLess(done, SLICES, "killed halfway")
        self.assertIn("midi.no-header", output)
        self.assertIn("actions    1 run", output, "workers did all but the snapshot")
        words = [PROGRAM, "build", "numbers.yaml", "--cache", "clean"]
        self.assertEqual(subprocess.run(words, cwd=self.folder, capture_output=True, check=False).returncode, 3)
        self.assertEqual(self.snapshot("cache"), self.snapshot("clean"))
        self.assertEqual(os.listdir(self.folder / "cache" / "plans"), [])
        for phase in ("sources", "statistics", "shards"):
            self.assertRegex(said, f"{phase}: [0-9]+ slices")


class WithoutDask(unittest.TestCase):
    def test_the_error_says_what_to_install(self):
        # A module of this name that cannot be imported, as if there were none.
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "distributed.py").write_text("raise ImportError", encoding="utf-8")
            done = subprocess.run(
                [sys.executable, str(TOOLS / "dask_build.py"), "x.yaml"], capture_output=True, text=True, check=False,
                env={**os.environ, "PYTHONPATH": folder})
        self.assertEqual(done.returncode, 1)
        self.assertIn("pip install 'dask[distributed]'", done.stderr)


if __name__ == "__main__":
    unittest.main()
