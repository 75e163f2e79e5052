"""Networks of runs in PyTorch, by the names of their weights; imported only where a run's network is asked for.

The oracles in `tools/oracles` use these classes: the networks in Swift are held against them, values and gradients.
"""

from __future__ import annotations

from typing import Any, Optional, Sequence

import numpy as np

from ._array import Array
from .errors import MissingPackageError

try:
    import torch
    import torch.nn.functional as F
    from torch import Tensor, nn
except ImportError as error:
    raise MissingPackageError("a run's network needs PyTorch: pip install torch") from error


# --- paper 000: composer-cnn


class PublishedComposer(nn.Module):
    """Convolutions over time that end in one channel, then dense layers; ELU behind every layer.

    `sizes` are the filters and the width of each convolution.
    """

    #: Of several rolls, and of one.
    SEVERAL = ((128, 32), (64, 16), (16, 4), (1, 4))
    SINGLE = ((64, 32), (16, 8), (1, 4))

    def __init__(self, steps: int, columns: int, classes: int, sizes: Sequence[tuple[int, int]] = SINGLE):
        super().__init__()
        inputs = [columns] + [filters for filters, _ in sizes]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(i, filters, width, padding="same") for i, (filters, width) in zip(inputs, sizes)
        )
        self.dense = nn.ModuleList(
            nn.Linear(i, o) for i, o in [(steps, 256), (256, 32), (32, classes), (classes, classes)]
        )

    def forward(self, roll: Tensor) -> Tensor:
        """Rolls [N, steps, columns] to logits [N, classes]."""
        x = roll.transpose(1, 2)
        for layer in self.convolutions:
            x = F.elu(layer(x))
        x = x[:, 0]
        for layer in self.dense:
            x = F.elu(layer(x))
        return x


class ComposerBlock(nn.Module):
    """Two convolutions around which the input is added."""

    def __init__(self, inputs: int, outputs: int, width: int = 5):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(8, inputs), nn.Conv1d(inputs, outputs, width, padding="same")
        self.norm2, self.conv2 = nn.GroupNorm(8, outputs), nn.Conv1d(outputs, outputs, width, padding="same")
        self.shortcut = None if inputs == outputs else nn.Conv1d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))
        return y + (x if self.shortcut is None else self.shortcut(x))


class DeepComposer(nn.Module):
    """Residual blocks, each behind the first on half the steps, but of codes on all rows; the mean over time decides."""

    WIDTHS = (64, 64, 128, 128)

    def __init__(
        self, columns: int, classes: int, widths: Sequence[int] = WIDTHS, codes: bool = False, dropout: float = 0
    ):
        super().__init__()
        widths = list(widths)
        self.codes, self.dropout = codes, dropout
        self.entry = nn.Conv1d(columns, widths[0], 1)
        self.blocks = nn.ModuleList(ComposerBlock(i, o, 3 if codes else 5) for i, o in zip(widths[:1] + widths, widths))
        self.norm = nn.GroupNorm(8, widths[-1])
        self.output = nn.Linear(widths[-1], classes)

    def forward(self, roll: Tensor) -> Tensor:
        """Rolls [N, steps, columns] to logits [N, classes]."""
        x = self.entry(roll.transpose(1, 2))
        for number, block in enumerate(self.blocks):
            x = block(F.avg_pool1d(x, 2) if number and not self.codes and x.shape[2] > 1 else x)
        return self.output(F.dropout(F.relu(self.norm(x)).mean(2), self.dropout, self.training))


# --- paper 001: genre-cnn, velocity-cnn


