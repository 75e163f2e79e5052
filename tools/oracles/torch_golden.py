#!/usr/bin/env python3
"""Golden vectors for Sources/Torch from PyTorch and scipy: python3 tools/oracles/torch_golden.py

Writes Tests/Fixtures/Golden/torch-layers.safetensors and torch-operations.safetensors (forward, loss and gradients of
every layer and operation, in float64 and float32, from the same float64 weights) and torch-training.safetensors
(initial values, optimisers, schedules, generator, L-BFGS). With names of files, such as torch-operations, only those
are written. Needs torch 2.13.0, scipy, numpy, safetensors."""
import pathlib
import sys

import numpy
import scipy
import scipy.optimize
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file

SEED = 20
GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures/Golden"
torch.set_num_threads(1)
out = {}


def put(name, tensor):
    out[name] = tensor.detach().clone().contiguous()


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def case(name, function, *inputs, module=None, buffers=False):
    """Records function(module, *inputs): output, loss = sum(output * probe), all gradients."""
    for index, value in enumerate(inputs):
        put(f"{name}/input.{index}", value)
    weights = {}
    if module is not None:
        module = module.double()
        weights = {k: v.detach().clone() for k, v in module.state_dict().items()}
        for key, value in weights.items():
            put(f"{name}/weight.{key}", value)
    probe = None
    for label, kind in (("f64", torch.float64), ("f32", torch.float32)):
        if module is not None:
            module.to(kind)
            module.load_state_dict(weights)
            module.zero_grad()
        leaves = [v.detach().clone().to(kind).requires_grad_() if v.is_floating_point() else v for v in inputs]
        result = function(module, *leaves) if module is not None else function(*leaves)
        if probe is None:
            probe = random(*result.shape)
            put(f"{name}/probe", probe)
        loss = (result * probe.to(kind)).sum()
        loss.backward()
        put(f"{name}/{label}/output", result)
        put(f"{name}/{label}/loss", loss)
        for index, leaf in enumerate(leaves):
            if leaf.is_floating_point() and leaf.grad is not None:
                put(f"{name}/{label}/gradient.input.{index}", leaf.grad)
        if module is not None:
            for key, value in module.named_parameters():
                put(f"{name}/{label}/gradient.{key}", value.grad)
            for key, value in module.named_buffers() if buffers else ():
                put(f"{name}/{label}/buffer.{key}", value)


def call(module, *inputs):
    return module(*inputs)


