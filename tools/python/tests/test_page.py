"""docs/formats.md, "Order of examples", followed word for word with Python's own integers.

It shares no code with the package, so a mistake of the page, or of both loaders, would show.
"""

import math

import pytest
import reprise
from golden_cases import CASES, recorded
from safetensors.numpy import load_file

WORD = 2**64


def mix(x):
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB % WORD
    return x ^ (x >> 31)


def hashed(*words):
    h = 0x2545F4914F6CDD1D
    for w in words:
        h = mix(((h ^ mix(w)) + 0x9E3779B97F4A7C15) % WORD)
    return h


def shuffle(i, n, key):
    b = (n - 1).bit_length()
    l = math.ceil(b / 2)  # noqa: E741
    while True:
        low, high = i % 2**l, i >> l
        for r in range(4):
            high = high ^ (mix((key + low * 0x9E3779B97F4A7C15 + 2 * r) % WORD) % 2 ** (b - l))
            low = low ^ (mix(((key ^ (high * 0xD6E8FEB86659FD93) % WORD) + 2 * r + 1) % WORD) % 2**l)
        i = high * 2**l + low
        if i < n:
            return i


def segments(case, cache):
    """Number, labels and length of each segment of the split and kind, out of the shards themselves."""
    ds = reprise.load(case["dataset"], case.get("split", "train"), cache)
    number, found = 0, []
    for shard in ds.snapshot.shards(case.get("split", "train")):
        path = cache / "objects" / shard.object[:2] / shard.object[2:]
        raw = load_file(path)
        labels = ds._shards.peek([i.object for i in ds._shards.infos].index(shard.object)).labels
        for entry, length in zip(raw["segment.source"].tolist(), raw["segment.length"].tolist()):
            if shard.kind == case["kind"]:
                found.append((number, labels[entry], length))
            number += 1
    return found, ds


def examples(case, chosen, cache):
    """The examples of a set by the values of the balanced label: numbers of segments, one per window."""
    every, ds = segments(case, cache)
    by_number = {number: (number, labels, length) for number, labels, length in every}
    listed = [by_number[number] for number in chosen["segments"]] if "segments" in chosen else every
    wanted = chosen.get("labels", {})
    listed = [each for each in listed if all(each[1].get(name) == value for name, value in wanted.items())]
    groups = {}
    for number, labels, length in listed:
        value = labels.get(case["balance"]) if "balance" in case else ""
        if value is None:
            continue
        count = 1
        if "windows" in case and case["kind"] != "audio":
            w, h = case["windows"]
            count = min((ds.snapshot.steps - w) // h, (max(1, length) - 1) // h) + 1
        groups.setdefault(value, []).extend([number] * count)
    return [groups[value] for value in sorted(groups, key=str.encode)]


@pytest.mark.parametrize("name", CASES)
def test_the_page_gives_the_recorded_order(name, golden, cases, cache):
    case = cases[name]
    wanted = recorded(golden, name)
    permute = shuffle if case.get("shuffle", True) else lambda i, n, key: i
    orders = []
    for k, chosen in enumerate(case.get("sets", [{}])):
        groups = examples(case, chosen, cache)
        sizes = [len(group) for group in groups]
        orders.append((k, groups, min(sizes) if case.get("share") == "smallest" else max(sizes)))
    epoch_count = max(len(groups) * share for _, groups, share in orders)
    assert epoch_count == wanted["epoch_count"]

    def example(k, groups, share, p):
        s, g_count = hashed(case["seed"], k), len(groups)
        turn_pass, place = divmod(p, g_count * share)
        if g_count > 1:
            place = permute(place, g_count * share, hashed(s, 0, turn_pass))
        g, q = place % g_count, turn_pass * share + place // g_count
        n = len(groups[g])
        return groups[g][permute(q % n, n, hashed(s, g + 1, q // n))]

    for batch in wanted["batches"]:
        count = len(batch["numbers"][0])
        places = [batch["epoch"] * epoch_count + batch["position"] + i for i in range(count)]
        assert batch["numbers"] == [[example(*order, p) for p in places] for order in orders]
    last = wanted["batches"][-1]["after"]
    assert last == [3, 0]
