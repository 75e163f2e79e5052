#!/usr/bin/env python3
"""Builds a dataset on the workers of a Dask cluster.

    tools/dask_build.py MANIFEST [--scheduler ADDRESS | --workers N] [--cache DIR] [--slices N] [--reprise PROGRAM]

Plans each phase of the build, runs every slice of the plan as a Dask task, and ends with `reprise build`. A task calls
`reprise work` and returns the number of its slice; results go into the cache alone. So the cache, the manifest, the
sources and the program must have the same paths on this machine and on the workers (docs/distributed.md).

--scheduler names a running cluster, such as tcp://10.0.0.1:8786: of `dask scheduler`, dask-jobqueue (Slurm, PBS, SGE),
dask-kubernetes or dask-yarn. Without it, a cluster of N processes is started on this machine (default: one for each
processor). A task is given one thread.

The slices of a worker that is lost are run by others. Slices that still lack results when all tasks have ended are
submitted again, twice; the build then does what is left. The exit status is that of `reprise build`.
"""

import argparse
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "lib"))
import command  # noqa: E402
from command import Stop, note, say, warn  # noqa: E402

PHASES = ("sources", "statistics", "shards")
ROUNDS = 3


def run_slice(program, cache, plan, number):
    """Runs a slice in a worker; may be repeated at any time. Statuses of failed sources are no failure: the build reports them."""
    import subprocess

    words = [program, "work", "--plan", plan, "--slice", str(number), "--jobs", "1", "--cache", cache, "--json"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"slice {number} ended with status {done.returncode}: {done.stderr.strip()[-1000:]}")
    return number


class Build:
    def __init__(self, arguments):
        self.manifest = os.path.abspath(arguments.manifest)
        self.cache = os.path.abspath(arguments.cache or os.environ.get("REPRISE_CACHE") or "cache")
        self.program = os.path.abspath(arguments.reprise or command.built_program() or command.program(
            "reprise", "reprise", "name it with --reprise"))
        self.slices = arguments.slices

    def reprise(self, *words):
        """What the program prints; its errors are shown as they come."""
        done = subprocess.run(
            [self.program, *words, "--cache", self.cache], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            raise Stop(f"reprise {words[0]} ended with status {done.returncode}; its words are above")
        return done.stdout

    def plan(self, phase):
        """Plans a phase; gives the plan's file, and its slices by number."""
        more = ["--slices", str(self.slices)] if self.slices else []
        lines = self.reprise("plan", self.manifest, "--phase", phase, *more)
        header, _, rest = lines.partition(b"\n")
        header = json.loads(header)
        path = os.path.join(self.cache, "plans", f"{header['dataset']}-{phase}-{header['id']}.jsonl")
        command.write_whole(path, lines)
        return path, [json.loads(line) for line in rest.split(b"\n", header["slices"])[: header["slices"]]]

    def missing(self, path):
        found = json.loads(self.reprise("plan", self.manifest, "--missing", path, "--json"))
        return {item["slice"] for item in found["missing"]}

    def run(self, client, phase):
        """Runs a phase on the cluster."""
        path, slices = self.plan(phase)
        name = os.path.basename(path).removesuffix(".jsonl")
        for attempt in range(ROUNDS):
            if not slices:
                break
            say(f"{phase}: {len(slices)} slices, some {sum(slice['cost'] for slice in slices):.0f} s on one core")
            # Long ones first, so that all workers end together.
            slices.sort(key=lambda slice: -slice["cost"])
            self.submit(client, path, (f"{name}-{attempt}" if attempt else name), [slice["slice"] for slice in slices])
            missing = self.missing(path)
            slices = [slice for slice in slices if slice["slice"] in missing]
        if slices:
            warn(f"{phase}: {len(slices)} slices still lack results; the build does what is left of them")
        os.unlink(path)

    def submit(self, client, path, name, numbers):
        from distributed import as_completed

        # Keys of one group: the dashboard shows a phase as one bar.
        futures = [
            client.submit(run_slice, self.program, self.cache, path, number, key=(name, number), retries=2) for number in numbers
        ]
        start, shown, failed = time.monotonic(), 0, 0
        for done, future in enumerate(as_completed(futures), 1):
            if future.status == "error":
                failed += 1
                warn(str(future.exception()).splitlines()[0])
            now = time.monotonic()
            if now - shown >= 5 or done == len(futures):
                shown = now
                note(f"{done}/{len(futures)} slices, {failed} failed, {now - start:.0f} s")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a running cluster's")
    parser.add_argument("--workers", metavar="N", type=int, help="processes of a cluster on this machine")
    parser.add_argument("--cache", metavar="DIR", help="the cache (default: $REPRISE_CACHE, else ./cache)")
    parser.add_argument("--slices", metavar="N", type=int, help="slices of a phase at most (default: by the cost)")
    parser.add_argument("--reprise", metavar="PROGRAM", help="the program (default: the one that was built last)")
    arguments = parser.parse_args()
    if arguments.scheduler and arguments.workers:
        raise Stop("--scheduler names a cluster, and --workers starts one; write one of them", status=64)
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise Stop("dask.distributed is not installed", "pip install 'dask[distributed]' bokeh") from None
    build = Build(arguments)
    if arguments.scheduler:
        client = Client(arguments.scheduler)
    else:
        client = Client(LocalCluster(n_workers=arguments.workers or os.cpu_count(), threads_per_worker=1))
    with client:
        note(f"dashboard: {client.dashboard_link}")
        for phase in PHASES:
            build.run(client, phase)
        if not arguments.scheduler:
            client.cluster.close()
    say("build")
    return subprocess.run([build.program, "build", build.manifest, "--cache", build.cache], check=False).returncode


if __name__ == "__main__":
    command.run(main)
