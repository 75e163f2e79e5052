#!/usr/bin/env python3
"""Writes Tests/Fixtures/Golden/judging-notes.safetensors and judging-statistics.safetensors.

    judging_golden.py [FOLDER]

The first holds made MIDI files (`piece.<n>.midi`) and what mir_eval, muspy, pretty_midi, librosa, scipy and numpy make
of them (judging_notes.py). The second holds seeded samples and what scipy, scikit-learn, librosa and numpy make of those.
Random resamples and permutations are drawn by SplitMix64 as in the program, so that they are the same.
"""

import importlib.metadata
import io
import json
import pathlib
import sys

import librosa
import mido
import numpy as np
import scipy.integrate
import scipy.spatial
import scipy.stats
from safetensors.numpy import save_file
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

import judging_notes

SEED = 20261126
FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "Tests/Fixtures/Golden")


def save(name, tensors, packages):
    tools = {package: importlib.metadata.version(package) for package in packages}
    metadata = {"script": "tools/oracles/judging_golden.py", "seed": str(SEED)}
    metadata["tools"] = json.dumps(tools, sort_keys=True)
    save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, FOLDER / f"{name}.safetensors", metadata)


# Pieces


def file_of(parts, resolution, tempi, signatures):
    """A file of parts: (channel, program, notes); notes are (onset, offset, pitch, velocity) in ticks."""
    midi = mido.MidiFile(type=1, ticks_per_beat=resolution)

    def track(events):
        made, last = mido.MidiTrack(), 0
        # At one tick offs come first.
        for tick, message in sorted(events, key=lambda e: (e[0], e[1].type != "note_off")):
            made.append(message.copy(time=tick - last))
            last = tick
        midi.tracks.append(made)

    track(
        [(t, mido.MetaMessage("set_tempo", tempo=v)) for t, v in tempi]
        + [(t, mido.MetaMessage("time_signature", numerator=n, denominator=d)) for t, n, d in signatures])
    for channel, program, notes in parts:
        events = [(0, mido.Message("program_change", channel=channel, program=program))]
        for onset, offset, pitch, velocity in notes:
            events.append((onset, mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)))
            events.append((offset, mido.Message("note_off", channel=channel, note=pitch)))
        track(events)
    data = io.BytesIO()
    midi.save(file=data)
    return data.getvalue()


def apart(notes):
    """Notes of a pitch one after another: both readers pair what overlaps in ways of their own."""
    result, ends = [], {}
    for onset, offset, pitch, velocity in sorted(notes):
        if ends.get(pitch, 0) <= onset < offset:
            result.append((onset, offset, pitch, velocity))
            ends[pitch] = offset
    return result


