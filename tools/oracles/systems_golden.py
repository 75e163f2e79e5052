#!/usr/bin/env python3
"""Golden vectors for Sources/Systems from PyTorch: python3 tools/oracles/systems_golden.py

Writes Tests/Fixtures/Golden/systems-000.safetensors, systems-001.safetensors and systems-mel.safetensors: for each network of the paper, in float64 and float32 from the
same float64 weights, the output, the loss and the gradient of every weight, on small inputs. The networks are
of paper000.py, paper001.py and melcnn.py. Needs torch 2.13.0, safetensors."""
import functools
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import network_case
from melcnn import Mel
from paper000 import VGG, Deep, Published, style_loss
from paper001 import Chord, Genre, Judge, Velocity

SEED = 41
STEPS = 192
GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures/Golden"
torch.set_num_threads(1)
torch.manual_seed(SEED)
out = {}
case = functools.partial(network_case.case, out)


def roll(*shape, density=0.1):
    return (torch.rand(*shape, dtype=torch.float64) < density).double()


case("genre", Genre(STEPS), {"roll": roll(2, STEPS, 59), "style": torch.tensor([0.0, 1.0], dtype=torch.float64)},
     lambda m, x: ((y := m(x["roll"])), F.binary_cross_entropy_with_logits(y, x["style"])))
onsets = roll(1, 64, 12, density=0.05)
velocities = onsets * torch.randint(1, 128, onsets.shape).double()
case("velocity", Velocity(12), {"roll": roll(1, 64, 12), "onsets": onsets, "velocities": velocities},
     lambda m, x: ((y := m(x["roll"], x["onsets"])), F.mse_loss(y, x["velocities"])))
sequence = roll(2, 48, 59)
case("chord", Chord(), {"roll": sequence, "features": torch.rand(2, 50, dtype=torch.float64)},
     lambda m, x: ((y := m(x["roll"][:, :-1], x["features"])),
                   F.binary_cross_entropy_with_logits(y, x["roll"][:, 1:])))
# The last, so that the random numbers of the others stay.
case("judge", Judge(12), {"velocities": velocities, "onsets": onsets},
     lambda m, x: ((y := m(x["velocities"], x["onsets"])), F.binary_cross_entropy_with_logits(y, torch.ones_like(y))))

case("chord-keep", Chord(keeps=True), {"roll": sequence[:1], "features": torch.rand(1, 50, dtype=torch.float64)},
     lambda m, x: ((y := m(x["roll"][:, :-1], x["features"])),
                   F.binary_cross_entropy_with_logits(y, x["roll"][:, 1:])))

case("velocity-both", Velocity(6, inputs=12, front=92, scale=64),
     {"roll": roll(2, 64, 12), "onsets": onsets[:, :, :6].repeat(2, 1, 1), "velocities": velocities[:, :, :6].repeat(2, 1, 1)},
     lambda m, x: ((y := m(x["roll"], x["onsets"])),
                   F.mse_loss(y, x["velocities"], reduction="sum") / x["onsets"].sum()))

metadata = {"tool": "torch", "version": torch.__version__, "seed": str(SEED), "script": "systems_golden.py"}
save_file(out, GOLDEN / "systems-001.safetensors", metadata=metadata)
print(sum(v.numel() * v.element_size() for v in out.values()), "bytes")

# Paper 000 has a file and random numbers of its own.
out.clear()
torch.manual_seed(SEED + 1)
labels = torch.tensor([0, 2, 1])
classes = {"class": labels.double()}
case("composer", Published(24, 6, 3), {"roll": roll(3, 24, 6), **classes},
     lambda m, x: ((y := m(x["roll"])), F.cross_entropy(y, x["class"].long())))
case("composer-deep", Deep(6, 3, [8, 8, 16, 16]), {"roll": roll(3, 40, 6), **classes},
     lambda m, x: ((y := m(x["roll"])), F.cross_entropy(y, x["class"].long())))


def transfer(network, x):
    """The loss, and as output its gradient for the roll."""
    point = x["roll"].clone().requires_grad_()
    value = style_loss(network, point, x["content"], x["style"], 4)
    gradient, = torch.autograd.grad(value, point, retain_graph=True)
    return gradient, value


rolls = {name: roll(1, steps, 128, density=0.05) * torch.rand(1, steps, 128, dtype=torch.float64)
         for name, steps in [("content", 32), ("style", 48)]}
rolls["roll"] = rolls["content"] + 0.05 * torch.rand(1, 32, 128, dtype=torch.float64)
case("roll-nst", VGG(2), rolls, transfer)
save_file(out, GOLDEN / "systems-000.safetensors", metadata=metadata)
print(sum(v.numel() * v.element_size() for v in out.values()), "bytes")

# mel-cnn too; the second case has too few bands for its last poolings.
out.clear()
torch.manual_seed(SEED + 2)
weights = torch.tensor([0.5, 1.5, 1.0])
for name, bands, frames in [("mel", 12, 21), ("mel-narrow", 2, 9)]:
    case(name, Mel(3, [4, 6, 8, 8]), {"mel": torch.rand(5, bands, frames, dtype=torch.float64), "class": torch.tensor([0.0, 2, 1, 1, 0])},
         lambda m, x: ((y := m(x["mel"])), F.cross_entropy(y, x["class"].long(), weight=weights.to(y.dtype))))
save_file(out, GOLDEN / "systems-mel.safetensors", metadata=metadata)
print(sum(v.numel() * v.element_size() for v in out.values()), "bytes")
