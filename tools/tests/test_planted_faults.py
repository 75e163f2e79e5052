"""Faults are planted in music that is made here, and read back event by event."""

import collections
import csv
import os
import random
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import midi_events  # noqa: E402
import planted_faults  # noqa: E402
import small_music  # noqa: E402


def notes(data):
    """(tick, channel, pitch) of each note."""
    found = []
    for start, end in midi_events.tracks(data):
        for tick, status, place, _ in midi_events.events(data, start, end):
            if status & 0xF0 == 0x90 and status < 0xF0 and data[place + 1] > 0:
                found.append((tick, status & 15, data[place]))
    return found


def band(seed):
    """A melody on channel 1, and drums on 10 with a running status."""
    randomly = random.Random(seed)
    track = bytearray([0, 0xC0, 24])
    for _ in range(120):
        pitch = randomly.randint(50, 80)
        track += bytes([0, 0x90, pitch, 80, 24, 0x80, pitch, 0])
    drums = bytearray([0, 0x99, 36, 100])
    for step in range(60):
        drums += bytes([48, (36, 38, 42)[step % 3], 90])
    return small_music.midi_file(track, drums, kind=1)


class PlantedFaultsTests(unittest.TestCase):
    def test_a_tempo(self):
        data = band(1)
        for factor in planted_faults.FACTORS:
            changed = planted_faults.with_tempo(data, factor)
            self.assertEqual(notes(changed), notes(data))
            self.assertAlmostEqual(midi_events.seconds(changed), midi_events.seconds(data) / factor, places=3)
            # One that says its tempo.
            again = planted_faults.with_tempo(changed, 1 / factor)
            self.assertAlmostEqual(midi_events.seconds(again), midi_events.seconds(data), places=3)
            self.assertEqual(len(again), len(changed))

    def test_drums(self):
        data = band(2)
        changed = planted_faults.with_melodic_drums(data)
        self.assertEqual(planted_faults.channels(data)[9], 61)
        self.assertEqual(planted_faults.channels(changed)[9], 0)
        self.assertEqual(notes(changed), [(tick, 1 if channel == 9 else channel, pitch) for tick, channel, pitch in notes(data)])

    def test_velocities(self):
        data = band(3)
        changed = planted_faults.with_velocities(data, random.Random(1))
        self.assertEqual(notes(changed), notes(data))
        self.assertNotEqual(changed, data)

    def test_draws(self):
        with tempfile.TemporaryDirectory() as folder:
            data = os.path.join(folder, "from")
            for label in ("a", "b"):
                os.makedirs(os.path.join(data, "midi", "band", label))
                for number in range(6):
                    with open(os.path.join(data, "midi", "band", label, f"{number}.mid"), "wb") as file:
                        file.write(band(10 * number + (label == "b")))
            os.makedirs(os.path.join(data, "audio", "tones"))
            for number in range(2):
                with open(os.path.join(data, "audio", "tones", f"{number}.wav"), "wb") as file:
                    file.write(small_music.audio(number))
            before = {path: self.contents(data, path) for path, *_ in planted_faults.files(data)}
            self.assertEqual(len(before), 14)
            seen = collections.Counter()
            for seed in range(5):
                target = os.path.join(folder, str(seed))
                found = planted_faults.plant(data, target, seed)
                self.assertEqual(set(found), set(planted_faults.KINDS))
                self.assertEqual(len({path for path, _ in found.values()}), 5)
                self.assertEqual(found, planted_faults.plant(data, os.path.join(folder, f"{seed} again"), seed))
                with open(os.path.join(target, "sources.csv"), encoding="utf-8", newline="") as file:
                    rows = {row["path"]: row for row in csv.DictReader(file)}
                self.assertEqual(len(rows), 15)
                for path, row in rows.items():
                    self.assertTrue(os.path.isfile(os.path.join(target, path)), path)
                    seen[row["split"]] += 1
                    is_moved = path == found["mislabelled"][0]
                    self.assertEqual(row["style"] != path.split("/")[-2], is_moved, path)
                copy, what = found["duplicate"]
                original = "data/" + what.split(" with ")[0]
                self.assertNotEqual(rows[copy]["split"], rows[original]["split"])
                changed = {path for path, row in rows.items() if path[5:] in before
                           and self.contents(target, path) != before[path[5:]]}
                self.assertEqual(changed, {found[kind][0] for kind in ("silent", "tempo", "drums")})
            self.assertEqual(set(seen), {"train", "validation", "test"})
            self.assertEqual(before, {path: self.contents(data, path) for path in before})

    @staticmethod
    def contents(folder, path):
        with open(os.path.join(folder, path), "rb") as file:
            return file.read()


if __name__ == "__main__":
    unittest.main()
