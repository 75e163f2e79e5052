"""The networks of paper 001 in PyTorch, written from the paper's description and not from Sources/Systems."""
import torch
import torch.nn as nn

import package  # noqa: F401
from reprise._networks import Genre, Judge, Velocity  # noqa: F401


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
