"""The rules of a shard's tensors, as docs/formats.md gives them; used by read_snapshot.py.

Each function checks one group of tensors, and returns the names that it knows.
"""

import json
from fractions import Fraction

import numpy as np

MIDI_TYPES = {
    "notes.offset": "I64", "notes.start": "U16", "notes.length": "U16", "notes.pitch": "U8", "notes.velocity": "U8",
    "notes.program": "U8", "notes.voice": "U8", "notes.flags": "U8", "pedal": "U8", "tempo": "F32",
}
CONTROL_TYPES = {
    "controls.offset": "I64", "controls.step": "U16", "controls.number": "U8", "controls.value": "U8",
    "controls.channel": "U8",
}
SEGMENT_TYPES = {
    "segment.source": "I32", "segment.timeline": "I16", "segment.start": "I64", "segment.length": "I64",
}
FEATURES = ("mel", "mfcc", "spectrogram", "chroma", "cqt", "waveform")


def check_types(tensors, types, wanted, where, report):
    """Whether all of them are there with their types."""
    missing = sorted(set(wanted) - set(tensors))
    report.check(not missing, where, f"lacks {missing}")
    for name in wanted:
        if name in tensors:
            report.check(types[name] == wanted[name], f"{where} {name}", f"is {types[name]}, not {wanted[name]}")
    return not missing


def window_of(snapshot, kind):
    """(length, hop, drop_last, whether every start is a multiple of hop) of a segment, in steps or samples."""
    manifest = snapshot["manifest"]
    part = manifest.get("midi" if kind != "audio" else "audio") or {}
    segment = part.get("segment") or {}
    length, hop = (units(manifest, kind, key) for key in ("length", "hop"))
    if length is None:
        length = snapshot["features"].get("rolls", {}).get("steps")
    regular = segment.get("align", "none") == "none" and part.get("window", "all") == "all"
    return length, length if hop is None else hop, segment.get("drop_last", False), regular


def units(manifest, kind, key):
    """The length or the hop of a segment in steps or samples, from whatever unit the manifest has; None if it is absent."""
    part = manifest.get("midi" if kind != "audio" else "audio") or {}
    segment = part.get("segment") or {}
    unit = next((name for name in ("steps", "beats", "bars", "seconds", "samples") if name in segment), None)
    value = segment.get(unit if key == "length" else key)
    if value is None or unit in (None, "steps", "samples"):
        return value
    grid = part.get("grid") or {}
    if unit == "seconds":
        audio = manifest.get("audio") or {}
        if kind == "audio":
            rate = Fraction(audio["sample_rate"])
        elif "frames" in grid:
            rate = Fraction(audio["sample_rate"], audio["stft"]["hop"])
        else:
            rate = Fraction(grid["steps_per_second"])
        return max(1, int(Fraction(value) * rate + Fraction(1, 2)))
    steps = value * grid["steps_per_beat"]
    return steps if unit == "beats" else int(steps * 4 * Fraction(part["require"]["time_signature"]))


def check_segments(tensors, types, sources, kind, snapshot, where, report):
    if not check_types(tensors, types, SEGMENT_TYPES, where, report):
        return set(SEGMENT_TYPES)
    source, timeline, start, length = (tensors[name] for name in SEGMENT_TYPES)
    count = len(source)
    for name in SEGMENT_TYPES:
        report.check(tensors[name].shape == (count,), f"{where} {name}", f"has shape {tensors[name].shape}, not [{count}]")
    report.check(((source >= 0) & (source < len(sources))).all(), where, "segment.source is out of its list")
    report.check((timeline >= 0).all(), where, "a timeline is negative")
    on_frames = "frames" in (snapshot["manifest"].get("midi", {}).get("grid") or {})
    follows = kind == "paired" and not on_frames
    report.check(follows or (start >= 0).all(), where, "a segment starts before its timeline")
    full, hop, drop_last, regular = window_of(snapshot, kind)
    if full is not None:
        report.check(((length >= 1) & (length <= full)).all(), where, f"a true length is outside 1 to {full}")
        if drop_last:
            report.check((length == full).all(), where, "drop_last, yet a segment is not full")
    split_by = snapshot["manifest"].get("splits", {}).get("by", "piece")
    if regular and hop and not follows and split_by != "segment":
        keys = np.stack([source, timeline.astype(np.int64)])
        for pair in np.unique(keys, axis=1).T:
            mine = np.unique(start[(source == pair[0]) & (timeline == pair[1])])
            report.check(
                np.array_equal(mine, np.arange(len(mine)) * hop), where,
                f"segments of source {pair[0]}, timeline {pair[1]} start at {mine[:4].tolist()}…, not at 0, {hop}, …")
    return set(SEGMENT_TYPES)


