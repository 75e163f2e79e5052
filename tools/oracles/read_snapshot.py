#!/usr/bin/env python3
"""Reads a built dataset by docs/formats.md alone, and checks every rule of that page that can be checked.

    read_snapshot.py [--cache DIR] DATASET        a name, NAME@N, or a snapshot's full hash

Prints one JSON summary on stdout, each violation on stderr. Exit status 0: none; 1: some; 2: nothing to read.
Needs numpy and safetensors (requirements.txt). It shares no code with the builder, on purpose.
"""

import argparse
import hashlib
import json
import math
import os
import platform
import re
import struct
import sys

import numpy as np
from safetensors import safe_open

from shard_rules import check_audio, check_labels, check_midi, check_pairs, check_segments

HEX = re.compile(r"[0-9a-f]{64}")
ITEM = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "I16": 2, "U16": 2, "U8": 1, "I8": 1, "BOOL": 1}
NUMPY = {"F64": "<f8", "I64": "<i8", "U64": "<u8", "F32": "<f4", "I32": "<i4", "U32": "<u4", "F16": "<f2", "I16": "<i2",
         "U16": "<u2", "U8": "u1", "I8": "i1", "BOOL": "?"}
SPLITS = ("train", "validation", "test")


class Report:
    """Violations (the page is broken) and notes (the page is silent, or a fact worth reading)."""

    def __init__(self):
        self.violations, self.notes = [], []

    def check(self, holds, where, what):
        if not holds:
            self.violations.append(f"{where}: {what}")
        return bool(holds)

    def note(self, where, what):
        self.notes.append(f"{where}: {what}")


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a key appears twice: {sorted(k for k in keys if keys.count(k) > 1)[0]!r}")
    return dict(pairs)


def no_constant(text):
    raise ValueError(f"{text} is no JSON")


def strict_json(text):
    return json.loads(text, object_pairs_hook=no_duplicates, parse_constant=no_constant)


def check_canonical(raw, where, report):
    """UTF-8, sorted keys, no white space outside strings, the shortest form of each number; gives the value."""
    text = raw.decode("utf-8")

    def sorted_pairs(pairs):
        keys = [key.encode() for key, _ in pairs]
        report.check(keys == sorted(keys), where, f"keys are not sorted by their bytes: {[k for k, _ in pairs][:8]}")
        return no_duplicates(pairs)

    def shortest(number):
        digits = lambda s: re.sub(r"[eE].*|[-+.]", "", s).strip("0")
        report.check(digits(number) == digits(repr(float(number))), where, f"{number} is not the shortest form")
        return float(number)

    value = json.loads(text, object_pairs_hook=sorted_pairs, parse_constant=no_constant, parse_float=shortest)
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    report.check(not re.search(r"\s", outside), where, "white space outside strings")
    return value


class TensorFile:
    """A safetensors file, read by hand, with the layout rules of a shard checked on the way."""

    def __init__(self, path, where, report):
        with open(path, "rb") as file:
            raw = file.read()
        (length,) = struct.unpack("<Q", raw[:8])
        begin = 8 + length
        header = raw[8:begin]
        report.check(begin % 64 == 0, where, f"the data begins at byte {begin}, not on a 64-byte boundary")
        report.check(header[:1] == b"{", where, "the header does not begin with '{'")
        body = header.rstrip(b" ")
        report.check(body.endswith(b"}"), where, "the header is padded with something else than spaces")
        entries = strict_json(body.decode("utf-8"))
        self.metadata = entries.pop("__metadata__", {})
        report.check(all(isinstance(v, str) for v in self.metadata.values()), where, "__metadata__ holds more than strings")
        end, before, self.tensors = 0, 99, {}
        for name, entry in sorted(entries.items(), key=lambda item: (item[1]["data_offsets"], item[0])):
            here = f"{where} {name}"
            first, last = entry["data_offsets"]
            item, shape = ITEM[entry["dtype"]], entry["shape"]
            report.check(first == end, here, f"begins at {first}, after a tensor that ends at {end}")
            report.check(last - first == item * math.prod(shape), here, f"{last - first} bytes for shape {shape}")
            report.check(item <= before, here, "stands after a tensor of smaller elements")
            report.check(set(entry) == {"dtype", "shape", "data_offsets"}, here, f"its header has {sorted(entry)}")
            data = np.frombuffer(raw, NUMPY[entry["dtype"]], math.prod(shape), begin + first)
            self.tensors[name] = (entry["dtype"], data.reshape(shape))
            end, before = last, item
        report.check(begin + end == len(raw), where, f"{len(raw) - begin - end} bytes after the last tensor")
        self.bytes, self.data_bytes = len(raw), end
        with safe_open(path, framework="numpy") as other:
            report.check(set(other.keys()) == set(self.tensors), where, "safetensors sees other tensors")
            report.check((other.metadata() or {}) == self.metadata, where, "safetensors sees other metadata")
            for name, (_, array) in self.tensors.items():
                same = other.get_tensor(name)
                report.check(same.shape == array.shape and same.tobytes() == array.tobytes(), f"{where} {name}", "safetensors reads another array")


