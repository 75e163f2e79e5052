"""`tools/slurm-build`: with a program in place of sbatch that runs the elements of an array, and loses one of the first; and
with Slurm, whose controller and one node are started here.

Needs the program reprise; without it the tests are skipped. Slurm's programs (Debian: slurmctld, slurmd, slurm-client) may
lie in a folder of their own, as tools/test unpacks them; without them the second test is skipped.
"""

import getpass
import json
import os
import pathlib
import shutil
import socket
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


# Debian's programs have another name than Slurm's own, so that other versions can be installed beside them.
CONTROLLER = command.server_program("slurmctld", "slurmctld-wlm")
NODE = command.server_program("slurmd", "slurmd-wlm")
SUBMIT = command.server_program("sbatch")
PLUGINS = NODE and next(pathlib.Path(NODE).resolve().parents[1].glob("lib/*/slurm-wlm"), None)
# No user is verified and no process is bound: all run here, for this user. What is requeued waits until credentials expire.
SLURM = """\
ClusterName=reprise
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
AuthInfo=cred_expire=15
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
MailProg=/bin/true
PluginDir={plugins}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/node.log
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1
NodeName=node NodeHostname={host} NodeAddr=127.0.0.1 CPUs=4
PartitionName=all Nodes=node Default=YES State=UP
"""
# Of the first array, element 1 hangs and element 2 dies, once each; every attempt is noted.
FAULTY_PROGRAM = """\
#!/bin/sh
if [ "$1" = work ]; then
    echo "$SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID ${{SLURM_RESTART_COUNT:-0}}" >> "{folder}/attempts.txt"
    case $SLURM_ARRAY_TASK_ID in
    1) mkdir "{folder}/hung" 2>/dev/null && exec sleep 600 ;;
    2) mkdir "{folder}/dead" 2>/dev/null && kill -KILL $$ ;;
    esac
fi
exec "{program}" "$@"
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for made in sockets:
            made.bind(("127.0.0.1", 0))
        return [made.getsockname()[1] for made in sockets]
    finally:
        for made in sockets:
            made.close()


def make_sources(folder):
    (folder / "midi").mkdir()
    for index in range(40):
        (folder / "midi" / f"{index}.mid").write_bytes(small_music.midi(index))
    (folder / "numbers.yaml").write_text(MANIFEST, encoding="utf-8")


def end(process):
    """Ends a daemon, whatever it thinks of it."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@unittest.skipIf(PROGRAM is None, "the program reprise is not built")
class Slurm(unittest.TestCase):
    def assert_same(self, folder):
        """The snapshot is that of one process."""
        snapshots = []
        for cache in ("cache", "clean"):
            built = subprocess.run(
                [PROGRAM, "build", "numbers.yaml", "--cache", cache, "--json"], cwd=folder, capture_output=True, check=True)
            snapshots.append(json.loads(built.stdout)["snapshot"])
        self.assertEqual(snapshots[0], snapshots[1])
        self.assertEqual(os.listdir(folder / "cache" / "plans"), ["logs"])

    def test_a_lost_element_is_submitted_again(self):
        with tempfile.TemporaryDirectory(prefix="with space ") as name:
            folder = pathlib.Path(name)
            make_sources(folder)
            (folder / "bin").mkdir()
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
            self.assert_same(folder)

    @unittest.skipUnless(
        CONTROLLER and SUBMIT and PLUGINS, "not installed: Slurm (Debian: slurmctld, slurmd, slurm-client)")
    def test_a_cluster_requeues_one_element_and_is_given_another_again(self):
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        make_sources(folder)
        program = folder / "program"
        program.write_text(FAULTY_PROGRAM.format(folder=folder, program=PROGRAM), encoding="utf-8")
        program.chmod(0o755)
        environment = self.start_slurm(folder)
        build = subprocess.Popen(
            [TOOLS / "slurm-build", "numbers.yaml", "--cache", "cache", "--slices", "8", "--reprise", program],
            cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(build.kill)
        self.wait((folder / "hung").exists, "no element hangs")
        array = next(job for job, element, _ in self.attempts(folder) if element == "1")
        subprocess.run(["scontrol", "requeue", f"{array}_1"], env=environment, check=True)
        output, errors = build.communicate(timeout=300)
        self.assertEqual(build.returncode, 0, errors)
        self.assertIn("actions    1 run", output, "jobs did all but the snapshot")
        attempts = self.attempts(folder)
        self.assertEqual({element for job, element, _ in attempts if job == array}, set("01234567"))
        self.assertEqual([(job, restarts) for job, element, restarts in attempts if element == "1"][:2],
                         [(array, "0"), (array, "1")], "Slurm repeats what is requeued")
        again = [job for job, element, _ in attempts if element == "2"][1]
        self.assertNotEqual(again, array, "what died is submitted again")
        self.assertEqual([element for job, element, _ in attempts if job == again], ["2"], "and nothing else")
        self.assert_same(folder)

    @staticmethod
    def attempts(folder):
        """Array, element and restarts of each call of `reprise work`."""
        return [line.split() for line in (folder / "attempts.txt").read_text().splitlines()]

    def start_slurm(self, folder):
        """Starts a controller and a node of four processors; gives the variables by which they are reached."""
        for name in ("state", "spool"):
            (folder / name).mkdir()
        (folder / "slurm.conf").write_text(
            SLURM.format(folder=folder, host=socket.gethostname(), ports=free_ports(2), user=getpass.getuser(),
                         plugins=PLUGINS),
            encoding="utf-8")
        libraries = [PLUGINS, PLUGINS.parent, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        environment = {
            **os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
            "PATH": os.pathsep.join([str(pathlib.Path(SUBMIT).parent), os.environ["PATH"]]),
        }
        step = pathlib.Path(NODE).with_name(pathlib.Path(NODE).name.replace("slurmd", "slurmstepd"))
        for words in ([CONTROLLER, "-D"], [NODE, "-D", "-N", "node", "-d", step]):
            process = subprocess.Popen(
                words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
            self.addCleanup(end, process)

        def is_idle():
            done = subprocess.run(
                ["sinfo", "--noheader", "--format=%T"], env=environment, capture_output=True, text=True, check=False)
            return done.stdout.strip() == "idle"

        self.wait(is_idle, "Slurm does not start", folder / "controller.log", folder / "node.log")
        return environment

    def wait(self, condition, what, *logs):
        deadline = time.monotonic() + 120
        while not condition():
            if time.monotonic() > deadline:
                ends = "".join(log.read_text(errors="replace")[-2000:] for log in logs if log.exists())
                self.fail(f"{what}\n{ends}")
            time.sleep(0.1)


if __name__ == "__main__":
    unittest.main()