def layers():
    torch.manual_seed(SEED)
    case("linear", call, random(3, 4, 5), module=nn.Linear(5, 6))
    case("linear-no-bias", call, random(3, 5), module=nn.Linear(5, 2, bias=False))
    case("conv1d", call, random(2, 4, 17), module=nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2))
    case("conv1d-groups", call, random(2, 4, 9), module=nn.Conv1d(4, 8, 3, groups=2, bias=False))
    # An even kernel: "same" needs one zero more behind than before.
    case("conv1d-same", call, random(2, 3, 12), module=nn.Conv1d(3, 4, 4, dilation=3, padding="same"))
    case("conv2d", call, random(2, 3, 8, 9), module=nn.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2)))
    case("conv2d-same", call, random(2, 2, 5, 6), module=nn.Conv2d(2, 3, (5, 2), padding="same"))
    case("conv-transpose1d", call, random(2, 4, 5), module=nn.ConvTranspose1d(4, 3, 4, stride=2, padding=1, output_padding=1))
    case("conv-transpose1d-groups", call, random(2, 4, 5), module=nn.ConvTranspose1d(4, 6, 3, dilation=2, groups=2))
    case("conv-transpose2d", call, random(2, 3, 4, 5), module=nn.ConvTranspose2d(3, 2, (4, 3), stride=(2, 3), padding=1, output_padding=(1, 0)))
    for name, module, shape in (
        ("batch-norm1d", nn.BatchNorm1d(4), (3, 4, 6)), ("batch-norm2d", nn.BatchNorm2d(3, momentum=0.3), (2, 3, 4, 5)),
    ):
        for key, value in module.state_dict().items():
            if value.is_floating_point():
                value.uniform_(0.5, 1.5)
        case(name, call, random(*shape), module=module, buffers=True)
        case(name + "-use", lambda m, x: m.eval()(x), random(*shape), module=module)
    affine = nn.InstanceNorm1d(4, affine=True)
    affine.weight.data.uniform_(0.5, 1.5)
    affine.bias.data.normal_()
    case("instance-norm1d", call, random(3, 4, 7), module=affine)
    case("instance-norm2d", lambda x: F.instance_norm(x), random(2, 3, 4, 5))

    def adaptive(x, scale, shift):
        return F.instance_norm(x) * scale[:, :, None, None] + shift[:, :, None, None]

    def adaptive_style(x, y):
        flat = y.flatten(2)
        deviation = (flat.var(2, unbiased=False) + 1e-5).sqrt()
        return adaptive(x, deviation, flat.mean(2))

    case("adaptive-instance-norm", adaptive, random(2, 3, 4, 5), random(2, 3), random(2, 3))
    case("adaptive-instance-norm-style", adaptive_style, random(2, 3, 4, 5), random(2, 3, 5, 3))

    recurrent = dict(batch_first=True)
    case("lstm", lambda m, x: m(x)[0], random(2, 5, 3), module=nn.LSTM(3, 4, **recurrent))
    case("lstm-stacked", lambda m, x: torch.cat([m(x)[0].flatten(), *(s.flatten() for s in m(x)[1])]),
         random(2, 5, 3), module=nn.LSTM(3, 4, num_layers=2, bidirectional=True, **recurrent))
    case("lstm-state", lambda m, x, h, c: m(x, (h, c))[0], random(2, 4, 3), random(1, 2, 4), random(1, 2, 4),
         module=nn.LSTM(3, 4, **recurrent))
    case("gru", lambda m, x: m(x)[0], random(2, 5, 3), module=nn.GRU(3, 4, **recurrent))
    case("gru-stacked", lambda m, x: torch.cat([v.flatten() for v in m(x)]),
         random(2, 5, 3), module=nn.GRU(3, 4, num_layers=2, bidirectional=True, **recurrent))
    case("gru-state", lambda m, x, h: m(x, h)[0], random(2, 4, 3), random(1, 2, 4), module=nn.GRU(3, 4, **recurrent))

    line, image = random(2, 3, 8), random(2, 2, 6, 8)
    case("max-pool1d", lambda x: F.max_pool1d(x, 3, 2, 1), line)
    case("max-pool2d", lambda x: F.max_pool2d(x, (2, 4)), image)
    case("average-pool1d", lambda x: F.avg_pool1d(x, 4), line)
    case("average-pool2d", lambda x: F.avg_pool2d(x, (3, 2), (2, 2), (1, 0)), image)
    case("pad-constant", lambda x: F.pad(x, (1, 2, 0, 3), value=0.5), image)
    case("pad-reflect", lambda x: F.pad(x, (2, 3), mode="reflect"), line)
    case("pad-reflect2d", lambda x: F.pad(x, (3, 1, 2, 2), mode="reflect"), image)
    case("pad-replicate", lambda x: F.pad(x, (2, 1), mode="replicate"), line)
    case("upsample1d", lambda x: F.interpolate(x, scale_factor=3), line)
    case("upsample2d", lambda x: F.interpolate(x, size=(9, 16)), image)

    x = random(3, 7)
    for name, function in dict(
        negated=torch.neg, abs=torch.abs, exp=torch.exp, expm1=torch.expm1, square=torch.square, sin=torch.sin,
        cos=torch.cos, tanh=torch.tanh, sigmoid=torch.sigmoid, relu=F.relu, softplus=F.softplus, gelu=F.gelu,
        elu=lambda v: F.elu(v, 0.7), reciprocal=torch.reciprocal,
    ).items():
        case("unary-" + name, function, x)
    case("unary-log-sigmoid", F.logsigmoid, x)
    case("unary-leaky-relu", lambda v: F.leaky_relu(v, 0.2), x)
    case("unary-clamped", lambda v: v.clamp(-0.5, 0.25), x)
    positive = x.abs() + 0.1
    for name in ("log", "log1p", "sqrt", "rsqrt"):
        case("unary-" + name, getattr(torch, name), positive)
    case("unary-erfinv", torch.erfinv, x.tanh() * 0.9)
    case("softmax", lambda v: v.softmax(1), x)
    case("log-softmax", lambda v: v.log_softmax(-1), x)
    case("arithmetic", lambda a, b: (2 - a) * (b + 1) / (a * a + 3) - 5 / (b * b + 1) + a ** 3 - a.maximum(b) * b.minimum(a),
         x, random(3, 1))
    case("matmul", lambda a, b: a @ b, random(2, 3, 4), random(4, 5))
    cube = random(2, 3, 4)
    case("reduce-sum", lambda v: v.sum((0, 2)), cube)
    case("reduce-mean", lambda v: v.mean(1, keepdim=True), cube)
    case("reduce-largest", lambda v: v.amax((1, 2)) - v.amin((1, 2)), cube)
    case("reduce-log-sum-exp", lambda v: v.logsumexp(2), cube)
    case("reduce-norm", lambda v: torch.linalg.vector_norm(v, dim=(0, 1)), cube)
    case("reduce-variance", lambda v: v.var(2) + v.var((0, 1), correction=0).sum(), cube)
    case("cumulative-sum", lambda v: v.cumsum(1), cube)
    index = torch.tensor([2, 0, 2, 1])
    case("shapes", lambda v, i: torch.cat([
        v.permute(2, 0, 1).reshape(4, 6).index_select(0, i)[:, 1:4].flatten(),
        torch.stack([v[:, 0], v[:, 2]], 1).transpose(0, 2).flip(0).flatten(),
        v.split([1, 3], 2)[1].unsqueeze(0).expand(2, 2, 3, 3).flatten(), v.repeat(1, 2, 1).flatten(),
        v.gather(2, i.view(1, 1, 4).expand(2, 3, 4)).flatten(),
        torch.where(v > 0, v, -2 * v).masked_fill(v < -1, 3).flatten()]), cube, index)

    probability, target = torch.rand(4, 5, dtype=torch.float64), (torch.rand(4, 5) < 0.4).double()
    weight = torch.rand(4, 5, dtype=torch.float64)
    logits, classes = random(4, 5, 3), torch.randint(0, 5, (4, 3))
    case("bce", lambda p: F.binary_cross_entropy(p, target.to(p.dtype), weight.to(p.dtype)).reshape(1), probability)
    case("bce-logits", lambda p: F.binary_cross_entropy_with_logits(p, target.to(p.dtype), reduction="none"), random(4, 5))
    case("cross-entropy", lambda p: F.cross_entropy(p, classes, weight[0].to(p.dtype)).reshape(1), logits)
    case("nll", lambda p: F.nll_loss(p.log_softmax(1), classes, reduction="sum").reshape(1), logits)
    case("mse", lambda p: F.mse_loss(p, weight.to(p.dtype)).reshape(1), random(4, 5))
    case("l1", lambda p: F.l1_loss(p, weight.to(p.dtype), reduction="sum").reshape(1), random(4, 5))
    case("smooth-l1", lambda p: F.smooth_l1_loss(p, weight.to(p.dtype)).reshape(1), random(4, 5) * 2)
    case("divergence", lambda m, v: -0.5 * (1 + v - m * m - v.exp()), random(3, 4), random(3, 4))
    for name, value in (("target", target), ("weight", weight), ("classes", classes)):
        put("losses/" + name, value)

    class Small(nn.Module):
        """Every kind of name: a list, a sequence, a recurrent layer, running statistics."""

        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([nn.Conv1d(3, 4, 3, padding=1), nn.Conv1d(4, 4, 3, padding=1)])
            self.norm = nn.BatchNorm1d(4)
            self.rnn = nn.GRU(4, 3, batch_first=True, bidirectional=True)
            self.head = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2))

        def forward(self, x):
            for block in self.blocks:
                x = F.elu(block(x))
            return self.head(self.rnn(self.norm(x).transpose(1, 2))[0])

    case("network", call, random(2, 3, 6), module=Small(), buffers=True)


