#!/usr/bin/env python3
"""Shows that read_snapshot.py accepts a good dataset, and finds each kind of fault in a broken one."""

import copy
import hashlib
import json
import os
import struct
import sys
import tempfile

import numpy as np

from read_snapshot import read

NAMES = {"<f4": "F32", "<i8": "I64", "<i4": "I32", "<i2": "I16", "<u2": "U16", "|u1": "U8", "<f8": "F64"}


def sha(text):
    return hashlib.sha256(text if isinstance(text, bytes) else text.encode()).hexdigest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def tensor_file(tensors, metadata, pad=64, reverse=False):
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name), reverse=reverse)
    header, end = {"__metadata__": metadata}, 0
    for name in order:
        array = tensors[name]
        header[name] = {"dtype": NAMES[array.dtype.str], "shape": list(array.shape), "data_offsets": [end, end + array.nbytes]}
        end += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % pad)
    return struct.pack("<Q", len(text)) + text + b"".join(tensors[name].tobytes() for name in order)


class Dataset:
    """Four MIDI pieces in two buckets of train, one recording in test; every part can be changed before it is written."""

    def __init__(self):
        self.entries = [
            {"sha256": sha(f"bytes {i}"), "path": f"music/{i}.mid", "kind": "midi", "piece": sha(f"bytes {i}"), "split": "train",
             "labels": {"style": "jazz" if i % 2 else "classical"}, "segments": 2, "gain_db": None, "warnings": []} for i in range(4)]
        self.entries.append(
            {"sha256": sha("sound"), "path": "music/a.wav", "kind": "audio", "piece": sha("sound"), "split": "test",
             "labels": {"style": "jazz"}, "segments": 2, "gain_db": -1.5, "warnings": ["audio.clipped"]})
        self.entries.sort(key=lambda entry: entry["path"])
        self.shards = []
        for side in (0, 1):
            mine = [e for e in self.entries if e["kind"] == "midi" and (int(e["piece"][0], 16) >> 3) == side]
            if mine:
                self.shards.append(("train", "midi", *self.midi(mine)))
        self.shards.append(("test", "audio", *self.audio([e for e in self.entries if e["kind"] == "audio"])))
        self.manifest = {
            "version": 1, "dataset": "toy", "splits": {"by": "piece"}, "statistics": "fit", "shards": {"target_bytes": 3200},
            "midi": {"segment": {"steps": 8, "hop": 8, "drop_last": False, "align": "none"}, "window": "all", "drums": "separate",
                     "sustain": "ignore", "controls": [64], "pitches": [0, 127]},
            "audio": {"segment": {"samples": 64, "hop": 64, "drop_last": True}, "stft": {"n_fft": 32, "hop": 16, "center": True, "pad_end": 0},
                      "features": {"mel": {"bands": 4}}, "dtype": "float32", "normalize": {"per": "dataset"}}}
        self.statistics = {"mel.sigma": np.array([2.0], "<f4"), "mel.sigma_band": np.full(4, 2 ** (3 / 64), "<f4")}
        self.options, self.change_snapshot, self.after = {}, lambda snapshot: None, lambda folder: None
        self.encode = canonical
        self.encode_table, self.change_tables = canonical, lambda rows: None

    def common(self, entries):
        sources = sorted(e["sha256"] for e in entries)
        by = {e["sha256"]: e for e in entries}
        source = np.repeat(np.arange(len(sources)), 2)
        tensors = {
            "segment.source": source.astype("<i4"), "segment.timeline": np.zeros(len(source), "<i2")}
        return tensors, {"sources": json.dumps(sources), "labels": json.dumps([by[s]["labels"] for s in sources])}

    def midi(self, entries):
        tensors, metadata = self.common(entries)
        n = len(tensors["segment.source"])
        tensors |= {
            "segment.start": np.tile([0, 8], n // 2).astype("<i8"), "segment.length": np.full(n, 8, "<i8"),
            "notes.offset": (np.arange(n + 1) * 3).astype("<i8"),
            "notes.start": np.tile([0, 2, 2], n).astype("<u2"), "notes.length": np.tile([1, 6, 1], n).astype("<u2"),
            "notes.pitch": np.tile([60, 62, 36], n).astype("u1"), "notes.velocity": np.tile([64, 70, 99], n).astype("u1"),
            "notes.program": np.tile([0, 0, 128], n).astype("u1"), "notes.voice": np.tile([0, 0, 255], n).astype("u1"),
            "notes.flags": np.tile([4, 1, 5], n).astype("u1"), "pedal": np.zeros((n, 8, 3), "u1"), "tempo": np.full((n, 8), 120, "<f4"),
            "controls.offset": np.arange(n + 1).astype("<i8"), "controls.step": np.full(n, 3, "<u2"), "controls.number": np.full(n, 64, "u1"),
            "controls.value": np.full(n, 127, "u1"), "controls.channel": np.zeros(n, "u1")}
        # Rows: (2, 36) comes before (2, 62).
        for name in ("length", "pitch", "velocity", "program", "voice", "flags"):
            rows = tensors[f"notes.{name}"].reshape(n, 3)
            rows[:, [1, 2]] = rows[:, [2, 1]]
        return tensors, metadata

    def audio(self, entries):
        tensors, metadata = self.common(entries)
        tensors |= {"segment.start": np.array([0, 64], "<i8"), "segment.length": np.full(2, 64, "<i8"), "mel": np.ones((2, 4, 5), "<f4")}
        return tensors, metadata

    def tables(self, entries, put):
        """The source tables: a leaf for each first bit of a path's hash."""
        leaves = [[e for e in entries if int(sha(e["path"])[0], 16) >> 3 == side] for side in (0, 1)]
        rows = [{"object": put(self.encode_table(leaf)), "count": len(leaf)} for leaf in leaves if leaf]
        self.change_tables(rows)
        return rows

    def write(self, folder):
        names = []

        def put(raw):
            digest = sha(raw)
            os.makedirs(f"{folder}/objects/{digest[:2]}", exist_ok=True)
            with open(f"{folder}/objects/{digest[:2]}/{digest[2:]}", "wb") as file:
                file.write(raw)
            names.append(digest)
            return digest

        splits = {name: {"segments": 0, "shards": []} for name in ("train", "validation", "test")}
        for split, kind, tensors, metadata in self.shards:
            raw = tensor_file(tensors, metadata, **self.options)
            count = len(tensors["segment.source"])
            splits[split]["shards"].append({"object": put(raw), "bytes": len(raw), "segments": count, "kind": kind})
            splits[split]["segments"] += count
        snapshot = {
            "format": 2, "dataset": "toy", "manifest": self.manifest, "stages": {"read": 1}, "splits": splits, "sources": self.entries,
            "vocabularies": {"style": ["classical", "jazz"]}, "statistics": put(tensor_file(self.statistics, {})),
            "quarantine": [{"path": "music/bad.mid", "code": "midi.track-truncated"}],
            "features": {"mel": {"dtype": "F32", "shape": [4, 5]}, "rolls": {"steps": 8, "pitches": [0, 127]}}}
        snapshot = copy.deepcopy(snapshot)
        self.change_snapshot(snapshot)
        snapshot["sources"] = self.tables(snapshot["sources"], put)
        digest = put(self.encode(snapshot))
        os.makedirs(f"{folder}/refs")
        os.makedirs(f"{folder}/journals")
        with open(f"{folder}/refs/toy", "w") as file:
            file.write(digest + "\n")
        with open(f"{folder}/journals/1.jsonl", "w") as file:
            file.write("".join(json.dumps({"outputs": name}) + "\n" for name in names))
        self.after(folder)


def in_shard(name, change, kind="midi"):
    def edit(dataset):
        for _, of_kind, tensors, _ in dataset.shards:
            if of_kind == kind:
                tensors[name] = change(tensors[name].copy())
    return edit


def metadata(name, change, kind="midi"):
    def edit(dataset):
        for _, of_kind, _, own in dataset.shards:
            if of_kind == kind:
                own[name] = change(own[name])
    return edit


def put(array, index, value):
    array[index] = value
    return array


def snapshot(change):
    def edit(dataset):
        dataset.change_snapshot = change
    return edit


def setting(**values):
    def edit(dataset):
        for key, value in values.items():
            setattr(dataset, key, value)
    return edit


def midi(key, value):
    def edit(dataset):
        dataset.manifest["midi"][key] = value
    return edit


def flip(folder):
    for base, _, files in os.walk(f"{folder}/objects"):
        for name in files:
            with open(f"{base}/{name}", "r+b") as file:
                file.seek(-1, 2)
                last = file.read(1)[0]
                file.seek(-1, 2)
                file.write(bytes([last ^ 1]))
            return


FAULTS = {
    "64-byte boundary": setting(options={"pad": 8}),
    "smaller elements": setting(options={"reverse": True}),
    "hashes to": setting(after=flip),
    "no journal names": setting(after=lambda folder: open(f"{folder}/journals/1.jsonl", "w").close()),
    "is no JSON": setting(after=lambda folder: open(f"{folder}/journals/1.jsonl", "a").write("{")),
    "white space": setting(encode=lambda s: json.dumps(s, sort_keys=True).encode()),
    "not sorted by their bytes": setting(encode=lambda s: json.dumps(dict(reversed(s.items())), separators=(",", ":")).encode()),
    "shortest form": setting(encode_table=lambda s: canonical(s).replace(b"-1.5", b"-1.50000000000000001")),
    "do not follow": setting(change_tables=lambda rows: rows.reverse()),
    "entries, the snapshot says": setting(change_tables=lambda rows: rows[0].update(count=9)),
    "absolute path": snapshot(lambda s: s["sources"][0].update(path="/music/0.mid")),
    "a time": snapshot(lambda s: s["stages"].update({"2026-01-01T10:00:00": 1})),
    "not in path order": snapshot(lambda s: s["sources"].reverse()),
    "its piece is in": snapshot(lambda s: s["sources"][1].update(piece=s["sources"][4]["piece"])),
    "is not in the vocabulary": snapshot(lambda s: s["sources"][1]["labels"].update(style="pop")),
    "vocabulary style: is not sorted": snapshot(lambda s: s["vocabularies"]["style"].reverse()),
    "is a source too": snapshot(lambda s: s["quarantine"][0].update(path="music/0.mid")),
    "code": snapshot(lambda s: s["quarantine"][0].update(code="Bad code")),
    "the snapshot says 5": snapshot(lambda s: s["splits"]["train"].update(segments=5)),
    "lists 3 segments": snapshot(lambda s: s["sources"][2].update(segments=3)),
    "not in bucket order": setting(reorder=True),
    "was split": snapshot(lambda s: s["manifest"]["shards"].update(target_bytes="64MiB")),
    "over 200": snapshot(lambda s: s["manifest"]["shards"].update(target_bytes=200)),
    "is no power of": setting(statistics={"mel.sigma": np.array([1.234], "<f4"), "mel.sigma_band": np.ones(4, "<f4")}),
    "mel.sigma_band has shape": setting(statistics={"mel.sigma": np.ones(1, "<f4"), "mel.sigma_band": np.ones(3, "<f4")}),
    "negative or not finite": setting(statistics={"mel.sigma": np.full(1, -1, "<f4"), "mel.sigma_band": np.ones(4, "<f4")}),
    "is not monotone": in_shard("notes.offset", lambda a: put(a, 1, 99)),
    "begins with 1": in_shard("notes.offset", lambda a: put(a, 0, 1)),
    "rows are not sorted": in_shard("notes.pitch", lambda a: put(a, 1, 63)),
    "a note has no length": in_shard("notes.length", lambda a: put(a, 0, 0)),
    "ends after step 8": in_shard("notes.length", lambda a: put(a, 2, 7)),
    "true length": in_shard("segment.length", lambda a: put(a, 0, 7)),
    "velocity is outside": in_shard("notes.velocity", lambda a: put(a, 0, 0)),
    "program is over": in_shard("notes.program", lambda a: put(a, 0, 129)),
    "beyond bit 2": in_shard("notes.flags", lambda a: put(a, 0, 8)),
    "does not start at step 0": in_shard("notes.flags", lambda a: put(a, 2, 0)),
    "does not reach the last step": in_shard("notes.flags", lambda a: put(a, 0, 1)),
    "lengthened by pedal": in_shard("notes.flags", lambda a: put(a, 0, 7)),
    "a drum note has a voice": in_shard("notes.voice", lambda a: put(a, 1, 0)),
    "a pitch is outside": in_shard("notes.pitch", lambda a: put(a, 0, 200)),
    "a control that is not one of": midi("controls", [66]),
    "drums are excluded": midi("drums", "exclude"),
    "a voice beyond 0": midi("voices", 0),
    "is U16, not I64": in_shard("notes.offset", lambda a: a.astype("<u2")),
    "more than 0 and 1": in_shard("pedal", lambda a: put(a, (0, 0, 0), 64)),
    "is not positive everywhere": in_shard("tempo", lambda a: put(a, (0, 0), np.nan)),
    "out of its list": in_shard("segment.source", lambda a: put(a, 0, 77)),
    "start at": in_shard("segment.start", lambda a: put(a, 1, 9)),
    "labels are no list": metadata("labels", lambda text: "[]"),
    "the snapshot says [{'": metadata("labels", lambda text: text.replace("classical", "pop")),
    "is not finite everywhere": in_shard("mel", lambda a: put(a, (0, 0, 0), np.inf), "audio"),
    "the settings give": in_shard("mel", lambda a: a[:, :, :4].copy(), "audio"),
    "should be F32": in_shard("mel", lambda a: a.astype("<f8"), "audio"),
}


def lengths(grid, midi, audio):
    """The good dataset with its segments in other units."""
    def edit(dataset):
        dataset.manifest["midi"].update(grid=grid, segment={**dataset.manifest["midi"]["segment"], **midi})
        dataset.manifest["audio"].update(sample_rate=8000, segment={**audio, "drop_last": True})
        for name in ("steps", "samples"):
            dataset.manifest["midi" if name == "steps" else "audio"]["segment"].pop(name, None)
        if "bars" in midi:
            dataset.manifest["midi"]["require"] = {"time_signature": "2/4"}
    return edit


# Eight steps, and 64 samples at 8 kHz.
GOOD = [
    None, lengths({"steps_per_beat": 4}, {"beats": 2, "hop": 2}, {"seconds": "1/125", "hop": "1/125"}),
    lengths({"steps_per_beat": 4}, {"bars": 1, "hop": 1}, {"seconds": "2/251", "hop": "2/251"}),
    lengths({"steps_per_second": 20}, {"seconds": "2/5", "hop": "2/5"}, {"seconds": "1/125", "hop": "1/125"}),
    lengths({"frames": "mel"}, {"seconds": "1/63", "hop": "1/63"}, {"seconds": "1/125", "hop": "1/125"}),
]


def violations(edit):
    dataset = Dataset()
    if edit:
        edit(dataset)
    if getattr(dataset, "reorder", False):
        dataset.shards[0], dataset.shards[1] = dataset.shards[1], dataset.shards[0]
    with tempfile.TemporaryDirectory() as folder:
        dataset.write(folder)
        report, summary = read(folder, "toy")
    return report.violations, report.notes, summary


def main():
    failures = [f"a good dataset: {violation}" for edit in GOOD for violation in violations(edit)[0]]
    _, _, summary = violations(None)
    sides = len(summary["splits"]["train"]) and summary["splits"]["train"]["shards"]
    if sides != 2:
        failures.append(f"the toy should have two buckets, and has {sides}")
    for words, edit in FAULTS.items():
        if edit is None:
            continue
        found, _, _ = violations(edit)
        if not any(words in violation for violation in found):
            failures.append(f"not found: {words!r}; only {found[:3]}")
    print("\n".join(failures) or f"{len(FAULTS)} faults found, a good dataset accepted")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
