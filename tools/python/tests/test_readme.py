"""The code of README.md runs as it is printed."""

import os
import re
import shutil
from pathlib import Path

import pytest
import reprise
from conftest import HERE, small_music

torch = pytest.importorskip("torch", reason="torch is not installed; its tests are skipped")
from test_runs import COMPOSER, write  # noqa: E402

BLOCKS = re.findall(r"```python\n(.*?)```", (HERE.parent / "README.md").read_text(encoding="utf-8"), re.DOTALL)
# What README.md calls them, and which of the small datasets plays each.
NAMES = {"genre": "dealt", "sound": "sound", "maestro": "pairs"}


class Trainer:
    """Steps of a linear layer, so that each loop does train."""

    def __init__(self):
        self.shapes, self.losses = [], []

    def __call__(self, x, y):
        from torch.nn import functional

        self.shapes.append((x.shape, y.shape))
        torch.manual_seed(0)
        x = x.float().flatten(1)
        if y.dtype == torch.int64:
            layer = torch.nn.Linear(x.shape[1], 4)
            loss = functional.cross_entropy(layer(x), y)
        else:
            y = y.float().flatten(1)
            layer = torch.nn.Linear(x.shape[1], y.shape[1])
            loss = functional.binary_cross_entropy_with_logits(layer(x), y.clamp(0, 1))
        loss.backward()
        assert torch.isfinite(loss) and float(layer.weight.grad.abs().sum()) > 0
        self.losses.append(loss.item())


@pytest.fixture
def names(own_cache, tmp_path, monkeypatch):
    """What the blocks find: datasets by README's names, and a step of training."""
    for name, own in NAMES.items():
        if name != own:
            shutil.copy(own_cache / "refs" / own, own_cache / "refs" / name)
    monkeypatch.setenv("REPRISE_CACHE", str(own_cache))
    monkeypatch.chdir(tmp_path)
    for source in reprise.load("maestro").snapshot.sources:
        if source.kind == "audio":
            path = Path("music", source.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(small_music.wave_file([3] * 40_000, 8000))
    from reprise._networks import DeepComposer

    write(own_cache, "composer-cnn-1", "composer-cnn", COMPOSER, "mixed", DeepComposer(128, 3))
    return {"train": Trainer()}


def test_code_blocks_run_in_order(names):
    for package in ("symusic", "pretty_midi", "soundfile"):
        pytest.importorskip(package, reason=f"{package} is not installed; README.md is not run")
    ran = 0
    for block in BLOCKS:
        if "reprise.build" in block:
            continue
        exec(compile(block, f"README.md: {block.splitlines()[0]}", "exec"), names)
        ran += 1
    assert ran == 11
    # The first batch of each of the three loops.
    shapes = [tuple(map(tuple, pair)) for pair in names["train"].shapes]
    count = len(reprise.load("sound"))
    assert shapes[0] == ((count, 8, 9), (count,)) and 0 < count <= 32
    assert shapes[1] == ((32, 24, 128), (32,)) and ((32, 6, 33), (32, 33, 128)) in shapes
    assert os.path.getsize("segment.mid") > 50 and names["rate"] == 8000
    assert names["logits"].shape[1] == len(names["run"].classes) == 3
    # Two epochs by the loop, and a third by the workers.
    assert names["state"] == {"epoch": 3, "position": 0}


def test_build_block_runs(names, program, monkeypatch):
    (block,) = [block for block in BLOCKS if "reprise.build" in block]
    monkeypatch.setenv("REPRISE_PROGRAM", program)
    monkeypatch.setenv("REPRISE_CACHE", "new-cache")
    Path("midi").mkdir()
    for seed in range(12):
        Path(f"midi/{seed}.mid").write_bytes(small_music.midi(seed))
    Path("genre.yaml").write_text("version: 1\ndataset: genre\nsources:\n  - path: midi/*.mid\nmidi: {}\n")
    names["reprise"] = reprise
    exec(block, names)
    assert names["result"].dataset == "genre" and len(names["ds"]) == names["result"].segments["train"] > 0


def test_three_lines_are_three_lines():
    loops = [block for block in BLOCKS if "DataLoader(ds.torch" in block]
    assert len(loops) == 3 and all(len(block.strip().splitlines()) == 3 for block in loops)
