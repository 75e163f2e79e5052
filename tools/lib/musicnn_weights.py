"""The networks of musicnn as safetensors: names, layouts, and what a reader must know to use them.

J. Pons, X. Serra: musicnn: pre-trained convolutional neural networks for music audio tagging. ISMIR 2019 late breaking
demo, arXiv:1909.06654. The pools are those of the graphs that were trained (each network's `.meta`). The package's own
Python gives MSD_vgg the pools of MTT_vgg, which changes its tags.
"""

import array
import json
import os
import sys

import safetensors_file
import tensor_bundle

# Raised when what is written changes, so that older files are converted again.
VERSION = "1"
NETWORKS = ("MSD_vgg", "MTT_vgg", "MSD_musicnn", "MTT_musicnn", "MSD_musicnn_big")
FRONT_END = {
    "sample_rate": 16000, "channels": 1, "n_fft": 512, "hop": 256, "window": "hann", "center": True, "pad_mode": "reflect",
    "mels": 96, "fmin": 0, "fmax": 8000, "scale": "slaney", "norm": "slaney", "power": 2, "log": "log10(10000 x + 1)",
    "frames": 187,
}
# [time, mel] of each max-pool without padding: its size, its stride.
POOLS = {
    "MTT_vgg": [[[4, 1], [2, 2]], [[2, 2], [2, 2]], [[2, 2], [2, 2]], [[2, 2], [2, 2]], [[4, 4], [4, 4]]],
    "MSD_vgg": [[[4, 1], [4, 1]], [[1, 4], [1, 4]], [[2, 2], [2, 2]], [[2, 2], [2, 2]], [[4, 4], [4, 4]]],
}
TAGS = {
    "MTT": (
        "guitar,classical,slow,techno,strings,drums,electronic,rock,fast,piano,ambient,beat,violin,vocal,synth,female,"
        "indian,opera,male,singing,vocals,no vocals,harpsichord,loud,quiet,flute,woman,male vocal,no vocal,pop,soft,sitar,"
        "solo,man,classic,choir,voice,new age,dance,male voice,female vocal,beats,harp,cello,no voice,weird,country,metal,"
        "female voice,choral").split(","),
    "MSD": (
        "rock,pop,alternative,indie,electronic,female vocalists,dance,00s,alternative rock,jazz,beautiful,metal,chillout,"
        "male vocalists,classic rock,soul,indie rock,Mellow,electronica,80s,folk,90s,chill,instrumental,punk,oldies,blues,"
        "hard rock,ambient,acoustic,experimental,female vocalist,guitar,Hip-Hop,70s,party,country,easy listening,sexy,"
        "catchy,funk,electro,heavy metal,Progressive rock,60s,rnb,indie pop,sad,House,happy").split(","),
}