def check_labels(sources, labels, entries, split, where, report):
    """Each entry of the shard, a source with its labels, is one of the snapshot's, and no more often than there."""
    if not report.check(isinstance(labels, list) and len(labels) == len(sources), where, "labels are no list as long as sources"):
        return
    text = [json.dumps(own, sort_keys=True, ensure_ascii=False) for own in labels]
    report.check(list(zip(sources, text)) == sorted(zip(sources, text)) or len(set(sources)) == len(sources), where,
                 "entries of equal sources are not in the order of their labels")
    for source, own in zip(sources, labels):
        meant = [entry["labels"] for entry in entries.get(source, []) if entry["split"] in (split, None)]
        report.check(own in meant, where, f"source {source[:12]} has labels {own}, the snapshot says {meant}")
        report.check(sum(s == source and o == own for s, o in zip(sources, labels)) <= meant.count(own), where,
                     f"source {source[:12]} with labels {own} is there more often than in the snapshot")


def check_rows(offset, count, rows, where, report):
    """Whether offsets are I64 [N+1] from 0 up to the number of rows."""
    fine = report.check(offset.shape == (count + 1,), where, f"has shape {offset.shape}, not [{count + 1}]")
    if fine and count >= 0:
        fine &= report.check(offset[0] == 0, where, f"begins with {offset[0]}")
        fine &= report.check((np.diff(offset) >= 0).all(), where, "is not monotone")
        fine &= report.check(offset[-1] == rows, where, f"ends with {offset[-1]}, not with the {rows} rows")
    return fine


def check_sorted(columns, segment, what, where, report):
    """Whether rows are sorted by the columns within each segment; equal rows may stand side by side."""
    before = np.zeros(max(0, len(segment) - 1), bool)
    equal = segment[1:] == segment[:-1]
    for column in columns:
        wide = column.astype(np.int64)
        before |= equal & (wide[1:] < wide[:-1])
        equal &= wide[1:] == wide[:-1]
    report.check(not before.any(), where, f"{int(before.sum())} rows are not sorted by {what}")


