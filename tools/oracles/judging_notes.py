"""The measures of docs/measures.md on MIDI files by other libraries, for judging_golden.py and judging_parity.py.

Each piece is read by symusic (ticks) and pretty_midi (seconds). `piece_tensors` and `shared_tensors` name the results
as the tests read them. NaN stands for "not defined".
"""

import functools
import io
import math
from fractions import Fraction

import librosa
import mir_eval
import muspy
import numpy as np
import pretty_midi
import scipy.signal
import symusic

NAN = math.nan
SETTINGS = {"two_beats": (12, 24, 12), "four_beats": (12, 48, 48)}
SCORES = [
    "chroma_two_beats", "chroma_four_beats", "bar_chroma", "bar_onsets", "bar_onsets_drums",
    "notes_precision", "notes_recall", "notes_f", "notes_beats_f", "melody_f", "bass_f", "beats_f",
    "aligned_similarity", "aligned_cost",
]


class Piece:
    """Notes, ticks and bar lines; hashed by identity."""


def read(data):
    """A piece: notes as (onset, offset, pitch, velocity, program, part) in ticks; 128 is the program of drums."""
    score = symusic.Score.from_midi(data)
    midi = pretty_midi.PrettyMIDI(io.BytesIO(data))
    notes = []
    for number, track in enumerate(score.tracks):
        for note in track.notes:
            program = 128 if track.is_drum else track.program
            notes.append((note.time, note.time + note.duration, note.pitch, note.velocity, program, number))
    notes.sort()
    resolution = score.ticks_per_quarter
    end = max((n[1] for n in notes), default=0)
    signatures = [(s.time, s.numerator, s.denominator) for s in score.time_signatures]
    piece = Piece()
    piece.notes, piece.pitched, piece.resolution = notes, [n for n in notes if n[4] != 128], resolution
    piece.end, piece.seconds, piece.signatures = end, midi.tick_to_time, signatures
    piece.lines = bar_lines(piece, end)
    return piece


def bar_lines(piece, end):
    """Bar lines in beats as fractions, up to the first that is not before `end` (in ticks)."""
    changes = {0: (4, 4)}
    for tick, numerator, denominator in piece.signatures:
        changes[tick] = (numerator, denominator)
    lines, ticks = [], sorted(changes)
    for index, tick in enumerate(ticks):
        bar = Fraction(4 * changes[tick][0], changes[tick][1])
        last = Fraction(ticks[index + 1], piece.resolution) if index + 1 < len(ticks) else None
        line = Fraction(tick, piece.resolution)
        while last is None or line < last:
            lines.append(line)
            if line >= Fraction(end, piece.resolution):
                return lines
            line += bar
    return lines


@functools.lru_cache
def skyline(piece, higher):
    """The melody, or the bass: an onset's outermost note unless one further out still sounds."""
    sign = 1 if higher else -1
    chosen = []
    for onset in sorted({n[0] for n in piece.pitched}):
        starting = [n for n in piece.pitched if n[0] == onset]
        best = max(starting, key=lambda n: sign * n[2])
        held = [n for n in piece.pitched if n[0] < onset < n[1] and sign * n[2] > sign * best[2]]
        if not held:
            chosen.append((onset, best[2]))
    return chosen


def chroma(piece, setting):
    """pretty_midi's chroma of notes in beats, and scipy's convolution: [12, columns]."""
    rate, window, step = setting
    instrument = pretty_midi.Instrument(0)
    # get_chroma truncates the product of time and rate: a little is added so that rounding cannot lose a sample.
    beat = lambda tick: tick / piece.resolution + 1e-7
    instrument.notes = [pretty_midi.Note(127, n[2], beat(n[0]), beat(n[1])) for n in piece.pitched]
    raw = instrument.get_chroma(fs=rate)
    return np.zeros((12, 0)) if raw.size == 0 else raw


def columns(raw, setting, samples):
    _, window, step = setting
    if samples == 0:
        return np.zeros((12, 0))
    padded = np.pad(raw, [(0, 0), (0, samples - raw.shape[1])])
    moving = scipy.signal.convolve2d(padded, np.ones((1, window)) / window)
    return moving[:, (window - 1) % step :: step]


