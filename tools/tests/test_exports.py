"""Every form of `reprise export`, read back by the libraries that they are for.

Runs `reprise` (REPRISE_BINARY, else the newest one built here) on music that it makes. A library that is not installed
skips its tests; `pip install webdataset datasets pyarrow numpy mido pretty_midi soundfile` brings all.
"""

import io
import json
import math
import pathlib
import resource
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import wave

from exported_music import ROLLS, STYLES, Music, needs


class Exports(Music):
    # The list

    def test_csv_is_the_truth_about_sources(self):
        rows = self.index()
        self.assertEqual([row["segment"] for row in rows], [f"{row['split']}/{row['number']}" for row in rows])
        vocabulary = sorted(STYLES, key=lambda text: text.encode())
        for row in rows:
            path = self.folder / row["path"]
            self.assertEqual(row["label_style"], path.parent.name)
            self.assertEqual(int(row["class_style"]), vocabulary.index(path.parent.name))
            if row["kind"] == "midi":
                self.assertEqual(row["label_piece_number"], path.stem)
                notes, tempi = self.notes(int(path.stem))
                start, length = int(row["start"]), int(row["length"])
                seconds = [self.second(step, tempi) for step in (start, start + length)]
                self.assertAlmostEqual(float(row["start_seconds"]), seconds[0], places=9)
                self.assertAlmostEqual(float(row["seconds"]), seconds[1] - seconds[0], places=9)
                begun = [note for note in notes if start <= note[0] < start + length]
                self.assertEqual(int(row["notes"]), len(begun))
                # Stored as 32-bit floats.
                density = len(begun) / (seconds[1] - seconds[0])
                self.assertAlmostEqual(float(row["density"]) / density, 1, places=5)
                self.assertAlmostEqual(float(row["polyphony"]), 2 if length == 16 else float(row["polyphony"]), places=6)
                self.assertEqual(row["loudness"], "")
            else:
                self.assertEqual((row["label_piece_number"], row["class_piece_number"], row["notes"]), ("", "", ""))
                self.assertEqual(float(row["start_seconds"]), int(row["start"]) / 8000)
                self.assertEqual(float(row["seconds"]), int(row["length"]) / 8000)
                with wave.open(str(path)) as file:
                    samples = struct.unpack(f"<{file.getnframes()}h", file.readframes(file.getnframes()))
                own = samples[int(row["start"]):int(row["start"]) + int(row["length"])]
                power = sum((sample / 32768) ** 2 for sample in own) / len(own)
                self.assertAlmostEqual(float(row["loudness"]), 10 * math.log10(power), places=2)

    @staticmethod
    def notes(seed):
        """What `midi` writes: (step, pitch, velocity, program), drums as 128; and the second tempo."""
        notes = [
            (step, 40 + (seed * 7 + step * (channel + 3)) % 30, 30 + (step * 5 + seed) % 90, program)
            for channel, program in ((0, 5 + seed), (3, 40), (9, 128)) for step in range(60)
        ]
        return notes, 400_000 + 1000 * seed

    @staticmethod
    def second(step, tempo):
        return (min(step, 40) * 500_000 + max(0, step - 40) * tempo) / 4e6

    @needs("pyarrow")
    def test_parquet_says_what_csv_says(self):
        import pyarrow.parquet

        for words in ([], ["--compress"]):
            table = pyarrow.parquet.read_table(self.export("parquet", *words) / "index.parquet")
            rows = self.index()
            self.assertEqual(table.column_names, list(rows[0]))
            self.assertEqual(table.schema.field("class_style").type, pyarrow.int64())
            self.assertEqual(table.schema.field("density").type, pyarrow.float64())

            def cell(value):
                return "" if value is None else repr(value) if isinstance(value, float) else str(value)

            def same(left, right):
                return left == right or (left and right and float(left) == float(right))

            for ours, theirs in zip(rows, table.to_pylist(), strict=True):
                for name in ours:
                    self.assertTrue(same(ours[name], cell(theirs[name])), (name, ours[name], theirs[name]))

    # Arrays

    @needs("numpy")
    def test_npz_holds_paths_pieces_and_labels(self):
        import numpy

        plain, packed = self.export("npz"), self.export("npz", "--compress")
        first, second = self.arrays(plain), self.arrays(packed)
        self.assertEqual(list(first), list(second))
        for name, arrays in first.items():
            for key, array in arrays.items():
                numpy.testing.assert_array_equal(array, second[name][key])
        sizes = [sum(path.stat().st_size for path in folder.rglob("*.npz")) for folder in (plain, packed)]
        self.assertLess(sizes[1], sizes[0] / 2)
        rows = self.index()
        self.assertEqual(sorted(first), sorted(row["segment"] for row in rows))
        for row in rows:
            arrays = first[row["segment"]]
            self.assertEqual(str(arrays["segment.path"]), row["path"])
            self.assertEqual(str(arrays["segment.piece"]), row["piece"])
            self.assertEqual(str(arrays["label_text.style"]), row["label_style"])
            self.assertEqual(int(arrays["label.style"]), int(row["class_style"]))

    @needs("numpy", "webdataset")
    def test_webdataset_reads_samples(self):
        import numpy
        import webdataset

        folder = self.export("webdataset", "--tar-size", "1")
        truth, rows = self.arrays(), {row["segment"]: row for row in self.index()}
        listed = json.loads((folder / "dataset.json").read_text())["tars"]
        self.assertEqual(sorted(item["file"] for item in listed), sorted(path.name for path in folder.glob("*.tar")))
        seen = []
        for item in listed:
            self.assertLessEqual((folder / item["file"]).stat().st_size, 1 << 20)
            samples = list(webdataset.WebDataset(str(folder / item["file"]), shardshuffle=False).decode())
            self.assertEqual(len(samples), item["segments"])
            for sample in samples:
                about = sample["json"]
                name = about["segment"]
                seen.append(name)
                self.assertEqual(sample["__key__"], f"{about['split']}-{about['number']:08d}")
                self.assertEqual(about["labels"]["style"], rows[name]["label_style"])
                self.assertEqual(about["classes"]["style"], int(rows[name]["class_style"]))
                self.assertEqual(about["path"], rows[name]["path"])
                self.assertEqual(about["piece"], rows[name]["piece"])
                self.assertEqual(about["seconds"], float(rows[name]["seconds"]))
                wanted = ROLLS + ["pedal", "tempo"] if about["kind"] == "midi" else ["mel", "waveform"]
                self.assertEqual(
                    sorted(key[:-4] for key in sample if key.endswith(".npy")), sorted(wanted))
                for key in wanted:
                    numpy.testing.assert_array_equal(sample[f"{key}.npy"], truth[name][key])
                    self.assertEqual(sample[f"{key}.npy"].dtype, truth[name][key].dtype)
        self.assertEqual(sorted(seen), sorted(rows))
        self.assertGreater(len(listed), 3, "the limit of a tar file was never met")

    @needs("numpy", "datasets", "pyarrow", "soundfile")
    def test_hugging_face_loads_by_split(self):
        import datasets
        import numpy
        import soundfile
        import yaml

        datasets.disable_progress_bars()
        truth, rows = self.arrays(), {row["segment"]: row for row in self.index()}
        for words in ([], ["--compress"]):
            folder = self.export("hf", *words)
            with tempfile.TemporaryDirectory() as cache:
                loaded = datasets.load_dataset(str(folder), cache_dir=cache)
                self.assertEqual(sorted(loaded), ["test", "train", "validation"])
                features = loaded["train"].features
                self.assertEqual(features["class_style"], datasets.ClassLabel(names=sorted(STYLES, key=str.encode)))
                self.assertEqual(features["piano"], datasets.Array2D((16, 61), "uint8"))
                self.assertEqual(features["audio"].sampling_rate, 8000)
                seen = []
                for split in loaded.values():
                    self.assertEqual(split.features, features)
                    split = split.cast_column("audio", datasets.Audio(decode=False)).with_format("numpy")
                    for sample in split:
                        name = str(sample["segment"])
                        seen.append(name)
                        self.assertEqual(str(sample["path"]), rows[name]["path"])
                        self.assertEqual(str(sample["label_style"]), rows[name]["label_style"])
                        self.assertEqual(int(sample["class_style"]), int(rows[name]["class_style"]))
                        is_midi = sample["kind"] == "midi"
                        for key in ROLLS + ["pedal", "tempo"]:
                            self.compare(sample[key], truth[name][key] if is_midi else None)
                        self.compare(sample["mel"], None if is_midi else truth[name]["mel"])
                        if is_midi:
                            self.assertIsNone(sample["audio"])
                        else:
                            samples, rate = soundfile.read(io.BytesIO(sample["audio"]["bytes"]), dtype="float32")
                            self.assertEqual(rate, 8000)
                            numpy.testing.assert_array_equal(samples, truth[name]["waveform"])
                self.assertEqual(sorted(seen), sorted(rows))
                card = (folder / "README.md").read_text(encoding="utf-8")
                header = yaml.safe_load(card.split("---")[1])
                self.assertEqual(header["license"], "cc-by-4.0")
                self.assertEqual(header["pretty_name"], "A mix: of notes & sound")
                named = datasets.Features._from_yaml_list(header["dataset_info"]["features"])
                self.assertEqual(named, features)

    def compare(self, value, truth):
        import numpy

        if truth is None:
            self.assertTrue(value is None or numpy.isnan(value).all(), value)
        else:
            numpy.testing.assert_array_equal(numpy.asarray(value), truth)

    @needs("datasets", "pyarrow", "numpy")
    def test_hugging_face_widens_half_floats(self):
        import datasets
        import numpy

        datasets.disable_progress_bars()
        truth = self.arrays(self.export("npz", dataset="sound"))
        with tempfile.TemporaryDirectory() as cache:
            loaded = datasets.load_dataset(str(self.export("hf", dataset="sound")), split="train", cache_dir=cache)
            self.assertEqual(len(loaded), len(truth))
            for sample in loaded.with_format("numpy"):
                half = truth[str(sample["segment"])]["mel"]
                self.assertEqual(half.dtype, numpy.float16)
                numpy.testing.assert_array_equal(sample["mel"], half.astype(numpy.float32))

    @needs("datasets", "pyarrow", "numpy", "webdataset", "soundfile")
    def test_pairs_have_notes_and_sound(self):
        import datasets
        import numpy
        import soundfile
        import webdataset

        datasets.disable_progress_bars()
        truth = self.arrays(self.export("npz", dataset="pairs"))
        keys = ROLLS + ["pedal", "tempo", "mel", "frame.step"]
        with tempfile.TemporaryDirectory() as cache:
            loaded = datasets.load_dataset(str(self.export("hf", dataset="pairs")), split="train", cache_dir=cache)
            loaded = loaded.cast_column("audio", datasets.Audio(decode=False)).with_format("numpy")
            self.assertEqual(len(loaded), len(truth))
            for sample in loaded:
                arrays = truth[str(sample["segment"])]
                self.assertEqual(str(sample["recording"]), str(sample["path"]).replace(".mid", ".wav"))
                for key in keys:
                    self.compare(sample[key.replace(".", "_")], arrays[key])
                samples, _ = soundfile.read(io.BytesIO(sample["audio"]["bytes"]), dtype="float32")
                numpy.testing.assert_array_equal(samples, arrays["waveform"])
        tars = sorted(str(path) for path in self.export("webdataset", dataset="pairs").glob("*.tar"))
        samples = list(webdataset.WebDataset(tars, shardshuffle=False).decode())
        self.assertEqual(len(samples), len(truth))
        for sample in samples:
            for key in [*keys, "waveform"]:
                numpy.testing.assert_array_equal(
                    sample[key.replace(".", "_") + ".npy"], truth[sample["json"]["segment"]][key])
        for form in ("midi", "flac"):
            self.assertEqual(len(list(self.export(form, dataset="pairs").rglob("*.[mf]*[dc]"))), len(truth))

    # Clips

    @needs("mido")
    def test_midi_clips_are_the_sources_music(self):
        import mido

        folder = self.export("midi")
        rows = self.index(folder)
        self.assertEqual(len(rows), sum(row["kind"] == "midi" for row in self.index()))
        self.assertEqual(sorted(row["file"] for row in rows), sorted(str(p.relative_to(folder)) for p in folder.rglob("*.mid")))
        for row in rows:
            clip = mido.MidiFile(folder / row["file"])
            self.assertEqual(clip.ticks_per_beat, 96)
            notes, tempo = self.notes(int(pathlib.Path(row["path"]).stem))
            start, length = int(row["start"]), int(row["length"])
            wanted = sorted(
                (note[0] - start, *note[1:]) for note in notes if start <= note[0] < start + length)
            self.assertEqual(self.played(clip), wanted)
            signatures = [message for track in clip.tracks for message in track if message.type == "time_signature"]
            self.assertEqual([(item.numerator, item.denominator) for item in signatures], [(3, 4)])
            first = 500_000 if start < 40 else tempo
            tempi = [message.tempo for track in clip.tracks for message in track if message.type == "set_tempo"]
            self.assertEqual(tempi[0], first)
            self.assertEqual(tempi[1:], [tempo] if start < 40 <= start + length else [])
            self.assertAlmostEqual(clip.length, float(row["seconds"]), places=6)

    @staticmethod
    def played(clip):
        """The notes of a file as (step, pitch, velocity, program), drums as 128."""
        notes = []
        for track in clip.tracks:
            tick, program = 0, 0
            for message in track:
                tick += message.time
                if message.type == "program_change":
                    program = message.program
                elif message.type == "note_on" and message.velocity > 0:
                    notes.append(
                        (tick // 24, message.note, message.velocity, 128 if message.channel == 9 else program))
        return sorted(notes)

    @needs("pretty_midi")
    def test_midi_clips_without_their_sources(self):
        import pretty_midi

        remote = self.folder / "clips.tar"
        self.reprise("push", "mix", "--remote", str(remote))
        self.reprise("pull", "mix", "--remote", str(remote), cache="bare")
        folder = self.export("midi", "--split", "train", cache="bare")
        rows = self.index(folder)
        self.assertTrue(rows)
        truth = {row["segment"]: row for row in self.index()}
        for row in rows:
            clip = pretty_midi.PrettyMIDI(str(folder / row["file"]))
            self.assertEqual(sum(len(part.notes) for part in clip.instruments), int(row["notes"]))
            # The tempi in a shard are 32-bit floats, those in a file whole microseconds.
            self.assertAlmostEqual(float(row["seconds"]), float(truth[row["segment"]]["seconds"]), places=4)
            self.assertAlmostEqual(clip.get_end_time(), float(row["seconds"]), places=4)

    @needs("numpy", "soundfile")
    def test_sound_clips_are_the_waveform(self):
        import numpy
        import soundfile

        truth, rows = self.arrays(), {row["segment"]: row for row in self.index()}
        for form, tolerance in (("wav", 0), ("flac", 2**-23)):
            folder = self.export(form)
            listed = self.index(folder)
            self.assertEqual(len(listed), sum(row["kind"] == "audio" for row in rows.values()))
            for row in listed:
                samples, rate = soundfile.read(folder / row["file"], dtype="float32")
                self.assertEqual(rate, 8000)
                wanted = truth[row["segment"]]["waveform"][:int(row["length"])]
                self.assertEqual(samples.shape, wanted.shape)
                self.assertLessEqual(numpy.abs(samples - wanted).max(), tolerance)

    @needs("numpy", "soundfile")
    def test_sound_clips_are_cut_from_sources(self):
        import numpy
        import soundfile

        folder = self.export("flac", dataset="sound")
        rows = self.index(folder)
        self.assertEqual(len(rows), 6)
        for row in rows:
            source, _ = soundfile.read(self.folder / row["path"], dtype="int32")
            samples, rate = soundfile.read(folder / row["file"], dtype="int32")
            self.assertEqual(rate, 16000)
            first, length = 2 * int(row["start"]), 2 * int(row["length"])
            numpy.testing.assert_array_equal(samples, source[first:first + length])

    def test_sound_clips_of_changed_sources_are_missing(self):
        path = self.folder / "stereo" / "1.wav"
        old = path.read_bytes()
        try:
            path.write_bytes(old[:-4] + b"\1\1\1\1")
            folder = tempfile.mkdtemp(dir=self.folder)
            done = self.reprise("export", "sound", "--to", folder, "--format", "wav", "--json", statuses=(3,))
            self.assertEqual(done["missing"], {"stereo/1.wav": 3})
            self.assertEqual(len(list(pathlib.Path(folder).rglob("*.wav"))), 3)
        finally:
            path.write_bytes(old)
        again = self.reprise("export", "sound", "--to", folder, "--format", "wav", "--json")
        self.assertEqual((again["missing"], again["files"]), ({}, {"written": 4, "kept": 3}))

    # The folder

    def test_a_killed_export_continues(self):
        for form in ("npz", "webdataset", "hf", "midi", "wav"):
            with self.subTest(form):
                whole = self.export(form, *(["--tar-size", "1"] if form == "webdataset" else []))
                folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
                words = ["export", "mix", "--to", str(folder), "--format", form]
                if form == "webdataset":
                    words += ["--tar-size", "1"]
                process = subprocess.Popen([self.binary, *words], cwd=self.folder, stdout=subprocess.DEVNULL)
                deadline = time.time() + 60
                while time.time() < deadline and process.poll() is None:
                    if sum(1 for path in folder.rglob("*") if path.is_file()) >= 3:
                        break
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.reprise(*words)
                left = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
                self.assertEqual(sorted(left), sorted(
                    str(path.relative_to(whole)) for path in whole.rglob("*") if path.is_file()))
                for name, path in left.items():
                    if name != "reprise-export.jsonl":
                        self.assertEqual(path.read_bytes(), (whole / name).read_bytes(), name)
                again = self.reprise(*words, "--json")
                self.assertLessEqual(again["files"]["written"], 1)

    def test_foreign_folders_are_refused(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "mine.txt").write_text("mine")
        done = self.reprise("export", "mix", "--to", str(folder), statuses=(64,))
        self.assertIn("mine.txt", done.stderr)
        self.assertEqual([path.name for path in folder.iterdir()], ["mine.txt"])
        folder = self.export("csv")
        done = self.reprise("export", "mix", "--to", str(folder), "--format", "parquet", statuses=(64,))
        self.assertIn("format csv instead of parquet", done.stderr)
        (folder / "mine.txt").write_text("mine")
        done = self.reprise("export", "mix", "--to", str(folder), "--format", "csv", statuses=(64,))
        self.assertIn("mine.txt", done.stderr)
        self.reprise("export", "sound", "--to", str(self.folder / "none"), "--format", "midi", statuses=(10,))
        self.assertFalse((self.folder / "none").exists())

    def test_a_full_disk_leaves_nothing_half_written(self):
        def limit():
            # A file that grows past the limit is refused as on a full disk, instead of ending the process.
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

        for form in ("npz", "webdataset", "hf", "parquet", "csv", "wav"):
            with self.subTest(form):
                folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
                done = subprocess.run(
                    [self.binary, "export", "mix", "--to", str(folder), "--format", form, "--cache", "cache"],
                    cwd=self.folder, capture_output=True, text=True, check=False, preexec_fn=limit)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
                self.assertIn("free some space, or write elsewhere", done.stderr)
                left = [path for path in folder.rglob("*") if path.is_file()]
                self.assertFalse([path for path in left if path.suffix == ".part"], left)
                self.reprise("export", "mix", "--to", str(folder), "--format", form)
        folder = self.folder / "full"
        done = subprocess.run(
            [self.binary, "push", "mix", "--remote", str(folder), "--cache", "cache"],
            cwd=self.folder, capture_output=True, text=True, check=False, preexec_fn=limit)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("free some space", done.stderr)
        self.reprise("pull", "mix", "--remote", str(folder), statuses=(10,), cache="never")
        self.reprise("push", "mix", "--remote", str(folder))
        self.reprise("pull", "mix", "--remote", str(folder), cache="never")


if __name__ == "__main__":
    unittest.main()