def check_midi(tensors, types, count, snapshot, where, report):
    """Notes, controls, pedal and tempo; gives the names it knows, and facts."""
    known = set(MIDI_TYPES) | set(CONTROL_TYPES)
    if not check_types(tensors, types, MIDI_TYPES, where, report):
        return known, {}
    midi = snapshot["manifest"].get("midi") or {}
    rolls = snapshot["features"].get("rolls", {})
    steps = rolls.get("steps")
    low, high = rolls.get("pitches", [0, 127])
    if not report.check(isinstance(steps, int), where, "the snapshot's features give no steps of rolls"):
        return known, {}
    offset = tensors["notes.offset"]
    names = ("start", "length", "pitch", "velocity", "program", "voice", "flags")
    rows = len(tensors["notes.start"])
    for name in names:
        shape = tensors[f"notes.{name}"].shape
        report.check(shape == (rows,), f"{where} notes.{name}", f"has shape {shape}, not [{rows}]")
    if not check_rows(offset, count, rows, f"{where} notes.offset", report):
        return known, {}
    start, length, pitch, velocity, program, voice, flags = (tensors[f"notes.{n}"].astype(np.int64) for n in names)
    segment = np.repeat(np.arange(count), np.diff(offset))
    true_length = tensors["segment.length"][segment]
    end = start + length
    report.check((length >= 1).all(), where, "a note has no length")
    report.check((end <= steps).all(), where, f"a note ends after step {steps}")
    report.check((end <= true_length).all(), where, "a note ends after its segment's true length")
    drum = program == 128
    report.check(((pitch >= low) & (pitch <= high) | drum).all(), where, f"a pitch is outside {low} to {high}")
    report.check((pitch <= 127).all(), where, "a pitch is over 127")
    report.check(((velocity >= 1) & (velocity <= 127)).all(), where, "a velocity is outside 1 to 127")
    report.check((program <= 128).all(), where, "a program is over 128")
    report.check((flags <= 7).all(), where, "flags beyond bit 2")
    report.check((start[flags & 1 == 0] == 0).all(), where, "a note that sounds on from before does not start at step 0")
    # A window that is not the whole piece may cut a note short of a full segment's end.
    last = steps if midi.get("window", "all") == "all" else true_length[flags & 4 == 0]
    report.check((end[flags & 4 == 0] == last).all(), where, "a note that ends later does not reach the last step")
    if midi.get("sustain", "ignore") == "ignore":
        report.check((flags & 2 == 0).all(), where, "a note is lengthened by pedal, though sustain is ignored")
    report.check((flags[drum] & 2 == 0).all(), where, "a drum note is lengthened by pedal")
    drums = midi.get("drums", "separate")
    if drums == "exclude":
        report.check(not drum.any(), where, "drum notes, though drums are excluded")
    if drums != "include":
        report.check((voice[drum] == 255).all(), where, "a drum note has a voice")
    if midi.get("voices") is not None:
        report.check(((voice < midi["voices"]) | (voice == 255)).all(), where, f"a voice beyond {midi['voices']}")
        kept = voice != 255
        order = np.lexsort((start[kept], voice[kept], segment[kept]))
        s, v, b, e = (column[kept][order] for column in (segment, voice, start, end))
        same = (s[1:] == s[:-1]) & (v[1:] == v[:-1])
        together = int((same & (b[1:] < e[:-1])).sum())
        if together:
            report.note(where, f"{together} times two notes of one voice share a step")
    check_sorted(
        (start, pitch, program, voice, velocity, length), segment, "(start, pitch, program, voice, velocity, length)",
        f"{where} notes", report)
    check_controls(tensors, types, count, steps, midi, where, report)
    pedal, tempo = tensors["pedal"], tensors["tempo"]
    report.check(pedal.shape == (count, steps, 3), f"{where} pedal", f"has shape {pedal.shape}")
    report.check((pedal <= 1).all(), f"{where} pedal", "holds more than 0 and 1")
    report.check(tempo.shape == (count, steps), f"{where} tempo", f"has shape {tempo.shape}")
    report.check((np.isfinite(tempo) & (tempo > 0)).all(), f"{where} tempo", "is not positive everywhere")
    return known, {"notes": rows, "cells": count * steps * (high - low + 1) * 3}


def check_controls(tensors, types, count, steps, midi, where, report):
    wanted = midi.get("controls")
    none = wanted is False or wanted == []
    present = [name for name in CONTROL_TYPES if name in tensors]
    if none and not present:
        return
    if not check_types(tensors, types, CONTROL_TYPES, where, report):
        return
    step, number, value, channel = (tensors[f"controls.{n}"] for n in ("step", "number", "value", "channel"))
    rows = len(step)
    for name in list(CONTROL_TYPES)[1:]:
        report.check(tensors[name].shape == (rows,), f"{where} {name}", f"has shape {tensors[name].shape}, not [{rows}]")
    if not check_rows(tensors["controls.offset"], count, rows, f"{where} controls.offset", report):
        return
    segment = np.repeat(np.arange(count), np.diff(tensors["controls.offset"]))
    report.check((step < steps).all(), where, f"a control change stands after step {steps}")
    report.check((step < tensors["segment.length"][segment]).all(), where, "a control change after the true length")
    report.check((number <= 127).all() and (value <= 127).all(), where, "a control's number or value is over 127")
    report.check((channel <= 15).all(), where, "a control's channel is over 15")
    if isinstance(wanted, list):
        report.check(np.isin(number, wanted).all(), where, f"a control that is not one of {wanted}")
    check_sorted((step,), segment, "step", f"{where} controls", report)


def frames(audio):
    """Frames of a segment, as the STFT's settings give them."""
    stft = audio.get("stft") or {}
    n_fft, hop = stft.get("n_fft", 2048), stft.get("hop", 512)
    samples = (units({"audio": audio}, "audio", "length") or 131072) + stft.get("pad_end", 0)
    return samples // hop + 1 if stft.get("center", True) else (samples - n_fft) // hop + 1


