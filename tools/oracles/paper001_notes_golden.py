#!/usr/bin/env python3
"""Golden vectors for the default networks of velocity-cnn and chord-lstm: python3 tools/oracles/paper001_notes_golden.py

Writes Tests/Fixtures/Golden/systems-001-notes.safetensors: what describes each note of random rolls, and for each network, in
float64 and float32 from the same weights, the output, the loss and the gradient of every weight. The networks are of
paper001_notes.py. Needs torch 2.13.0, numpy, safetensors."""
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from network_case import case
from paper001_notes import Chord, NoteVelocity, describe

SEED = 47
GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures/Golden/systems-001-notes.safetensors"
torch.set_num_threads(1)
torch.manual_seed(SEED)
out = {}


def rolls(segments, steps, columns, rate):
    """Keys that are struck, held for a while, and struck again; the last two columns are pedals."""
    onsets = (torch.rand(segments, steps, columns, dtype=torch.float64) < rate).double()
    onsets[..., -2:] = 0
    sounding = onsets.clone()
    for step in range(1, steps):
        keep = torch.rand(segments, columns, dtype=torch.float64) < 0.9
        sounding[:, step] = torch.maximum(sounding[:, step], sounding[:, step - 1] * keep)
    sounding[..., -2:] = (torch.rand(segments, steps, 2, dtype=torch.float64) < 0.4).double()
    return sounding, onsets


# Dense enough for chords, and so sparse at the end that neighbours and windows run out.
sounding, onsets = rolls(2, 300, 8, 0.04)
onsets[1, 60:] = 0
onsets[1, 250, 3] = sounding[1, 250, 3] = 1
sounding[0, 130:290, 5], onsets[0, 131:290, 5] = 1, 0  # held for longer than the reach
rows = [describe(s.numpy(), o.numpy()) for s, o in zip(sounding, onsets)]
for number, (features, steps, keys) in enumerate(rows):
    out[f"describe/{number}"] = torch.from_numpy(features)
    out[f"describe/steps.{number}"], out[f"describe/keys.{number}"] = torch.from_numpy(steps), torch.from_numpy(keys)
net = NoteVelocity(8, hidden=12)
together = torch.cat([torch.from_numpy(features) for features, _, _ in rows])
together = together.sign() * together.abs().log1p()
net.mean.copy_(together.mean(0))
net.deviation.copy_(together.std(0).where(together.std(0) > 0, 1.0))
velocities = onsets * torch.randint(1, 128, onsets.shape)
case(out, "notes", net, {"sounding": sounding, "onsets": onsets, "velocities": velocities},
     lambda m, x: ((y := m(x["sounding"], x["onsets"])), F.mse_loss(y, x["velocities"], reduction="sum") / x["onsets"].sum()))

sequence, _ = rolls(2, 70, 59, 0.02)
sequence[1, 1:69, 7] = 1  # older than what is told apart
chord = {"roll": sequence, "features": torch.rand(2, 50, dtype=torch.float64)}
net = Chord(hidden=10)
for weight in (net.held, net.rest):
    torch.nn.init.normal_(weight)
case(out, "chord", net, chord,
     lambda m, x: ((y := m(x["roll"][:, :-1], x["features"])), F.binary_cross_entropy_with_logits(y, x["roll"][:, 1:])))

save_file(out, GOLDEN, metadata={"tool": "torch", "version": torch.__version__, "seed": str(SEED), "script": "paper001_notes_golden.py"})
print(GOLDEN.stat().st_size, "bytes")
