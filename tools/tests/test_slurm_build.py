"""`tools/slurm-build` with a program in place of sbatch that runs the elements of an array, and loses one of the first.

Needs the program reprise; without it the test is skipped.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOOLS / "lib"))
import command  # noqa: E402
import small_music  # noqa: E402

PROGRAM = command.built_program()
MANIFEST = """\
version: 1
dataset: numbers
sources: [{path: "midi/*.mid"}]
midi: {segment: {steps: 16}}
shards: {target_bytes: 16KiB}
"""
SBATCH = """\
#!/usr/bin/env python3
import json, os, subprocess, sys
array = next(word for word in sys.argv if word.startswith("--array=")).removeprefix("--array=")
numbers = []
for part in array.split(","):
    first, _, last = part.partition("-")
    numbers += range(int(first), int(last or first) + 1)
script = sys.stdin.read()
calls = os.path.join(os.path.dirname(sys.argv[0]), "calls.jsonl")
is_first = not os.path.exists(calls)
with open(calls, "a") as file:
    file.write(json.dumps({"words": sys.argv[1:], "numbers": numbers}) + "\\n")
for number in numbers:
    if is_first and number == 2:
        continue
    environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(number), "SLURM_CPUS_PER_TASK": "2"}
    subprocess.run(["bash", "-c", script], env=environment, stdout=subprocess.DEVNULL, check=True)
sys.exit(1 if is_first else 0)
"""


@unittest.skipIf(PROGRAM is None, "the program reprise is not built")
class Slurm(unittest.TestCase):
    def test_a_lost_element_is_submitted_again(self):
        with tempfile.TemporaryDirectory(prefix="with space ") as name:
            folder = pathlib.Path(name)
            (folder / "midi").mkdir()
            (folder / "bin").mkdir()
            for index in range(40):
                (folder / "midi" / f"{index}.mid").write_bytes(small_music.midi(index))
            (folder / "numbers.yaml").write_text(MANIFEST, encoding="utf-8")
            (folder / "bin" / "sbatch").write_text(SBATCH, encoding="utf-8")
            os.chmod(folder / "bin" / "sbatch", 0o755)
            environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
            words = [TOOLS / "slurm-build", "numbers.yaml", "--cache", "cache", "--slices", "8", "--reprise", PROGRAM]
            done = subprocess.run(
                [*words, "--", "--partition=some where"], cwd=folder, env=environment, capture_output=True, text=True,
                check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("actions    1 run", done.stdout, "jobs did all but the snapshot")
            calls = [json.loads(line) for line in (folder / "bin" / "calls.jsonl").read_text().splitlines()]
            self.assertEqual([call["numbers"] for call in calls[:2]], [list(range(8)), [2]])
            self.assertGreaterEqual(len(calls), 3, "the shards are an array too")
            for call in calls:
                self.assertLessEqual({"--requeue", "--wait", "--partition=some where"}, set(call["words"]))
            snapshots = []
            for cache in ("cache", "clean"):
                built = subprocess.run(
                    [PROGRAM, "build", "numbers.yaml", "--cache", cache, "--json"], cwd=folder, capture_output=True,
                    check=True)
                snapshots.append(json.loads(built.stdout)["snapshot"])
            self.assertEqual(snapshots[0], snapshots[1])
            self.assertEqual(os.listdir(folder / "cache" / "plans"), ["logs"])


if __name__ == "__main__":
    unittest.main()
