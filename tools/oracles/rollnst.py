"""The loss of roll-nst's four experiments in PyTorch, written from docs/paper-000.md and not from Sources/Systems."""
import math

import torch
import torch.nn.functional as F

from paper000 import gram

MARGIN = 0.02


def logits(image):
    """The free numbers of a roll of 0 and 1."""
    inner = MARGIN + (1 - 2 * MARGIN) * image
    return torch.log(inner) - torch.log1p(-inner)


def cycled(style, start, count):
    """The style's steps from `start` on; where it ends, it begins again."""
    return torch.stack([style[:, (start + i) % style.shape[1]] for i in range(count)], dim=1)


def composer_maps(network, image, kind):
    """The maps of the deep classifier's blocks; `kind` is onset, onset+offset or codes."""
    x = image
    if kind != "codes":
        rise = torch.diff(image, dim=1, prepend=torch.zeros_like(image[:, :1])).clamp_min(0)
        # Each onset is marked in the step before and the step behind it too.
        x = torch.stack([rise[:, max(i - 1, 0):i + 2].amax(1) for i in range(rise.shape[1])], dim=1)
        if kind == "onset+offset":
            fall = torch.diff(-image, dim=1, prepend=-image[:, :1]).clamp_min(0)
            x = torch.cat([x, fall], dim=2)
    x, maps = network.entry(x.transpose(1, 2)), {}
    for number, block in enumerate(network.blocks):
        x = block(F.avg_pool1d(x, 2) if number else x)
        maps[str(number)] = x
    return maps


def distance(aim, value):
    return ((value - aim) ** 2).sum() / (aim ** 2).sum()


def variation(image, codes):
    """(dx² + dy²)^1.25, its mean; of codes along time only."""
    if codes:
        return ((torch.diff(image, dim=1) ** 2 + 1e-8) ** 1.25).mean()
    along, across = torch.diff(image, dim=1)[:, :, :-1], torch.diff(image, dim=2)[:, :-1]
    return ((along ** 2 + across ** 2 + 1e-8) ** 1.25).mean()


def gram_aims(maps, style, window):
    """The mean Gram matrices of the style's windows, the last of which is filled from the style's beginning."""
    grams = []
    for start in range(0, style.shape[1], window):
        rows = min(window, style.shape[1] - start)
        seen = maps(cycled(style, start, 16 * math.ceil(rows / 16)))
        grams.append({name: gram(value) for name, value in seen.items() if name != "conv5_2"})
    return {name: torch.stack([g[name] for g in grams]).mean(0) for name in grams[0]}


def terms(maps, image, content, aims, by_gram, codes):
    """Content, style and variation of an image; the variation over the content's."""
    seen, kept = maps(image), maps(content)
    last = "conv5_2" if by_gram else max(kept)
    near = distance(kept[last], seen[last])
    like = []
    for name, aim in aims.items():
        if by_gram:
            like.append(distance(aim, gram(seen[name])))
        else:
            like.append(1 - F.cosine_similarity(aim.flatten(), seen[name].flatten(), dim=0))
    return near, torch.stack(like).mean(), variation(image, codes) / variation(content, codes)
