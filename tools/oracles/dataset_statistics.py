"""Holds `reprise stats --json` against independent computations, number by number, and prints the largest differences.

    dataset_statistics.py REPRISE MIDI_FOLDER AUDIO_FOLDER [N]

Every file of at most N a folder becomes a dataset's source with its path as the label `file`, so that the statistics
of each label value are those of one file. MIDI is read with mido and symusic and counted with numpy; MusPy's metrics
(https://github.com/salu133445/muspy, 0.5.0) are called on the very notes; tempi and pedals come from pretty_midi.
Audio is read with soundfile; loudness with pyloudnorm, the mel's moments with librosa.
"""

import collections
import glob
import json
import math
import os
import subprocess
import sys
import tempfile
import warnings

import librosa
import mido
import muspy
import numpy as np
import pretty_midi
import pyloudnorm
import soundfile
import symusic

from midi_notes import mido_notes

differences = collections.defaultdict(lambda: (-1.0, "", 0))


def differ(name, path, ours, theirs):
    """Notes a difference; NaN and null are equal."""
    missing = lambda value: value is None or (isinstance(value, float) and math.isnan(value))
    if missing(ours) or missing(theirs):
        difference = 0.0 if missing(ours) and missing(theirs) else math.inf
    else:
        difference = float(np.max(np.abs(np.asarray(ours, float) - np.asarray(theirs, float)), initial=0))
    worst, where, count = differences[name]
    if difference > worst:
        worst, where = difference, f"{path}: {ours if np.isscalar(ours) else ''} {theirs if np.isscalar(theirs) else ''}"
    differences[name] = (worst, where, count + 1)