def song(random, resolution, beats, swing, density):
    """Melody, chords, bass and drums over a chord a bar."""
    grid = resolution // 4
    melody, chords, bass, drums = [], [], [], []
    pitch, roots = 72, random.integers(0, 12, 4)
    for beat in range(beats):
        root = int(roots[beat // 4 % 4])
        start = beat * resolution
        for quarter in range(4):
            if random.random() < density:
                pitch = int(np.clip(pitch + random.integers(-4, 5), 60, 90))
                late = swing if quarter % 2 else 0
                onset = start + quarter * grid + late + int(random.integers(0, 5))
                offset = onset + int(random.integers(grid // 2, 3 * grid))
                melody.append((onset, offset, pitch, int(random.integers(30, 128))))
            if random.random() < 0.6:
                onset = start + quarter * grid
                drum = int(random.choice([36, 38, 42]))
                drums.append((onset, onset + grid // 2, drum, int(random.integers(40, 128))))
        if beat % 2 == 0:
            for step in (0, 4, 7):
                chords.append((start, start + int(random.integers(1, 3)) * resolution, 48 + (root + step) % 12, 70))
        if random.random() < 0.8:
            bass.append((start, start + resolution - grid // 2, 28 + root, int(random.integers(60, 100))))
    return [apart(part) for part in (melody, chords, bass, drums)]


def altered(random, parts, resolution):
    """A version: some notes lost, some moved, some at another pitch, the bass an octave up."""
    result = []
    for number, notes in enumerate(parts):
        made = []
        for onset, offset, pitch, velocity in notes:
            draw = random.random()
            if draw < 0.1:
                continue
            shift = int(random.integers(0, resolution // 6)) if draw < 0.4 else 0
            step = int(random.integers(-3, 4)) if draw > 0.85 and number < 3 else 0
            octave = 12 if number == 2 else 0
            made.append((onset + shift, offset + shift, pitch + step + octave, int(random.integers(1, 128))))
        result.append(apart(made))
    return result


def pieces(random):
    def band(parts, resolution, tempi, signatures):
        places = [(0, 73), (1, 0), (2, 33), (9, 0)]
        return file_of([(*place, notes) for place, notes in zip(places, parts)], resolution, tempi, signatures)

    first = song(random, 480, 44, 60, 0.7)
    yield band(first, 480, [(0, 500_000), (9600, 400_000), (14_000, 625_000)], [(0, 4, 4)])
    yield band(altered(random, first, 480), 480, [(0, 500_000), (9600, 402_000), (16_000, 640_000)], [(0, 4, 4)])
    waltz = song(random, 220, 39, 30, 0.5)
    yield band(waltz, 220, [(0, 428_571)], [(0, 3, 4), (220 * 18, 6, 8), (220 * 24, 5, 4)])
    # A transposed copy at twice the tempo, without drums; other resolution.
    copy = [[(2 * a, 2 * b, p + 3, v) for a, b, p, v in notes] for notes in waltz[:3]]
    yield band(copy, 440, [(0, 214_286)], [(0, 3, 4)])
    # One part: a hymn with rests, of which a beat in four is silent.
    sung = [k for k in range(40) if k % 4 < 3]
    hymn = [(k * 96, k * 96 + int(random.integers(20, 96)), p, 64) for k in sung for p in (48, 55, 64)]
    yield file_of([(0, 19, apart(hymn))], 96, [(0, 750_000), (2000, 300_000)], [(0, 4, 4)])
    yield file_of([(9, 0, apart(first[3]))], 480, [(0, 500_000)], [(0, 4, 4)])


# Statistics


class SplitMix:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    def below(self, count):
        return (self.next() * count) >> 64

    def shuffle(self, items):
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]


def overlap(outputs, reference):
    """Overlap area by quadrature, and on the grid; divergence on the grid; of both sets."""
    distances = scipy.spatial.distance.cdist
    off_diagonal = lambda m: m[~np.eye(len(m), dtype=bool)]
    inter = scipy.stats.gaussian_kde(distances(outputs, reference).ravel())
    rows = []
    for group in (outputs, reference):
        intra = scipy.stats.gaussian_kde(off_diagonal(distances(group, group)))
        both = np.concatenate([intra.dataset.ravel(), inter.dataset.ravel()])
        grid = np.linspace(both.min(), both.max(), 1000)
        least = lambda x: min(intra(x)[0], inter(x)[0])
        area = scipy.integrate.quad(least, both.min(), both.max(), limit=500)[0]
        trapezoid = scipy.integrate.trapezoid(np.minimum(intra(grid), inter(grid)), grid)
        rows.append([area, trapezoid, scipy.stats.entropy(intra(grid), inter(grid))])
    return np.array(rows)


def kernel_distance(sample, reference, permutations, seed):
    """100 · MMD² by the formula of kadtk, bandwidth by torch's median, and the share of permutations above."""
    pairs = np.sort(scipy.spatial.distance.pdist(reference))
    bandwidth = pairs[(len(pairs) - 1) // 2]
    both = np.concatenate([sample, reference])
    kernel = np.exp(-scipy.spatial.distance.cdist(both, both, "sqeuclidean") / (2 * bandwidth**2 + 1e-8))

    def value(order):
        x, y = order[: len(sample)], order[len(sample) :]
        inside = lambda s: (kernel[np.ix_(s, s)].sum() - len(s)) / (len(s) * (len(s) - 1))
        return 100 * (inside(x) + inside(y) - 2 * kernel[np.ix_(x, y)].mean())

    order, random = list(range(len(both))), SplitMix(seed)
    actual, above = value(order), 0
    for _ in range(permutations):
        random.shuffle(order)
        above += value(order) >= actual - 1e-9
    return np.array([bandwidth, actual, (1 + above) / (1 + permutations)])


def bootstrap(values, resamples, confidence, seed):
    random = SplitMix(seed)
    means = [np.mean([values[random.below(len(values))] for _ in values]) for _ in range(resamples)]
    return [*np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2]), np.mean(values)]


def fold_of(groups, labels, count):
    def fnv(name):
        value = 0xCBF29CE484222325
        for byte in name.encode():
            value = ((value ^ byte) * 0x100000001B3) & ((1 << 64) - 1)
        return value

    label = {g: np.bincount([l for h, l in zip(groups, labels) if h == g]).argmax() for g in set(groups)}
    order = sorted(label, key=lambda g: (label[g], fnv(g), g))
    return np.array([order.index(g) % count for g in groups])


def fitted(features, labels, c):
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(C=c, tol=1e-12, max_iter=100_000).fit(scaler.transform(features), labels)
    return lambda x: model.predict_proba(scaler.transform(x))


def statistics(random):
    result = {}
    sets = {"near": 0.3, "far": 2.0}
    reference = random.standard_normal((24, 3)) * [1, 2, 0.5]
    result["overlap.reference"] = reference
    for name, shift in sets.items():
        outputs = random.standard_normal((17, 3)) * [1.2, 1.5, 0.5] + shift
        result[f"overlap.{name}.outputs"] = outputs
        result[f"overlap.{name}"] = overlap(outputs, reference)
    # One number per piece.
    result["overlap.single.outputs"] = random.gamma(2, 1, (12, 1))
    result["overlap.single"] = overlap(result["overlap.single.outputs"], reference[:, :1])

    embeddings = random.standard_normal((31, 20))
    result["kernel.reference"] = embeddings
    for name, shift, count in (("same", 0.0, 26), ("other", 0.4, 40)):
        sample = random.standard_normal((count, 20)) + shift
        result[f"kernel.{name}.sample"] = sample
        result[f"kernel.{name}"] = kernel_distance(sample, embeddings, 200, 7)

    for name, metric in (("cosine", "cosine"), ("euclidean", "euclidean")):
        x, y = random.standard_normal((37, 5)), random.standard_normal((52, 5))
        total, path = librosa.sequence.dtw(x.T, y.T, metric=metric)
        result |= {f"warping.{name}.first": x, f"warping.{name}.second": y}
        result |= {f"warping.{name}.cost": total[-1:, -1], f"warping.{name}.path": path[::-1].astype(np.int64)}

    values = random.gamma(2, 1, 23)
    drawn = scipy.stats.bootstrap((values,), np.mean, n_resamples=20_000, method="percentile", rng=1)
    drawn = drawn.confidence_interval
    result["bootstrap.values"] = values
    result["bootstrap.scipy"] = np.array([drawn.low, drawn.high])
    result["bootstrap"] = np.array([bootstrap(values, 500, 0.95, 3), bootstrap(values, 500, 0.8, 4)])

    cases = (("two", 2, 6, 90, 1.0), ("three", 3, 8, 120, 0.8), ("wide", 2, 160, 60, 0.3))
    for name, classes, width, count, spread in cases:
        labels = random.integers(0, classes, count)
        features = random.standard_normal((count, width)) * random.gamma(2, 2, width) + 5
        features[:, : width // 2] += spread * labels[:, None]
        features[:, -1] = 3.5
        fresh = random.standard_normal((20, width)) * 3 + 5
        result |= {f"logistic.{name}.features": features, f"logistic.{name}.labels": labels}
        result[f"logistic.{name}.fresh"] = fresh
        for c in (0.1, 1.0, 30.0):
            predict = fitted(features, labels, c)
            result[f"logistic.{name}.{c:g}"] = np.concatenate([predict(features), predict(fresh)])

    features, labels = result["logistic.two.features"], result["logistic.two.labels"]
    groups = [f"work-{label}-{number % 9}" for number, label in enumerate(labels)]
    folds = fold_of(groups, labels, 5)
    out = np.zeros((len(labels), 2))
    for fold in range(5):
        out[folds == fold] = fitted(features[folds != fold], labels[folds != fold], 1.0)(features[folds == fold])
    result["folds"], result["folds.probabilities"] = folds, out
    rounded = out[:, 1].round(1)
    result["scores"] = np.array([
        roc_auc_score(labels, out[:, 1]), roc_auc_score(labels, rounded),
        balanced_accuracy_score(labels, out.argmax(1)), (labels == out.argmax(1)).mean(),
    ])
    return result


def main():
    random = np.random.default_rng(SEED)
    files = list(pieces(random))
    read = [judging_notes.read(data) for data in files]
    tensors = {}
    for number, (data, piece) in enumerate(zip(files, read)):
        tensors[f"piece.{number}.midi"] = np.frombuffer(data, np.uint8)
        tensors |= judging_notes.piece_tensors(number, piece)
    tensors |= judging_notes.shared_tensors(read, [(1, 0), (2, 0), (3, 2), (4, 1), (0, 4), (0, 5), (0, 0)])
    packages = ["librosa", "mido", "mir_eval", "muspy", "numpy", "pretty_midi", "scipy", "symusic"]
    save("judging-notes", tensors, packages)
    save("judging-statistics", statistics(random), ["librosa", "numpy", "scikit-learn", "scipy"])


if __name__ == "__main__":
    main()
