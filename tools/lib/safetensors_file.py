"""Safetensors files with the standard library alone. https://github.com/huggingface/safetensors has the format."""

import hashlib
import json
import struct

import command

# Bytes of one element.
SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "I64": 8,
         "U64": 8, "F64": 8, "F8_E4M3": 1, "F8_E5M2": 1}


def write(path, tensors, metadata):
    """Writes {name: (dtype, shape, bytes)} whole, in the order of names; `data_sha256` is added to the metadata."""
    order = sorted(tensors, key=lambda name: (-SIZES[tensors[name][0]], name))
    digest = hashlib.sha256()
    for name in order:
        digest.update(tensors[name][2])
    header, end = {"__metadata__": {**metadata, "data_sha256": digest.hexdigest()}}, 0
    for name in order:
        dtype, shape, data = tensors[name]
        count = SIZES[dtype]
        for length in shape:
            count *= length
        if count != len(data):
            raise ValueError(f"{name}: {len(data)} bytes for {dtype} {list(shape)}")
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + len(data)]}
        end += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    with command.whole_file(path) as temporary:
        with open(temporary, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for name in order:
                file.write(tensors[name][2])


def metadata(path):
    """The metadata of a file that `write` wrote; None if its bytes are not those that were written."""
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > 1 << 24:
                return None
            found = json.loads(file.read(length))["__metadata__"]
            whole = hashlib.sha256(file.read()).hexdigest() == found["data_sha256"]
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None
    return found if whole else None