def initial_values():
    for name, make in (
        ("linear", lambda: nn.Linear(5, 4)), ("conv1d", lambda: nn.Conv1d(3, 4, 5)),
        ("conv2d", lambda: nn.Conv2d(2, 3, 3)), ("conv-transpose1d", lambda: nn.ConvTranspose1d(3, 4, 5)),
        ("conv-transpose2d", lambda: nn.ConvTranspose2d(2, 3, 3)),
        ("lstm", lambda: nn.LSTM(3, 4, 2, bidirectional=True)), ("gru", lambda: nn.GRU(3, 4)),
    ):
        torch.manual_seed(SEED)
        for key, value in make().state_dict().items():
            put(f"initial/{name}/{key}", value)
    for name, initialise in (
        ("glorot-uniform", nn.init.xavier_uniform_), ("glorot-normal", nn.init.xavier_normal_),
        ("kaiming-normal", nn.init.kaiming_normal_), ("truncated-normal", lambda w: nn.init.trunc_normal_(w, std=0.5, a=-1, b=1)),
    ):
        torch.manual_seed(SEED)
        weight = torch.empty(6, 4, 3)
        initialise(weight)
        put(f"initial/{name}", weight)


def optimisers():
    follow(dict(
        adam=lambda p: torch.optim.Adam(p, 0.05, (0.8, 0.99), 1e-7, weight_decay=0.1),
        adamw=lambda p: torch.optim.AdamW(p, 0.05, weight_decay=0.2),
        sgd=lambda p: torch.optim.SGD(p, 0.05, weight_decay=0.1),
        momentum=lambda p: torch.optim.SGD(p, 0.05, momentum=0.9),
        nesterov=lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, weight_decay=0.1, nesterov=True),
    ))


