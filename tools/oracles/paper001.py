"""The networks of paper 001 in PyTorch, written from the paper's description and not from Sources/Systems."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Genre(nn.Module):
    """`dropout` as published is 0.5; the golden vectors are of none."""

    def __init__(self, steps, dropout=0.0):
        super().__init__()
        self.conv1 = nn.Conv1d(59, 4, 32, dilation=4, padding="same")
        self.norm1 = nn.BatchNorm1d(4, eps=1e-3)
        self.conv2 = nn.Conv1d(4, 16, 16, dilation=2)
        self.norm2 = nn.BatchNorm1d(16, eps=1e-3)
        self.features = nn.Linear(16 * ((steps // 4 - 30) // 2), 50)
        self.output = nn.Linear(50, 1)
        self.dropout = dropout

    def feature(self, roll):
        x = torch.relu(self.norm1(F.avg_pool1d(self.conv1(roll.transpose(1, 2)), 4)))
        x = torch.relu(self.norm2(F.avg_pool1d(self.conv2(x), 2)))
        return torch.sigmoid(self.features(x.flatten(1)))

    def forward(self, roll):
        return self.output(F.dropout(self.feature(roll), self.dropout, self.training))[:, 0]


class Velocity(nn.Module):
    """By default the authors' form: zeros in front, what sounds, an output of 1 is a velocity of 1."""

    def __init__(self, columns, inputs=None, front=185, scale=1):
        super().__init__()
        self.front, self.scale = front, scale
        self.conv1 = nn.Conv1d(inputs or columns, columns, 64)
        self.norm1 = nn.BatchNorm1d(columns, eps=1e-3)
        self.conv2 = nn.Conv1d(columns, columns, 32, dilation=2)
        self.norm2 = nn.BatchNorm1d(columns, eps=1e-3)
        self.conv3 = nn.Conv1d(columns, columns, 16, dilation=4)
        self.norm3 = nn.BatchNorm1d(columns, eps=1e-3)

    def forward(self, roll, onsets):
        x = F.pad(roll.transpose(1, 2), (self.front, 185 - self.front))
        x = self.norm3(self.conv3(self.norm2(self.conv2(self.norm1(self.conv1(x))))))
        return torch.relu(x).transpose(1, 2) * self.scale * onsets


class Chord(nn.Module):
    """`keeps`: a held key or pedal adds to its own logit in the next step; not part of the published network."""

    def __init__(self, keeps=False):
        super().__init__()
        self.keep = nn.Parameter(torch.full((59,), 6.0)) if keeps else None
        self.memory = nn.Linear(50, 64)
        self.lstm = nn.LSTM(59, 64, batch_first=True)
        self.output = nn.Linear(64, 59)

    def forward(self, roll, features):
        cell = torch.sigmoid(self.memory(features))[None]
        logits = self.output(self.lstm(roll, (torch.zeros_like(cell), cell))[0])
        return logits if self.keep is None else logits + roll * self.keep


class Judge(nn.Module):
    """The discriminator that the paper's last section wishes for: velocities and onsets to a logit a step."""

    def __init__(self, columns):
        super().__init__()
        self.conv1 = nn.Conv1d(2 * columns, 32, 7, padding="same")
        self.conv2 = nn.Conv1d(32, 32, 7, padding="same", dilation=2)
        self.conv3 = nn.Conv1d(32, 32, 7, padding="same", dilation=4)
        self.output = nn.Conv1d(32, 1, 1)

    def forward(self, velocities, onsets):
        x = torch.cat([velocities / 127, onsets], 2).transpose(1, 2)
        for layer in (self.conv1, self.conv2, self.conv3):
            x = F.leaky_relu(layer(x), 0.2)
        return self.output(x)