class Genre(nn.Module):
    """Two dilated convolutions, then the 50 numbers that are a segment's feature."""

    def __init__(self, steps: int, dropout: float = 0.0):
        super().__init__()
        self.conv1 = nn.Conv1d(59, 4, 32, dilation=4, padding="same")
        self.norm1 = nn.BatchNorm1d(4, eps=1e-3)
        self.conv2 = nn.Conv1d(4, 16, 16, dilation=2)
        self.norm2 = nn.BatchNorm1d(16, eps=1e-3)
        self.features = nn.Linear(16 * ((steps // 4 - 30) // 2), 50)
        self.output = nn.Linear(50, 1)
        self.dropout = dropout

    def feature(self, roll: Tensor) -> Tensor:
        """Rolls [N, steps, 59] to features [N, 50]."""
        x = torch.relu(self.norm1(F.avg_pool1d(self.conv1(roll.transpose(1, 2)), 4)))
        x = torch.relu(self.norm2(F.avg_pool1d(self.conv2(x), 2)))
        return torch.sigmoid(self.features(x.flatten(1)))

    def forward(self, roll: Tensor) -> Tensor:
        """Rolls [N, steps, 59] to logits [N] of the second style."""
        return self.output(F.dropout(self.feature(roll), self.dropout, self.training))[:, 0]


class Velocity(nn.Module):
    """The published network; by default zeros in front, and an output of 1 is a velocity of 1."""

    def __init__(self, columns: int, inputs: Optional[int] = None, front: int = 185, scale: float = 1):
        super().__init__()
        self.front, self.scale = front, scale
        self.inputs = inputs or columns
        self.conv1 = nn.Conv1d(self.inputs, columns, 64)
        self.norm1 = nn.BatchNorm1d(columns, eps=1e-3)
        self.conv2 = nn.Conv1d(columns, columns, 32, dilation=2)
        self.norm2 = nn.BatchNorm1d(columns, eps=1e-3)
        self.conv3 = nn.Conv1d(columns, columns, 16, dilation=4)
        self.norm3 = nn.BatchNorm1d(columns, eps=1e-3)

    def forward(self, roll: Tensor, onsets: Tensor) -> Tensor:
        """The roll [N, steps, inputs] and onsets [N, steps, columns] to velocities where notes begin, else 0."""
        x = F.pad(roll.transpose(1, 2), (self.front, 185 - self.front))
        x = self.norm3(self.conv3(self.norm2(self.conv2(self.norm1(self.conv1(x))))))
        return torch.relu(x).transpose(1, 2) * self.scale * onsets


REACH, PHASES = 128, 8
WINDOWS, BALANCES = (4, 8, 16, 32, 64, 128), (4, 8, 16, 32)


def held(down: Array, struck: Array, step: int, key: int) -> int:
    """How many steps a key that is struck at a step stays down without being struck again, at most the reach."""
    count = 1
    while step + count < len(down) and down[step + count, key] and not struck[step + count, key] and count < REACH:
        count += 1
    return count


def describe(sounding: Array, onsets: Array) -> tuple[Array, Array, Array]:
    """Rolls [steps, columns] of one segment: (features [notes, 111], steps, keys), in the order of step and key."""
    down, struck = sounding[:, :-2] > 0.5, onsets[:, :-2] > 0.5
    pedals = sounding[:, -2:]
    count, _ = struck.shape
    chords = [t for t in range(count) if struck[t].any()]
    length = np.zeros(struck.shape)
    for t, key in zip(*struck.nonzero()):
        length[t, key] = held(down, struck, t, key)
    rows: list[list[Any]] = []
    steps: list[int] = []
    keys: list[int] = []
    for t in chords:
        chord = struck[t].nonzero()[0]
        before, behind = [u for u in chords if u < t][::-1], [u for u in chords if u > t]
        around = _around(t, down, struck, pedals, length)
        ends = [struck[t : t + reach].sum() - struck[max(t - reach, 0) : t].sum() for reach in BALANCES]
        low = max(t - REACH, 0)
        where = (np.arange(low, min(t + REACH + 1, count)) % PHASES)[:, None] * np.ones_like(struck[0])
        inside = where[struck[low : t + REACH + 1]]
        ends += [(inside == phase).mean() for phase in range(PHASES)]
        for key in chord:
            row = [key, length[t, key], length[t, key] - length[t, chord].max(), len(chord), (chord < key).sum()]
            row += [(chord > key).sum(), key - chord.min(), chord.max() - key, down[t].sum(), *pedals[t]]
            for side in (before, behind):
                same = next((u for u in side if struck[u, key]), None)
                gap = abs(same - t) if same is not None and abs(same - t) <= REACH else 0
                row += [gap, float(gap > 0)]
            for side in (before, behind):
                for number in range(3):
                    u = side[number] if number < len(side) else None
                    if u is None or abs(u - t) > REACH:
                        row += [0] * 5
                        continue
                    there = struck[u].nonzero()[0]
                    row += [abs(u - t), len(there), key - there.max(), key - there.min(), 1]
            for window in around:
                row += [*window[:5], key - window[5], *window[5:]]
            rows.append(row + ends)
            steps.append(t % 32)
            keys.append(key)
    return np.array(rows, float).reshape(-1, 111), np.array(steps, int), np.array(keys, int)


def _around(t: int, down: Array, struck: Array, pedals: Array, length: Array) -> list[list[Any]]:
    """What the windows around a step hold: density, onsets, keys, pedals, pitches and lengths."""
    windows = []
    for reach in WINDOWS:
        window = slice(max(t - reach, 0), t + reach + 1)
        notes = struck[window]
        pitches = notes.nonzero()[1]
        row = [notes.sum() / len(notes), notes.any(1).mean(), down[window].sum(1).mean(), *pedals[window].mean(0)]
        windows.append(row + [pitches.mean(), pitches.std(), length[window][notes].mean()])
    return windows


class NoteVelocity(nn.Module):
    """Velocities of notes, each by itself: two hidden layers over what describes it. An output of 1 is a velocity of 20."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, columns: int, hidden: int = 128):
        super().__init__()
        self.place = nn.Embedding(32, 8)
        self.key = nn.Embedding(columns - 2, 8)
        self.hidden = nn.ModuleList([nn.Linear(111 + 16, hidden), nn.Linear(hidden, hidden)])
        self.output = nn.Linear(hidden, 1)
        self.register_buffer("mean", torch.zeros(111))
        self.register_buffer("deviation", torch.ones(111))

    def forward(self, sounding: Tensor, onsets: Tensor) -> Tensor:
        """Rolls [N, steps, columns] to velocities where notes begin, else 0; dropout is left out."""
        result = torch.zeros_like(onsets)
        for n in range(len(sounding)):
            features, steps, keys = describe(sounding[n].double().cpu().numpy(), onsets[n].double().cpu().numpy())
            x = torch.from_numpy(np.sign(features) * np.log1p(np.abs(features))).to(self.mean)
            x = ((x - self.mean) / self.deviation).clamp(-4, 4)
            places, names = (torch.from_numpy(numbers).to(x.device) for numbers in (steps, keys))
            x = torch.cat([x, self.place(places), self.key(names)], 1)
            for layer in self.hidden:
                x = torch.relu(layer(x))
            at = onsets[n].nonzero(as_tuple=True)
            result[n] = result[n].index_put(at, 20 * self.output(x)[:, 0])
        return result


class Judge(nn.Module):
    """The discriminator beside a network of paper 001: velocities and onsets to a logit a step."""

    def __init__(self, columns: int):
        super().__init__()
        self.conv1 = nn.Conv1d(2 * columns, 32, 7, padding="same")
        self.conv2 = nn.Conv1d(32, 32, 7, padding="same", dilation=2)
        self.conv3 = nn.Conv1d(32, 32, 7, padding="same", dilation=4)
        self.output = nn.Conv1d(32, 1, 1)

    def forward(self, velocities: Tensor, onsets: Tensor) -> Tensor:
        x = torch.cat([velocities / 127, onsets], 2).transpose(1, 2)
        for layer in (self.conv1, self.conv2, self.conv3):
            x = F.leaky_relu(layer(x), 0.2)
        return self.output(x)


class Velocities(nn.Module):
    """A network for each style, in the order of the run's `classes`, and the discriminators of an adversarial training."""

    def __init__(self, styles: Sequence[nn.Module], judges: int, columns: int = 59):
        super().__init__()
        self.styles = nn.ModuleList(styles)
        self.judges = nn.ModuleList(Judge(columns) for _ in range(judges))

    def forward(self, sounding: Tensor, onsets: Tensor, style: int = 0) -> Tensor:
        """Rolls [N, steps, 59] to a style's velocities, [N, steps, 59], 0 where no note begins."""
        network = self.styles[style]
        sees_onsets = isinstance(network, Velocity) and network.inputs > sounding.shape[2]
        return network(torch.cat([sounding, onsets], 2) if sees_onsets else sounding, onsets)


# --- mel-cnn


class MelBlock(nn.Module):
    """A convolution with its normalisation and rectifier."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class Mel(nn.Module):
    """The classifier of mel spectrograms; a block behind the first sees the largest of 2 x 2 cells."""

    WIDTHS = (16, 32, 64, 128)

    def __init__(self, classes: int, widths: Sequence[int] = WIDTHS, dropout: float = 0):
        super().__init__()
        self.blocks = nn.ModuleList(MelBlock(i, o) for i, o in zip([1, *widths], widths))
        self.output = nn.Linear(2 * widths[-1], classes)
        self.dropout = dropout

    def forward(self, mel: Tensor) -> Tensor:
        """Mel spectrograms [N, bands, frames] to logits [N, classes]."""
        x = mel[:, None]
        for number, block in enumerate(self.blocks):
            if number:
                x = F.max_pool2d(x, [min(n, 2) for n in x.shape[2:]])
            x = block(x)
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)
        return self.output(F.dropout(pooled, self.dropout, self.training))