def check_audio(tensors, types, count, snapshot, where, report):
    audio = snapshot["manifest"].get("audio") or {}
    declared = {name: value for name, value in snapshot["features"].items() if name != "rolls"}
    asked = {name for name, value in (audio.get("features") or {"mel": {}}).items() if value not in (None, False)}
    report.check(
        set(declared) == asked, "features",
        f"the manifest asks for {sorted(asked)}, the snapshot has {sorted(declared)}")
    dtype = {"float32": "F32", "float16": "F16"}[audio.get("dtype", "float32")]
    rows = {}
    if "stft" in audio:
        bins = audio["stft"].get("n_fft", 2048) // 2 + 1
        rows = {"mel": (audio["features"].get("mel") or {}).get("bands"),
                "mfcc": (audio["features"].get("mfcc") or {}).get("coefficients"),
                "chroma": 12,
                "cqt": (audio["features"].get("cqt") or {}).get("bins"),
                "spectrogram": bins - bool((audio["features"].get("spectrogram") or {}).get("drop_nyquist"))}
    for name, feature in declared.items():
        here = f"{where} {name}"
        if not report.check(name in tensors, here, "is missing"):
            continue
        shape = list(tensors[name].shape)
        report.check(shape == [count, *feature["shape"]], here, f"has shape {shape}, the snapshot says N x {feature['shape']}")
        report.check(types[name] == feature["dtype"] == dtype, here, f"is {types[name]}, should be {dtype}")
        report.check(np.isfinite(tensors[name]).all(), here, "is not finite everywhere")
        if name == "waveform":
            report.check(shape[1:] == [units(snapshot["manifest"], "audio", "length")], here, f"has {shape[1:]} samples")
        else:
            report.check(shape[2:] == [frames(audio)], here, f"has {shape[2:]} frames, the settings give {frames(audio)}")
        if rows.get(name) is not None and name != "waveform":
            report.check(shape[1:2] == [rows[name]], here, f"has {shape[1:2]} rows, the settings give {rows[name]}")
    for name in FEATURES:
        report.check(name not in tensors or name in declared, f"{where} {name}", "is not among the snapshot's features")
    return set(declared)


def check_pairs(tensors, types, count, sources, entries, snapshot, where, report):
    """Where the features of paired segments are in their recordings, and in which steps their frames lie."""
    wanted = {"segment.audio": "I32", "segment.audio_start": "I64"}
    on_frames = "frames" in snapshot["manifest"]["midi"]["grid"]
    if not on_frames:
        wanted["frame.step"] = "U16"
    if not check_types(tensors, types, wanted, where, report):
        return set(wanted)
    audio = snapshot["manifest"]["audio"]
    recording, first = tensors["segment.audio"], tensors["segment.audio_start"]
    for name in ("segment.audio", "segment.audio_start"):
        report.check(tensors[name].shape == (count,), f"{where} {name}", f"has shape {tensors[name].shape}, not [{count}]")
    if not report.check(((recording >= 0) & (recording < len(sources))).all(), where, "segment.audio is out of its list"):
        return set(wanted)
    hop = units(snapshot["manifest"], "audio", "hop") or units(snapshot["manifest"], "audio", "length")
    report.check((first % hop == 0).all() and (first >= 0).all(), where, f"a recording is not cut every {hop} samples")
    recordings = {entry["path"]: entry["sha256"] for own in entries.values() for entry in own}
    for score, sound in set(zip(tensors["segment.source"].tolist(), recording.tolist())):
        meant = {recordings.get(entry.get("pair")) for entry in entries.get(sources[score], [])}
        report.check(sources[sound] in meant, where, f"source {sources[score][:12]} has a recording that is not its pair")
    start = tensors["segment.start"]
    if on_frames:
        report.check((start * audio["stft"]["hop"] == first).all(), where, "steps and samples do not begin together")
        steps = snapshot["features"]["rolls"]["steps"]
        report.check(steps == frames(audio), where, f"has {steps} steps for {frames(audio)} frames")
        return set(wanted)
    step = tensors["frame.step"].astype(np.int64)
    report.check(step.shape == (count, frames(audio)), f"{where} frame.step", f"has shape {step.shape}")
    steps = snapshot["features"]["rolls"]["steps"]
    report.check(((step < steps) | (step == 65535)).all(), f"{where} frame.step", f"a step that is not below {steps}")
    # Frames without a step lie beyond the last, since a segment begins with its first frame.
    report.check((np.diff(step, axis=1) >= 0).all(), f"{where} frame.step", "steps fall from frame to frame")
    return set(wanted)
