#!/usr/bin/env python3
"""Golden vectors for roll-nst from PyTorch: python3 tools/oracles/rollnst_golden.py

Writes Tests/Fixtures/Golden/systems-000-nst.safetensors: for each of the four experiments of paper 000, in float64 and
float32 from the same weights, the terms of the loss and the gradient of each for every free number, on small inputs. The
losses are those of rollnst.py, the networks those of paper000.py. Needs torch 2.13.0, safetensors."""
import functools
import pathlib

import torch
from safetensors.torch import save_file

import network_case
from paper000 import VGG, Deep
from rollnst import composer_maps, cycled, gram_aims, logits, terms

SEED = 47
ROWS, WINDOW, STYLE, COLUMNS = 32, 32, 44, 24
RATIO, TV = 4, 0.05
GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures/Golden/systems-000-nst.safetensors"
torch.set_num_threads(1)
torch.manual_seed(SEED)
out = {}
stored = functools.partial(network_case.stored, out)


def notes(steps):
    """Notes of two steps, so that onsets differ from what sounds."""
    onsets = (torch.rand(1, steps, COLUMNS) < 0.06).double()
    return (onsets + torch.roll(onsets, 1, 1)).clamp_max(1)


def case(name, module, maps, by_gram, canvas, content, style):
    module = module.double()
    weights = {k: stored(f"{name}/weight.{k}", v) for k, v in module.state_dict().items()}
    content, style = stored(f"{name}/input.content", content), stored(f"{name}/input.style", style)
    begin = logits(content) if canvas == "sounding" else content
    point = stored(f"{name}/input.point", begin + 0.3 * torch.randn_like(begin))
    for label, kind in (("f64", torch.float64), ("f32", torch.float32)):
        module.to(kind)
        module.load_state_dict(weights)
        module.requires_grad_(False)
        free = point.to(kind).clone().requires_grad_()
        image = torch.sigmoid(free) if canvas == "sounding" else free
        see = lambda x: maps(module, x)
        with torch.no_grad():
            if by_gram:
                aims = gram_aims(see, style.to(kind), WINDOW)
            else:
                aims = see(cycled(style.to(kind), ROWS, ROWS))
        near, like, change = terms(see, image, content.to(kind), aims, by_gram, canvas == "codes")
        total = near + RATIO * like + TV * change
        for term, value in (("content", near), ("style", like), ("variation", change), ("total", total)):
            gradient, = torch.autograd.grad(value, free, retain_graph=True)
            out[f"{name}/{label}/{term}"] = value.detach().clone()
            out[f"{name}/{label}/gradient.{term}"] = gradient.flatten().clone()


def vgg():
    """The convolutions without the last pooling, which small images do not survive, with weights that keep a map's size."""
    network = VGG(2)
    network.features = network.features[:-1]
    for layer in network.features:
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
    return network


def deep_for_codes():
    """The classifier of codes, whose convolutions are three rows wide."""
    network = Deep(COLUMNS, 3, widths)
    for block in network.blocks:
        for name in ("conv1", "conv2"):
            old = getattr(block, name)
            setattr(block, name, torch.nn.Conv1d(old.in_channels, old.out_channels, 3, padding="same"))
    return network


codes = lambda rows: torch.randn(1, rows, COLUMNS, dtype=torch.float64)
seen = lambda module, x: module.maps(x)
widths = [8, 8, 16, 16]
case("1-sounding", vgg(), seen, True, "sounding", notes(ROWS), notes(STYLE))
case("1-velocity", vgg(), seen, True, "velocity", notes(ROWS) * torch.rand(1, ROWS, COLUMNS),
     notes(STYLE) * torch.rand(1, STYLE, COLUMNS))
# The second window of a content of which the style has one and three eighths.
case("2-onset", Deep(COLUMNS, 3, widths), lambda m, x: composer_maps(m, x, "onset"), False, "sounding",
     notes(ROWS), notes(STYLE))
case("2-onset+offset", Deep(2 * COLUMNS, 3, widths), lambda m, x: composer_maps(m, x, "onset+offset"), False,
     "sounding", notes(ROWS), notes(STYLE))
case("3-codes", vgg(), seen, True, "codes", codes(ROWS), codes(STYLE))
case("4-codes", deep_for_codes(), lambda m, x: composer_maps(m, x, "codes"), False, "codes", codes(ROWS),
     codes(STYLE))

save_file(out, GOLDEN, metadata={
    "tool": "torch", "version": torch.__version__, "seed": str(SEED), "script": "rollnst_golden.py"})
print(sum(v.numel() * v.element_size() for v in out.values()), "bytes")
