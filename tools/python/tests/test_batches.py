"""Batches against those that the Swift loader gave, byte for byte; order, state, errors."""

import itertools
import json
import pickle

import numpy as np
import pytest
import reprise
from golden_cases import CASES, arguments, batches, dataset, described, recorded
from reprise import _order


def test_cases_are_all_tested(golden, cases):
    assert CASES == list(cases) == [case["name"] for case in golden["cases"]]


@pytest.mark.parametrize("name", CASES)
def test_three_epochs_are_those_of_swift(name, golden, cases, cache):
    wanted = recorded(golden, name)
    own = batches(cases[name], cache)
    assert own.examples == wanted["epoch_count"]
    found = [described(batch) for _ in range(3) for batch in own]
    assert len(found) == len(wanted["batches"]) == 3 * len(own)
    for ours, theirs in zip(found, wanted["batches"]):
        assert ours == theirs


@pytest.mark.parametrize("name", CASES)
def test_resumes_from_every_state(name, golden, cases, cache):
    """A loader that begins at a saved state gives the batch that Swift gave next."""
    wanted = recorded(golden, name)["batches"]
    for step in range(len(wanted) - 1):
        epoch, position = wanted[step]["after"]
        state = json.loads(json.dumps({"epoch": epoch, "position": position}))
        own = batches(cases[name], cache)
        own.load_state_dict(state)
        assert described(next(iter(own))) == wanted[step + 1]
        again = batches(cases[name], cache, epoch=epoch, start=position)
        assert described(next(iter(again))) == wanted[step + 1]


def test_state_moves_with_the_loop(cases, cache):
    case = cases[CASES[0]]
    own = batches(case, cache)
    assert own.state_dict() == {"epoch": 0, "position": 0}
    first = list(itertools.islice(own, 3))
    assert own.state_dict() == first[-1].after == {"epoch": 0, "position": 21}
    rest = list(own)
    assert len(first) + len(rest) == len(own)
    assert own.state_dict() == rest[-1].after == {"epoch": 1, "position": 0}
    assert own.epoch == 1 and next(iter(own)).epoch == 1


def test_batches_by_number(golden, cases, cache):
    wanted = recorded(golden, CASES[1])["batches"]
    own = batches(cases[CASES[1]], cache)
    count = len(own)
    own.set_epoch(1)
    for number in range(count):
        assert described(own[number]) == wanted[count + number]
    assert described(own[-1]) == wanted[2 * count - 1]
    with pytest.raises(IndexError):
        own[count]


def test_pickles_small_and_equal(golden, cases, cache):
    own = batches(cases[CASES[0]], cache)
    next(iter(own))
    data = pickle.dumps(own)
    assert described(next(iter(pickle.loads(data)))) == recorded(golden, CASES[0])["batches"][1]


def test_a_slice_is_a_set(cache):
    ds = reprise.load("mixed", cache=cache, kind="midi")
    part = ds[10:30]
    numbers = [n for batch in part.batches(6, seed=2, columns="number") for n in batch["number"].tolist()]
    assert sorted(numbers) == part._numbers.tolist()
    same = [
        n for batch in ds.batches(6, seed=2, columns="number", sets=[part._numbers]) for n in batch["number"].tolist()
    ]
    assert numbers == same


# The order


def test_hash_is_pinned():
    """The numbers of `LoaderOrderTests.swift`."""
    assert int(_order.hash_words(1, 2, 3)[0]) == 13_636_942_009_313_963_156
    key = _order.hash_words(1, 2, 3)
    assert _order.shuffled(np.arange(10), 10, key).tolist() == [4, 7, 5, 6, 9, 3, 0, 8, 1, 2]


@pytest.mark.parametrize("count", [*range(1, 70), 255, 256, 257, 1000, 4095, 4097, 20011])
def test_shuffle_is_a_bijection(count):
    for key in (0, 1, 2**64 - 1):
        places = _order.shuffled(np.arange(count), count, _order.hash_words(key, count))
        assert sorted(places.tolist()) == list(range(count))


