"""The networks of paper 000 and the loss of neural style transfer in PyTorch, written from their description in docs/paper-000.md
and not from Sources/Systems."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Published(nn.Module):
    """The composer classifier for one roll, or for codes with other widths."""

    def __init__(self, steps, columns, classes, widths=(32, 8, 4)):
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(i, o, k, padding="same") for i, o, k in zip((columns, 64, 16), (64, 16, 1), widths))
        self.dense = nn.ModuleList(
            nn.Linear(i, o) for i, o in [(steps, 256), (256, 32), (32, classes), (classes, classes)])

    def forward(self, roll):
        x = roll.transpose(1, 2)
        for layer in self.convolutions:
            x = F.elu(layer(x))
        x = x[:, 0]
        for layer in self.dense:
            x = F.elu(layer(x))
        return x


class Block(nn.Module):
    def __init__(self, inputs, outputs, width=5):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(8, inputs), nn.Conv1d(inputs, outputs, width, padding="same")
        self.norm2, self.conv2 = nn.GroupNorm(8, outputs), nn.Conv1d(outputs, outputs, width, padding="same")
        self.shortcut = None if inputs == outputs else nn.Conv1d(inputs, outputs, 1)

    def forward(self, x):
        y = self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))
        return y + (x if self.shortcut is None else self.shortcut(x))


class Deep(nn.Module):
    """The deeper classifier; each block behind the first sees half the steps, but of codes all rows."""

    def __init__(self, columns, classes, widths, codes=False, dropout=0):
        super().__init__()
        self.codes, self.dropout = codes, dropout
        self.entry = nn.Conv1d(columns, widths[0], 1)
        self.blocks = nn.ModuleList(Block(i, o, 3 if codes else 5) for i, o in zip(widths[:1] + widths, widths))
        self.norm = nn.GroupNorm(8, widths[-1])
        self.output = nn.Linear(widths[-1], classes)

    def forward(self, roll):
        x = self.entry(roll.transpose(1, 2))
        for number, block in enumerate(self.blocks):
            x = block(F.avg_pool1d(x, 2) if number and not self.codes else x)
        return self.output(F.dropout(F.relu(self.norm(x)).mean(2), self.dropout, self.training))


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
