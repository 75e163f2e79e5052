"""PyTorch's DataLoader over items and over batches, with workers and without."""

import pickle
import warnings

import numpy as np
import pytest
import reprise
from golden_cases import CASES, batches, described, recorded

torch = pytest.importorskip("torch", reason="torch is not installed; its tests are skipped")
from torch.utils.data import DataLoader, DistributedSampler  # noqa: E402


def as_numpy(batch):
    if isinstance(batch, (tuple, list)):
        return tuple(as_numpy(each) for each in batch)
    assert isinstance(batch, reprise.Batch)
    found = reprise.Batch({name: tensor.numpy() for name, tensor in batch.items()})
    found.__dict__.update(batch.__dict__)
    return found


@pytest.mark.parametrize("workers", [0, 2, 4])
@pytest.mark.parametrize("name", [CASES[0], CASES[1], CASES[6]])
def test_workers_give_the_batches_of_swift(name, workers, golden, cases, cache):
    """Three epochs by workers that persist, and a resume in the middle of the second."""
    wanted = recorded(golden, name)["batches"]
    own = batches(cases[name], cache)
    loader = DataLoader(
        own, batch_size=None, sampler=own.sampler(), num_workers=workers, persistent_workers=workers > 0
    )
    found = [described(as_numpy(batch)) for _ in range(3) for batch in loader]
    assert found == wanted
    middle = len(wanted) // 2
    own.load_state_dict(dict(zip(("epoch", "position"), wanted[middle]["after"])))
    rest = [described(as_numpy(batch)) for batch in loader]
    assert rest and rest == wanted[middle + 1 : middle + 1 + len(rest)] and rest[-1]["after"][1] == 0


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_items_are_those_of_the_dataset(context, cache):
    ds = reprise.load("mixed", cache=cache, kind="midi", rolls=["piano", "velocity"])
    data = ds.torch(rolls=["piano", reprise.Roll("velocity", dtype="uint8")], label="style", columns="number")
    assert isinstance(data, torch.utils.data.Dataset) and len(data) == len(ds)
    loader = DataLoader(data, batch_size=8, num_workers=2, multiprocessing_context=context)
    found = list(loader)
    assert [len(batch["number"]) for batch in found] == [8] * 7 + [7]
    for name, dtype in (("piano", torch.float32), ("velocity", torch.uint8), ("style", torch.int64)):
        column = torch.cat([batch[name] for batch in found])
        assert column.dtype == dtype
        wanted = [item["label_ids"]["style"] if name == "style" else item[name] for item in ds]
        assert np.array_equal(column.numpy(), np.array(wanted))
    one = data[-1]
    assert torch.equal(one["piano"], found[-1]["piano"][-1]) and one["style"].shape == ()
    with pytest.raises(IndexError):
        data[len(data)]


def test_tensors_may_be_written(cache):
    ds = reprise.load("mixed", cache=cache, kind="audio")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mel = ds.torch(features="mel")[0]["mel"]
    mel += 1
    assert not np.array_equal(mel.numpy(), ds[0]["mel"])


@pytest.mark.filterwarnings("ignore:.*pin_memory.*:UserWarning")
def test_memory_may_be_pinned(golden, cases, cache):
    """Where there is no accelerator, PyTorch leaves the memory as it is."""
    data = reprise.load("mixed", cache=cache, kind="midi").torch(rolls="piano", label="style")
    batch = next(iter(DataLoader(data, batch_size=4, pin_memory=True)))
    own = batches(cases[CASES[0]], cache)
    whole = next(iter(DataLoader(own, batch_size=None, pin_memory=True)))
    assert batch["piano"].is_pinned() == whole["piano"].is_pinned() == torch.cuda.is_available()
    wanted = recorded(golden, CASES[0])["batches"][0]
    assert described(as_numpy(whole)) == wanted


def test_windows_are_items(cache):
    ds = reprise.load("mixed", cache=cache, kind="midi", rolls="piano")
    data = ds.torch(rolls="piano", columns=["number", "start", "length"], windows=(12, 10))
    by_number = {int(item["id"].split("/")[1]): item for item in ds}
    counts = [1 + min((32 - 12) // 10, (item["length"] - 1) // 10) for item in by_number.values()]
    assert len(data) == sum(counts) > len(ds)
    for item in data:
        whole = by_number[int(item["number"])]
        begin = int(item["start"]) - whole["start"]
        assert np.array_equal(item["piano"].numpy(), whole["piano"][begin : begin + 12])
        assert 0 < int(item["length"]) == min(12, whole["length"] - begin)


def test_distributed_samplers_share_the_items(cache):
    data = reprise.load("mixed", cache=cache, kind="midi").torch(columns="number")
    parts = []
    for rank in range(2):
        sampler = DistributedSampler(data, num_replicas=2, rank=rank, seed=3)
        parts.append([int(n) for batch in DataLoader(data, batch_size=5, sampler=sampler) for n in batch["number"]])
    # Of an odd number the sampler repeats one.
    assert set(parts[0]) | set(parts[1]) == {int(item["number"]) for item in data}
    assert len(set(parts[0]) & set(parts[1])) <= 1


def test_tuples_are_in_the_order_of_views(cache):
    pairs = reprise.load("pairs", cache=cache)
    mel, roll, style = next(
        iter(DataLoader(pairs.torch(features="mel", rolls="piano", label="style", as_tuple=True), batch_size=3))
    )
    assert mel.shape == (3, 6, 33) and roll.shape == (3, 33, 128) and style.shape == (3,)


def test_pickles_to_little(cache):
    """What a worker is sent by `spawn`; it does not grow with the dataset."""
    data = reprise.load("mixed", cache=cache, kind="midi").torch(rolls="piano")
    data[0]
    text = pickle.dumps(data)
    assert len(text) < 3000
    assert torch.equal(pickle.loads(text)[5]["piano"], data[5]["piano"])


def test_refuses(cache):
    ds = reprise.load("mixed", cache=cache, kind="audio")
    with pytest.raises(reprise.NotInDatasetError, match="a random window needs an epoch"):
        ds.torch(features=reprise.Feature("mel", 4, random=True))
    with pytest.raises(reprise.NotInDatasetError, match="items of nothing"):
        ds.torch()
    with pytest.raises(reprise.NotInDatasetError, match="no label 'genre'"):
        ds.torch(label="genre")


def test_torch_is_imported_only_when_it_is_used():
    import subprocess
    import sys

    code = "import sys, reprise; sys.exit('torch' in sys.modules or 'symusic' in sys.modules or 'pretty_midi' in sys.modules)"
    path = str(reprise.__path__[0]).rsplit("/", 1)[0]
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}).returncode == 0
