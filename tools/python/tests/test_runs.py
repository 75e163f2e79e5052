"""Runs: their settings and weights, and networks that say what the program says."""

import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import reprise
from conftest import ROOT, small_music

torch = pytest.importorskip("torch", reason="torch is not installed; its tests are skipped")
import safetensors.torch  # noqa: E402
from reprise import _networks as networks  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

GOLDEN = ROOT / "Tests" / "Fixtures" / "Golden"
COMPOSER = {"label": "style", "input": "onset", "depth": "deep", "dropout": 0.3}
VELOCITY = {"network": "published", "padding": "both", "input": "both", "scale": 64.0, "adversarial": True}

# The vectors that the networks in Swift are held against: file, case, inputs, network.
CASES = [
    ("systems-mel", "mel", ["mel"], lambda: networks.Mel(3, [4, 6, 8, 8])),
    ("systems-mel", "mel-narrow", ["mel"], lambda: networks.Mel(3, [4, 6, 8, 8])),
    ("systems-000", "composer", ["roll"], lambda: networks.PublishedComposer(24, 6, 3)),
    ("systems-000", "composer-deep", ["roll"], lambda: networks.DeepComposer(6, 3, [8, 8, 16, 16])),
    ("systems-001", "genre", ["roll"], lambda: networks.Genre(192)),
    ("systems-001", "velocity", ["roll", "onsets"], lambda: networks.Velocity(12)),
    ("systems-001", "velocity-both", ["roll", "onsets"], lambda: networks.Velocity(6, 12, 92, 64)),
    ("systems-001-notes", "notes", ["sounding", "onsets"], lambda: networks.NoteVelocity(8, 12)),
]


@pytest.mark.parametrize("file, name, inputs, make", CASES, ids=[case[1] for case in CASES])
@pytest.mark.parametrize("kind, limit", [("f64", 1e-12), ("f32", 1e-5)])
def test_networks_are_those_of_swift(file, name, inputs, make, kind, limit):
    golden = safetensors.torch.load_file(GOLDEN / f"{file}.safetensors")
    dtype = torch.float64 if kind == "f64" else torch.float32
    network = make().to(dtype)
    prefix = f"{name}/weight."
    network.load_state_dict({key[len(prefix) :]: value for key, value in golden.items() if key.startswith(prefix)})
    with torch.no_grad():
        found = network(*(golden[f"{name}/input.{key}"].to(dtype) for key in inputs))
    wanted = golden[f"{name}/{kind}/output"]
    assert found.shape == wanted.shape and wanted.abs().max() > 0
    assert (found - wanted).abs().max() <= limit * wanted.abs().max()


def write(cache, name, recipe, settings, dataset, network):
    """A run's folder, as the program writes it, with random weights."""
    folder = cache / "runs" / name
    folder.mkdir(parents=True)
    snapshot = (cache / "refs" / dataset).read_text().strip()
    record = {"recipe": recipe, "parameters": settings, "snapshot": snapshot}
    (folder / "run.json").write_text(json.dumps(record))
    safetensors.torch.save_file(network.state_dict(), folder / "best.safetensors")
    return folder


@pytest.mark.parametrize("settings", [COMPOSER, {**COMPOSER, "input": "rolls", "depth": "published"}])
def test_a_composer_sees_its_rolls(own_cache, settings):
    ds = reprise.load("mixed", cache=own_cache, kind="midi")
    steps, classes = ds.snapshot.steps, ds.vocabularies["style"]
    count = 7 if settings["input"] == "rolls" else 1
    if settings["depth"] == "deep":
        network = networks.DeepComposer(128, len(classes))
    else:
        network = networks.PublishedComposer(steps, 128 * count, len(classes), networks.PublishedComposer.SEVERAL)
    write(own_cache, "composer-cnn-1", "composer-cnn", settings, "mixed", network)
    run = reprise.load_run("composer-cnn-1", cache=own_cache)
    assert run.classes == classes and run.settings == settings and run.snapshot == ds.snapshot.digest
    batch = next(iter(DataLoader(ds.torch(**run.views), batch_size=4)))
    (roll,) = run.inputs(batch)
    assert roll.shape == (4, steps, 128 * count) and roll.max() <= 5
    own = run.network()
    assert not own.training and set(own.state_dict()) == set(run.weights())
    assert torch.equal(own(roll), network.eval()(roll))