def column_cosines(a, b):
    """Cosines of columns; NaN where both are zero, 0 where one is."""
    left, right = np.linalg.norm(a, axis=0), np.linalg.norm(b, axis=0)
    product, norm = (a * b).sum(0), left * right
    result = np.where(norm > 1e-9, product / np.where(norm > 1e-9, norm, 1), 0.0)
    return np.where((left > 1e-9) | (right > 1e-9), result, np.nan)


def mean(values):
    values = np.asarray(values, float)
    values = values[~np.isnan(values)]
    return values.mean() if values.size else NAN


def chroma_similarity(a, b, setting):
    raw = chroma(a, setting), chroma(b, setting)
    samples = max(r.shape[1] for r in raw)
    return mean(column_cosines(*(columns(r, setting, samples) for r in raw)))


def aligned(a, b, setting):
    x, y = ((lambda raw: columns(raw, setting, raw.shape[1]))(chroma(p, setting)) for p in (a, b))
    if x.shape[1] == 0 or y.shape[1] == 0:
        return NAN, NAN
    norms = [np.linalg.norm(m, axis=0) for m in (x, y)]
    unit = [m / np.where(n > 0, n, 1) for m, n in zip((x, y), norms)]
    cost = 1 - unit[0].T @ unit[1]
    cost[np.ix_(norms[0] == 0, norms[1] == 0)] = 0
    total, path = librosa.sequence.dtw(C=cost)
    return mean(column_cosines(x[:, path[:, 0]], y[:, path[:, 1]])), total[-1, -1]


