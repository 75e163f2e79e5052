#!/usr/bin/env python3
"""Golden vectors for Sources/Systems/Paper003 from PyTorch: python3 tools/oracles/paper003_golden.py

Writes Tests/Fixtures/Golden/systems-003.safetensors: for the networks of paper003.py with GRU and LSTM cells, each way to
train the decoders, rows of one voice and of all, and with the latent of the segment before, in float64 and float32 from
the same float64 weights: every output, every part of the loss, and the gradient of every weight, on small inputs with given noise.
Needs torch 2.13.0, safetensors."""
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from paper003 import FAMILIES, PITCHES, Parallel, losses, total

SEED = 43
GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures/Golden/systems-003.safetensors"
torch.set_num_threads(1)
torch.manual_seed(SEED)
N, STEPS, VOICES, HIDDEN, LATENT, STYLES = 3, 4, 2, 6, 5, 3
OUTPUTS = ["pitch", "velocity", "instrument", "mean", "logVariance", "z"]
out = {}


def case(name, cell, teacher, group, noise_scale, history=False, free_bits=0.0, split=False):
    module = Parallel(cell, HIDDEN, LATENT, VOICES, group, history, split).double()
    # Weights and inputs are stored as float32 to be small; what follows uses exactly these.
    weights = {k: v.detach().clone().float().double() for k, v in module.state_dict().items()}
    for key, value in weights.items():
        out[f"{name}/weight.{key}"] = value.float()
    pitch = F.one_hot(torch.randint(0, PITCHES, (N, STEPS, VOICES)), PITCHES)
    velocity = torch.where(torch.rand(N, STEPS, VOICES) < 0.5, 0.5 + 0.5 * torch.rand(N, STEPS, VOICES), 0.0)
    # One voice is silent: it has no instrument.
    family = torch.randint(0, FAMILIES, (N, VOICES))
    instrument = F.one_hot(family, FAMILIES).float()
    instrument[1, 1] = 0
    inputs = {"pitch": pitch.float(), "velocity": velocity.float(), "instrument": instrument,
              "noise": torch.randn(N, LATENT)}
    if history:
        inputs["previous"] = torch.randn(N, LATENT)
    style = torch.tensor([0, 2, 1])
    for key, value in inputs.items():
        out[f"{name}/input.{key}"] = value.clone()
    out[f"{name}/input.style"] = style.clone()
    for label, kind in (("f64", torch.float64), ("f32", torch.float32)):
        module.to(kind)
        module.load_state_dict(weights)
        module.zero_grad()
        x = {k: v.to(kind) for k, v in inputs.items()}
        results = module(x["pitch"], x["velocity"], x["instrument"], x["noise"], teacher, noise_scale,
                         x.get("previous"))
        parts = losses(results, x["pitch"], x["velocity"], x["instrument"], style, STYLES, free_bits)
        value = total(parts)
        value.backward()
        if results[1][1] is not None:
            out[f"{name}/{label}/onset"] = results[1][1].detach().clone().contiguous()
        for key, result in zip(OUTPUTS, (results[0], results[1][0], *results[2:])):
            out[f"{name}/{label}/{key}"] = result.detach().clone().contiguous()
        for key, part in parts.items():
            out[f"{name}/{label}/part.{key}"] = part.detach().clone()
        out[f"{name}/{label}/loss"] = value.detach().clone()
        for key, parameter in module.named_parameters():
            # Of large gradients every seventh element, so that the file stays small.
            flat = parameter.grad.flatten()
            out[f"{name}/{label}/gradient.{key}"] = (flat[::7] if flat.numel() > 1024 else flat).clone()


case("gru-none", "gru", "none", 1, 0.01)
case("gru-previous", "gru", "previous", VOICES, 1.0, free_bits=0.05)
case("gru-free", "gru", "free", 1, 1.0, history=True)
case("lstm-previous", "lstm", "previous", 1, 1.0)
case("lstm-free", "lstm", "free", VOICES, 0.5)
case("gru-apart", "gru", "previous", VOICES, 0.01, split=True)
case("gru-apart-free", "gru", "free", 1, 0.01, split=True)

metadata = {"tool": "torch", "version": torch.__version__, "seed": str(SEED), "script": "paper003_golden.py"}
save_file(out, GOLDEN, metadata=metadata)
print(sum(v.numel() * v.element_size() for v in out.values()), "bytes")
