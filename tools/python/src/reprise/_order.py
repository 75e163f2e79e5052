"""The order of examples: a function of seed and position (docs/formats.md, Order of examples).

The same numbers as the Swift loader's, bit for bit: `IndexShuffle.swift`, `ItemList.swift`.
"""

from __future__ import annotations

from typing import Sequence, Union

import numpy as np

from ._array import Array

Words = Union[int, Array]
_MASK = (1 << 64) - 1


def _words(value: Words) -> Array:
    if isinstance(value, (int, np.integer)):
        return np.array([int(value) & _MASK], np.uint64)
    return np.asarray(value).astype(np.uint64, copy=False)


def _constant(value: int) -> Array:
    return np.array([value], np.uint64)


_MIX_1, _MIX_2 = _constant(0xBF58476D1CE4E5B9), _constant(0x94D049BB133111EB)
_GOLDEN, _HASH_START = _constant(0x9E3779B97F4A7C15), _constant(0x2545F4914F6CDD1D)
_LOW_FACTOR, _HIGH_FACTOR = _GOLDEN, _constant(0xD6E8FEB86659FD93)
_27, _30, _31, _32, _11 = (_constant(bits) for bits in (27, 30, 31, 32, 11))


def mix(value: Array) -> Array:
    """SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014)."""
    value = (value ^ (value >> _30)) * _MIX_1
    value = (value ^ (value >> _27)) * _MIX_2
    return value ^ (value >> _31)


def hash_words(*words: Words) -> Array:
    """A hash of words, their order included; words may be arrays."""
    value = _HASH_START
    for word in words:
        value = mix((value ^ mix(_words(word))) + _GOLDEN)
    return value


def unit(value: Array) -> Array:
    """Numbers in [0, 1) out of hashes, by their upper 53 bits."""
    return (value >> _11).astype(np.float64) * 2.0**-53


def below(count: int, value: Array) -> Array:
    """Numbers in [0, count) out of hashes: the upper half of the product; `count` is at most 2**32."""
    factor = _constant(count)
    low = (value & _constant(0xFFFFFFFF)) * factor
    return (((value >> _32) * factor + (low >> _32)) >> _32).astype(np.int64)


def shuffled(indices: Array, count: int, keys: Array) -> Array:
    """Where a keyed bijection of [0, count) sends indices.

    An unbalanced Feistel network of 4 rounds over the smallest power of two that holds `count`, repeated until the
    value is below `count` (cycle walking; Black and Rogaway, CT-RSA 2002).
    """
    bits = (count - 1).bit_length()
    low_bits = (bits + 1) // 2
    shift, low_mask = _constant(low_bits), _constant((1 << low_bits) - 1)
    high_mask = _constant((1 << (bits - low_bits)) - 1)
    values = _words(indices).copy()
    keys = np.broadcast_to(keys, values.shape)
    pending = np.arange(len(values))
    while len(pending):
        value, key = values[pending], keys[pending]
        low, high = value & low_mask, value >> shift
        for number in range(4):
            first, second = _constant(2 * number), _constant(2 * number + 1)
            high = high ^ (mix(key + low * _LOW_FACTOR + first) & high_mask)
            low = low ^ (mix((key ^ (high * _HIGH_FACTOR)) + second) & low_mask)
        value = (high << shift) | low
        values[pending] = value
        pending = pending[value >= _constant(count)]
    return values.astype(np.int64)


class ItemList:
    """Examples in their natural order, kept as runs of neighbouring segments with equally many windows."""

    def __init__(self, segments: Array, windows: Array):
        keep = windows > 0
        segments, windows = segments[keep], windows[keep]
        if len(segments):
            breaks = (np.diff(segments) != 1) | (np.diff(windows) != 0)
            begin = np.concatenate([[0], np.flatnonzero(breaks) + 1])
        else:
            begin = np.zeros(0, np.int64)
        self._segment, self._windows = segments[begin], windows[begin]
        lengths = np.diff(np.concatenate([begin, [len(segments)]]))
        first = np.concatenate([[0], np.cumsum(lengths * self._windows)])
        self._first = first[:-1]
        self.count = int(first[-1])

    def __getitem__(self, indices: Array) -> tuple[Array, Array]:
        """The segment and the window of examples by their numbers."""
        run = np.searchsorted(self._first, indices, "right") - 1
        segment, window = np.divmod(indices - self._first[run], self._windows[run])
        return self._segment[run] + segment, window


class ItemOrder:
    """The endless order of one set: a function of the position alone."""

    def __init__(self, groups: Sequence[ItemList], balance: Union[str, None], seed: Array, shuffle: bool):
        self.groups = list(groups)
        counts = [group.count for group in self.groups]
        self.share = min(counts) if balance == "smallest" else max(counts)
        self.count = len(self.groups) * self.share
        self._seed = seed
        self._shuffles = shuffle

    def items(self, positions: Array) -> tuple[Array, Array]:
        """The segments and windows at positions, from 0 without end."""
        passes, place = np.divmod(positions, self.count)
        if len(self.groups) > 1:
            place = self._shuffled(place, self.count, 0, passes)
        # A group continues where the last pass left it, so that each of its examples has its turn.
        turn, group = np.divmod(place, len(self.groups))
        segments, windows = np.empty_like(positions), np.empty_like(positions)
        for number, examples in enumerate(self.groups):
            mine = np.flatnonzero(group == number)
            if len(mine):
                rounds, index = np.divmod(passes[mine] * self.share + turn[mine], examples.count)
                index = self._shuffled(index, examples.count, number + 1, rounds)
                segments[mine], windows[mine] = examples[index]
        return segments, windows

    def _shuffled(self, indices: Array, count: int, group: int, rounds: Array) -> Array:
        if not self._shuffles:
            return indices
        return shuffled(indices, count, hash_words(self._seed, group, rounds))
