"""The network of mel-cnn in PyTorch, written from its description in docs/mel-cnn.md and not from Sources/Systems."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class Mel(nn.Module):
    """The classifier of mel spectrograms; a block behind the first sees the largest of 2 x 2 cells."""

    def __init__(self, classes, widths):
        super().__init__()
        self.blocks = nn.ModuleList(Block(i, o) for i, o in zip([1] + widths, widths))
        self.output = nn.Linear(2 * widths[-1], classes)

    def forward(self, mel):
        x = mel[:, None]
        for number, block in enumerate(self.blocks):
            if number:
                x = F.max_pool2d(x, [min(n, 2) for n in x.shape[2:]])
            x = block(x)
        return self.output(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))
