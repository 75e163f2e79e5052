#!/usr/bin/env python3
"""musicnn's networks in numpy, float64: tags of audio files, and the golden vectors of their layers.

    tools/oracles/musicnn.py tags FILE… [--weights DIR] [--top N]
    tools/oracles/musicnn.py golden [--weights DIR] [--to FILE]
    tools/oracles/musicnn.py export FILE [--weights DIR]

`tags` prints the N strongest tags of each file by each network: the mean of its patches of 187 frames (3 s). `golden`
writes Tests/Fixtures/Golden/musicnn.safetensors: two patches that look like spectrograms, and for each of them
  real/<network>/…     with the weights that `tools/fetch-weights` converted, which are not part of it: mean and maximum of
                       each pool over time and mel, and the 50 tags; as they are for `musicnn` networks, whose features have
                       no mel axis: mean and maximum over time of the front end and of each middle layer, and `hidden`
  small/<network>/…    with seeded weights and few channels, which are in the file: whole arrays, but of the largest ones
                       (pool1, pool2, front) mean and maximum
`export` writes the same `real/` arrays in float64 whole, to compare with other programs.

DIR holds the networks; default: cache/backbones/musicnn. Arithmetic: Pons and Serra 2019, arXiv:1909.06654 (the musicnn
networks: section 2; Pons and others 2018, arXiv:1711.02520, figure 4), and the metadata of the files. Audio: 16 kHz, mono,
log10(10000 x + 1) of 96 mel bands, without the rounding to float16 that the package does before the logarithm.
Needs tools/oracles/requirements.txt.
"""

import argparse
import json
import pathlib
import sys

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from safetensors import safe_open
from safetensors.numpy import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "Tests/Fixtures/Golden/musicnn.safetensors"
NETWORKS = ("MSD_vgg", "MTT_vgg", "MSD_musicnn", "MTT_musicnn")
SEED = 1909


class Network:
    """Weights in float64 by PyTorch's names, with what the metadata says of them."""

    def __init__(self, weights, pools, tags, epsilon):
        self.weights = {name: np.asarray(value, np.float64) for name, value in weights.items()}
        self.pools, self.tags, self.epsilon = pools, tags, epsilon

    @classmethod
    def load(cls, path):
        with safe_open(path, "numpy") as file:
            metadata = file.metadata()
            weights = {name: file.get_tensor(name) for name in file.keys()}
        pools = json.loads(metadata["pools"]) if "pools" in metadata else None
        return cls(weights, pools, json.loads(metadata["tags"]), float(metadata["norm_epsilon"]))

    def norm(self, name, x):
        """Batch normalisation in use, of [C, …]."""
        scale = self.weights[f"{name}.weight"] / np.sqrt(self.weights[f"{name}.running_var"] + self.epsilon)
        shift = self.weights[f"{name}.bias"] - scale * self.weights[f"{name}.running_mean"]
        over = (-1,) + (1,) * (x.ndim - 1)
        return scale.reshape(over) * x + shift.reshape(over)

    def conv(self, name, x, pad):
        """[C, time, mel] to [D, time, mel]; `pad` is zeros before and behind each axis."""
        kernel = self.weights[f"{name}.weight"]
        windows = sliding_window_view(np.pad(x, ((0, 0), *pad)), kernel.shape[2:], axis=(1, 2))
        out = np.tensordot(kernel, windows, ((1, 2, 3), (0, 3, 4)))
        return out + self.weights[f"{name}.bias"][:, None, None]

    def dense(self, name, x):
        return self.weights[f"{name}.weight"] @ x + self.weights[f"{name}.bias"]

    def __call__(self, patch):
        """All activations of one patch [time, mel]; the last is `tags`."""
        x = self.norm("input_norm", np.asarray(patch, np.float64)[None])
        found = self.vgg(x) if self.pools else self.musicnn(x)
        found["tags"] = 1 / (1 + np.exp(-found.pop("logits")))
        return found

    def vgg(self, x):
        found = {}
        for k, (size, stride) in enumerate(self.pools, 1):
            x = self.norm(f"norm{k}", np.maximum(self.conv(f"conv{k}", x, ((1, 1), (1, 1))), 0))
            x = sliding_window_view(x, size, axis=(1, 2))[:, ::stride[0], ::stride[1]].max((3, 4))
            found[f"pool{k}"] = x
        found["logits"] = self.dense("output", x.transpose(1, 2, 0).ravel())
        return found

    def branch(self, name, x, pad):
        """A branch of the front end: [features, time]."""
        return self.norm(f"{name}.norm", np.maximum(self.conv(f"{name}.conv", x, pad), 0)).max(2)

    def musicnn(self, x):
        parts = [self.branch(f"timbral.{k}", x, ((3, 3), (0, 0))) for k in range(2)]
        for k in range(3):
            size = self.weights[f"temporal.{k}.conv.weight"].shape[2]
            before = (size - 1) // 2
            parts.append(self.branch(f"temporal.{k}", x, ((before, size - 1 - before), (0, 0))))
        found = {"front": np.concatenate(parts)}
        previous, layers = found["front"], [found["front"]]
        for k in range(3):
            # One channel with features as its second axis; what comes out is features again.
            y = self.conv(f"middle.{k}.conv", previous.T[None], ((3, 3), (0, 0)))[:, :, 0]
            y = self.norm(f"middle.{k}.norm", np.maximum(y, 0))
            previous = y + previous if k else y
            found[f"middle{k}"] = previous
            layers.append(previous)
        together = np.concatenate(layers)
        pooled = np.stack([together.max(1), together.mean(1)], 1).ravel()
        found["hidden"] = self.norm("hidden_norm", np.maximum(self.dense("hidden", self.norm("pool_norm", pooled)), 0))
        found["logits"] = self.dense("output", found["hidden"])
        return found