def bar_vectors(piece, lines, entry, size):
    vectors = np.zeros((size, len(lines)))
    for note in piece.notes:
        onset = Fraction(note[0], piece.resolution)
        bar = max(i for i in range(len(lines) - 1) if lines[i] <= onset)
        position = (onset - lines[bar]) / (lines[bar + 1] - lines[bar])
        step = math.floor(position * 16 + Fraction(1, 2))
        index = entry(note, step % 16)
        if index is not None:
            vectors[index, bar + step // 16] += 1
    return vectors


def bar_similarity(output, content, entry, size):
    lines = list(content.lines)
    bar = lines[-1] - lines[-2] if len(lines) > 1 else Fraction(4)
    end = max(Fraction(p.end, p.resolution) for p in (output, content))
    while len(lines) < 2 or lines[-1] <= end:
        lines.append(lines[-1] + bar)
    return mean(column_cosines(*(bar_vectors(p, lines, entry, size) for p in (output, content))))


def transcription(estimate, reference, piece_e, piece_r, in_beats=False):
    """mir_eval's precision, recall and F; notes as (onset tick, pitch)."""
    if not estimate or not reference:
        return 0.0, 0.0, 0.0

    def arrays(notes, piece):
        onsets = np.array([n[0] / piece.resolution if in_beats else piece.seconds(n[0]) for n in notes])
        return np.stack([onsets, onsets + 0.1], 1), 440 * 2 ** ((np.array([n[1] for n in notes]) - 69) / 12)

    return mir_eval.transcription.precision_recall_f1_overlap(
        *arrays(reference, piece_r), *arrays(estimate, piece_e), offset_ratio=None)[:3]


def beats(piece):
    if not piece.notes:
        return np.zeros(0)
    return np.array([piece.seconds(k * piece.resolution) for k in range(piece.end // piece.resolution + 1)])


def pair_scores(output, content):
    """The scores of an output in the order of SCORES."""
    pitch_class = lambda note, step: None if note[4] == 128 else note[2] % 12
    step_of = lambda note, step: None if note[4] == 128 else step
    notes = lambda piece: [(n[0], n[2]) for n in piece.pitched]
    similarity, cost = aligned(output, content, SETTINGS["two_beats"])
    trimmed = [mir_eval.beat.trim_beats(beats(p)) for p in (content, output)]
    return [
        *(chroma_similarity(output, content, s) for s in SETTINGS.values()),
        bar_similarity(output, content, pitch_class, 12),
        bar_similarity(output, content, step_of, 16),
        bar_similarity(output, content, lambda note, step: step, 16),
        *transcription(notes(output), notes(content), output, content),
        transcription(notes(output), notes(content), output, content, in_beats=True)[2],
        transcription(skyline(output, True), skyline(content, True), output, content)[2],
        transcription(skyline(output, False), skyline(content, False), output, content)[2],
        mir_eval.beat.f_measure(*trimmed) if all(t.size for t in trimmed) else 0.0,
        similarity, cost,
    ]


def music(piece, resolution):
    """The piece for MusPy; positions are rounded to the nearest, halves up."""
    at = lambda tick: (2 * tick * resolution + piece.resolution) // (2 * piece.resolution)
    tracks = []
    for drums in (False, True):
        notes = [
            muspy.Note(time=at(n[0]), pitch=n[2], duration=at(n[1]) - at(n[0]), velocity=n[3])
            for n in piece.notes if (n[4] == 128) == drums
        ]
        tracks.append(muspy.Track(is_drum=drums, notes=notes))
    return muspy.Music(resolution=resolution, tracks=tracks)


def statistics(piece):
    """The numbers in the order of `NoteStatistics.named`."""
    exact, coarse = music(piece, piece.resolution), music(piece, 24)
    bar = int((piece.lines[1] - piece.lines[0]) * 24) if len(piece.lines) > 1 else 96
    notes = piece.pitched
    length, seconds = piece.end / piece.resolution, max((piece.seconds(n[1]) for n in piece.notes), default=0)
    velocities = np.array([n[3] for n in notes], float)
    durations = np.array([n[1] - n[0] for n in notes], float) / piece.resolution
    intervals = np.diff(np.unique([n[0] for n in notes])) / piece.resolution
    moments = lambda x: (x.mean(), x.std()) if x.size else (NAN, NAN)
    return [
        len(notes), len(piece.notes) - len(notes), muspy.n_pitches_used(exact), muspy.n_pitch_classes_used(exact),
        muspy.pitch_range(exact) if notes else NAN, muspy.pitch_entropy(exact), muspy.pitch_class_entropy(exact),
        muspy.polyphony(exact), muspy.polyphony_rate(exact), muspy.scale_consistency(exact),
        muspy.groove_consistency(coarse, bar), muspy.empty_beat_rate(exact),
        len(notes) / length if length else NAN, len(notes) / seconds if seconds else NAN,
        *moments(velocities), *moments(durations), *moments(intervals),
    ]


def normalised(counts):
    total = counts.sum()
    return (counts / total if total else np.full(counts.shape, NAN)).ravel()


def profiles(pieces, drums=False):
    """Every style profile of pieces together; positions are exact multiples of 1/6 beat where notes are on them."""
    pitch_pairs = {4: ([], []), 2: ([], [])}
    onsets, durations, velocities, pitches = [], [], [], []
    for piece in pieces:
        notes = [n for n in piece.notes if (n[4] == 128) == drums]
        onset = np.array([n[0] for n in notes], np.int64)
        pitch = np.array([n[2] for n in notes], np.int64)
        if len(notes):
            later = np.subtract.outer(onset, onset)
            for beats_, (times, intervals) in pitch_pairs.items():
                mask = (later >= 0) & (later < beats_ * piece.resolution)
                np.fill_diagonal(mask, False)
                times.append(later[mask] * 6 / piece.resolution)
                intervals.append(np.subtract.outer(pitch, pitch)[mask])
        for note in notes:
            at = Fraction(note[0], piece.resolution)
            line = max(l for l in piece.lines if l <= at)
            onsets.append(float((at - line) * 6 % 24))
            durations.append((note[1] - note[0]) * 6 / piece.resolution)
            velocities.append(note[3])
            pitches.append(note[2])
    result = {}
    for beats_, (times, intervals) in pitch_pairs.items():
        join = lambda parts: np.concatenate(parts) if parts else np.zeros(0)
        counts = np.histogram2d(
            join(intervals), join(times), bins=[np.arange(-21, 21) + 0.5, np.arange(beats_ * 6 + 1)])[0]
        result[f"intervals_{beats_}"] = normalised(counts)
    bar = np.arange(25)
    result["onsets"] = normalised(np.histogram(onsets, bar)[0])
    result["onset_durations"] = normalised(np.histogram2d(onsets, durations, [bar, np.arange(13)])[0])
    result["onset_velocities"] = normalised(np.histogram2d(onsets, velocities, [bar, np.arange(9) * 16 - 0.5])[0])
    result["onset_pitches"] = normalised(np.histogram2d(onsets, pitches, [bar, np.arange(129) - 0.5])[0])
    return result


def passages(piece, count, melody):
    """Passages as tuples, without a hash."""
    notes = skyline(piece, True) if melody else [(n[0], n[2]) for n in piece.pitched]
    line = sorted({((2 * 12 * t + piece.resolution) // (2 * piece.resolution), p) for t, p in notes})
    gaps = [b[0] - a[0] for a, b in zip(line, line[1:])]
    steps = [b[1] - a[1] for a, b in zip(line, line[1:])]

    def change(before, after):
        if before == 0 or after == 0:
            return ("zero", before == 0, after == 0)
        return max(-3, min(3, round(math.log2(after / before))))

    changes = [change(a, b) for a, b in zip(gaps, gaps[1:])]
    return [
        (tuple(steps[i : i + count - 1]), tuple(changes[i : i + count - 2]))
        for i in range(len(line) - count + 1)
    ]


def nearest(ours, others):
    """The number of the others that holds most of our passages, and the share; NaN without passages."""
    if not ours:
        return [NAN, NAN]
    shares = [sum(passage in theirs for passage in ours) / len(ours) for theirs in map(set, others)]
    best = int(np.argmax(shares))
    return [best, shares[best]]


def piece_tensors(number, piece):
    seconds = [(piece.seconds(n[0]), piece.seconds(n[1])) for n in piece.notes]
    notes = sorted(
        [n[0] / piece.resolution, n[2], n[1] / piece.resolution, n[3], n[4], *s] for n, s in zip(piece.notes, seconds))
    result = {
        "notes": np.array(notes).reshape(-1, 7),
        "bars": np.array([float(line) for line in piece.lines]),
        "beats": beats(piece),
        "melody": np.array([(t / piece.resolution, p) for t, p in skyline(piece, True)]).reshape(-1, 2),
        "bass": np.array([(t / piece.resolution, p) for t, p in skyline(piece, False)]).reshape(-1, 2),
        "statistics": np.array(statistics(piece)),
    }
    for kind, values in profiles([piece]).items():
        result[f"profile.{kind}"] = values
    if any(n[4] == 128 for n in piece.notes):
        result["profile.drums"] = profiles([piece], drums=True)["onset_pitches"]
    return {f"piece.{number}.{name}": np.ascontiguousarray(value, np.float64) for name, value in result.items()}


def shared_tensors(pieces, pairs):
    """What depends on several pieces: scores of (output, content) pairs, profiles together, nearest pieces."""
    result = {
        "pairs": np.array(pairs, np.int64).reshape(-1, 2),
        "scores": np.array([pair_scores(pieces[a], pieces[b]) for a, b in pairs]),
    }
    together, mean_of = profiles(pieces), np.mean([profiles([p])["intervals_4"] for p in pieces if p.pitched], axis=0)
    for kind, values in together.items():
        result[f"together.{kind}"] = values
    result["mean.intervals_4"] = mean_of / mean_of.sum()
    for count in (8, 12):
        for melody in (False, True):
            # Each piece against the others: the piece itself is not among them.
            of_piece = [passages(piece, count, melody) for piece in pieces]
            rows = [nearest(ours, of_piece[:i] + of_piece[i + 1 :]) for i, ours in enumerate(of_piece)]
            result[f"nearest.{count}.{'melody' if melody else 'all_notes'}"] = np.array(rows)
    return result
