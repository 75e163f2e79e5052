"""The loss of audio-nst and its filterbanks in PyTorch and numpy, written from docs/paper-002.md and not from Sources/Systems."""
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

GREY = (103.939 + 116.779 + 123.68) / 3
MEANS, DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
STYLE = {1: "conv1_1", 6: "conv2_1", 11: "conv3_1", 20: "conv4_1", 29: "conv5_1"}
CONTENT = {22: "conv4_2"}


class VGG(nn.Module):
    """VGG-19's convolutions with average pooling, named as torchvision names them, without the pooling behind the last block."""

    def __init__(self, channels):
        super().__init__()
        layers, inputs = [], 3
        for block, (count, factor) in enumerate(zip([2, 2, 4, 4, 4], [1, 2, 4, 8, 8])):
            layers += [nn.AvgPool2d(2)] if block else []
            for _ in range(count):
                layers += [nn.Conv2d(inputs, channels * factor, 3, padding=1), nn.ReLU()]
                nn.init.kaiming_normal_(layers[-2].weight)
                inputs = channels * factor
        self.features = nn.ModuleList(layers)

    def maps(self, picture):
        """By name, of a picture [1, rows, columns] of 0 to 255."""
        grey = picture[:, None] / 255
        x = torch.cat([(grey - m) / d for m, d in zip(MEANS, DEVIATIONS)], dim=1)
        found = {}
        for place, layer in enumerate(self.features):
            x = layer(x)
            for names in (STYLE, CONTENT):
                if place in names:
                    found[names[place]] = x
        return found


def autocorrelations(x, axis):
    """The full autocorrelations of all rows (axis -1) or columns (axis -2), lag by lag, by direct sums."""
    lines = x if axis == -1 else x.transpose(-1, -2)
    n = lines.shape[-1]
    half = [(lines[..., :n - lag] * lines[..., lag:]).sum(-1) for lag in range(n)]
    return torch.stack(half[:0:-1] + half, dim=-1)


def gram(x):
    rows = x[0].flatten(1)
    return rows @ rows.T / rows.shape[1]


def variation_cells(picture):
    down = (picture[:, 1:, :-1] - picture[:, :-1, :-1]) ** 2
    right = (picture[:, :-1, 1:] - picture[:, :-1, :-1]) ** 2
    return (down + right + 1e-8) ** 1.25


def size(x, y):
    mean = (x.abs().mean((0, 2, 3), keepdim=True) + y.abs().mean((0, 2, 3), keepdim=True)) / 2
    return mean.clamp_min(float(mean.mean()) * 0.01)


def terms(network, picture, content, style, measure, depth, rows_of, columns_of, centre="grey", join=False):
    """content, style, row, column and variation of a picture; `rows_of` and `columns_of` are content or style."""
    own, other, here = network.maps(content), network.maps(style), network.maps(picture)
    scale = {name: size(own[name], other[name]) for name in own}
    own, other, here = ({k: v / scale[k] for k, v in m.items()} for m in (own, other, here))
    near = here["conv4_2"] - own["conv4_2"]
    relative = measure == "relative"
    if relative:
        near = (near ** 2).sum() / (own["conv4_2"] ** 2).sum()
    else:
        near = 0.5 * (near ** 2).sum()
    like = []
    for name in STYLE.values():
        g, a = gram(here[name]), gram(other[name])
        like.append(((g - a) ** 2).sum() / ((a ** 2).sum() if relative else 4 * len(a) ** 2))
    for maps, p in ((own, content), (other, style), (here, picture)):
        maps["picture"] = p[:, None] - GREY
        maps["joined"] = maps["picture"].mean(2, keepdim=True)
    names = ["picture"] + (list(STYLE.values()) if depth == "layers" else [])
    fold = lambda terms: torch.stack(terms).mean() if relative else torch.stack(terms).sum()

    def lines(axis, aims):
        found = []
        for name in names + (["joined"] if join and axis == -1 else []):
            pair = (here[name], aims[name])
            if centre == "line":
                pair = (x - x.mean(axis, keepdim=True) for x in pair)
            r, a = (autocorrelations(x, axis) for x in pair)
            # A line of one cell has no change.
            found.append(((r - a) ** 2).sum() / ((a ** 2).sum().clamp_min(1e-12) if relative else here[name].numel()))
        return fold(found)

    pick = {"content": own, "style": other}
    change = variation_cells(picture)
    change = change.mean() / variation_cells(content).mean() if relative else change.sum()
    return {"content": near, "style": fold(like), "row": lines(-1, pick[rows_of]),
            "column": lines(-2, pick[columns_of]), "variation": change}


# Filterbanks, each row a mean over the bins of a transform.

def normalised(rows):
    return rows / np.maximum(rows.sum(1, keepdims=True), 1e-300)


def triangles(left, top, right, hertz):
    rise = (hertz[None] - left[:, None]) / (top - left)[:, None]
    fall = (right[:, None] - hertz[None]) / (right - top)[:, None]
    return normalised(np.maximum(0, np.minimum(rise, fall)))


def mel(bands, low, high, hertz):
    edges = np.linspace(2595 * np.log10(1 + low / 700), 2595 * np.log10(1 + high / 700), bands + 2)
    edges = 700 * (10 ** (edges / 2595) - 1)
    return triangles(edges[:-2], edges[1:-1], edges[2:], hertz)


def constant_q(rows, per_octave, lowest, hertz):
    top = lowest * 2 ** (np.arange(-1, rows + 1) / per_octave)
    width = hertz[1]
    return triangles(np.minimum(top[:-2], top[1:-1] - width), top[1:-1], np.maximum(top[2:], top[1:-1] + width), hertz)


def chroma(tiles, low, high, hertz):
    rows = np.zeros((12, len(hertz)))
    for number, f in enumerate(hertz):
        if low <= f <= high:
            place = 69 + 12 * math.log2(f / 440)
            distance = (place - np.arange(12) + 6) % 12 - 6
            spread = max(1, 12 * math.log2((f + hertz[1]) / f))
            rows[:, number] = np.exp(-0.5 * (2 * distance / spread) ** 2)
    return np.tile(normalised(rows), (tiles, 1))


def picture(levels, filters):
    """The picture of the level of bands of magnitudes, each two frames joined, of all levels as 0 to 255."""
    magnitudes = 10 ** (levels / 255 * 4 - 4)
    bands = F.avg_pool1d((filters @ magnitudes)[None], 2)[0]
    return ((torch.log10(bands + 1e-4) + 4) / 4 * 255)[None]