def follow(kinds):
    """Records twenty steps of each optimiser, and what it remembers after them."""
    torch.manual_seed(SEED)
    start = {"a": random(3, 4), "b": random(4), "unused": random(2)}
    data, target = random(6, 3), random(6, 4)
    for key, value in (*start.items(), ("data", data), ("target", target)):
        put(f"optimiser/{key}", value)
    for label, kind in (("f64", torch.float64), ("f32", torch.float32)):
        for name, make in kinds.items():
            values = {k: v.clone().to(kind).requires_grad_() for k, v in start.items()}
            optimiser = make(list(values.values()))
            path, norms = [], []
            for _ in range(20):
                optimiser.zero_grad()
                F.mse_loss(torch.tanh(data.to(kind) @ values["a"] + values["b"]), target.to(kind)).backward()
                norms.append(torch.nn.utils.clip_grad_norm_(values.values(), 0.2))
                optimiser.step()
                path.append(torch.cat([v.detach().flatten() for v in values.values()]))
            put(f"optimiser/{name}/{label}/path", torch.stack(path))
            put(f"optimiser/{name}/{label}/norms", torch.stack(norms))
            for key, entries in zip(values, (optimiser.state.get(v, {}) for v in values.values())):
                for entry, value in entries.items():
                    if value is not None:
                        put(f"optimiser/{name}/{label}/state.{key}.{entry}", value)


