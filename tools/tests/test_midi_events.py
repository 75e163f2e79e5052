"""Programs are replaced in files that are made here; FluidSynth is not needed."""

import os
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "lib"))
import midi_events  # noqa: E402
import small_music  # noqa: E402
from midi_events import MIDIError, seconds, time_signatures, with_program  # noqa: E402


def file(*tracks, kind=1):
    return small_music.midi_file(*tracks, kind=kind)


def heard(data):
    """(tick, channel, program, bank) of each note, as a synthesiser that reads all tracks together has them."""
    merged = []
    for track, (start, end) in enumerate(midi_events.tracks(data)):
        for order, (tick, status, place, _) in enumerate(midi_events.events(data, start, end)):
            merged.append((tick, track, order, status, data[place:place + 2]))
    programs, banks, notes = [None] * 16, [0] * 16, []
    for tick, _, _, status, parts in sorted(merged):
        kind, channel = status & 0xF0, status & 15
        if kind == 0xC0:
            programs[channel] = parts[0]
        elif kind == 0xB0 and parts[0] == 0:
            banks[channel] = parts[1]
        elif kind == 0x90 and parts[1]:
            notes.append((tick, channel, programs[channel], banks[channel]))
    return notes


class ProgramTests(unittest.TestCase):
    def test_programs_are_replaced_and_drums_kept(self):
        data = file(b"\0\xc0\x05\0\x90\x3c\x40\x0a\x3c\0\0\xc0\x07\0\x90\x3c\x40\x0a\x80\x3c\0", b"\0\xc9\x10\0\x99\x24\x40\x0a\x89\x24\0")
        out = with_program(data, 40)
        self.assertEqual(heard(out), [(0, 0, 40, 0), (0, 9, 16, 0), (10, 0, 40, 0)])
        self.assertEqual(len(out), len(data))

    def test_running_status_of_programs_and_banks(self):
        # Two programs and two banks under one status each.
        data = file(b"\0\xb1\0\x08\0\x20\x01\0\x07\x50\0\xc1\x05\x0a\x06\0\x91\x3c\x40\x05\x3c\0")
        out = with_program(data, 33)
        self.assertEqual(heard(out), [(10, 1, 33, 0)])
        # The volume, control 7, stays.
        self.assertIn(b"\x07\x50", out)

    def test_a_missing_program_is_inserted(self):
        data = file(b"\0\xff\x58\x04\x03\x02\x18\x08", b"\x05\x92\x3c\x40\x05\x3c\0\0\xc2\x11\x05\x92\x3d\x40", b"\0\x93\x30\x40", b"\0\x99\x24\x40")
        out = with_program(data, 19)
        self.assertEqual(heard(out), [(0, 3, 19, 0), (0, 9, None, 0), (5, 2, 19, 0), (15, 2, 19, 0)])
        self.assertEqual(len(out), len(data) + 6)
        self.assertEqual(list(time_signatures(out)), list(time_signatures(data)))
        self.assertEqual(list(time_signatures(out)), [(3, 4)])

    def test_a_program_in_another_track_counts(self):
        data = file(b"\0\xc4\x01", b"\0\x94\x3c\x40")
        self.assertEqual(len(with_program(data, 2)), len(data))
        # Not in format 2, where tracks are independent.
        apart = with_program(file(b"\0\xc4\x01", b"\0\x94\x3c\x40", kind=2), 2)
        self.assertEqual(len(apart), len(data) + 3)
        self.assertEqual(heard(apart), [(0, 4, 2, 0)])

    def test_twice_is_once_and_everything_else_stays(self):
        data = file(
            b"\0\xf0\x05\x7e\x7f\x09\x01\xf7\0\xff\x03\x02\xc0\x01\0\xe0\0\x40\x0a\xd0\x11\0\xa0\x3c\x40\x81\0\x90\x3c\x40\0\xff\x51\x03\x07\xa1\x20")
        out = with_program(data, 4)
        self.assertEqual(with_program(out, 4), out)
        self.assertEqual(out[:18] + struct.pack(">I", len(data) - 22) + out[25:], data)
        for seed in range(50):
            made = small_music.midi(seed)
            out = with_program(made, 99)
            self.assertEqual([note[0] for note in heard(out)], [note[0] for note in heard(made)])
            self.assertEqual({note[2] for note in heard(out)}, {99})

    def test_seconds(self):
        # 96 ticks at 120 BPM, then 192 at 60 BPM, which another track sets.
        data = file(b"\x60\xff\x51\x03\x0f\x42\x40", b"\0\x90\x3c\x40\x82\x20\x3c\0")
        self.assertAlmostEqual(seconds(data), 0.5 + 2)
        # 25 frames of 40 ticks.
        self.assertAlmostEqual(seconds(data[:12] + b"\xe7\x28" + data[14:]), 0.288)

    def test_damage(self):
        for data, words in (
            (b"RIFF0000WAVE", "not a MIDI file"), (b"", "not a MIDI file"), (file(), "no track"), (file(b"\0\x3c\x40"), "without a status"),
            (file(b"\0\xf4\0"), "no file has"), (file(b"\0\xff\x01\x7f"), "beyond its track"), (file(b"\xff\xff\xff\xff\xff"), "does not end"),
        ):
            with self.assertRaisesRegex(MIDIError, words):
                with_program(data, 1)
            with self.assertRaisesRegex(MIDIError, words):
                seconds(data)

    def test_every_shortened_file_is_read_or_refused(self):
        data = small_music.midi(3)
        for length in range(len(data)):
            try:
                with_program(data[:length], 1)
            except MIDIError:
                pass


if __name__ == "__main__":
    unittest.main()
