#!/usr/bin/env python3
"""Golden vectors for Sources/Systems/Paper004 from PyTorch: python3 tools/oracles/paper004_golden.py

Writes Tests/Fixtures/Golden/systems-004.safetensors: for each of the four twins, by the paper and as the author's code
computes them, one step on small segments with given noise, in float64: what is converted, the parts of the coders'
loss, the sum of that loss and the discriminators', and the gradient of every weight for that sum. Networks and losses are those of paper004.py. Needs torch 2.13.0, safetensors."""
import pathlib

import torch
from safetensors.torch import save_file

from paper004 import Twins

SEED = 47
GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures/Golden"
BANDS, FRAMES, N = 24, 27, 2
torch.set_num_threads(1)
torch.manual_seed(SEED)
out = {}
WEIGHTS = {"code": 0.7, "divergence": 0.3, "style": 0.2, "adversarial": 0.4, "cycle": 0.5}
CASES = {
    "cae": dict(kind="plain"), "cae-code": dict(kind="plain", published=True),
    "cae-patches": dict(kind="plain", network=(8, 1)),
    "vae": dict(kind="variational"), "vae-code": dict(kind="variational", published=True),
    "gan": dict(kind="adversarial"), "gan-code": dict(kind="adversarial", published=True),
    "gan-multiscale": dict(kind="adversarial", network=(8, 1), discriminator=(3, 4, 5)),
    "vargan": dict(kind="multimodal", numbers=3), "vargan-code": dict(kind="multimodal", numbers=3, published=True),
}
for name, case in CASES.items():
    net = Twins(bands=BANDS, frames=FRAMES, **case).double()
    weights = {k: v.detach().float().double() for k, v in net.state_dict().items()}
    for key, value in weights.items():
        out[f"{name}/weight.{key}"] = value.float()
    mels = [torch.rand(N, 1, BANDS, FRAMES).double() * 2 for _ in range(2)]
    shape = {"variational": (N, 4, 6, 7), "adversarial": (N, 4, 6, 7), "multimodal": (N, 3)}.get(case["kind"])
    noises = [torch.randn(shape).double() for _ in range(2)] if shape else []
    for place, mel in enumerate(mels):
        out[f"{name}/input.mel.{place}"] = mel.float()
    for place, noise in enumerate(noises):
        out[f"{name}/input.noise.{place}"] = noise.float()
    net.load_state_dict(weights)
    net.train()
    loss, judged, parts, converted = net(mels, noises, WEIGHTS)
    whole = loss if judged is None else loss + judged
    whole.backward()
    out[f"{name}/output"] = torch.cat(converted, 1).detach().clone().contiguous()
    out[f"{name}/loss"] = whole.detach().clone()
    for key, value in parts.items():
        out[f"{name}/part.{key}"] = value.detach().clone()
    for key, parameter in net.named_parameters():
        # Of large gradients every seventh element, so that the file stays small.
        flat = parameter.grad.flatten()
        out[f"{name}/gradient.{key}"] = (flat[::7] if flat.numel() > 96 else flat).clone()
metadata = {"tool": "torch", "version": torch.__version__, "seed": str(SEED), "script": "paper004_golden.py"}
save_file(out, GOLDEN / "systems-004.safetensors", metadata=metadata)
print(sum(v.numel() * v.element_size() for v in out.values()), "bytes")
