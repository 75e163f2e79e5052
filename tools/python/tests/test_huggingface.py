"""A dataset as one of the library `datasets`."""

import numpy as np
import pytest
import reprise

datasets = pytest.importorskip("datasets", reason="datasets is not installed; its tests are skipped")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")


def test_holds_every_segment(cache):
    ds = reprise.load("mixed", cache=cache, kind="midi", rolls=["piano", "tempo"])
    table = ds.to_huggingface(rolls=["piano", "tempo"], label=["style", "composer"])
    assert table.column_names == ["id", "path", "piano", "tempo", "style", "composer"]
    assert table.features["style"].names == ds.vocabularies["style"]
    assert table["id"][:] == [item["id"] for item in ds] and table["path"][:] == [item["path"] for item in ds]
    for row, item in zip(table.with_format("numpy"), ds):
        assert np.array_equal(row["piano"], item["piano"]) and np.array_equal(row["tempo"], item["tempo"])
        assert (row["style"], row["composer"]) == (item["label_ids"]["style"], item["label_ids"]["composer"])


def test_holds_features(cache):
    ds = reprise.load("sound", cache=cache)
    table = ds.to_huggingface(features="mel").with_format("numpy")
    assert len(table) == len(ds) and all(np.array_equal(row["mel"], item["mel"]) for row, item in zip(table, ds))
