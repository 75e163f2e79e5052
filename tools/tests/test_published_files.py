"""`reprise import` on the file lists of mirdata 0.3.8: counts, pairs and splits.

mirdata's wheel has an index of each dataset, which names every file. A folder with these files, all empty, is imported. Needs
`pip install --no-deps mirdata==0.3.8`, which is not imported itself, and REPRISE_BINARY or a built `reprise`; without them
the tests are skipped. The tables of MAESTRO and Groove are in no index: they are made here from the files' names, in the
published columns, with splits that go round.
"""

import csv
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import command  # noqa: E402

SPLITS = ("train", "validation", "test")


def index(name):
    """An index of mirdata, or a skipped test."""
    found = importlib.util.find_spec("mirdata")
    path = pathlib.Path(found.submodule_search_locations[0], "datasets/indexes", name) if found else None
    if not (path and path.exists()):
        raise unittest.SkipTest(f"mirdata 0.3.8 is not installed, whose wheel has {name}")
    return json.loads(path.read_text())


def files(entries, *kinds):
    """The paths of some kinds of files in an index, without those that it says are missing."""
    return {entry[kind][0] for entry in entries.values() for kind in kinds if entry[kind][0]}


class PublishedFiles(unittest.TestCase):
    def imported(self, name, paths, table=None, rows=()):
        """Imports a folder of empty files; a table has the columns of its first row."""
        program = command.built_program()
        if not program:
            raise unittest.SkipTest("reprise is not built; name it by REPRISE_BINARY")
        with tempfile.TemporaryDirectory() as place:
            folder = pathlib.Path(place, "data")
            for path in paths:
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).touch()
            if table:
                with open(folder / table, "w", newline="") as file:
                    writer = csv.DictWriter(file, rows[0])
                    writer.writeheader()
                    writer.writerows(rows)
            ended = subprocess.run([program, "import", name, folder, "--json"], capture_output=True, text=True)
            self.assertEqual(ended.returncode, 0, ended.stderr)
            said = json.loads(ended.stdout)
            with open(said["table"], newline="") as file:
                self.assertEqual(len(list(csv.DictReader(file))), said["files"])
            return said["files"], said["pairs"], {split: count for split, count in said["splits"].items() if count}

    def dealt(self, count):
        return {split: len(range(place, count, 3)) for place, split in enumerate(SPLITS)}

    def test_maestro(self):
        tracks = index("maestro_index_2.0.0.json")["tracks"]
        rows = [
            {
                "canonical_composer": "A", "canonical_title": track, "split": SPLITS[place % 3], "year": track[:4],
                "midi_filename": entry["midi"][0], "audio_filename": entry["audio"][0], "duration": 1,
            }
            for place, (track, entry) in enumerate(tracks.items())
        ]
        found = self.imported("maestro", files(tracks, "midi", "audio"), "maestro-v2.0.0.csv", rows)
        self.assertEqual(found, (1282, 1282, self.dealt(1282)))

    def test_groove(self):
        tracks = index("groove_midi_index_1.0.0.json")["tracks"]
        rows = [
            {
                "drummer": track.split("/")[0], "session": track.rsplit("/", 1)[0], "id": track, "style": "funk/groove1",
                "bpm": 138, "beat_type": "beat", "time_signature": "4-4", "midi_filename": entry["midi"][0],
                "audio_filename": entry["audio"][0] or "", "duration": 1, "split": SPLITS[place % 3],
            }
            for place, (track, entry) in enumerate(tracks.items())
        ]
        found = self.imported("groove", files(tracks, "midi", "audio"), "info.csv", rows)
        self.assertEqual(found, (1150, 1090, self.dealt(1150)))

    def test_gtzan(self):
        tracks = index("gtzan_genre_index_1.0.json")["tracks"]
        self.assertEqual(len(tracks), 1000)
        found = self.imported("gtzan", files(tracks, "audio"))
        self.assertEqual(found, (930, 0, {"train": 443, "validation": 197, "test": 290}))

    def test_slakh(self):
        """The stems are left out, and what the redux omits."""
        whole = index("slakh_index_2100-redux.json")
        self.assertEqual(len(whole["multitracks"]), 2100)
        paths = files(whole["multitracks"], "midi", "mix") | files(whole["tracks"], "midi")
        found = self.imported("slakh", paths)
        self.assertEqual(found, (1710, 1710, {"train": 1289, "validation": 270, "test": 151}))

    def test_baby_slakh(self):
        """Twenty songs without folders for splits."""
        whole = index("slakh_index_baby.json")
        paths = files(whole["multitracks"], "midi", "mix") | files(whole["tracks"], "midi", "audio")
        self.assertEqual(self.imported("slakh", paths), (20, 20, {}))


if __name__ == "__main__":
    unittest.main()
