"""A dataset as a sequence of segments; errors for what is not there or damaged."""

import json
import os
import pickle

import numpy as np
import pytest
import reprise
from safetensors.numpy import load_file


def shard_file(ds, place=0):
    return ds.snapshot.cache.object(ds._shards.infos[place].object)


@pytest.mark.parametrize("name", ["mixed", "dealt", "pairs", "scores"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_segments_come_from_the_sources_that_swift_says(name, split, golden, cache):
    """Order and paths of all segments; equal bytes under two paths, and segments assigned one by one, are among them."""
    ds = reprise.load(name, split, cache)
    assert [item["path"] for item in ds] == golden["paths"][name][split]
    assert len(ds) == ds.splits[split] == len(golden["paths"][name][split])
    assert [item["id"] for item in ds] == [f"{split}/{number}" for number in range(len(ds))]
    by_path = {source.path: source for source in ds.snapshot.sources}
    for item in ds:
        source = by_path[item["path"]]
        assert item["piece"] == source.piece and item["labels"] == source.labels and source in ds.sources


@pytest.mark.parametrize("name", ["mixed", "dealt", "pairs", "scores"])
def test_items_hold_the_columns_of_the_shards(name, cache):
    """Against the shards as the library safetensors reads them."""
    ds = reprise.load(name, cache=cache)
    first = 0
    for place, info in enumerate(ds._shards.infos):
        raw = load_file(shard_file(ds, place))
        for index in range(info.segments):
            item = ds[first + index]
            assert item["kind"] == info.kind
            assert item["start"] == raw["segment.start"][index] and item["length"] == raw["segment.length"][index]
            for feature in ("mel", "waveform"):
                assert (feature in item) == (feature in raw)
                if feature in raw:
                    assert item[feature].dtype == raw[feature].dtype and np.array_equal(
                        item[feature], raw[feature][index]
                    )
            if info.kind == "audio":
                assert "notes" not in item
                continue
            rows = slice(raw["notes.offset"][index], raw["notes.offset"][index + 1])
            for column in item["notes"].dtype.names:
                assert np.array_equal(item["notes"][column], raw[f"notes.{column}"][rows])
            assert np.array_equal(item["tempo"], raw["tempo"][index])
        first += info.segments
    assert first == len(ds)


def test_features_are_views_of_the_map(cache):
    ds = reprise.load("mixed", cache=cache, kind="audio")
    mel, again = ds[0]["mel"], ds[0]["mel"]
    assert np.shares_memory(mel, again)
    with pytest.raises(ValueError):
        mel[0, 0] = 1


def test_label_ids_are_the_datasets(cache):
    ds = reprise.load("mixed", cache=cache)
    assert ds.vocabularies == {
        "composer": ["composer0", "composer1", "composer2", "copied"],
        "style": ["blues", "classical", "jazz"],
    }
    for item, number in zip(ds, ds.label_ids("composer").tolist()):
        for name, vocabulary in ds.vocabularies.items():
            text = item["labels"].get(name)
            assert item["label_ids"][name] == (-1 if text is None else vocabulary.index(text))
        assert item["label_ids"]["composer"] == number
    # The label tells entries of equal bytes apart.
    copies = [item for item in ds if item["labels"].get("composer") == "copied"]
    assert copies and all(item["path"] == "more/copied.mid" for item in copies)


def test_is_a_sequence(cache):
    ds = reprise.load("mixed", cache=cache)
    assert ds[-1]["id"] == ds[len(ds) - 1]["id"]
    assert [item["id"] for item in ds[3:9:2]] == ["train/3", "train/5", "train/7"]
    assert ds[10:20][-1]["id"] == "train/19" and len(ds[1000:]) == 0 and ds[::-1][0]["id"] == ds[-1]["id"]
    assert ds[np.int64(4)]["id"] == "train/4"
    assert [item["id"] for item in ds.select([5, -1, 5])] == ["train/5", ds[-1]["id"], "train/5"]
    jazz = ds.where(style="jazz")
    assert 0 < len(jazz) < len(ds) and all(item["labels"]["style"] == "jazz" for item in jazz)
    assert len(reprise.load("mixed", cache=cache, kind="midi")) + len(
        reprise.load("mixed", cache=cache, kind="audio")
    ) == len(ds)
    for index in (len(ds), -len(ds) - 1):
        with pytest.raises(IndexError, match="in the train split of 'mixed'"):
            ds[index]
    with pytest.raises(TypeError, match="an int or a slice"):
        ds["piano"]


def test_says_what_it_is(cache):
    ds = reprise.load("mixed", cache=cache)
    for word in (
        "'mixed'",
        "train",
        "86",
        "32 steps, pitches 20 to 110",
        "mel",
        "blues, classical, jazz",
        "validation 16",
    ):
        assert word in repr(ds)
    assert ds.splits == {"train": 86, "validation": 16, "test": 12}
    assert ds.statistics["mel.sigma_band"].shape == (8,) and ds.statistics["mel.sigma"] > 0
    assert reprise.load("dealt", cache=cache).statistics == {}
    assert ds.manifest["midi"]["pitches"] == [20, 110]
    assert reprise.datasets(cache) == ["dealt", "mixed", "pairs", "scores", "sound"]


def test_starts_are_in_steps_and_seconds(cache):
    for item in reprise.load("dealt", cache=cache):
        assert item["start_seconds"] == pytest.approx(item["start"] / 7)
    for item in reprise.load("mixed", cache=cache, kind="audio"):
        assert item["start_seconds"] == item["start"] / 8000
    # Steps of a sixteenth: a segment lasts as long as its tempi say, and the next begins there.
    ends = {}
    for item in reprise.load("mixed", cache=cache, kind="midi"):
        key = (item["path"], item["start"])
        assert item["start_seconds"] == pytest.approx(ends.get(key, 0.0))
        ends[item["path"], item["start"] + 32] = item["start_seconds"] + (15 / item["tempo"].astype(float)).sum()


def test_rolls_on_request(cache):
    ds = reprise.load("mixed", cache=cache, kind="midi", rolls=["piano", reprise.Roll("velocity", scale=1 / 127)])
    item = ds[3]
    assert item["piano"].shape == (32, 91) and item["piano"].dtype == np.uint8
    assert item["velocity"].dtype == np.float32 and 0 < item["velocity"].max() <= 1
    # By a loop over the notes.
    wanted = np.zeros((32, 91), np.uint8)
    for note in item["notes"]:
        if note["program"] < 128 and 20 <= note["pitch"] <= 110:
            wanted[note["start"] : note["start"] + note["length"], note["pitch"] - 20] = 1
    assert np.array_equal(item["piano"], wanted)
    named = ds.with_views({"low": reprise.Roll("piano", pitches=(20, 40))})
    assert np.array_equal(named[3]["low"], wanted[:, :21]) and "piano" not in named[3]


def test_rolls_of_a_mixed_split_are_of_its_notes(cache):
    ds = reprise.load("mixed", cache=cache, rolls="onset", features="mel")
    for item in ds:
        assert ("onset" in item, "mel" in item) == ((True, False) if item["kind"] == "midi" else (False, True))
        assert "waveform" not in item


def test_pairs_are_on_one_axis(cache):
    for name, is_frames in (("pairs", True), ("scores", False)):
        item = reprise.load(name, cache=cache, rolls="piano")[0]
        assert (item["piano"].shape[0] == item["mel"].shape[1]) == is_frames
    batch = next(
        iter(reprise.load("scores", cache=cache).batches(4, rolls="piano", features="mel", columns="frame_steps"))
    )
    steps = batch["frame_steps"]
    assert steps.shape == (4, batch["mel"].shape[2]) and steps.max() < batch["piano"].shape[1]


def test_pickles_without_its_maps(cache):
    ds = reprise.load("mixed", cache=cache, rolls="piano", kind="midi")
    first = ds[0]
    assert ds._shards._open
    data = pickle.dumps(ds)
    again = pickle.loads(data)
    assert not again._shards._open
    assert again[0]["piano"].tobytes() == first["piano"].tobytes()


def test_few_shards_are_open_at_once(cache, monkeypatch):
    """More shards than a process may have files: views of those that were closed stay valid."""
    wanted = [item["mel"].tolist() for item in reprise.load("mixed", cache=cache, kind="audio")]
    ds = reprise.load("mixed", cache=cache)
    assert len(ds._shards.infos) > 4
    monkeypatch.setattr(type(ds._shards), "limit", 2)
    items = list(ds)
    assert len(ds._shards._open) == 2
    assert [item["mel"].tolist() for item in items if "mel" in item] == wanted


def test_finds_datasets_by_name_number_and_hash(own_cache, monkeypatch):
    digest = (own_cache / "refs" / "mixed").read_text().strip()
    (own_cache / "refs" / "mixed@1").write_text((own_cache / "refs" / "dealt").read_text())
    assert reprise.load("mixed", cache=own_cache).snapshot.digest == digest
    assert reprise.load("mixed@1", cache=own_cache).name == "dealt"
    assert reprise.load(digest[:8], cache=own_cache).name == "mixed"
    os.remove(own_cache / "refs" / "mixed")
    # A run may hold a snapshot that has no name any more.
    assert reprise.load(digest, cache=own_cache).name == "mixed"
    monkeypatch.setenv("REPRISE_CACHE", str(own_cache))
    assert reprise.load("dealt").name == "dealt"
    monkeypatch.setenv("REPRISE_CACHE", "")
    monkeypatch.chdir(own_cache.parent)
    assert reprise.load("dealt").name == "dealt"


# Errors


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        (("mixd",), reprise.NotFoundError, "no dataset 'mixd' in the cache at {cache}; did you mean 'mixed'?"),
        (("mixed@4",), reprise.NotFoundError, "no dataset 'mixed@4' in the cache at {cache}; it has mixed"),
        (("mixed", "valid"), reprise.NotFoundError, "there is no split 'valid'; did you mean 'validation'?"),
        (
            ("mixed", "test", None, "audio"),
            reprise.NotInDatasetError,
            "the test split of 'mixed' has no audio segments, but midi",
        ),
        (
            ("mixed", "train", None, "sound"),
            reprise.NotInDatasetError,
            "there is no kind 'sound'; there are audio, midi, paired",
        ),
        (
            ("mixed", "train", "pianos", "midi"),
            reprise.NotInDatasetError,
            "there is no roll 'pianos'; did you mean 'piano'?",
        ),
        (
            ("mixed", "train", "piano", "audio"),
            reprise.NotInDatasetError,
            "audio segments hold no notes; add MIDI sources",
        ),
    ],
)
def test_says_what_is_not_there(arguments, error, words, cache):
    name, split, rolls, kind = (*arguments, *[None] * (4 - len(arguments)))
    with pytest.raises(error) as caught:
        reprise.load(name, split or "train", cache, kind=kind, rolls=rolls)
    assert words.format(cache=cache) in str(caught.value)


