"""The charts are the same for a seed, well formed, and go home as songs do; MMA is not needed."""

import hashlib
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import chord_charts  # noqa: E402

# Notes and chords by their names, written independently of the generator's numerals.
NOTES = {"C": 0, "C#": 1, "Db": 1, "D": 2, "D#": 3, "Eb": 3, "E": 4, "F": 5, "F#": 6, "Gb": 6, "G": 7, "G#": 8, "Ab": 8, "A": 9,
         "A#": 10, "Bb": 10, "B": 11}
INTERVALS = {"": [0, 4, 7], "6": [0, 4, 7, 9], "M7": [0, 4, 7, 11], "m": [0, 3, 7], "m7": [0, 3, 7, 10], "m7b5": [0, 3, 6, 10],
             "7": [0, 4, 7, 10], "9": [0, 2, 4, 7, 10]}
SCALES = {"major": {0, 2, 4, 5, 7, 9, 11}, "minor": {0, 2, 3, 5, 7, 8, 10, 11}}


def parsed(name):
    root, kind = re.fullmatch(r"([A-G][#b]?)(.*)", name).groups()
    return NOTES[root], INTERVALS[kind]


class ChartTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.songs = chord_charts.songs(1, 200)

    def test_the_seed_decides(self):
        text = "".join(chord_charts.mma(song, "Swing") for song in self.songs)
        self.assertEqual(text, "".join(chord_charts.mma(song, "Swing") for song in chord_charts.songs(1, 200)))
        self.assertNotEqual(text, "".join(chord_charts.mma(song, "Swing") for song in chord_charts.songs(2, 200)))
        # Data that was made with a seed must not change unnoticed: a release that draws others says so.
        self.assertEqual(hashlib.sha256(text.encode()).hexdigest()[:16], "790f6d501c34d295")

    def test_more_songs_leave_the_first_ones(self):
        self.assertEqual(chord_charts.songs(1, 20), self.songs[:20])

    def test_lengths(self):
        for song in self.songs:
            self.assertIn(len(song.bars), (16, 24, 32), song.name)
            for bar in song.bars:
                self.assertEqual(sum(beats for _, beats in bar), 4, song.name)
        self.assertGreaterEqual(len({song.form for song in self.songs}), 6)
        self.assertEqual(len({song.key for song in self.songs}), 24)

    def test_songs_begin_and_end_at_home(self):
        for song in self.songs:
            home = NOTES[song.tonic]
            third = 3 if song.mode == "minor" else 4
            for bar in (song.bars[0], song.bars[-1]):
                root, intervals = parsed(bar[0][0])
                self.assertEqual(root, home, song.name)
                self.assertIn(third, intervals, song.name)
            self.assertEqual(len(song.bars[-1]), 1, song.name)
            # What comes before the end: a fifth above, or a substitute for it.
            root, _ = parsed(song.bars[-2][-1][0])
            self.assertIn((root - home) % 12, (7, 5, 1, 10), song.name)

    def test_most_notes_are_of_the_key(self):
        for song in self.songs:
            inside = total = 0
            for bar in song.bars:
                for name, beats in bar:
                    root, intervals = parsed(name)
                    total += beats * len(intervals)
                    inside += beats * sum((root + each - NOTES[song.tonic]) % 12 in SCALES[song.mode] for each in intervals)
            # A blues has a seventh on each of its chords.
            self.assertGreater(inside / total, 0.7, f"{song.name}, {song.form} in {song.key}")

    def test_dominants_resolve(self):
        falls = total = 0
        for song in self.songs:
            if song.form != "blues":
                chords = [parsed(name) for bar in song.bars for name, _ in bar]
                for (root, intervals), (after, _) in zip(chords, chords[1:]):
                    if 4 in intervals and 10 in intervals and root != after:
                        total += 1
                        falls += (root - after) % 12 in (7, 1)
        # Down a fifth, or a semitone; the rest are deceptive.
        self.assertGreater(falls / total, 0.6)

    def test_no_two_songs_share_four_bars(self):
        seen = {}
        for song in self.songs:
            where, shift = (song.key, 0) if song.form == "blues" else (song.mode, NOTES[song.tonic])
            # The third tells minor from major; colours such as a sixth make no other chord.
            bars = [[((root - shift) % 12, tuple(intervals[1:3]), intervals[3:] == [10], beats) for (root, intervals), beats in
                     ((parsed(name), beats) for name, beats in bar)] for bar in song.bars]
            for start in range(len(bars) - 3):
                passage = f"{where} {bars[start:start + 4]}"
                self.assertEqual(seen.setdefault(passage, song.name), song.name)

    def test_spelling(self):
        for tonic, numeral, expected in (
            ("C", "bVII", "Bb"), ("D", "III7", "F#"), ("Eb", "iv", "Ab"), ("Db", "bII7", "D"), ("F#", "III7", "A#"), ("Ab", "bVI", "E"),
            ("E", "VI7", "C#"), ("G#", "bIII", "B"), ("B", "II7", "C#"), ("F", "IV", "Bb"), ("Bb", "iio", "C"),
        ):
            self.assertEqual(chord_charts.spelled(tonic, numeral)[0], expected, f"{numeral} in {tonic}")

    def test_the_text_for_mma(self):
        song = chord_charts.Song("a", "Bb", "minor", "AB", 120, 7, [[("Bbm", 4)], [("F7", 2), ("Gb7", 2)], [("Bbm", 4)]], [])
        self.assertEqual(
            chord_charts.mma(song, "Tango"),
            "// Bb minor, AB, 3 bars\nRndSeed 7\nKeySig Bb Minor\nGroove Tango\nTempo 120\n1 Bbm\n2 F7 / Gb7\n3 Bbm\n")


if __name__ == "__main__":
    unittest.main()
