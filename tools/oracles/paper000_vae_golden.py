#!/usr/bin/env python3
"""Golden vectors for music-vae from PyTorch: python3 tools/oracles/paper000_vae_golden.py

Writes Tests/Fixtures/Golden/systems-000-vae.safetensors: for the autoencoder of paper000_vae.py, small, in float64 and float32
from the same weights, rolls and noise: logits, both parts of the loss, the loss, and the gradient of every weight. The free
bits lie between the divergences of the dimensions, so that some are charged and some are not. Needs torch 2.13.0,
safetensors."""
import pathlib

import torch
from safetensors.torch import save_file

from paper000_vae import VAE, divergence, losses

SEED, BETA, FREE = 43, 0.3, 0.17
GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures/Golden/systems-000-vae.safetensors"
torch.set_num_threads(1)
torch.manual_seed(SEED)
out = {}
network = VAE(10, latents=6, hidden=7, conductor=5, decoder=8, steps=12, parts=3)
# Larger weights than PyTorch's first ones, so that codes differ from each other.
weights = {key: (value * 2).float() for key, value in network.state_dict().items()}
inputs = {"roll": (torch.rand(4, 12, 10) < 0.2).float(), "noise": torch.randn(4, 6)}
out |= {f"vae/weight.{key}": value for key, value in weights.items()}
out |= {f"vae/input.{key}": value for key, value in inputs.items()}
for label, kind in (("f64", torch.float64), ("f32", torch.float32)):
    network.to(kind)
    network.load_state_dict(weights)
    network.zero_grad()
    roll, noise = (value.to(kind) for value in inputs.values())
    logits, cost, penalty, loss = losses(network, roll, noise, BETA, FREE)
    loss.backward()
    each = divergence(*network.encode(roll)).mean(0)
    assert (each < FREE).any() and (each > FREE).any(), each
    values = {"output": logits, "loss": loss, "reconstruction": cost, "divergence": penalty, "kl": each}
    values |= {f"gradient.{key}": parameter.grad for key, parameter in network.named_parameters()}
    out |= {f"vae/{label}/{key}": value.detach().clone().contiguous() for key, value in values.items()}
metadata = {"tool": "torch", "version": torch.__version__, "seed": str(SEED), "beta": str(BETA), "free_bits": str(FREE),
            "script": "paper000_vae_golden.py"}
save_file(out, GOLDEN, metadata=metadata)
print(sum(v.numel() * v.element_size() for v in out.values()), "bytes")
