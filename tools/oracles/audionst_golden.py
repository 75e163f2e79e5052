#!/usr/bin/env python3
"""Golden vectors for audio-nst from PyTorch and scipy: python3 tools/oracles/audionst_golden.py

Writes Tests/Fixtures/Golden/systems-002.safetensors: in float64 and float32 from the same weights, the terms of the loss and the
gradient of each for every cell of a picture, published and relative, of the picture alone and of all style layers; the gradient
of a picture's sum, weighted, through each filterbank; rows of the filterbanks; and the frames and levels of a signal by scipy's
filter and numpy's transform. The losses are those of audionst.py. Needs torch 2.13.0, safetensors, scipy."""
import functools
import pathlib

import numpy as np
import scipy.signal
import torch
from safetensors.torch import save_file

import network_case
from audionst import VGG, autocorrelations, chroma, constant_q, mel, picture, terms

SEED = 52
GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures/Golden/systems-002.safetensors"
torch.set_num_threads(1)
torch.manual_seed(SEED)
out = {}
stored = functools.partial(network_case.stored, out)

# The loss.
network = VGG(2).double()
weights = {k: stored(f"vgg/weight.{k}", v) for k, v in network.state_dict().items()}
content = stored("vgg/input.content", 255 * torch.rand(1, 24, 38).double())
style = stored("vgg/input.style", 255 * torch.rand(1, 24, 38).double() ** 3)
point = stored("vgg/input.picture", content * 0.7 + 255 * 0.3 * torch.rand(1, 24, 38).double())
for measure, depth, rows_of, columns_of in (
        ("published", "picture", "style", "style"), ("published", "layers", "style", "content"),
        ("relative", "picture", "content", "style"), ("relative", "layers", "style", "style")):
    for label, kind in (("f64", torch.float64), ("f32", torch.float32)):
        network.to(kind)
        network.load_state_dict(weights)
        network.requires_grad_(False)
        free = point.to(kind).clone().requires_grad_()
        found = terms(network, free, content.to(kind), style.to(kind), measure, depth, rows_of, columns_of,
                      "line" if measure == "relative" and depth == "layers" else "grey",
                      measure == "relative")
        for term, value in found.items():
            gradient, = torch.autograd.grad(value, free, retain_graph=True)
            out[f"vgg/{measure}-{depth}/{label}/{term}"] = value.detach().clone()
            out[f"vgg/{measure}-{depth}/{label}/gradient.{term}"] = gradient.flatten().clone()

# Autocorrelations by direct sums, of lags from 0.
lines = stored("autocorrelation/input", torch.randn(3, 17, 29).double())
for name, axis in (("row", -1), ("column", -2)):
    whole = autocorrelations(lines, axis)
    out[f"autocorrelation/{name}.mean"] = whole.flatten(0, 1).mean(0)[(whole.shape[-1] - 1) // 2:].clone()
    out[f"autocorrelation/{name}.size"] = (whole ** 2).sum()

# Filterbanks over 1,024 bins of 22,050 / 2,048 Hz.
hertz = np.arange(1024) * 22050 / 2048
banks = {"mel": mel(96, 125, 10000, hertz), "cqt": constant_q(96, 16, 130.81, hertz),
         "chroma": chroma(4, 125, 10000, hertz)}
levels = stored("filters/input", 255 * torch.rand(1024, 8).double())
for name, bank in banks.items():
    out[f"filters/{name}.rows"] = torch.tensor(bank[::13]).float().contiguous()
    weight = stored(f"filters/{name}.weight", torch.randn(1, len(bank), 4).double())
    for label, kind in (("f64", torch.float64), ("f32", torch.float32)):
        free = levels.to(kind).clone().requires_grad_()
        shown = picture(free, torch.tensor(bank).to(kind))
        gradient, = torch.autograd.grad((shown * weight.to(kind)).sum(), free)
        out[f"filters/{name}/{label}/picture"] = shown.detach().clone()
        # Every seventh number is as telling.
        out[f"filters/{name}/{label}/gradient"] = gradient.flatten()[::7].clone()

# A signal of 9,000 samples: the band-pass, frames, levels and their mel bands.
time = np.arange(9000) / 22050
signal = (0.3 * np.sin(2 * np.pi * (300 * time + 900 * time ** 2)) + 0.05 * np.random.default_rng(SEED).standard_normal(9000))
# As a 16-bit file holds it.
samples = np.round(signal * 32768).astype(np.int16)
signal = samples / 32768
b, a = scipy.signal.butter(1, [125, 10000], "bandpass", fs=22050)
filtered = scipy.signal.lfilter(b, a, signal.astype(np.float64))
padded = np.concatenate([filtered, np.zeros(-len(filtered) % 2048)])
frames = np.stack([padded[i:i + 2048] for i in range(0, len(padded) - 2048, 128)], axis=1)
window = scipy.signal.get_window("hamming", 2048)
magnitudes = np.abs(np.fft.rfft(frames * window[:, None], axis=0))
level = np.maximum(np.log10(np.maximum(magnitudes[:-1] / magnitudes[:-1].max(), 1e-30)), -4)
bands = banks["mel"] @ level
bands = bands.reshape(96, -1, 2).mean(2)[:, 1:-1]
out["signal/input"] = torch.tensor(signal).float()
out["signal/levels"] = torch.tensor(level[::9]).float().contiguous()
out["signal/bands"] = torch.tensor(bands).float().contiguous()

save_file(out, GOLDEN, metadata={
    "tool": "torch, scipy", "version": f"{torch.__version__}, {scipy.__version__}", "seed": str(SEED),
    "script": "audionst_golden.py"})
print(sum(v.numel() * v.element_size() for v in out.values()), "bytes")
