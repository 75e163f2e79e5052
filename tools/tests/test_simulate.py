"""`tools/simulate`: the fit of rates and the simulation, against what follows from their definitions."""

import importlib.machinery
import importlib.util
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

LOADER = importlib.machinery.SourceFileLoader("simulate", str(TOOLS / "simulate"))
simulate = importlib.util.module_from_spec(importlib.util.spec_from_loader("simulate", LOADER))
LOADER.exec_module(simulate)
PROGRAM = command.built_program()


def even_rates(work, sources=0.0):
    """Rates of a build in which only the phase `sources` costs: seconds per hour of audio."""
    names = [f"{step} {phase}, s" for step in ("plan", "work") for phase in simulate.PHASES]
    rates = {name: [0.0, 0.0, 0.0] for name in (*names, "build, s", "object bytes", "objects", "journal bytes")}
    rates["work sources, s"] = [0.0, sources, work]
    return {"rates": rates, "slice, s": 0.0, "task of Dask, s": 1e-9, "slices' deviation": 0.0, "source bytes per hour": 0.0}


class Fit(unittest.TestCase):
    def test_three_builds_give_back_their_rates(self):
        for truth in ([2.0, 0.5, 30.0], [0.0, 0.25, 10.0], [5.0, 0.0, 0.0], [0.0, 0.0, 7.0]):
            builds = [{"sources": n, "hours": h} for n, h in ((30, 0.2), (150, 0.17), (900, 1.0))]
            for build in builds:
                build["q"] = truth[0] + truth[1] * build["sources"] + truth[2] * build["hours"]
            for found, expected in zip(simulate.fitted(builds, "q"), truth):
                self.assertAlmostEqual(found, expected, places=6)

    def test_no_rate_is_negative(self):
        builds = [{"sources": 10, "hours": 1.0, "q": 9.0}, {"sources": 100, "hours": 1.0, "q": 5.0},
                  {"sources": 100, "hours": 9.0, "q": 6.0}]  # fmt: skip
        self.assertGreaterEqual(min(simulate.fitted(builds, "q")), 0)


class Simulation(unittest.TestCase):
    def setUp(self):
        # A cluster without storage, metadata or failures to wait for.
        self.clusters, self.lost = simulate.CLUSTERS, simulate.LOST_PER_CORE_HOUR
        simulate.LOST_PER_CORE_HOUR = 0.0
        free = {"host_cores": 1, "host": 1e30, "storage": 1e30, "metadata": 1e30, "stat": 0.0}
        simulate.CLUSTERS = {1: free, 64: free, 100: free}
        self.addCleanup(self.restore)

    def restore(self):
        simulate.CLUSTERS, simulate.LOST_PER_CORE_HOUR = self.clusters, self.lost

    def test_one_core_takes_the_work(self):
        steps, limit = simulate.simulated_build(even_rates(6.0), 1000, 1)
        self.assertAlmostEqual(sum(steps.values()), 6000, delta=0.01)
        self.assertEqual(limit, "processor")

    def test_64_slices_on_64_and_on_100_cores(self):
        # 600 s are 64 slices: one each, and 36 cores idle.
        for cores in (64, 100):
            steps, _ = simulate.simulated_build(even_rates(6.0), 100, cores)
            self.assertAlmostEqual(sum(steps.values()), 600 / 64, delta=0.01)

    def test_storage_and_names_limit(self):
        simulate.CLUSTERS = {100: {**simulate.CLUSTERS[100], "storage": 1e6}}
        rates = even_rates(0.001)
        rates["source bytes per hour"] = 1e6
        steps, limit = simulate.simulated_build(rates, 1000, 100)
        self.assertEqual(limit, "storage")
        self.assertAlmostEqual(steps["sources"], 1000, delta=1)

    def test_lost_workers_cost_time_and_no_slice(self):
        simulate.LOST_PER_CORE_HOUR = 36.0
        steps, _ = simulate.simulated_build(even_rates(6.0), 1000, 1)
        self.assertGreater(steps["sources"], 6000)
        self.assertLess(steps["sources"], 9000)

    def test_slices_are_those_of_the_program(self):
        self.assertEqual([simulate.slices_of(cost) for cost in (0, 1279, 1300, 2000, 1e9)], [64, 64, 65, 100, 16_384])


class Page(unittest.TestCase):
    def test_the_page_in_the_docs_is_this_one(self):
        done = subprocess.run([TOOLS / "simulate"], capture_output=True, text=True, check=True)
        documentation = (TOOLS.parent / "docs" / "scale.md").read_text(encoding="utf-8")
        for table in done.stdout.strip().split("\n\n"):
            self.assertIn(table, documentation, "put the output of tools/simulate into docs/scale.md")

    def test_predictions_held(self):
        rates = json.loads(pathlib.Path(simulate.RATES).read_text(encoding="utf-8"))
        self.assertGreaterEqual(len(rates["validation"]), 2)
        for name, build in rates["validation"].items():
            work = [f"work {phase}, s" for phase in simulate.PHASES]
            guess = sum(simulate.predicted(rates, each, build["sources"], build["hours"]) for each in work)
            self.assertAlmostEqual(guess / sum(build[each] for each in work), 1, delta=0.5, msg=name)
            for quantity in ("object bytes", "journal bytes"):
                guess = simulate.predicted(rates, quantity, build["sources"], build["hours"])
                self.assertAlmostEqual(guess / build[quantity], 1, delta=0.25, msg=f"{name}: {quantity}")


@unittest.skipIf(PROGRAM is None, "the program reprise is not built")
class Measure(unittest.TestCase):
    def test_a_build_as_a_cluster_does_it(self):
        with tempfile.TemporaryDirectory() as folder:
            simulate.noise(os.path.join(folder, "data"), 5, 4, seed=1)
            pathlib.Path(folder, "m.yaml").write_text(simulate.MANIFEST, encoding="utf-8")
            found = simulate.build_as_a_cluster(os.path.abspath(PROGRAM), folder)
            self.assertEqual(found["sources"], 5)
            self.assertAlmostEqual(found["hours"], 20 / 3600, delta=2 / 3600)
            self.assertEqual(found["source bytes"], 5 * (44 + 2 * 4 * 44_100))
            self.assertGreater(found["object bytes"], 0)
            overhead, deviation = simulate.measured_slices(os.path.abspath(PROGRAM), folder, found["work sources, s"])
            self.assertLess(overhead, found["work sources, s"] + 1)
            self.assertGreaterEqual(deviation, 0)
            words = [PROGRAM, "build", "m.yaml", "--cache", "clean", "--json"]
            clean = subprocess.run(words, cwd=folder, capture_output=True, check=True)
            self.assertEqual(json.loads(clean.stdout)["snapshot"], found["snapshot"])


if __name__ == "__main__":
    unittest.main()