def test_velocities_take_a_style(own_cache):
    styles = reprise.load("mixed", cache=own_cache, kind="midi").vocabularies["style"]
    network = networks.Velocities([networks.Velocity(59, 118, 92, 64) for _ in styles], judges=len(styles))
    write(own_cache, "velocity-cnn-1", "velocity-cnn", VELOCITY, "mixed", network)
    run = reprise.load_run("velocity-cnn-1", cache=own_cache)
    assert run.classes == styles
    data = reprise.load("mixed", cache=own_cache, kind="midi").torch(**run.views)
    sounding, onsets = run.inputs(next(iter(DataLoader(data, batch_size=2))))
    assert onsets[..., 57:].max() == 0 and onsets.max() == 1
    said = [run.network()(sounding, onsets, style=style) for style in range(len(styles))]
    assert not torch.equal(said[0], said[1]) and all((velocities[onsets == 0] == 0).all() for velocities in said)


def test_other_recipes_have_weights_only(own_cache):
    folder = write(own_cache, "music-vae-1", "music-vae", {"seed": 0}, "mixed", torch.nn.Linear(2, 3))
    run = reprise.load_run("music-vae-1", cache=own_cache)
    assert run.state_dict()["weight"].shape == (3, 2) and isinstance(run.weights()["bias"], np.ndarray)
    with pytest.raises(reprise.NotInDatasetError, match="there is only state_dict"):
        run.network()
    with pytest.raises(reprise.NotFoundError, match="best.auc.safetensors"):
        run.state_dict("auc")
    with pytest.raises(reprise.NotFoundError, match="did you mean 'music-vae-1'"):
        reprise.load_run("music-vae-2", cache=own_cache)
    # An evaluation counts as long as the weights are those that were measured.
    assert run.evaluation() is None
    weights = hashlib.sha256((folder / "best.safetensors").read_bytes()).hexdigest()
    (folder / "evaluation.test.json").write_text(json.dumps({"weights": weights, "metrics": {"loss": 1}}))
    assert run.evaluation()["metrics"] == {"loss": 1}
    safetensors.torch.save_file(torch.nn.Linear(2, 3).state_dict(), folder / "best.safetensors")
    assert run.evaluation() is None
    (folder / "run.json").write_text("{}")
    with pytest.raises(reprise.DamagedError, match="run.json"):
        reprise.load_run("music-vae-1", cache=own_cache)


MANIFEST = """\
version: 1
dataset: two
sources:
  - path: "*/*.mid"
    labels: {style: "{dir}"}
midi:
  segment: {steps: 160}
splits: {train: 0.5, validation: 0, test: 0.5, method: exact, stratify: style}
"""


@pytest.mark.parametrize(
    "recipe, settings",
    [
        ("genre-cnn", []),
        ("composer-cnn", ["label=style", "input=rolls"]),
        ("composer-cnn", ["label=style", "input=onset+offset", "depth=published"]),
    ],
)
def test_losses_are_those_of_the_program(tmp_path, program, recipe, settings):
    """A network that the program trained, on the segments of its test split."""
    if not Path(f"{program}-train").is_file():
        pytest.skip("reprise-train is not built: it needs libtorch")
    for seed in range(8):
        place = tmp_path / ("low" if seed % 2 else "high") / f"{seed}.mid"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(small_music.midi(seed))
    (tmp_path / "two.yaml").write_text(MANIFEST)

    def call(*words):
        done = subprocess.run(
            [program, *words, "--cache", "cache", "--json"], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    call("build", "two.yaml")
    more = [word for setting in settings for word in ("--set", setting)]
    name = call("train", recipe, "--dataset", "two", "--epochs", "2", "--threads", "1", *more)["run"]
    wanted = call("evaluate", name, "--threads", "1")
    run = reprise.load_run(name, cache=tmp_path / "cache")
    assert run.evaluation() == wanted
    data = run.dataset("test").torch(**run.views, label="style")
    batch = next(iter(DataLoader(data, batch_size=len(data))))
    with torch.no_grad():
        logits = run.network()(*run.inputs(batch)).double()
    if recipe == "genre-cnn":
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, batch["style"].double())
    else:
        loss = torch.nn.functional.cross_entropy(logits, batch["style"])
    assert loss.item() == pytest.approx(wanted["metrics"]["loss"], rel=1e-5)
