#!/usr/bin/env python3
"""Runs the graphs that musicnn's authors trained in TensorFlow, and compares every layer with musicnn.py.

    tools/oracles/musicnn.py export FILE --weights DIR
    tools/oracles/musicnn_graph.py WHEEL FILE

WHEEL is musicnn 0.1.0, unpacked into a temporary folder. Needs tensorflow-cpu (2.21.0) and safetensors, in an environment
of their own; no other script does. Both the graphs and the weights are read by TensorFlow here, so this also tests the
bundle reader and the naming table of tools/fetch-weights. Prints the largest error of each layer over its largest value;
the exit status is 1 if one is above 2e-5: TensorFlow computes in float32.
"""

import os
import sys
import tempfile
import zipfile

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from safetensors.numpy import load_file  # noqa: E402
from tensorflow.core.protobuf import meta_graph_pb2  # noqa: E402

LIMIT = 2e-5
tf1 = tf.compat.v1
# What musicnn.py calls each layer, and how its axes are found in TensorFlow's.
LAYERS = {
    "vgg": {f"pool{k}": (f"model/max_pooling2d{f'_{k - 1}' if k > 1 else ''}/MaxPool", lambda x: x.transpose(0, 3, 1, 2))
            for k in range(1, 6)},
    "musicnn": {
        "front": ("model/concat", lambda x: x.transpose(0, 2, 1)),
        "middle0": ("model/transpose", lambda x: x[..., 0].transpose(0, 2, 1)),
        "middle1": ("model/Add", lambda x: x[..., 0].transpose(0, 2, 1)),
        "middle2": ("model/Add_1", lambda x: x[..., 0].transpose(0, 2, 1)),
        "hidden": ("model/batch_normalization_10/batchnorm/add_1", lambda x: x),
    },
}


def graph(path, outputs):
    """The part of a stored graph that leads to these operations."""
    stored = meta_graph_pb2.MetaGraphDef()
    with open(path, "rb") as file:
        stored.ParseFromString(file.read())
    for node in stored.graph_def.node:
        # Shapes that an old release noted, and a new one refuses.
        node.attr.pop("_output_shapes", None)
    return tf1.graph_util.extract_sub_graph(stored.graph_def, outputs)


def run(folder, layers, patches):
    """Each layer's output in TensorFlow."""
    with tf1.Graph().as_default() as loaded:
        tf1.import_graph_def(graph(os.path.join(folder, ".meta"), [name for name, _ in layers.values()]), name="")
        checkpoint, feed = tf1.train.NewCheckpointReader(os.path.join(folder, "")), {}
        for operation in loaded.get_operations():
            if operation.type == "VariableV2":
                feed[operation.outputs[0]] = checkpoint.get_tensor(operation.name)
            elif operation.type == "Placeholder":
                is_training = operation.outputs[0].dtype == tf.bool
                feed[operation.outputs[0]] = False if is_training else patches
        with tf1.Session() as session:
            found = session.run({key: loaded.get_tensor_by_name(name + ":0") for key, (name, _) in layers.items()}, feed)
    return {key: layers[key][1](value) for key, value in found.items()}


def main(wheel, export):
    tf1.disable_eager_execution()
    ours, worst = load_file(export), 0
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        for network in ("MSD_vgg", "MTT_vgg", "MSD_musicnn", "MTT_musicnn"):
            layers = {**LAYERS[network.partition("_")[2]], "tags": ("model/Sigmoid", lambda x: x)}
            for key, theirs in run(os.path.join(folder, "musicnn", network), layers, ours["patches"]).items():
                expected = ours[f"{network}/{key}"]
                error = np.abs(theirs - expected).max() / np.abs(expected).max()
                worst = max(worst, error)
                print(f"{network:<12} {key:<8} {str(expected.shape):<20} {error:.1e}")
    return 1 if worst > LIMIT else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