# TensorFlow's layers, and ours: what is `input_norm` here is `batch_normalization` there.
VGG_LAYERS = {
    "batch_normalization": "input_norm",
    **{f"{k}CNN": f"conv{k}" for k in range(1, 6)},
    **{f"batch_normalization_{k}": f"norm{k}" for k in range(1, 6)},
    "dense": "output",
}
MUSICNN_LAYERS = {
    "batch_normalization": "input_norm",
    "conv2d": "timbral.0.conv", "batch_normalization_1": "timbral.0.norm",  # 7 frames × 38 bands
    "conv2d_1": "timbral.1.conv", "batch_normalization_2": "timbral.1.norm",  # 7 × 67
    "conv2d_2": "temporal.0.conv", "batch_normalization_3": "temporal.0.norm",  # 128 × 1
    "conv2d_3": "temporal.1.conv", "batch_normalization_4": "temporal.1.norm",  # 64 × 1
    "conv2d_4": "temporal.2.conv", "batch_normalization_5": "temporal.2.norm",  # 32 × 1
    "conv2d_5": "middle.0.conv", "batch_normalization_6": "middle.0.norm",  # 7 × all features
    "conv2d_6": "middle.1.conv", "batch_normalization_7": "middle.1.norm",
    "conv2d_7": "middle.2.conv", "batch_normalization_8": "middle.2.norm",
    "batch_normalization_9": "pool_norm",
    "dense": "hidden", "batch_normalization_10": "hidden_norm",
    "dense_1": "output",
}
# The last part of a name; the slots of the optimiser have others, and are left out.
PARTS = {
    "kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
CONVENTIONS = {
    "vgg": {
        "input": "[N, 1, time, mel]", "block": "conv 3x3 same, ReLU, norm, max-pool", "flatten": "time, mel, channel",
    },
    "musicnn": {
        "input": "[N, 1, time, mel]",
        "timbral": "3 zero frames on both sides, conv, ReLU, norm, maximum over mel",
        "temporal": "conv same in time, (size - 1) // 2 zero frames before and the rest behind, ReLU, norm, maximum over mel",
        "features": "timbral.0, timbral.1, temporal.0, temporal.1, temporal.2",
        "middle": "conv over 7 frames same and all features, ReLU, norm; middle.1 and middle.2 add their input",
        "flatten": "of [features, middle.0, middle.1, middle.2] each one's maximum over time, then its mean",
        "end": "pool_norm, hidden, ReLU, hidden_norm, output",
    },
}


def kind(network):
    """`vgg` or `musicnn`."""
    return "vgg" if network.endswith("vgg") else "musicnn"


def our_name(network, name):
    """PyTorch's name for a tensor of a bundle; None for one that only training needs."""
    layer, _, part = name.rpartition("/")
    layers = VGG_LAYERS if kind(network) == "vgg" else MUSICNN_LAYERS
    return f"{layers[layer]}.{PARTS[part]}" if layer in layers and part in PARTS else None


def transposed(shape, data):
    """A kernel of TensorFlow [height, width, in, out] or [in, out] as PyTorch has it: [out, in, height, width] or [out, in].

    In words of 4 bytes.
    """
    values = array.array("I", data)
    places, result = 1, array.array("I")
    for length in shape[:-2]:
        places *= length
    ins, outs = shape[-2:]
    columns = [values[out::outs] for out in range(outs)]  # each [height · width · in]
    for column in columns:
        for row in range(ins):
            result.extend(column[row::ins])
    return [outs, ins, *shape[:-2]], result.tobytes()


def convert(prefix, network, path, provenance):
    """Reads the bundle at `prefix`, every checksum of it, and writes the network's tensors to `path`."""
    if sys.byteorder != "little":
        raise tensor_bundle.BundleError(prefix, 0, "this converter needs a machine with the lowest byte first")
    bundle, tensors = tensor_bundle.Bundle(prefix), {}
    for name in bundle.names:
        dtype, shape, data = bundle.read(name)
        ours = our_name(network, name)
        if ours is None:
            continue
        if dtype != "F32":
            raise tensor_bundle.BundleError(bundle.index_path, 0, f"{name} is {dtype}, not F32")
        if name.endswith("/kernel"):
            shape, data = transposed(shape, data)
        tensors[ours] = (dtype, shape, data)
    check(bundle.index_path, network, tensors)
    metadata = {
        "format": "pt", "network": network, "version": VERSION, **provenance, "tags": json.dumps(TAGS[network[:3]]),
        "front_end": json.dumps(FRONT_END), "norm_epsilon": "0.001", "conventions": json.dumps(CONVENTIONS[kind(network)]),
        **({"pools": json.dumps(POOLS[network])} if network in POOLS else {}),
    }
    safetensors_file.write(path, tensors, metadata)
    return tensors


def check(path, network, tensors):
    """Every layer of the table is there, and the last one gives the tags."""
    layers = VGG_LAYERS if kind(network) == "vgg" else MUSICNN_LAYERS
    for theirs, ours in layers.items():
        parts = ("weight", "bias", "running_mean", "running_var") if "norm" in ours else ("weight", "bias")
        for part in parts:
            if f"{ours}.{part}" not in tensors:
                raise tensor_bundle.BundleError(path, 0, f"{theirs} has no {part}")
    if tensors["output.weight"][1][0] != len(TAGS[network[:3]]):
        raise tensor_bundle.BundleError(path, 0, f"{tensors['output.weight'][1][0]} outputs for {len(TAGS[network[:3]])} tags")


def is_current(path, provenance):
    """True if the file is whole, and what `convert` would write."""
    found = safetensors_file.metadata(path)
    return found is not None and all(found.get(key) == value for key, value in {**provenance, "version": VERSION}.items())


def prefixes(folder):
    """The networks below the unpacked package, in the order of `NETWORKS`."""
    found = {network: os.path.join(folder, "musicnn", network, "") for network in NETWORKS}
    return {network: prefix for network, prefix in found.items() if os.path.exists(prefix + ".index")}
