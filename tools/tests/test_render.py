"""`tools/render` with a stand-in for FluidSynth, which writes the bytes of the MIDI file as samples."""

import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import wave

TOOLS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..")
sys.path.insert(0, os.path.join(TOOLS, "lib"))
import rendering  # noqa: E402
import small_music  # noqa: E402

FLUIDSYNTH = """\
#!/usr/bin/env python3
import sys
if sys.argv[1:] == ["--version"]:
    print("FluidSynth runtime version 0.0")
    sys.exit()
data = open(sys.argv[-1], "rb").read()
with open({log!r}, "a") as log:
    log.write(" ".join(sys.argv[1:]) + chr(10))
with open(sys.argv[sys.argv.index("-F") + 1], "wb") as file:
    # As FluidSynth does, it says in words alone that it cannot play a file.
    if b"unplayable" in data:
        print("fluidsynth: error: Unexpected end of file", file=sys.stderr)
        data = bytes(256)
    elif b"silence" in data or b"storm" in data:
        data = (bytes([16, 0]) if b"silence" in data else bytes([0, 128])) * 1000
    else:
        data = data * 4
    file.write(data[:len(data) // 4 * 4])
"""


class RenderTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.log = self.path("log")
        self.write("bin/fluidsynth", FLUIDSYNTH.format(log=self.log))
        os.chmod(self.path("bin/fluidsynth"), 0o755)
        self.write("one.sf2", b"first font")
        self.write("two.sf2", b"second font")
        self.write("music/a.mid", small_music.midi(1))
        self.write("music/deep/b.MIDI", small_music.midi(2))
        self.write("music/notes.txt", b"no music")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def render(self, *options, fonts=("one.sf2",), status=0):
        if os.path.exists(self.log):
            os.unlink(self.log)
        words = [os.path.join(TOOLS, "render"), self.path("music"), "--to", self.path("out"), "--rate", "8000", *options]
        for font in fonts:
            words += ["--font", self.path(font)]
        environment = {**os.environ, "PATH": self.path("bin") + os.pathsep + os.environ["PATH"]}
        done = subprocess.run([sys.executable, "-B", *words], env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr

    def runs(self):
        return self.read("log").decode().splitlines() if os.path.exists(self.log) else []

    def files(self):
        return sorted(os.path.relpath(os.path.join(place, name), self.path("out"))
                      for place, _, names in os.walk(self.path("out")) for name in names)

    def test_paths_are_kept_and_what_is_there_is_skipped(self):
        self.render()
        self.assertEqual(self.files(), ["a.wav", "deep/b.wav", "rendered.json"])
        self.assertEqual(len(self.runs()), 2)
        before = self.read("out/a.wav")
        self.assertIn("2 files are there already", self.render())
        self.assertEqual(self.runs(), [])
        # A source, an option, a font and a damaged result each make the file again.
        self.write("music/a.mid", small_music.midi(3))
        self.render()
        self.assertEqual(len(self.runs()), 1)
        self.assertNotEqual(self.read("out/a.wav"), before)
        self.write("out/a.wav", b"")
        self.render()
        self.assertEqual(len(self.runs()), 1)
        for options, fonts in ((["--program", "3"], ("one.sf2",)), (["--mono"], ("one.sf2",)), ([], ("two.sf2",))):
            self.render(*options, fonts=fonts)
            self.assertEqual(len(self.runs()), 2, options)

    def test_several_fonts(self):
        self.render(fonts=("one.sf2", "two.sf2"))
        self.assertEqual(self.files(), ["one/a.wav", "one/deep/b.wav", "rendered.json", "two/a.wav", "two/deep/b.wav"])
        for run in self.runs():
            self.assertIn(" -r 8000 ", run)
            self.assertIn(" -O s16 ", run)

    def test_what_cannot_be_played(self):
        self.write("music/bad.mid", b"<html>")
        self.write("music/worse.mid", small_music.midi(4) + b"unplayable")
        self.write("music/long.mid", b"MThd" + struct.pack(">IHHH", 6, 0, 1, 1) + b"MTrk\0\0\0\x0e\xff\xff\x7f\x90\x3c\x40\0\x80\x3c\0\0\xff\x2f\0")
        words = self.render(status=3)
        self.assertEqual(self.files(), ["a.wav", "deep/b.wav", "rendered.json"])
        for name, reason in (("bad", "not a MIDI file"), ("worse", "Unexpected end of file"), ("long", "hours")):
            self.assertRegex(words, f"warning: .*{name}.mid: .*{reason}")
        # They are tried again, and the others are not.
        self.write("music/bad.mid", small_music.midi(5))
        self.render(status=3)
        self.assertIn("bad.wav", self.files())
        self.assertEqual(len(self.runs()), 2)

    def test_odd_levels(self):
        for name in ("silence", "storm"):
            self.write(f"music/{name}.mid", small_music.midi(4) + name.encode())
        words = self.render("--seconds", "1.5")
        self.assertRegex(words, "silence.wav: its first 1.5 s are silent")
        self.assertRegex(words, "storm.wav: it clips: set --gain below 0.5")
        self.assertEqual(words.count("warning"), 2)
        self.assertTrue(all(" -g 0.5 " in run for run in self.runs()))
        self.render("--seconds", "1.5", "--gain", "0.25")
        self.assertTrue(all(" -g 0.25 " in run for run in self.runs()))
        self.assertEqual(len(self.runs()), 4)

    def test_the_program_reaches_the_synthesiser(self):
        self.render("--program", "70", "--jobs", "1")
        # The stand-in gives the MIDI file back.
        self.assertEqual(small_music.midi(1)[23:25], b"\xc0\x01")
        with wave.open(self.path("out/a.wav")) as file:
            self.assertEqual(file.readframes(7)[23:25], b"\xc0\x46")

    def test_mono_and_seconds(self):
        self.render()
        with wave.open(self.path("out/a.wav")) as file:
            stereo = struct.unpack(f"<{2 * file.getnframes()}h", file.readframes(file.getnframes()))
        self.render("--mono", "--seconds", "0.01")
        with wave.open(self.path("out/a.wav")) as file:
            self.assertEqual((file.getnchannels(), file.getnframes(), file.getframerate()), (1, 80, 8000))
            mono = struct.unpack("<80h", file.readframes(80))
        self.assertEqual(list(mono), [(stereo[2 * i] + stereo[2 * i + 1]) // 2 for i in range(80)])

    def test_a_long_piece_is_stopped(self):
        # A stand-in that never ends.
        text = self.read("bin/fluidsynth").decode().replace("data = data * 4", "file.write(data * 9999); file.flush(); import time; time.sleep(99)")
        self.write("bin/fluidsynth", text)
        self.render("--seconds", "0.5")
        with wave.open(self.path("out/a.wav")) as file:
            self.assertEqual(file.getnframes(), 4000)

    def test_names_that_collide(self):
        self.write("music/a.midi", small_music.midi(6))
        self.assertIn("would both become a.wav", self.render(status=1))
        self.assertFalse(os.path.exists(self.path("out")))

    def test_a_broken_record_is_no_obstacle(self):
        self.render()
        self.write("out/rendered.json", b"{")
        self.assertIn("cannot be read", self.render())
        self.assertEqual(len(json.loads(self.read("out/rendered.json"))["files"]), 2)

    def test_fonts_by_name(self):
        with self.assertRaisesRegex(rendering.command.Stop, "there is no soundfont Nowhere"):
            rendering.font("Nowhere")


if __name__ == "__main__":
    unittest.main()
