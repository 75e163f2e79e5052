"""The default networks of velocity-cnn and chord-lstm in PyTorch, and what describes a note, written from docs/paper-001.md."""
import numpy as np
import torch
import torch.nn as nn

REACH, PHASES = 128, 8
WINDOWS, BALANCES = (4, 8, 16, 32, 64, 128), (4, 8, 16, 32)


def held(down, struck, step, key):
    """How many steps a key that is struck at a step stays down without being struck again, at most the reach."""
    count = 1
    while step + count < len(down) and down[step + count, key] and not struck[step + count, key] and count < REACH:
        count += 1
    return count


def describe(sounding, onsets):
    """Rolls [steps, columns] of one segment: (features [notes, 111], steps, keys), in the order of step and key."""
    down, struck = sounding[:, :-2] > 0.5, onsets[:, :-2] > 0.5
    pedals = sounding[:, -2:]
    count, _ = struck.shape
    chords = [t for t in range(count) if struck[t].any()]
    length = np.zeros(struck.shape)
    for t, key in zip(*struck.nonzero()):
        length[t, key] = held(down, struck, t, key)
    rows, steps, keys = [], [], []
    for t in chords:
        chord = struck[t].nonzero()[0]
        for key in chord:
            row = [key, length[t, key], length[t, key] - length[t, chord].max(), len(chord), (chord < key).sum(),
                   (chord > key).sum(), key - chord.min(), chord.max() - key, down[t].sum(), *pedals[t]]
            for other in ([u for u in chords if u < t and struck[u, key]][-1:], [u for u in chords if u > t and struck[u, key]][:1]):
                gap = abs(other[0] - t) if other and abs(other[0] - t) <= REACH else 0
                row += [gap, float(gap > 0)]
            before, behind = [u for u in chords if u < t][::-1], [u for u in chords if u > t]
            for side in (before, behind):
                for number in range(3):
                    u = side[number] if number < len(side) else None
                    if u is None or abs(u - t) > REACH:
                        row += [0] * 5
                        continue
                    there = struck[u].nonzero()[0]
                    row += [abs(u - t), len(there), key - there.max(), key - there.min(), 1]
            for reach in WINDOWS:
                window = slice(max(t - reach, 0), t + reach + 1)
                notes = struck[window]
                pitches = notes.nonzero()[1]
                row += [notes.sum() / len(notes), notes.any(1).mean(), down[window].sum(1).mean(), *pedals[window].mean(0),
                        key - pitches.mean(), pitches.mean(), pitches.std(), length[window][notes].mean()]
            for reach in BALANCES:
                row.append(struck[t:t + reach].sum() - struck[max(t - reach, 0):t].sum())
            low = max(t - REACH, 0)
            where = (np.arange(low, min(t + REACH + 1, count)) % PHASES)[:, None] * np.ones_like(struck[0])
            inside = where[struck[low:t + REACH + 1]]
            row += [(inside == phase).mean() for phase in range(PHASES)]
            rows.append(row), steps.append(t % 32), keys.append(key)
    return np.array(rows, float).reshape(-1, 111), np.array(steps, int), np.array(keys, int)


class NoteVelocity(nn.Module):
    """Velocities of notes, each by itself: two hidden layers over what describes it. An output of 1 is a velocity of 20."""

    def __init__(self, columns, hidden=128):
        super().__init__()
        self.place = nn.Embedding(32, 8)
        self.key = nn.Embedding(columns - 2, 8)
        self.hidden = nn.ModuleList([nn.Linear(111 + 16, hidden), nn.Linear(hidden, hidden)])
        self.output = nn.Linear(hidden, 1)
        self.register_buffer("mean", torch.zeros(111))
        self.register_buffer("deviation", torch.ones(111))

    def forward(self, sounding, onsets):
        result = torch.zeros_like(onsets)
        for n in range(len(sounding)):
            features, steps, keys = describe(sounding[n].double().numpy(), onsets[n].double().numpy())
            x = torch.from_numpy(np.sign(features) * np.log1p(np.abs(features))).to(onsets.dtype)
            x = ((x - self.mean) / self.deviation).clamp(-4, 4)
            x = torch.cat([x, self.place(torch.from_numpy(steps)), self.key(torch.from_numpy(keys))], 1)
            for layer in self.hidden:
                x = torch.relu(layer(x))
            at = onsets[n].nonzero(as_tuple=True)
            result[n] = result[n].index_put(at, 20 * self.output(x)[:, 0])
        return result


def ages(roll):
    """[N, steps, columns + 1]: ln(1 + steps) / 4 since each column changed, then since any went down; 64 at most and first."""
    count, steps, columns = roll.shape
    since = np.full((count, columns + 1), 64.0)
    result = np.zeros((count, steps, columns + 1))
    for step in range(steps):
        if step:
            changes = roll[:, step] != roll[:, step - 1]
            begins = (changes & (roll[:, step] > 0)).any(1, keepdims=True)
            since = np.where(np.concatenate([changes, begins], 1), 0, np.minimum(since + 1, 64))
        result[:, step] = since
    return np.log1p(result) / 4


class Chord(nn.Module):
    """Which keys are down in the next step: an LSTM that also sees how long each has been down or up."""

    def __init__(self, hidden):
        super().__init__()
        self.keep = nn.Parameter(torch.full((59,), 6.0))
        self.held = nn.Parameter(torch.zeros(59))
        self.rest = nn.Parameter(torch.zeros(59))
        self.memory = nn.Linear(50, hidden)
        self.lstm = nn.LSTM(2 * 59 + 1, hidden, batch_first=True)
        self.output = nn.Linear(hidden, 59)

    def forward(self, roll, features):
        cell = torch.sigmoid(self.memory(features))[None]
        seen = torch.from_numpy(ages(roll.double().numpy())).to(roll.dtype)
        hidden, _ = self.lstm(torch.cat([roll, seen], 2), (torch.zeros_like(cell), cell))
        age = seen[..., :-1]
        return self.output(hidden) + roll * self.keep + age * (roll * self.held + (1 - roll) * self.rest)
