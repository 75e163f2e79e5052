"""Runs in an environment with torch: a state dict becomes a safetensors file. `tools/convert-weights` starts it."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import command  # noqa: E402
import safetensors_file  # noqa: E402
from command import Stop  # noqa: E402


def state_dict(path):
    """The tensors of a file by name; what it holds besides is an error."""
    import torch

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001  # torch raises many kinds for a file that is not one of its own
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise Stop(
            f"{path} is not a file of weights that can be read: {first}",
            "a whole pickled module is refused, since it would run code; save its state_dict() alone") from error
    if not isinstance(found, dict) or not found:
        raise Stop(f"{path} holds {'an empty dict' if isinstance(found, dict) else type(found).__name__}, not a dict of tensors")
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise Stop(
                f"{path}: {name!r} is {type(value).__name__}, not a tensor under a name",
                "of a checkpoint, save the entry that holds the weights, such as checkpoint['state_dict']")
        if value.layout != torch.strided or value.is_quantized or value.is_complex():
            raise Stop(f"{path}: {name} is a sparse, quantized or complex tensor, which safetensors does not have")
    return found


def main():
    import torch

    source, target = sys.argv[1:]
    names = {
        torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.int32: "I32", torch.int64: "I64",
        torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32", torch.float64: "F64",
    }
    tensors = {}
    for name, value in state_dict(source).items():
        if value.dtype not in names:
            raise Stop(f"{source}: {name} is {value.dtype}, which is not converted")
        value = value.detach().contiguous()
        data = value.reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b""
        tensors[name] = (names[value.dtype], list(value.shape), data)
    provenance = {"format": "pt", "source": os.path.basename(source), "source_sha256": command.sha256(source)}
    safetensors_file.write(target, tensors, provenance)
    numbers = sum(len(data) // safetensors_file.SIZES[dtype] for dtype, _, data in tensors.values())
    print(f"{target}: {len(tensors)} tensors, {numbers:,} numbers")
    return 0


if __name__ == "__main__":
    command.run(main)
