"""Runs commands in turn, and tells what their ratios are worth."""

import json
import os
import random
import statistics
import subprocess
import time


class Failed(Exception):
    """A contender did not run; its rows cannot be measured."""


class Bench:
    """Where things are, and how commands are run."""

    def __init__(self, options, root):
        self.options, self.root = options, root
        self.work = os.path.abspath(options.work)
        self.bin = f"{self.work}/bin"
        self.python = f"{options.environment}/bin/python"
        self.reprise = options.reprise
        self.peers = f"{root}/tools/benchmarks/peers"
        self.floors = {}

    def timed(self, command, status=(0,)):
        """A whole process, from outside: its start and end are in the time."""
        os.sync()
        output = f"{self.work}/output"
        found = self.answer([f"{self.bin}/timed", output, *command])
        if found["status"] not in status:
            raise Failed(f"status {found['status']}: {' '.join(command)}")
        with open(output, encoding="utf-8", errors="replace") as file:
            found["output"] = file.read()
        return found

    def answer(self, command):
        """A program that times itself, and prints JSON last."""
        os.sync()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            return json.loads(done.stdout.strip().splitlines()[-1])
        except (IndexError, ValueError):
            why = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no answer"]
            raise Failed(f"{os.path.basename(command[0])}: {why[0]}") from None

    def together(self, commands):
        """Programs at the same time; the time until the last of them is done, as they tell it."""
        os.sync()
        running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
        answers = [json.loads(process.communicate()[0]) for process in running]
        if any(process.returncode for process in running):
            raise Failed(f"{os.path.basename(commands[0][0])} failed")
        return {
            "seconds": max(a["seconds"] for a in answers),
            "cpu": sum(a["cpu"] for a in answers),
        }

    def peer(self, script, *words):
        return self.answer([self.python, f"{self.peers}/{script}", *words])


def rounds(contenders, count, tell):
    """Runs each contender once a round, in turn, after a first round that does not count.

    A contender that fails is left out from then on. Returns the answers of each, by name, and the failures.
    """
    answers, failed = {name: [] for name in contenders}, {}
    for number in range(count + 1):
        for name, run in contenders.items():
            if name in failed:
                continue
            began = time.monotonic()
            try:
                answer = run()
            except (Failed, OSError, ValueError, KeyError) as error:
                failed[name] = str(error)
                tell(f"{name}: {error}")
                continue
            tell(f"{number}/{count} {name} {answer['seconds']:.3f} s ({time.monotonic() - began:.1f})")
            if number > 0:
                answers[name].append(answer)
    return {name: found for name, found in answers.items() if name not in failed}, failed


def interval(ratios):
    """The median of paired ratios and its 95 % interval (percentile bootstrap, 2,000 draws)."""
    dice = random.Random(0)
    draws = sorted(
        statistics.median(dice.choices(ratios, k=len(ratios))) for _ in range(2000)
    )
    return statistics.median(ratios), draws[50], draws[1949]


class Row:
    """One line of the table: a median ratio against its target, if it has one."""

    def __init__(self, name, against, target=None, is_limit=False, unit="x"):
        self.name, self.against, self.target = name, against, target
        self.is_limit, self.unit = is_limit, unit
        self.median = self.low = self.high = self.cpu = None
        self.note = "not measured"
        self.details = {}

    def fill(self, ratios, cpu=None, note=""):
        if ratios:
            self.median, self.low, self.high = interval(ratios)
            self.cpu = statistics.median(cpu) if cpu else None
            self.note = note
        return self

    def missing(self, why):
        self.note = f"not measured: {why}"
        return self

    @property
    def holds(self):
        if self.median is None or self.target is None:
            return None
        return self.low <= self.target if self.is_limit else self.high >= self.target

    @property
    def cells(self):
        want = "-" if self.target is None else f"{'≤' if self.is_limit else '≥'} {self.target:g}"
        if self.median is None:
            return [self.name, self.against, want, "-", "-", "-", self.note]
        verdict = {True: "holds", False: "misses", None: ""}[self.holds]
        return [
            self.name,
            self.against,
            want,
            f"{self.median:.3g}",
            f"{self.low:.3g}–{self.high:.3g}",
            f"{self.cpu:.3g}" if self.cpu else "-",
            "; ".join(filter(None, (verdict, self.note))),
        ]

    @property
    def json(self):
        return {
            "row": self.name, "against": self.against, "target": self.target,
            "at_most": self.is_limit, "median": self.median,
            "interval": None if self.median is None else [self.low, self.high],
            "cpu": self.cpu, "holds": self.holds, "note": self.note, **self.details,
        }  # fmt: skip


def ratio(answers, above, below, key="seconds"):
    """Ratios of paired answers; of the seconds, or of another number that both tell."""
    pairs = zip(answers[above], answers[below])
    return [a[key] / b[key] for a, b in pairs if a.get(key) and b.get(key)]