def test_says_what_features_and_labels_there_are(cache):
    with pytest.raises(
        reprise.NotInDatasetError, match="hold no 'chroma'; there are mel, waveform; a feature is added by audio"
    ):
        reprise.load("mixed", cache=cache, features="chroma")
    ds = reprise.load("mixed", cache=cache)
    with pytest.raises(
        reprise.NotInDatasetError, match="no label 'genre'; there are composer, style; labels come from the manifest"
    ):
        ds.label_ids("genre")
    with pytest.raises(reprise.NotInDatasetError, match="no 'style' of 'mixed' is 'Jazz'; did you mean 'jazz'?"):
        ds.where(style="Jazz")


def test_says_where_there_is_no_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("REPRISE_CACHE", raising=False)
    with pytest.raises(reprise.NotFoundError, match="there is no cache of Reprise at .*nowhere; build a dataset first"):
        reprise.load("mixed", cache=tmp_path / "nowhere")


def replace(path, data):
    os.chmod(path.parent, 0o755)
    os.remove(path)
    path.write_bytes(data)


def test_finds_shards_that_are_missing_or_short(own_cache):
    path = shard_file(reprise.load("mixed", cache=own_cache), -1)
    data = path.read_bytes()
    replace(path, data[:-1])
    with pytest.raises(
        reprise.DamagedError, match=f"has {len(data) - 1} bytes, not the snapshot's {len(data)}.*verify --repair"
    ):
        reprise.load("mixed", cache=own_cache)
    os.remove(path)
    with pytest.raises(reprise.DamagedError, match="is missing .*verify --repair"):
        reprise.load("mixed", cache=own_cache)


