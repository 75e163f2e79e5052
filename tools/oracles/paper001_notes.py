"""The default networks of velocity-cnn and chord-lstm in PyTorch, and what describes a note, written from docs/paper-001.md."""
import numpy as np
import torch
import torch.nn as nn

import package  # noqa: F401
from reprise._networks import NoteVelocity, describe  # noqa: F401


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
