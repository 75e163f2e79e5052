"""Segments as scores of symusic and pretty_midi, and as sound."""

import io
from collections import Counter

import numpy as np
import pytest
import reprise
from conftest import small_music


def notes_of(item):
    """(is a drum, program, pitch, velocity, start, length) of every note."""
    return Counter(
        (
            n["program"] == 128,
            0 if n["program"] == 128 else int(n["program"]),
            int(n["pitch"]),
            int(n["velocity"]),
            int(n["start"]),
            int(n["length"]),
        )
        for n in item["notes"]
    )


SEGMENTS = [("mixed", index) for index in (0, 7, 30, -1)] + [("dealt", 3), ("dealt", 40), ("pairs", 5), ("scores", 8)]


def load(name, cache):
    return reprise.load(name, cache=cache, kind={"mixed": "midi"}.get(name))


@pytest.mark.parametrize("name, index", SEGMENTS)
def test_symusic_has_every_note(name, index, cache, tmp_path):
    symusic = pytest.importorskip("symusic", reason="symusic is not installed; its tests are skipped")
    ds = load(name, cache)
    item = ds[index]
    score = ds.to_symusic(index)
    if steps_per_beat := {"mixed": 4, "scores": 6}.get(name):
        step = score.ticks_per_quarter // steps_per_beat
    else:
        # A clock: a step is a whole number of ticks, whose length the tempo says.
        seconds = {"dealt": 1 / 7, "pairs": 128 / 8000}[name]
        step = round(seconds * score.ticks_per_quarter * score.tempos[0].qpm / 60)
        assert step * 60 / score.tempos[0].qpm / score.ticks_per_quarter == pytest.approx(seconds, rel=1e-6)
    found = Counter(
        (t.is_drum, t.program, n.pitch, n.velocity, n.time // step, n.duration // step)
        for t in score.tracks
        for n in t.notes
    )
    assert found == notes_of(item) and len(item["notes"]) > 0
    assert all(n.time % step == 0 and n.duration % step == 0 for t in score.tracks for n in t.notes)
    # As a file, read again.
    score.dump_midi(tmp_path / "a.mid")
    again = symusic.Score(tmp_path / "a.mid")
    assert sum(len(t.notes) for t in again.tracks) == len(item["notes"])
    if name == "mixed":
        tempo = item["tempo"]
        changes = [0] + [at for at in range(1, 32) if tempo[at] != tempo[at - 1]]
        assert [(t.time // step, t.qpm) for t in score.tempos] == [
            (at, pytest.approx(tempo[at], rel=1e-5)) for at in changes
        ]


def test_symusic_has_the_pedals_and_controls(cache):
    pytest.importorskip("symusic", reason="symusic is not installed; its tests are skipped")
    ds = load("mixed", cache)
    some = 0
    for index in range(len(ds)):
        score = ds.to_symusic(index)
        step = score.ticks_per_quarter // 4
        place, row = ds._shards.place(int(ds._numbers[index]))
        shard = ds._shards[place]
        # CC 1 and 64 are stored as they are; of the others the pedals' states.
        begin, end = shard.tensors["controls.offset"][row : row + 2]
        wanted = Counter(
            (
                int(shard.tensors["controls.step"][k]),
                int(shard.tensors["controls.number"][k]),
                int(shard.tensors["controls.value"][k]),
            )
            for k in range(begin, end)
        )
        sustain_is_stored = any(number == 64 for _, number, _ in wanted)
        for column, number in enumerate((64, 66, 67)):
            if number == 64 and sustain_is_stored:
                continue
            before = 0
            for at, down in enumerate(shard.tensors["pedal"][row, :, column].tolist()):
                if down != before:
                    wanted[at, number, 127 * down] += 1
                before = down
        melodic = bool(score.tracks) and not score.tracks[0].is_drum
        found = Counter((c.time // step, c.number, c.value) for t in score.tracks for c in t.controls)
        assert found == (wanted if melodic else Counter())
        assert not any(t.controls for t in ds.to_symusic(index, pedals=False).tracks)
        some += len(found)
    assert some > 20


@pytest.mark.parametrize("name, index", SEGMENTS)
def test_pretty_midi_has_every_note_at_its_time(name, index, cache):
    pytest.importorskip("pretty_midi", reason="pretty_midi is not installed; its tests are skipped")
    ds = load(name, cache)
    item = ds[index]
    midi = ds.to_pretty_midi(index)
    lengths = {"dealt": np.full(24, 1 / 7), "pairs": np.full(33, 128 / 8000)}.get(name)
    if lengths is None:
        lengths = 60 / item["tempo"].astype(float) / {"mixed": 4, "scores": 6}[name]
    times = np.concatenate([[0], np.cumsum(lengths)])
    found = sorted(
        (i.is_drum, i.program, n.pitch, n.velocity, n.start, n.end) for i in midi.instruments for n in i.notes
    )
    wanted = sorted(
        (d, p, pitch, v, times[s], times[s + n])
        for (d, p, pitch, v, s, n), k in notes_of(item).items()
        for _ in range(k)
    )
    assert [f[:4] for f in found] == [w[:4] for w in wanted]
    # Tempi are float32 in a shard.
    np.testing.assert_allclose([f[4:] for f in found], [w[4:] for w in wanted], rtol=1e-5, atol=1e-9)
    midi.write(io.BytesIO())


def test_audio_segments_hold_no_notes(cache):
    for package, method in (("symusic", "to_symusic"), ("pretty_midi", "to_pretty_midi")):
        pytest.importorskip(package, reason=f"{package} is not installed; its tests are skipped")
        with pytest.raises(
            reprise.NotInDatasetError, match="train/0 of 'mixed' is a segment of audio; it has no notes"
        ):
            getattr(reprise.load("mixed", cache=cache), method)(0)


def test_audio_is_the_waveform(cache):
    ds = reprise.load("mixed", cache=cache, kind="audio")
    for index, item in enumerate(ds):
        samples, rate = ds.audio(index)
        assert rate == 8000 and samples.dtype == np.float32
        assert (
            np.array_equal(samples, item["waveform"][: item["length"]].astype(np.float32)) and 0 < len(samples) <= 1024
        )
    with pytest.raises(reprise.NotInDatasetError, match="is a segment of notes; it has no sound"):
        reprise.load("mixed", cache=cache, kind="midi").audio(0)


def test_audio_is_read_from_the_source(cache, tmp_path):
    pytest.importorskip("soundfile", reason="soundfile is not installed; its tests are skipped")
    ds = reprise.load("pairs", cache=cache, root=tmp_path)
    with pytest.raises(
        reprise.NotFoundError, match="its source is not at .*pairs.*wav; name the manifest's folder with root="
    ):
        ds.audio(0)
    # Two channels at twice the rate: a ramp, whose values say where they come from.
    ramp = np.arange(100_000, dtype=np.int32) % 20_000
    for source in ds.snapshot.sources:
        if source.kind == "audio":
            path = tmp_path / source.path
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(small_music.wave_file(np.stack([ramp, ramp + 100], 1).ravel().tolist(), 16000, 2))
    for index in (0, 3, -1):
        samples, rate = ds.audio(index)
        begin = round(ds[index]["start_seconds"] * 16000)
        assert rate == 16000 and len(samples) == 8192
        np.testing.assert_allclose(samples * 32768, ramp[begin : begin + 8192] + 50, atol=0.01)
    again, _ = reprise.load("pairs", cache=cache).audio(0, root=tmp_path)
    assert np.array_equal(again, ds.audio(0)[0])
    for path in (tmp_path / "pairs").iterdir():
        path.write_bytes(b"no sound")
    with pytest.raises(reprise.DamagedError, match="cannot be read"):
        ds.audio(0)