def test_finds_bytes_that_changed(own_cache):
    ds = reprise.load("mixed", cache=own_cache)
    path = shard_file(ds)
    data = bytearray(path.read_bytes())
    # The exponent of a mel's element: a shard as good as any, but for its hash.
    data[-5] ^= 1
    replace(path, bytes(data))
    with pytest.raises(reprise.DamagedError, match="its bytes have another hash"):
        reprise.load("mixed", cache=own_cache)[0]
    assert reprise.load("mixed", cache=own_cache, verify=False)[0]["id"] == "train/0"


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda t: t["notes.length"].__setitem__(0, 9999), "a note is outside its segment"),
        (lambda t: t["notes.pitch"].__setitem__(0, 200), "a pitch or program that MIDI does not have"),
        (lambda t: t["notes.offset"].__setitem__(1, -4), "'notes.offset' does not divide"),
        (lambda t: t["segment.source"].__setitem__(0, 77), "names an entry outside the list"),
        (lambda t: t.pop("tempo"), "'tempo' is missing"),
    ],
)
def test_checks_the_columns_without_the_hash(change, words, own_cache):
    """What an index could leave a tensor by is found even without hashing."""
    ds = reprise.load("dealt", cache=own_cache)
    path = shard_file(ds)
    data = bytearray(path.read_bytes())
    shard = ds._shards.peek(0)
    base = np.frombuffer(data, np.uint8)
    begin = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:begin])
    header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        low, high = entry["data_offsets"]
        tensors[name] = base[begin + low : begin + high].view(shard.tensors[name].dtype).reshape(entry["shape"])
    change(tensors)
    if "tempo" not in tensors:
        data = data.replace(b'"tempo"', b'"tempi"')
    replace(path, bytes(data))
    with pytest.raises(reprise.DamagedError) as caught:
        reprise.load("dealt", cache=own_cache, verify=False)[0]
    assert words in str(caught.value) and "verify --repair" in str(caught.value)


def test_finds_a_damaged_snapshot(own_cache):
    digest = (own_cache / "refs" / "mixed").read_text().strip()
    path = own_cache / "objects" / digest[:2] / digest[2:]
    replace(path, path.read_bytes().replace(b'"jazz"', b'"jaxx"'))
    with pytest.raises(reprise.DamagedError, match=f"snapshot {digest[:12]} is damaged"):
        reprise.load("mixed", cache=own_cache)
    os.remove(path)
    with pytest.raises(reprise.DamagedError, match=f"snapshot {digest[:12]} is missing"):
        reprise.load("mixed", cache=own_cache)


def test_refuses_another_format(own_cache):
    import hashlib

    document = json.loads(
        reprise.load("mixed", cache=own_cache).snapshot.cache.read(
            (own_cache / "refs" / "mixed").read_text().strip(), ""
        )
    )
    document["format"] = 1
    data = json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    path = own_cache / "objects" / digest[:2] / digest[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    with pytest.raises(
        reprise.NotFoundError,
        match="has format 1, and this version of the package reads format 2; build the dataset again",
    ):
        reprise.load(digest, cache=own_cache)