def patches(path, frames=187):
    """[N, 187, 96] of an audio file; what is left at its end is dropped."""
    import librosa

    audio, rate = librosa.load(path, sr=16000, mono=True)
    mel = librosa.feature.melspectrogram(
        y=audio.astype(np.float64), sr=rate, n_fft=512, hop_length=256, n_mels=96, power=2, pad_mode="reflect", fmin=0, fmax=8000)
    mel = np.log10(10000 * mel + 1).T
    count = len(mel) // frames
    if not count:
        sys.exit(f"error: {path} has {len(mel)} frames, and a patch has {frames} (3 s)")
    return mel[:count * frames].reshape(count, frames, mel.shape[1])


def drawn_patches(rng):
    """Two patches with the range, the harmonics and the onsets of log-mel spectrograms; made of numbers alone."""
    made = np.zeros((2, 187, 96))
    time, mel = np.arange(187)[:, None], np.arange(96)[None]
    for patch in made:
        patch += 0.4 * rng.random((187, 96)) + 0.8 * np.exp(-mel / 30)
        for onset in range(0, 187, int(rng.integers(9, 30))):
            after = np.where(time >= onset, np.exp(-(time - onset) / rng.uniform(5, 40)), 0)
            base = rng.uniform(8, 40)
            for harmonic in range(1, 6):
                patch += 2.5 / harmonic * after * np.exp(-((mel - base - 12 * np.log2(harmonic)) ** 2) / 2)
            patch += 0.7 * np.where((time >= onset) & (time < onset + 2), 1, 0)
    return np.clip(made, 0, 6).astype(np.float32)


def small_networks(rng):
    """Networks of the same graphs with few channels, 5 tags and drawn weights, rounded to float32."""
    def normals(shape, inputs):
        return rng.standard_normal(shape) / np.sqrt(inputs)

    def layer(weights, name, *shape):
        weights[f"{name}.weight"] = normals(shape, np.prod(shape[1:]) / 2)
        weights[f"{name}.bias"] = 0.1 * rng.standard_normal(shape[0])

    def norm(weights, name, count):
        weights[f"{name}.weight"] = rng.uniform(0.5, 1.5, count) * np.where(rng.random(count) < 0.2, -1, 1)
        weights[f"{name}.bias"] = 0.2 * rng.standard_normal(count)
        weights[f"{name}.running_mean"] = 0.3 * rng.standard_normal(count)
        weights[f"{name}.running_var"] = rng.uniform(0.3, 2, count)

    sys.path.insert(0, str(ROOT / "tools/lib"))
    from musicnn_weights import POOLS

    made = {}
    for name in ("MSD_vgg", "MTT_vgg"):
        weights = {}
        norm(weights, "input_norm", 1)
        channels = [1, 3, 4, 5, 4, 6]
        for k in range(1, 6):
            layer(weights, f"conv{k}", channels[k], channels[k - 1], 3, 3)
            norm(weights, f"norm{k}", channels[k])
        layer(weights, "output", 5, 2 * channels[5])
        made[name] = Network(rounded(weights), POOLS[name], None, 0.001)
    weights = {}
    norm(weights, "input_norm", 1)
    for k, bands in enumerate((38, 67)):
        layer(weights, f"timbral.{k}.conv", 3, 1, 7, bands)
        norm(weights, f"timbral.{k}.norm", 3)
    for k, frames in enumerate((128, 64, 32)):
        layer(weights, f"temporal.{k}.conv", 2, 1, frames, 1)
        norm(weights, f"temporal.{k}.norm", 2)
    for k, features in enumerate((12, 4, 4)):
        layer(weights, f"middle.{k}.conv", 4, 1, 7, features)
        norm(weights, f"middle.{k}.norm", 4)
    norm(weights, "pool_norm", 48)
    layer(weights, "hidden", 7, 48)
    norm(weights, "hidden_norm", 7)
    layer(weights, "output", 5, 7)
    made["musicnn"] = Network(rounded(weights), None, None, 0.001)
    return made