def schedules():
    for name, make in dict(
        steps=lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.3),
        exponential=lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9),
        cosine=lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 29, eta_min=0.1),
        linear=lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.25, 1.0, 10),
    ).items():
        optimiser = torch.optim.SGD([torch.zeros(1)], 1.0)
        schedule = make(optimiser)
        factors = []
        for _ in range(30):
            factors.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            schedule.step()
        put(f"schedule/{name}", torch.tensor(factors, dtype=torch.float64))
    optimiser = torch.optim.SGD([torch.zeros(1)], 1.0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=2)
    metrics = [5, 4, 4, 4, 3.9999, 4, 4, 2, 3, 3, 3, 3, 3, 3, 1, 1, 1]
    factors = []
    for metric in metrics:
        plateau.step(metric)
        factors.append(optimiser.param_groups[0]["lr"])
    put("schedule/plateau", torch.tensor([metrics, factors], dtype=torch.float64))


def generator():
    torch.manual_seed(SEED)
    put("generator/normal", torch.randn(21))
    put("generator/uniform", torch.rand(3))
    put("generator/integers", torch.randint(0, 100, (9,)))
    put("generator/dropout", F.dropout(torch.ones(50), 0.3))
    put("generator/state", torch.get_rng_state())
    put("generator/after", torch.randn(33))


def lbfgs(paths=False):
    def rosenbrock(x):
        return scipy.optimize.rosen(x), scipy.optimize.rosen_der(x)

    def torch_function(function):
        def evaluate(x):
            x = torch.tensor(x, requires_grad=True)
            value = function(x)
            value.backward()
            return value.item(), x.grad.numpy()
        return evaluate

    scales = torch.logspace(0, 4, 12, dtype=torch.float64)
    functions = {
        "rosenbrock2": (rosenbrock, [-1.2, 1.0]), "rosenbrock10": (rosenbrock, [-1.2, 1.0] * 5),
        "quadratic": (torch_function(lambda x: (scales * (x - 1) ** 2).sum()), [0.0] * 12),
        "beale": (torch_function(lambda x: (1.5 - x[0] + x[0] * x[1]) ** 2 + (2.25 - x[0] + x[0] * x[1] ** 2) ** 2
                                 + (2.625 - x[0] + x[0] * x[1] ** 3) ** 2), [1.0, 1.0]),
        "powell": (torch_function(lambda x: (x[0] + 10 * x[1]) ** 2 + 5 * (x[2] - x[3]) ** 2 + (x[1] - 2 * x[2]) ** 4
                                  + 10 * (x[0] - x[3]) ** 4), [3.0, -1.0, 0.0, 1.0]),
    }
    for name, (function, start) in functions.items():
        values = []
        result = scipy.optimize.minimize(
            function, numpy.array(start), jac=True, method="L-BFGS-B",
            callback=lambda intermediate_result: values.append(intermediate_result.fun))
        if paths:
            put(f"lbfgs/{name}/values", torch.tensor(values[:16], dtype=torch.float64))
            continue
        put(f"lbfgs/{name}/start", torch.tensor(start, dtype=torch.float64))
        put(f"lbfgs/{name}/end", torch.tensor(result.x))
        put(f"lbfgs/{name}/facts", torch.tensor([result.fun, result.nit, result.nfev], dtype=torch.float64))


