"""`tools/dask_build.py` on a cluster of this machine: a scheduler and three workers, two of which are killed; and on three
hosts, one of which is cut off from the network for a while.

Needs the program reprise and dask.distributed; without them the tests are skipped. A host is a network namespace, made by
iproute2 as root; where that is not possible, its test is skipped.
"""

import contextlib
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


class Cluster(unittest.TestCase):
    """A small dataset of notes and sound, and the processes of a cluster."""

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
        (self.folder / "numbers.yaml").write_text(small_music.MANIFEST, encoding="utf-8")
        self.processes = []
        self.addCleanup(self.stop)

    def start(self, *words, before=(), environment=None):
        """A process that the test ends; `before` are words before Python's."""
        log = open(self.folder / "cluster.log", "ab")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            [*before, sys.executable, "-m", *words], cwd=self.folder, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, **(environment or {})})
        self.processes.append(process)
        return process

    def stop(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self.processes:
            process.wait()

    def snapshot(self, cache):
        words = [PROGRAM, "datasets", "--cache", cache, "--json"]
        done = subprocess.run(words, cwd=self.folder, capture_output=True, check=True)
        return json.loads(done.stdout)["datasets"][0]["snapshot"]

    def build_once(self):
        """The same by one process, without a cluster."""
        words = [PROGRAM, "build", "numbers.yaml", "--cache", "clean"]
        self.assertEqual(subprocess.run(words, cwd=self.folder, capture_output=True, check=False).returncode, 3)

    def wait(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                log = (self.folder / "cluster.log").read_text(encoding="utf-8", errors="replace")
                self.fail(f"{what}; the cluster's log ends with:\n{log[-4000:]}")
            time.sleep(0.05)


@unittest.skipIf(importlib.util.find_spec("distributed") is None, "not installed: dask[distributed]")
@unittest.skipIf(PROGRAM is None, "the program reprise is not built")
class Dask(Cluster):
    def journals(self):
        return len(list((self.folder / "cache" / "journals").glob("worker-*")))

    def test_two_of_three_workers_are_killed(self):
        address_file = self.folder / "scheduler.json"
        self.start("distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard", "--host", "127.0.0.1",
                   "--scheduler-file", str(address_file))
        self.wait(address_file.exists, 60, "the scheduler did not start")
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
        self.build_once()
        self.assertEqual(self.snapshot("cache"), self.snapshot("clean"))
        self.assertEqual(os.listdir(self.folder / "cache" / "plans"), [])
        for phase in ("sources", "statistics", "shards"):
            self.assertRegex(said, f"{phase}: [0-9]+ slices")


# A program that notes on which host and when a slice begins, and takes as long as real slices do. After so many slices the
# others wait until the host that was cut off works again, be it ever so late.
SLOW_PROGRAM = """\
#!/bin/sh
if [ "$1" = work ]; then
    echo "$REPRISE_TEST_HOST $(date +%s.%N) $5" >> "{folder}/slices.txt"
    sleep 1
    while [ "$(wc -l < "{folder}/slices.txt")" -gt {limit} ] && [ ! -e "{folder}/back" ]; do
        sleep 0.1
    done
fi
exec "{program}" "$@"
"""


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def why_no_hosts():
    """Why network namespaces cannot be made here; empty if they can."""
    if shutil.which("ip") is None:
        return "not installed: iproute2"
    name = f"reprise-{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network namespaces (root makes them): {made.stderr.strip()}"
    try:
        ip("netns", "exec", name, "true")
        ip("-n", name, "link", "add", "here", "type", "veth", "peer", "name", "there")
        ip("-n", name, "link", "add", "bridge", "type", "bridge")
    except subprocess.CalledProcessError as error:
        return f"no network namespaces: {error.stderr.strip()}"
    finally:
        ip("netns", "delete", name)
    return ""


@unittest.skipIf(importlib.util.find_spec("distributed") is None, "not installed: dask[distributed]")
@unittest.skipIf(PROGRAM is None, "the program reprise is not built")
class Hosts(Cluster):
    """Three hosts on a bridge share the cache: a scheduler with a worker, and two more workers."""

    SLICES, BEFORE_BACK = 100, 50
    # Dask takes a silent host for lost after these, not after minutes; 11 s is the least that it accepts for TCP.
    TIMES = {
        "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "8s",
        "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "11s",
        "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "11s",
    }

    def make_hosts(self):
        prefix = f"reprise-{os.getpid()}"
        self.bridge, self.hosts = f"{prefix}-bridge", [f"{prefix}-{number}" for number in range(3)]
        for name in (self.bridge, *self.hosts):
            ip("netns", "add", name)
            self.addCleanup(ip, "netns", "delete", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", self.bridge, "link", "add", "bridge", "type", "bridge")
        ip("-n", self.bridge, "link", "set", "bridge", "up")
        for number, name in enumerate(self.hosts):
            port = f"port{number}"
            ip("-n", self.bridge, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("-n", self.bridge, "link", "set", port, "master", "bridge", "up")
            ip("-n", name, "address", "add", f"10.77.0.{number + 1}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")

    def on_host(self, number):
        return ["ip", "netns", "exec", self.hosts[number]]

    def slices_begun(self, host=None, since=0.0):
        """Hosts, times and slices of the calls of `reprise work` so far."""
        path = self.folder / "slices.txt"
        rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [row for row in rows if (host is None or row[0] == str(host)) and float(row[1]) > since]

    def log_has(self, *words):
        """Whether a line of the cluster's log has all of the words."""
        lines = (self.folder / "cluster.log").read_text(encoding="utf-8", errors="replace").splitlines()
        return any(all(word in line for word in words) for line in lines)

    def start_worker(self, number):
        return self.start(
            "distributed.cli.dask_worker", "tcp://10.77.0.1:8786", "--nthreads", "1", "--no-nanny", "--no-dashboard",
            "--host", f"10.77.0.{number + 1}", "--name", f"host-{number}", before=self.on_host(number),
            environment={**self.TIMES, "REPRISE_TEST_HOST": str(number)})

    def test_a_host_is_cut_off_and_comes_back(self):
        if why := why_no_hosts():
            self.skipTest(why)
        self.make_hosts()
        program = self.folder / "program"
        program.write_text(
            SLOW_PROGRAM.format(folder=self.folder, program=PROGRAM, limit=self.BEFORE_BACK), encoding="utf-8")
        program.chmod(0o755)
        self.start("distributed.cli.dask_scheduler", "--port", "8786", "--no-dashboard", "--host", "10.77.0.1",
                   before=self.on_host(0), environment=self.TIMES)
        workers = [self.start_worker(number) for number in range(3)]
        self.wait(lambda: all(self.log_has("Register worker", f"//10.77.0.{number + 1}:") for number in range(3)), 120,
                  "three workers do not start")
        errors, output = self.folder / "errors.txt", self.folder / "output.txt"
        with open(errors, "wb") as error_file, open(output, "wb") as output_file:
            build = subprocess.Popen(
                [*self.on_host(0), sys.executable, str(TOOLS / "dask_build.py"), "numbers.yaml", "--scheduler",
                 "tcp://10.77.0.1:8786", "--cache", "cache", "--slices", str(self.SLICES), "--reprise", str(program)],
                cwd=self.folder, stdout=output_file, stderr=error_file, env={**os.environ, **self.TIMES})
        self.addCleanup(build.wait)
        self.addCleanup(build.kill)
        self.wait(lambda: all(len(self.slices_begun(host)) >= 3 for host in range(3)), 120, "three hosts do not work")
        ip("-n", self.bridge, "link", "set", "port2", "down")
        cut = time.time()
        # A worker of Dask that has lost its scheduler ends; what runs it starts it again, as systemd or Slurm do.
        workers[2].wait(timeout=120)
        self.wait(lambda: self.log_has("Remove worker", "//10.77.0.3:"), 120, "the scheduler does not miss the host")
        self.wait(lambda: all(self.slices_begun(host, since=cut + 4) for host in range(2)), 120,
                  "the others do not continue")
        self.assertIsNone(build.poll(), "slices are left for the host")
        ip("-n", self.bridge, "link", "set", "port2", "up")
        back = time.time()
        self.start_worker(2)
        self.wait(lambda: self.slices_begun(2, since=back), 120, "the host does not work again")
        (self.folder / "back").touch()
        self.assertEqual(build.wait(timeout=300), 3, errors.read_text(encoding="utf-8"))
        self.assertIn("actions    1 run", output.read_text(encoding="utf-8"), "workers did all but the snapshot")
        self.build_once()
        self.assertEqual(self.snapshot("cache"), self.snapshot("clean"))
        counts = [
            f"host {host}: {len(self.slices_begun(host))}, {len(self.slices_begun(host, since=back))} of them after"
            for host in range(3)
        ]
        print(f"cut off for {back - cut:.0f} s; slices: {'; '.join(counts)}; snapshot {self.snapshot('cache')}")


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