def rounded(weights):
    return {name: np.asarray(value, np.float32) for name, value in weights.items()}


def summaries(found):
    """What a golden file keeps of a whole network: mean and maximum over time and mel of each layer."""
    for name, value in found.items():
        if value.ndim == 1:
            yield name, value
        else:
            yield f"{name}.mean", value.reshape(len(value), -1).mean(1)
            yield f"{name}.max", value.reshape(len(value), -1).max(1)


def golden(folder):
    """Every array of the golden file, in float64 but for inputs and weights."""
    rng = np.random.default_rng(SEED)
    inputs, arrays = drawn_patches(rng), {}
    arrays["patches"] = inputs
    for name, network in small_networks(rng).items():
        for key, value in network.weights.items():
            arrays[f"small/{name}/weight.{key}"] = value.astype(np.float32)
        outputs = [network(patch) for patch in inputs]
        for key in outputs[0]:
            values = [{key: out[key]} for out in outputs]
            if key in ("pool1", "pool2", "front"):
                values = [dict(summaries(value)) for value in values]
            for part in values[0]:
                arrays[f"small/{name}/{part}"] = np.stack([value[part] for value in values])
    for name in NETWORKS:
        network = Network.load(folder / f"{name}.safetensors")
        outputs = [dict(summaries(network(patch))) for patch in inputs]
        for key in outputs[0]:
            arrays[f"real/{name}/{key}"] = np.stack([out[key] for out in outputs])
    return arrays


def write_golden(folder, path):
    # Each output is kept in float32: half a unit of its last place is 6e-8 of it, less than float32 arithmetic loses.
    arrays = {name: np.ascontiguousarray(value, np.float32) for name, value in golden(folder).items()}
    save_file(arrays, path, {
        "script": "tools/oracles/musicnn.py", "seed": str(SEED), "tools": json.dumps({"numpy": np.__version__}),
        "parameters": json.dumps({"networks": NETWORKS, "input": "[N, time, mel]", "arithmetic": "float64"}),
        "weights": "musicnn 0.1.0 (ISC), as tools/fetch-weights converts them",
    })
    print(f"{path}: {len(arrays)} arrays, {path.stat().st_size:,} bytes")


def print_tags(folder, paths, top):
    networks = {name: Network.load(folder / f"{name}.safetensors") for name in NETWORKS}
    for path in paths:
        found = patches(path)
        print(f"{path}: {len(found)} patches")
        for name, network in networks.items():
            mean = np.mean([network(patch)["tags"] for patch in found], 0)
            best = np.argsort(-mean, kind="stable")[:top]
            print(f"  {name:<12} " + ", ".join(f"{network.tags[i]} {mean[i]:.2f}" for i in best))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("tags", "golden", "export"):
        part = commands.add_parser(name)
        part.add_argument("--weights", type=pathlib.Path, default=ROOT / "cache/backbones/musicnn", metavar="DIR")
        if name == "tags":
            part.add_argument("files", nargs="+", metavar="FILE")
            part.add_argument("--top", type=int, default=5, metavar="N")
        else:
            part.add_argument("--to" if name == "golden" else "to", type=pathlib.Path, default=GOLDEN, metavar="FILE")
    arguments = parser.parse_args()
    for name in NETWORKS:
        if not (arguments.weights / f"{name}.safetensors").exists():
            sys.exit(f"error: {arguments.weights} has no {name}.safetensors\n       run first: tools/fetch-weights")
    if arguments.command == "tags":
        print_tags(arguments.weights, arguments.files, arguments.top)
    elif arguments.command == "golden":
        write_golden(arguments.weights, arguments.to)
    else:
        inputs, arrays = drawn_patches(np.random.default_rng(SEED)), {}
        for name in NETWORKS:
            network = Network.load(arguments.weights / f"{name}.safetensors")
            for key in (outputs := [network(patch) for patch in inputs])[0]:
                arrays[f"{name}/{key}"] = np.ascontiguousarray(np.stack([out[key] for out in outputs]))
        save_file({"patches": inputs, **arrays}, arguments.to)


if __name__ == "__main__":
    main()
