"""The networks of paper 000 and the loss of neural style transfer in PyTorch, written from their description in docs/paper-000.md
and not from Sources/Systems."""
import torch
import torch.nn as nn

import package  # noqa: F401
from reprise._networks import DeepComposer as Deep, PublishedComposer  # noqa: F401


def Published(steps, columns, classes, widths=(32, 8, 4)):
    """The composer classifier for one roll, or for codes with other widths."""
    return PublishedComposer(steps, columns, classes, list(zip((64, 16, 1), widths)))


class VGG(nn.Module):
    """The convolutions of VGG-19, named as torchvision names them, with fewer channels."""

    def __init__(self, channels):
        super().__init__()
        layers, inputs = [], 3
        for block, (count, factor) in enumerate(zip([2, 2, 4, 4, 4], [1, 2, 4, 8, 8])):
            for _ in range(count):
                layers += [nn.Conv2d(inputs, channels * factor, 3, padding=1), nn.ReLU()]
                inputs = channels * factor
            layers.append(nn.MaxPool2d(2))
        self.features = nn.ModuleList(layers)

    def maps(self, roll):
        """What lies behind the first rectifier of each block, and behind the second of the last."""
        x, maps = roll.transpose(1, 2)[:, None].expand(-1, 3, -1, -1), {}
        wanted = {1: "conv1_1", 6: "conv2_1", 11: "conv3_1", 20: "conv4_1", 29: "conv5_1", 31: "conv5_2"}
        for place, layer in enumerate(self.features):
            x = layer(x)
            if place in wanted:
                maps[wanted[place]] = x
        return maps


def gram(x):
    rows = x[0].flatten(1)
    return rows @ rows.T / rows.shape[1]


def style_loss(network, roll, content, style, ratio):
    """Content of conv5_2, style of the five first layers; each term over the squared size of its aim."""
    maps = network.maps(roll)
    aim = network.maps(content)["conv5_2"].detach()
    near = ((maps["conv5_2"] - aim) ** 2).sum() / (aim ** 2).sum()
    like = []
    for name, value in network.maps(style).items():
        if name != "conv5_2":
            wanted = gram(value).detach()
            like.append(((gram(maps[name]) - wanted) ** 2).sum() / (wanted ** 2).sum())
    return near + ratio * torch.stack(like).mean()
