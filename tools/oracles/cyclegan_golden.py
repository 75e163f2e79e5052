#!/usr/bin/env python3
"""Golden vectors for Sources/Systems/CycleGAN from PyTorch: python3 tools/oracles/cyclegan_golden.py

Writes Tests/Fixtures/Golden/systems-cyclegan.safetensors: in float64 and float32 from the same weights, for small sizes
of the networks of cyclegan.py, the output, the loss and the gradient of every weight of a generator and of
discriminators with kernels of 4 and 7; the loss of both generators of the full model, and that of its four
discriminators with given noise; what the style probe sees of rolls, and its regression. Rolls are of 32 steps and 24 pitches, so that the file stays small. Needs torch 2.13.0,
safetensors."""
import pathlib

import torch
from safetensors.torch import save_file

from cyclegan import CycleGAN, Discriminator, Generator, fitted, numbers, towards
from network_case import case

SEED = 61
GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures/Golden"
SHAPE = (2, 32, 24)
torch.set_num_threads(1)
torch.manual_seed(SEED)
out = {}


def spread(module):
    """Weights that are not those of a first layer, so that every path matters: scales around 1, shifts around 0."""
    for name, parameter in module.named_parameters():
        with torch.no_grad():
            if parameter.dim() == 4:
                parameter.normal_(0, (1.5 / parameter[0].numel()) ** 0.5)
            elif name.endswith("weight"):
                parameter.normal_(1, 0.2)
            else:
                parameter.normal_(0, 0.2)
    return module


def roll(density):
    return (torch.rand(SHAPE, dtype=torch.float64) < density).double()


case(out, "generator", spread(Generator(filters=3, blocks=2)), {"roll": roll(0.1), "target": roll(0.2)},
     lambda m, x: ((y := m(x["roll"])), (y - x["target"]).abs().mean()))
for kernel in (4, 7):
    case(out, f"discriminator-{kernel}", spread(Discriminator(filters=3, kernel=kernel)), {"roll": roll(0.1)},
         lambda m, x: ((y := m(x["roll"])), towards(y, 1)))

full = spread(CycleGAN(filters=2, blocks=1))
inputs = {name: roll(density) for name, density in [("a", 0.05), ("b", 0.15), ("mixed", 0.1)]}
inputs["noise"] = torch.randn(SHAPE, dtype=torch.float64)
# What a pool shows is no longer what the generators just made.
inputs["shown_a"], inputs["shown_b"] = torch.rand(SHAPE, dtype=torch.float64), torch.rand(SHAPE, dtype=torch.float64)


def generators(model, x):
    for parameter in [*model.discriminators.parameters(), *model.mixed.parameters()]:
        parameter.requires_grad_(False)
    loss, fakes = model.generator_loss(x["a"], x["b"], x["noise"])
    return torch.stack(fakes), loss


def discriminators(model, x):
    for parameter in [*model.discriminators.parameters(), *model.mixed.parameters()]:
        parameter.requires_grad_(True)
    for parameter in model.generators.parameters():
        parameter.grad = None
    loss = model.discriminator_loss(x["a"], x["b"], x["shown_a"], x["shown_b"], x["noise"], x["mixed"], gamma=0.5)
    return loss.reshape(1), loss


case(out, "full", full, inputs, generators)
case(out, "full-discriminators", full, inputs, discriminators, store=False)

# What the style probe sees of rolls, sparse, dense and silent, and what it is fitted to.
rolls = torch.zeros(24, 64, 84)
for index, one in enumerate(rolls[:-1]):
    for _ in range(6 * index + 6):
        start, length = int(torch.randint(0, 64, ())), int(torch.randint(1, 3 + index % 9, ()))
        pitch = int(torch.randint(10 + index % 3 * 8, 60 + index % 4 * 8, ()))
        one[start:start + length, pitch] = 1
rows = torch.tensor([numbers(one.int().tolist()) for one in rolls], dtype=torch.float64)
slopes, constant = fitted(rows[0::2], rows[1::2])
out |= {"probe/rolls": rolls.to(torch.uint8), "probe/numbers": rows, "probe/slopes": slopes,
        "probe/constant": constant.reshape(1)}
metadata = {"tool": "torch", "version": torch.__version__, "seed": str(SEED), "script": "cyclegan_golden.py"}
save_file(out, GOLDEN / "systems-cyclegan.safetensors", metadata=metadata)
print(sum(v.numel() * v.element_size() for v in out.values()), "bytes")