class Cache:
    def __init__(self, folder, report):
        self.folder, self.report = folder, report
        self.journals = set()
        journals = os.path.join(folder, "journals")
        for name in sorted(os.listdir(journals)) if os.path.isdir(journals) else []:
            if not report.check(name.endswith(".jsonl"), f"journals/{name}", "is no .jsonl"):
                continue
            with open(os.path.join(journals, name), encoding="utf-8") as file:
                for number, line in enumerate(file, 1):
                    try:
                        strict_json(line)
                    except ValueError as error:
                        report.check(False, f"journals/{name}:{number}", f"is no JSON ({error})")
                    self.journals.update(HEX.findall(line))

    def path(self, digest):
        return os.path.join(self.folder, "objects", digest[:2], digest[2:])

    def read(self, digest, what):
        """The object's bytes, if it is there and hashes to its name."""
        if not self.report.check(isinstance(digest, str) and HEX.fullmatch(digest), what, f"{digest!r} is no SHA-256"):
            return None
        if not self.report.check(os.path.isfile(self.path(digest)), what, f"the object {digest} is missing"):
            return None
        with open(self.path(digest), "rb") as file:
            raw = file.read()
        found = hashlib.sha256(raw).hexdigest()
        self.report.check(found == digest, what, f"the object {digest} hashes to {found}")
        self.report.check(digest in self.journals, what, f"no journal names the object {digest}")
        return raw

    def resolve(self, dataset):
        if HEX.fullmatch(dataset):
            return dataset
        path = os.path.join(self.folder, "refs", dataset)
        if not os.path.isfile(path):
            return None
        with open(path, encoding="ascii") as file:
            text = file.read()
        self.report.check(re.fullmatch(r"[0-9a-f]{64}\n?", text), f"refs/{dataset}", "is not one line with a hash")
        return text.strip()


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def check_reproducible(value, where, report):
    """Neither a time nor an absolute path."""
    for text in strings(value):
        report.check(not re.match(r"(/|[A-Za-z]:[\\/]|~/)", text), where, f"absolute path {text!r}")
        report.check(not re.search(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d", text), where, f"a time: {text!r}")


def check_snapshot(snapshot, raw, report):
    where = "snapshot"
    wanted = {"format", "dataset", "manifest", "stages", "splits", "sources", "vocabularies", "statistics", "quarantine", "features"}
    report.check(wanted <= set(snapshot), where, f"lacks {sorted(wanted - set(snapshot))}")
    if set(snapshot) - wanted:
        report.note(where, f"holds also {sorted(set(snapshot) - wanted)}")
    report.check(snapshot.get("format") == 2, where, f"format is {snapshot.get('format')!r}")
    report.check(re.fullmatch(r"[A-Za-z0-9_-]+", str(snapshot.get("dataset"))), where, "the dataset's name has other characters")
    manifest = snapshot["manifest"]
    report.check(manifest.get("dataset") == snapshot.get("dataset"), where, "the manifest names another dataset")
    report.check(all(isinstance(v, int) for v in snapshot["stages"].values()), where, "a stage's version is no integer")
    check_reproducible(snapshot, where, report)
    forbidden = {"time", "date", "host", "hostname", "user", "created", "previous", "parent"}

    def check_keys(value):
        if isinstance(value, dict):
            report.check(not forbidden & set(value), where, f"keys {sorted(forbidden & set(value))}")
            for inner in value.values():
                check_keys(inner)

    for key, value in snapshot.items():
        if key not in ("vocabularies", "sources", "manifest"):
            check_keys(value)
    host = platform.node().encode()
    if len(host) > 5:
        report.check(host not in raw, where, "names this host")
    for name, values in snapshot["vocabularies"].items():
        keys = [value.encode() for value in values]
        report.check(keys == sorted(set(keys)), f"vocabulary {name}", "is not sorted by bytes, or repeats a value")


def read_tables(cache, snapshot, report):
    """The entries of all source tables, in the order of their paths: leaves of a trie over the hashes of the paths."""
    entries, before = [], ""
    for number, table in enumerate(snapshot["sources"]):
        where = f"table {number}"
        report.check(set(table) == {"object", "count"}, where, f"has {sorted(table)}")
        raw = cache.read(table.get("object"), where)
        if raw is None:
            continue
        try:
            own = check_canonical(raw, where, report)
        except ValueError as error:
            report.check(False, where, f"is no JSON ({error})")
            continue
        check_reproducible(own, where, report)
        report.check(len(own) == table["count"], where, f"{len(own)} entries, the snapshot says {table['count']}")
        report.check(1 <= len(own) <= 4096, where, f"lists {len(own)} entries")
        paths = [entry["path"].encode() for entry in own]
        report.check(paths == sorted(paths), where, "is not in path order")
        places = sorted(hashlib.sha256(path).hexdigest() for path in paths)
        report.check(not places or places[0] > before, where, "its paths' hashes do not follow those of the table before")
        before = places[-1] if places else before
        entries += own
    return sorted(entries, key=lambda entry: entry["path"].encode())


def check_sources(snapshot, report):
    """The entries: their form, their order, and that no piece is cut by a split."""
    by = snapshot["manifest"].get("splits", {}).get("by", "piece")
    paths = [entry["path"] for entry in snapshot["sources"]]
    report.check([p.encode() for p in paths] == sorted({p.encode() for p in paths}), "sources", "a path repeats")
    home, used = {}, {}
    for entry in snapshot["sources"]:
        where = f"source {entry.get('path')}"
        wanted = {"sha256", "path", "kind", "piece", "split", "labels", "segments", "gain_db", "warnings"}
        report.check(wanted <= set(entry), where, f"lacks {sorted(wanted - set(entry))}")
        report.check(HEX.fullmatch(entry["sha256"]), where, "sha256 is none")
        report.check(HEX.fullmatch(entry["piece"]), where, "the piece's id is no SHA-256")
        report.check(entry["kind"] in ("midi", "audio"), where, f"kind {entry['kind']!r}")
        report.check(isinstance(entry["segments"], int) and entry["segments"] >= 0, where, f"segments {entry['segments']!r}")
        gain = entry["gain_db"]
        report.check(gain is None or (isinstance(gain, (int, float)) and math.isfinite(gain)), where, f"gain_db {gain!r}")
        report.check(entry["kind"] == "audio" or gain is None, where, "a MIDI source has a gain")
        report.check(all(isinstance(w, str) for w in entry["warnings"]), where, "a warning is no string")
        if by != "segment":
            report.check(entry["split"] in SPLITS, where, f"split {entry['split']!r}")
            unit = entry["piece"] if by in ("piece", None) else entry["labels"].get(by)
            if snapshot["manifest"].get("splits", {}).get("column") is None and unit is not None:
                other = home.setdefault(unit, entry["split"])
                report.check(other == entry["split"], where, f"is in {entry['split']}, another of its {by} in {other}")
            piece = home.setdefault(("piece", entry["piece"]), entry["split"])
            report.check(piece == entry["split"], where, f"its piece is in {piece} and in {entry['split']}")
        for name, value in entry["labels"].items():
            several = isinstance(value, list)
            report.check(not several or len(value) > 1 and value == sorted(set(value), key=str.encode), where,
                         f"the values {value!r} of {name} are not sorted, or not several")
            for value in value if several else [value]:
                used.setdefault(name, set()).add(value)
                report.check(value in snapshot["vocabularies"].get(name, []), where, f"{name} {value!r} is not in the vocabulary")
    check_partners(snapshot, report)
    for name, values in snapshot["vocabularies"].items():
        if set(values) - used.get(name, set()):
            report.note(f"vocabulary {name}", f"no source has {sorted(set(values) - used.get(name, set()))[:5]}")
    for item in snapshot["quarantine"]:
        report.check({"path", "code"} <= set(item), "quarantine", f"{item} lacks path or code")
        report.check(re.fullmatch(r"[a-z0-9]+(\.[a-z0-9-]+)+", item["code"]), f"quarantine {item['path']}", f"code {item['code']!r}")
        report.check(item["path"] not in paths, f"quarantine {item['path']}", "is a source too")
    hidden = [item["path"].encode() for item in snapshot["quarantine"]]
    report.check(hidden == sorted(hidden), "quarantine", "is not in path order")


def check_partners(snapshot, report):
    """Both halves of a pair name each other, are one piece of both kinds, and the MIDI file has the segments."""
    by_path = {entry["path"]: entry for entry in snapshot["sources"]}
    for entry in snapshot["sources"]:
        where = f"source {entry['path']}"
        if "pair" not in entry:
            report.check("offset_seconds" not in entry, where, "has an offset, but no pair")
            continue
        other = by_path.get(entry["pair"])
        if not report.check(other is not None, where, f"is the pair of {entry['pair']}, which is no source"):
            continue
        report.check(other.get("pair") == entry["path"], where, f"{entry['pair']} is not its pair in turn")
        report.check({entry["kind"], other["kind"]} == {"midi", "audio"}, where, "both halves are of one kind")
        for name in ("piece", "split", "labels", "offset_seconds"):
            report.check(entry.get(name) == other.get(name), where, f"its other half has another {name}")
        report.check(entry["kind"] == "midi" or entry["segments"] == 0, where, "a recording of a pair has segments")


def byte_count(value):
    if isinstance(value, int):
        return value
    number, unit = re.fullmatch(r"(\d+) *([A-Za-z]*)", value).groups()
    return int(number) * {"": 1, "B": 1, "kB": 1000, "KiB": 1024, "MB": 10**6, "MiB": 2**20, "GB": 10**9, "GiB": 2**30}[unit]


def bit(piece, depth):
    return int(piece[depth // 4], 16) >> (3 - depth % 4) & 1


def check_buckets(shards, target, where, report):
    """The shards of a split and kind are the leaves of the trie over piece ids that splits what is over the target.

    `shards`: in order, each (its pieces, its bytes, the bytes of its tensors). A shard may exceed the target by its header
    and the last entries of its offsets, which do not belong to any piece.
    """
    order = [min(pieces) for pieces, *_ in shards if pieces]
    report.check(order == sorted(order), where, "shards are not in bucket order")
    owner = {}
    for number, (pieces, _, size) in enumerate(shards):
        for piece in pieces:
            report.check(owner.setdefault(piece, number) == number, where, f"piece {piece[:12]} is in two shards")
        report.check(
            size - 16 <= target or len(pieces) == 1, where,
            f"shard {number} has {size} bytes of {len(pieces)} pieces, over {target}")

    def descend(pieces, depth):
        inside = {owner[piece] for piece in pieces}
        if len(inside) <= 1:
            return
        here = f"{where} prefix of {depth} bits"
        total = sum(shards[number][1] for number in inside)
        report.check(total > target, here, f"was split, though its {len(inside)} shards hold {total} bytes, not over {target}")
        sides = [[p for p in pieces if bit(p, depth) == side] for side in (0, 1)]
        shared = {owner[p] for p in sides[0]} & {owner[p] for p in sides[1]}
        report.check(not shared, here, f"shards {sorted(shared)} hold pieces of both sides")
        if not shared:
            for side in sides:
                descend(side, depth + 1)

    descend(sorted(owner), 0)


def check_shard(cache, shard, split, snapshot, entries, report):
    """One shard; gives (segments by source, pieces, facts)."""
    digest = shard.get("object", "")
    where = f"{split} {str(digest)[:12]}"
    if cache.read(digest, where) is None:
        return {}, set(), {}
    file = TensorFile(cache.path(digest), where, report)
    report.check(file.bytes == shard["bytes"], where, f"{file.bytes} bytes, the snapshot says {shard['bytes']}")
    for key in ("sources", "labels"):
        if not report.check(key in file.metadata, where, f"__metadata__ has no {key}"):
            return {}, set(), {}
    sources, labels = strict_json(file.metadata["sources"]), strict_json(file.metadata["labels"])
    report.check(sources == sorted(sources), where, "sources are not sorted")
    report.check(all(HEX.fullmatch(s) for s in sources), where, "sources are not SHA-256s")
    report.check(set(sources) <= set(entries), where, "sources that the snapshot does not list")
    tensors = {name: array for name, (_, array) in file.tensors.items()}
    types = {name: dtype for name, (dtype, _) in file.tensors.items()}
    count = len(tensors.get("segment.source", []))
    report.check(count == shard["segments"], where, f"{count} segments, the snapshot says {shard['segments']}")
    kind = shard["kind"]
    report.check(kind in ("midi", "audio", "paired"), where, f"kind {kind!r}")
    known = check_segments(tensors, types, sources, kind, snapshot, where, report)
    check_labels(sources, labels, entries, split, where, report)
    facts = {"data_bytes": file.data_bytes}
    if kind in ("midi", "paired"):
        names, of_midi = check_midi(tensors, types, count, snapshot, where, report)
        known |= names
        facts |= of_midi
    if kind in ("audio", "paired"):
        known |= check_audio(tensors, types, count, snapshot, where, report)
    if kind == "paired":
        known |= check_pairs(tensors, types, count, sources, entries, snapshot, where, report)
    if set(tensors) - known:
        report.note(where, f"tensors that the page does not name: {sorted(set(tensors) - known)}")
    if "segment.source" not in tensors or not all(0 <= i < len(sources) for i in tensors["segment.source"].tolist()):
        return {}, set(), facts
    counts = np.bincount(tensors["segment.source"], minlength=len(sources)).tolist()
    used = set(tensors["segment.source"].tolist()) | set(tensors.get("segment.audio", np.zeros(0, int)).tolist())
    report.check(used == set(range(len(sources))), where, "a source of the list has no segment")
    pieces = {entry["piece"] for source in sources for entry in entries.get(source, [])}
    held = {}
    for source, own in zip(sources, counts):
        held[source] = held.get(source, 0) + own
    return held, pieces, facts


def check_statistics(cache, snapshot, report):
    digest = snapshot["statistics"]
    features = {name: value for name, value in snapshot["features"].items() if name not in ("rolls", "waveform")}
    normalize = (snapshot["manifest"].get("audio") or {}).get("normalize")
    if digest is None:
        report.note("statistics", "none")
        return {}
    if cache.read(digest, "statistics") is None:
        return {}
    file = TensorFile(cache.path(digest), "statistics", report)
    facts = {}
    for name, (dtype, array) in file.tensors.items():
        where = f"statistics {name}"
        report.check(dtype in ("F64", "F32"), where, f"dtype {dtype}")
        report.check(np.isfinite(array).all() and (array >= 0).all(), where, "a σ is negative or not finite")
        facts[name] = list(array.shape)
        if not re.search(r"\.sigma(_band)?$", name):
            report.note(where, "is no σ that the page names")
            continue
        if snapshot["manifest"].get("statistics", "fit") == "fit":
            exponent = 64 * np.log2(array[array > 0].astype(np.float64))
            report.check(np.allclose(exponent, np.round(exponent), atol=1e-3), where, "is no power of 2^(1/64)")
    if features and isinstance(normalize, dict) and normalize.get("per") != "none":
        per = normalize.get("per", "dataset")
        prefixes = [""] if per == "dataset" else [f"{value}/" for value in snapshot["vocabularies"].get(per, [])]
        for prefix in prefixes:
            for name, feature in features.items():
                both = [f"{prefix}{name}.sigma", f"{prefix}{name}.sigma_band"]
                if not any(key in file.tensors for key in both):
                    report.note("statistics", f"no σ of {prefix}{name}")
                    continue
                report.check(all(key in file.tensors for key in both), "statistics", f"only one of {both}")
                if both[1] in file.tensors:
                    shape = list(file.tensors[both[1]][1].shape)
                    report.check(shape == feature["shape"][:1], "statistics", f"{both[1]} has shape {shape}")
    return facts


def read(folder, dataset):
    report = Report()
    cache = Cache(folder, report)
    digest = cache.resolve(dataset)
    if digest is None:
        refs = os.path.join(folder, "refs")
        known = sorted(os.listdir(refs)) if os.path.isdir(refs) else []
        print(f"error: {folder} has no dataset {dataset}; it has {known}", file=sys.stderr)
        sys.exit(2)
    raw = cache.read(digest, "snapshot")
    if raw is None:
        return report, {"dataset": dataset, "snapshot": digest}
    snapshot = check_canonical(raw, "snapshot", report)
    check_snapshot(snapshot, raw, report)
    snapshot["sources"] = read_tables(cache, snapshot, report)
    check_sources(snapshot, report)
    entries = {}
    for entry in snapshot["sources"]:
        entries.setdefault(entry["sha256"], []).append(entry)
    target = byte_count(snapshot["manifest"].get("shards", {}).get("target_bytes", "64MiB"))
    report.check(set(snapshot["splits"]) <= set(SPLITS), "splits", f"are {sorted(snapshot['splits'])}")
    summary = {"dataset": snapshot["dataset"], "snapshot": digest, "sources": len(snapshot["sources"]),
               "quarantined": len(snapshot["quarantine"]), "splits": {}, "features": snapshot["features"],
               "statistics": check_statistics(cache, snapshot, report)}
    notes = rows = 0
    for split, content in snapshot["splits"].items():
        total, buckets, found, size = 0, {}, {}, 0
        for shard in content["shards"]:
            report.check({"object", "bytes", "segments", "kind"} <= set(shard), split, f"a shard's row is {shard}")
            counts, pieces, facts = check_shard(cache, shard, split, snapshot, entries, report)
            for source, count in counts.items():
                found[source, shard["kind"]] = found.get((source, shard["kind"]), 0) + count
            buckets.setdefault(shard["kind"], []).append((pieces, shard["bytes"], facts.get("data_bytes", 0)))
            total, size = total + shard["segments"], size + shard["bytes"]
            notes, rows = notes + facts.get("notes", 0), rows + facts.get("cells", 0)
        report.check(total == content["segments"], split, f"{total} segments in shards, the snapshot says {content['segments']}")
        by = snapshot["manifest"].get("splits", {}).get("by", "piece")
        if by != "segment":
            for kind, shards in buckets.items():
                check_buckets(shards, target, f"{split} {kind}", report)
            for source, of_source in entries.items():
                listed = sum(e["segments"] for e in of_source if e["split"] == split)
                held = sum(count for (other, _), count in found.items() if other == source)
                report.check(listed == held, f"{split} source {of_source[0]['path']}", f"lists {listed} segments, shards hold {held}")
        summary["splits"][split] = {"segments": total, "shards": len(content["shards"]), "bytes": size}
    summary["notes"] = notes
    if rows:
        summary["dense_bytes_per_note_byte"] = round(rows / max(1, notes * 9), 1)
    return report, summary


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset")
    parser.add_argument("--cache", default=os.environ.get("REPRISE_CACHE", "cache"))
    arguments = parser.parse_args()
    if not os.path.isdir(arguments.cache):
        print(f"error: there is no cache at {arguments.cache}", file=sys.stderr)
        sys.exit(2)
    report, summary = read(arguments.cache, arguments.dataset)
    for violation in report.violations[:200]:
        print(f"violation: {violation}", file=sys.stderr)
    summary |= {"violations": len(report.violations), "notes_of_reader": report.notes[:50]}
    print(json.dumps(summary, indent=1, sort_keys=True, ensure_ascii=False))
    sys.exit(1 if report.violations else 0)


if __name__ == "__main__":
    main()