def operations():
    torch.manual_seed(SEED + 1)

    def mixed(*parts):
        """Values and what goes with them as one vector."""
        return torch.cat([p.to(parts[0].dtype).flatten() for p in parts])

    for name, module, shape in (
        ("layer-norm", nn.LayerNorm([4, 5]), (3, 4, 5)), ("group-norm", nn.GroupNorm(2, 6), (2, 6, 3, 4)),
        ("group-norm1d", nn.GroupNorm(3, 6, eps=1e-3), (2, 6, 7)),
        ("instance-norm2d-affine", nn.InstanceNorm2d(3, affine=True), (2, 3, 4, 5)),
    ):
        for value in module.state_dict().values():
            value.uniform_(0.5, 1.5)
        case(name, call, random(*shape), module=module)
    case("layer-norm-plain", lambda x: F.layer_norm(x, [6]), random(3, 2, 6))

    numbers = torch.tensor([[2, 0, 2, 1], [4, 4, 3, 1]])
    case("embedding", call, numbers, module=nn.Embedding(5, 3))
    case("embedding-padding", call, numbers, module=nn.Embedding(5, 3, padding_idx=4))
    case("conv2d-groups", call, random(2, 4, 6, 5), module=nn.Conv2d(4, 6, 3, padding=1, groups=2))
    case("conv2d-k5", call, random(2, 2, 9, 8), module=nn.Conv2d(2, 4, 5, padding="same"))
    case("conv-transpose2d-k5", call, random(2, 4, 6, 5), module=nn.ConvTranspose2d(4, 2, 5, padding=2))
    case("conv-transpose2d-groups", call, random(2, 4, 3, 4), module=nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2))
    image, line = random(2, 3, 7, 8), random(2, 3, 9)
    case("max-pool2d-overlapping", lambda x: F.max_pool2d(x, (4, 1), (2, 2)), image)
    case("average-pool2d-strided", lambda x: F.avg_pool2d(x, (3, 3), (2, 1), (1, 1)), image)

    case("resize-linear", lambda x: F.interpolate(x, 14, mode="linear"), line)
    case("resize-bilinear", lambda x: F.interpolate(x, (5, 13), mode="bilinear"), image)
    case("resize-bilinear-corners", lambda x: F.interpolate(x, (10, 4), mode="bilinear", align_corners=True), image)
    case("resize-bilinear-antialias", lambda x: F.interpolate(x, (3, 4), mode="bilinear", antialias=True), image)
    case("resize-bicubic", lambda x: F.interpolate(x, (11, 5), mode="bicubic"), image)
    case("resize-bicubic-corners", lambda x: F.interpolate(x, (4, 15), mode="bicubic", align_corners=True), image)
    case("resize-bicubic-antialias", lambda x: F.interpolate(x, (4, 3), mode="bicubic", antialias=True), image)

    pairs = random(3, 6, 2)
    case("real-fourier", lambda x: torch.view_as_real(torch.fft.rfft(x)), random(3, 10))
    case("real-fourier-axis", lambda x: torch.view_as_real(torch.fft.rfft(x, 7, dim=1)), random(2, 9, 3))
    case("real-fourier-padded", lambda x: torch.view_as_real(torch.fft.rfft(x, 16)), random(2, 9))
    case("inverse-real-fourier", lambda x: torch.fft.irfft(torch.view_as_complex(x), 10), pairs)
    case("inverse-real-fourier-odd", lambda x: torch.fft.irfft(torch.view_as_complex(x), 11), pairs)
    case("inverse-real-fourier-axis", lambda x: torch.fft.irfft(torch.view_as_complex(x), 8, dim=0), random(5, 3, 2))
    case("autocorrelation", lambda x: torch.fft.irfft(torch.fft.rfft(x, 16).abs() ** 2, 16)[..., :8], random(3, 8))

    cube, index = random(2, 5, 3), torch.tensor([[[2, 0, 1], [4, 4, 0]], [[1, 3, 2], [0, 1, 1]]])
    case("sort", lambda x: mixed(*x.sort(1)), cube)
    case("sort-descending", lambda x: mixed(*x.sort(-1, descending=True)), cube)
    case("top", lambda x: mixed(*x.topk(3, 1)), cube)
    case("top-smallest", lambda x: mixed(*x.topk(2, -1, largest=False)), cube)
    case("largest-with-indices", lambda x: mixed(*x.max(1)), cube)
    case("smallest-with-indices", lambda x: mixed(*x.min(2, keepdim=True)), cube)
    # Each index once in a line, since of two elements for one place any may win.
    once = torch.stack([torch.stack([torch.randperm(5)[:2] for _ in range(3)], 1) for _ in range(2)])
    case("scatter", lambda x, y, i: x.scatter(1, i, y), cube, random(2, 2, 3), once)
    case("scatter-add", lambda x, y, i: x.scatter_add(1, i, y), cube, random(2, 2, 3), index)
    case("one-hot", lambda x, i: F.one_hot(i, 6).to(x.dtype) * x, random(2, 4, 1), numbers)

    norm = nn.utils.spectral_norm
    case("spectral-norm-linear", call, random(3, 5), module=norm(nn.Linear(5, 4)), buffers=True)
    case("spectral-norm-conv2d", call, random(2, 3, 6, 5), module=norm(nn.Conv2d(3, 4, 3), n_power_iterations=3), buffers=True)
    case("spectral-norm-conv-transpose2d", call, random(2, 3, 4, 3), module=norm(nn.ConvTranspose2d(3, 2, 3, stride=2)),
         buffers=True)
    case("spectral-norm-use", lambda m, x: m.eval()(x), random(3, 5), module=norm(nn.Linear(5, 4, bias=False)), buffers=True)