def test_draws_are_even():
    draws = _order.hash_words(5, np.arange(20_000))
    counts = np.bincount(_order.below(7, draws), minlength=7)
    # Each count is binomial with a std of 49; five of these.
    assert abs(counts - 20_000 / 7).max() < 250
    exact = [(int(draw) * 7) >> 64 for draw in draws[:1000]]
    assert _order.below(7, draws)[:1000].tolist() == exact
    units = _order.unit(draws)
    assert (
        0 <= units.min()
        and units.max() < 1
        and units[:1000].tolist() == [(int(d) >> 11) * 2.0**-53 for d in draws[:1000]]
    )


# Refusals


@pytest.mark.parametrize(
    "change, words",
    [
        (dict(rolls="pianos"), "no roll 'pianos'; did you mean 'piano'?"),
        (dict(features="mel"), "the midi segments hold no 'mel'"),
        (
            dict(label="styles"),
            "no label 'styles'; did you mean 'style'? labels come from the manifest: labels: {styles: …}",
        ),
        (dict(sets=[{"style": "jaz"}]), "no 'style' of 'mixed' is 'jaz'; did you mean 'jazz'?"),
        (dict(sets=[{"genre": "jazz"}]), "no label 'genre'"),
        (dict(sets=[[4000]]), "no midi segment 4000"),
        (
            dict(sets=[{"style": "jazz", "composer": "composer1"}]),
            "no midi segments with composer = composer1 with style = jazz",
        ),
        (dict(balance="genre"), "no label 'genre'"),
        (
            dict(windows=33, rolls="piano"),
            "segments of 'mixed' have 32 steps, not 33; set midi: {segment: {steps: 33}}",
        ),
        (dict(rolls=reprise.Roll("controls", numbers=(7,))), "set midi: {controls: [1, 7, 64]}"),
        (dict(batch_size=0), "batches of 0"),
        (dict(batch_size=1000, drop_last=True), "no whole batch of 1000"),
        (dict(columns="frame_steps"), "only pairs have it"),
        (dict(columns="index"), "no column 'index'"),
        (dict(rolls=["piano", "piano"]), "two views are named 'piano'"),
        (dict(stretch=(0, 1)), "factors of time are above 0"),
        (dict(start=1000), "position 1000 is outside an epoch"),
        (dict(columns=None), "name rolls, features, a label or columns"),
    ],
)
def test_refuses(change, words, cache):
    ds = reprise.load("mixed", cache=cache, kind="midi")
    with pytest.raises(reprise.NotInDatasetError) as caught:
        ds.batches(**{"batch_size": 4, "columns": "number", **change})
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "name, change, words",
    [
        ("pairs", dict(features="mel", transpose=(-1, 1)), "cannot follow transposed or stretched notes"),
        ("pairs", dict(features=reprise.Feature("mel", 8, True)), "it would show other instants than the notes do"),
        ("scores", dict(features="mel", windows=5), "it would show other instants than the notes do"),
        ("scores", dict(columns="frame_steps", windows=5), "leave out the windows"),
    ],
)
def test_keeps_pairs_aligned(name, change, words, cache):
    with pytest.raises(reprise.NotInDatasetError) as caught:
        reprise.load(name, cache=cache).batches(2, **change)
    assert words in str(caught.value)


def test_views_are_names(cache):
    with pytest.raises(
        TypeError, match="views are named by texts, Roll or Feature, a list of them or a dict, not by 3"
    ):
        reprise.load("dealt", cache=cache).batches(2, rolls=3)


def test_kinds_must_be_chosen(cache):
    with pytest.raises(reprise.NotInDatasetError) as caught:
        reprise.load("mixed", cache=cache).batches(2, label="style")
    assert "kind='audio'" in str(caught.value)


def test_arguments_cover_the_cases(cases, cache):
    """Each key of a case is used, so that a case cannot lose a part on the way."""
    for case in cases.values():
        used = {"name", "dataset", "kind", "split", "views", "sets"} | set(arguments(case))
        assert set(case) <= used
        assert len(dataset(case, cache)) > 0