def build(reprise, folder, paths, block, cache):
    with open(f"{folder}/table.csv", "w") as table:
        table.write("path,file\n")
        for index, path in enumerate(paths):
            os.symlink(path, f"{folder}/{index}{os.path.splitext(path)[1]}")
            table.write(f"{index}{os.path.splitext(path)[1]},f{index}\n")
    with open(f"{folder}/m.yaml", "w") as manifest:
        manifest.write(f"version: 1\ndataset: oracle\nsources:\n  - table: table.csv\n{block}\nsplits: {{train: 1}}\n")
    subprocess.run([reprise, "build", f"{folder}/m.yaml", "--cache", cache], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    out = subprocess.run([reprise, "stats", "oracle", "--json", "--cache", cache], capture_output=True, check=True)
    return json.loads(out.stdout)


def one(spread):
    return None if spread is None else spread["mean"]


def half_up(ticks, tpq, resolution=24):
    return (ticks * 2 * resolution + tpq) // (2 * tpq)


def midi(path, ours):
    score = symusic.Score(path)
    tpq = score.ticks_per_quarter
    rows, _ = mido_notes(path)
    pitched = [tuple(row[:4]) for row in rows if row[4] < 128]
    drums = [tuple(row[:4]) for row in rows if row[4] == 128]
    notes = np.array(pitched, dtype=np.int64).reshape(-1, 4)
    stats, spread = ours["midi"], lambda name: one(ours["midi"]["by_source"].get(name))
    differ("notes", path, ours["notes"], len(pitched) + len(drums))
    differ("pitch histogram", path, stats["pitch_histogram"], np.bincount(notes[:, 2], minlength=128))
    differ("pitch class histogram", path, stats["pitch_class_histogram"], np.bincount(notes[:, 2] % 12, minlength=12))
    differ("velocity histogram", path, stats["velocity_histogram"], np.bincount(notes[:, 3], minlength=128))
    if len(notes):
        differ("mean velocity", path, spread("velocity"), notes[:, 3].mean())
    edges = np.concatenate([[-1], 2.0 ** (np.arange(-10, 11) / 2), [np.inf]])
    differ("note lengths", path, stats["note_lengths"]["counts"], np.histogram((notes[:, 1] - notes[:, 0]) / tpq, edges)[0])
    differ("notes by program", path, stats["program_notes"], np.bincount(rows[:, 4], minlength=129))

    # MusPy on the very notes, at the file's own resolution, and for bars at its own 24 positions a beat.
    def music(scale, resolution):
        tracks = [
            muspy.Track(is_drum=is_drum, notes=[muspy.Note(int(scale(a)), int(p), int(scale(b) - scale(a)), int(v)) for a, b, p, v in part])
            for is_drum, part in ((False, pitched), (True, drums))
        ]
        return muspy.Music(resolution=resolution, tracks=tracks)

    fine, coarse = music(lambda t: t, tpq), music(lambda t: half_up(t, tpq), 24)
    if max((n[1] for n in pitched + drums), default=0) < 2_000_000:
        differ("polyphony (muspy)", path, spread("polyphony"), float(muspy.polyphony(fine)))
        differ("polyphony rate (muspy)", path, spread("polyphony_rate"), float(muspy.polyphony_rate(fine)))
    differ("pitch entropy (muspy)", path, spread("pitch_entropy"), float(muspy.pitch_entropy(fine)))
    differ("pitch class entropy (muspy)", path, spread("pitch_class_entropy"), float(muspy.pitch_class_entropy(fine)))
    differ("scale consistency (muspy)", path, spread("scale_consistency"), float(muspy.scale_consistency(fine)))
    signature = next(((t.numerator, t.denominator) for t in score.time_signatures if t.time == 0), (4, 4))
    bar = signature[0] * 96 // signature[1]
    differ("empty bars (muspy)", path, spread("empty_bar_rate"), float(muspy.empty_measure_rate(coarse, bar)))
    differ("groove consistency (muspy)", path, spread("groove_consistency"), float(muspy.groove_consistency(coarse, bar)))

    # pretty_midi: tempi, length, pedals.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        other = pretty_midi.PrettyMIDI(path)
    if caught:
        return  # it reads tempi of the first track alone, and says so
    times, tempi = other.get_tempo_changes()
    mine = {int(k): v for k, v in stats["tempo_seconds"].items()}
    total = sum(mine.values())
    theirs = collections.Counter()
    for index, (start, tempo) in enumerate(zip(times, tempi)):
        stop = times[index + 1] if index + 1 < len(times) else total
        if stop > start:
            theirs[int(math.floor(tempo + 0.5))] += min(stop, total) - min(start, total)
    keys = sorted(set(mine) | set(theirs))
    differ("seconds at each tempo (pretty_midi)", path, [mine.get(k, 0) for k in keys], [theirs.get(k, 0) for k in keys])
    held = []
    for channel in set_of_channels(path):
        down = None
        for time, value in channel:
            if value >= 64 and down is None:
                down = time
            elif value < 64 and down is not None:
                if time > down:
                    held.append(other.tick_to_time(time) - other.tick_to_time(down))
                down = None
        if down is not None:
            held.append(math.nan)
    closed = [length for length in held if not math.isnan(length)]
    counts = np.histogram(closed, edges)[0]
    differ("pedal presses", path, sum(stats["pedal_lengths"]["counts"]) , len(held))
    if len(closed) == len(held):
        differ("pedal lengths (pretty_midi's clock)", path, stats["pedal_lengths"]["counts"], counts)


def set_of_channels(path):
    file = mido.MidiFile(path, clip=True)
    channels = collections.defaultdict(list)
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "control_change" and message.control == 64 and message.channel != 9:
                channels[message.channel].append((tick, message.value))
    return [sorted(events, key=lambda event: event[0]) for events in channels.values()]


def audio(path, ours):
    samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    spread = ours["audio"]["by_source"]
    with np.errstate(divide="ignore"):
        # pyloudnorm's own K-weighting rounds the filters of BS.1770 (1500 Hz, 4 dB, Q 0.7071; 38 Hz, Q 0.5), which is up to
        # 0.125 LU beside them; its class "DeMan" has what the standard's coefficients come from (1681.97 Hz, 3.99984 dB, …).
        for name, filters in ((" rounded", "K-weighting"), ("", "DeMan")):
            if len(samples) <= 0.4 * rate:
                continue
            loudness = pyloudnorm.Meter(rate, filter_class=filters).integrated_loudness(samples)
            if math.isfinite(loudness):
                differ(f"loudness, LU (pyloudnorm{name})", path, one(spread["lufs"]), loudness)
    differ("clipped sources (numpy)", path, ours["audio"]["clipped"], int(np.any(np.abs(samples) >= 32767 / 32768)))
    mono = samples.mean(axis=1)
    if rate == 22050:
        rms = 20 * math.log10(math.sqrt(np.mean(mono**2)))
        differ("RMS, dB (numpy)", path, one(spread["rms"]), rms)
        parts = [np.pad(mono[i : i + 131072], (0, max(0, 131072 - len(mono) + i))) for i in range(0, len(mono), 131072)]
        mel = np.concatenate(
            [librosa.feature.melspectrogram(y=part.astype(np.float32), sr=rate, n_mels=128, n_fft=2048, hop_length=512, pad_mode="constant", fmax=rate / 2) for part in parts], axis=1)
        before = ours["audio"]["mel_before"]
        scale = mel.mean(axis=1).max()
        differ("mel mean, of its maximum (librosa)", path, np.array(before["mean"]) / scale, mel.mean(axis=1) / scale)
        # Row and column autocorrelation of the amplitude (paper 002, figure 4), segment by segment.
        rows, columns = np.zeros(parts_frames := mel.shape[1] // len(parts)), np.zeros(mel.shape[0])
        for part in np.split(np.sqrt(mel.astype(np.float64)), len(parts), axis=1):
            for x in part:
                rows += np.correlate(x, x, "full")[parts_frames - 1 :]
            for x in part.T:
                columns += np.correlate(x, x, "full")[len(x) - 1 :]
        repeats = ours["audio"]["mel_autocorrelation"]
        differ("row autocorrelation (numpy)", path, repeats["rows"], rows / rows[0])
        differ("column autocorrelation (numpy)", path, repeats["columns"], columns / columns[0])
        differ("mel deviation, of its maximum (librosa)", path, np.array(before["deviation"]) / mel.std(axis=1).max(), mel.std(axis=1) / mel.std(axis=1).max())


def main():
    reprise, midi_folder, audio_folder = sys.argv[1:4]
    limit = int(sys.argv[4]) if len(sys.argv) > 4 else 10**9
    plans = [
        (midi, sorted(glob.glob(f"{midi_folder}/**/*.mid*", recursive=True)), "midi: {}"),
        (audio, sorted(p for p in glob.glob(f"{audio_folder}/*/*") if not p.endswith(".tsv")),
         "audio:\n  sample_rate: 22050\n  segment: {samples: 131072}\n  features: {mel: {bands: 128}}"),
    ]
    for check, paths, block in plans:
        paths = paths[:: max(1, -(-len(paths) // limit))]
        with tempfile.TemporaryDirectory() as folder:
            stats = build(os.path.abspath(reprise), folder, paths, block, f"{folder}/cache")
            for index, path in enumerate(paths):
                ours = stats["labels"]["file"].get(f"f{index}")
                if ours:
                    check(path, ours)
    for name, (worst, where, count) in differences.items():
        print(f"{name:42} {count:5} files, largest difference {worst:.3g}" + (f"   {where}" if worst > 1e-9 else ""))


if __name__ == "__main__":
    main()
