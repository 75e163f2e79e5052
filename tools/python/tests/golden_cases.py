"""The cases of `Tests/Fixtures/Loader`: plans as arguments of `Dataset.batches`, batches as their hashes."""

import hashlib
import json

import reprise

_TYPES = {"uint8": "U8", "float32": "F32", "int64": "I64"}
CASES = [
    "whole segments, every roll as bytes",
    "windows, transposed and stretched, in pairs of styles",
    "transcription rolls",
    "balanced by the most frequent, the last batch dropped",
    "balanced by the rarest, in a list's order",
    "a list beside a label",
    "sound, random windows of half floats",
    "a clock, drums as notes, stretched",
    "pairs whose steps are frames, in windows",
    "pairs whose steps follow the tempo",
    "one example an epoch",
]


def arguments(case):
    """The keyword arguments of `Dataset.batches`."""
    rolls, features, labels, columns = {}, {}, [], []
    for view in case["views"]:
        name = view["name"]
        if "roll" in view:
            options = {key: view[key] for key in ("dtype", "scale", "pedal_cells", "voice", "voices") if key in view}
            options.update({key: tuple(view[key]) for key in ("pitches", "pedals", "numbers") if key in view})
            rolls[name] = reprise.Roll(view["roll"], **options)
        elif "feature" in view:
            features[name] = reprise.Feature(view["feature"], view.get("frames"), view.get("random", False))
        elif "label" in view:
            labels.append(view["label"])
        else:
            columns.append(view["column"])
    found = dict(rolls=rolls, features=features, label=labels, columns=columns)
    for key in ("batch_size", "seed", "shuffle", "drop_last", "windows", "transpose", "stretch", "balance", "share"):
        if key in case:
            found[key] = tuple(case[key]) if isinstance(case[key], list) else case[key]
    if "sets" in case:
        found["sets"] = [each.get("segments", each.get("labels")) for each in case["sets"]]
        assert not any("segments" in each and "labels" in each for each in case["sets"])
    return found


def dataset(case, cache):
    return reprise.load(case["dataset"], case.get("split", "train"), cache, kind=case["kind"])


def batches(case, cache, **changes):
    return dataset(case, cache).batches(**{**arguments(case), **changes})


def recorded(golden, name):
    """What the Swift loader gave for a case."""
    return next(case for case in golden["cases"] if case["name"] == name)


def described(batch):
    """A batch as `batches.json` has it."""
    sets = batch if isinstance(batch, tuple) else (batch,)

    def view(array):
        data = hashlib.sha256(array.tobytes()).hexdigest()
        return f"{json.dumps(list(array.shape))} {_TYPES[str(array.dtype)]} {data}"

    return {
        "epoch": sets[0].epoch,
        "position": sets[0].position,
        "after": [sets[0].after["epoch"], sets[0].after["position"]],
        "numbers": [each["number"].tolist() for each in sets],
        "views": [{name: view(array) for name, array in each.items()} for each in sets],
    }