def operations_in_training():
    follow(dict(
        rmsprop=lambda p: torch.optim.RMSprop(p, 0.02, alpha=0.9),
        rmsprop_momentum=lambda p: torch.optim.RMSprop(p, 0.01, eps=1e-6, momentum=0.8, weight_decay=0.1),
        rmsprop_centred=lambda p: torch.optim.RMSprop(p, 0.02, alpha=0.95, centered=True),
    ))
    torch.manual_seed(SEED + 2)
    weights = torch.rand(3, 7, dtype=torch.float64)
    put("multinomial/weights", weights)
    torch.manual_seed(SEED)
    put("multinomial/replaced", torch.multinomial(weights, 20, replacement=True))
    put("multinomial/kept", torch.multinomial(weights, 5))
    put("multinomial/one", torch.multinomial(weights[0], 1))
    torch.manual_seed(SEED)
    put("initial/embedding/weight", nn.Embedding(5, 3, padding_idx=1).weight)
    lbfgs(paths=True)

    for label, kind in (("f64", torch.float64), ("f32", torch.float32)):
        torch.manual_seed(SEED + 3)
        network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).to(torch.float64)
        data, target = random(6, 3), random(6, 2)
        if label == "f64":
            for key, value in network.state_dict().items():
                put(f"average/weight.{key}", value)
            put("average/data", data)
            put("average/target", target)
        network.to(kind)
        average = torch.optim.swa_utils.AveragedModel(
            network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
        average.update_parameters(network)
        optimiser = torch.optim.SGD(network.parameters(), 0.1)
        for _ in range(12):
            optimiser.zero_grad()
            F.mse_loss(torch.tanh(network(data.to(kind))), target.to(kind)).backward()
            optimiser.step()
            average.update_parameters(network)
        for key, value in average.module.state_dict().items():
            put(f"average/{label}/end.{key}", value)


def save(name):
    metadata = {
        "tool": f"torch {torch.__version__}, scipy {scipy.__version__}, numpy {numpy.__version__}",
        "python": sys.version.split()[0], "seed": str(SEED), "script": "tools/oracles/torch_golden.py",
        "parameters": "in the script, by the case that each name begins with",
    }
    GOLDEN.mkdir(parents=True, exist_ok=True)
    save_file(out, GOLDEN / name, metadata)
    print(name, len(out), "tensors", (GOLDEN / name).stat().st_size, "bytes")
    out.clear()


PARTS = {
    "torch-layers": (layers,),
    "torch-operations": (operations,),
    "torch-training": (initial_values, optimisers, schedules, generator, lbfgs),
    "torch-operations-training": (operations_in_training,),
}
for name in sys.argv[1:] or PARTS:
    for part in PARTS[name]:
        part()
    save(name + ".safetensors")
