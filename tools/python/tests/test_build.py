"""`reprise.build`, with the program where it is built, and with a stand-in for its failures."""

import importlib.util
import io
import json
import os
import sys

import numpy as np
import pytest
import reprise
from conftest import small_music

MANIFEST = """\
version: 1
dataset: tiny
sources:
  - path: "*.mid"
    labels: {style: "{stem}"}
midi:
  segment: {steps: 16}
splits: {train: 1, validation: 0, test: 0}
"""


@pytest.fixture
def music(tmp_path):
    for seed in range(3):
        (tmp_path / f"{seed}.mid").write_bytes(small_music.midi(seed))
    (tmp_path / "tiny.yaml").write_text(MANIFEST)
    return tmp_path


def stand_in(folder, code):
    """A program that does what the code says."""
    path = folder / "stand-in"
    path.write_text(f"#!{sys.executable}\nimport sys, json\n{code}\n")
    path.chmod(0o755)
    return path


def test_builds_and_loads(music, program):
    (music / "broken.mid").write_bytes(b"MThd, and nothing else")
    result = reprise.build(music / "tiny.yaml", cache=music / "cache", jobs=1, program=program)
    assert result.dataset == "tiny" and result.sources["ok"] == 3 and result.actions["run"] > 0
    assert [bad["path"] for bad in result.quarantine] == ["broken.mid"] and result.quarantine[0]["code"].startswith(
        "midi."
    )
    ds = result.load(rolls="piano")
    assert len(ds) == result.segments["train"] and ds.snapshot.digest == result.snapshot
    assert {item["labels"]["style"] for item in ds} == {"0", "1", "2"}
    again = reprise.build(music / "tiny.yaml", cache=music / "cache", program=program, progress=False)
    assert again.snapshot == result.snapshot and again.actions["run"] == 0
    assert "tiny" in repr(result) and "1 quarantined" in repr(result)


def test_clock_by_the_first_tempo(music, program):
    """Steps by the first tempo in real seconds; without a tempo that is 120 BPM."""
    (music / "tiny.yaml").write_text(MANIFEST.replace("midi:", "midi:\n  grid: {steps_per_first_beat: 8}"))
    ds = reprise.build(music / "tiny.yaml", cache=music / "cache", program=program, progress=False).load()
    assert max(item["start"] for item in ds) > 0
    assert all(item["start_seconds"] == pytest.approx(item["start"] / 16) for item in ds)


def test_gives_the_programs_message(music, program):
    (music / "tiny.yaml").write_text(MANIFEST.replace("steps: 16", "stepz: 16"))
    with pytest.raises(reprise.BuildError, match="stepz") as caught:
        reprise.build(music / "tiny.yaml", cache=music / "cache", program=program, progress=False)
    assert caught.value.status == 64


def test_rolls_are_those_that_the_program_exports(cache, program, tmp_path):
    """Every segment of every dataset, every roll of `reprise export`, byte for byte."""
    import subprocess

    compared = 0
    for name in ("mixed", "dealt", "pairs", "scores"):
        folder = tmp_path / name
        subprocess.run(
            [program, "export", name, "--cache", cache, "--to", folder, "--format", "npz"],
            check=True,
            capture_output=True,
        )
        for split in ("train", "validation", "test"):
            for kind in ("audio", "midi", "paired"):
                arrays = [np.load(file) for file in sorted((folder / split).glob(f"{kind}-*.npz"))]
                if not arrays:
                    continue
                rolls = None if kind == "audio" else ["piano", "velocity", "onset", "instrument", "pedal"]
                ds = reprise.load(name, split, cache, kind=kind, rolls=rolls)
                assert len(ds) == sum(len(array["segment.source"]) for array in arrays)
                rows = ((array, row) for array in arrays for row in range(len(array["segment.source"])))
                for item, (array, row) in zip(ds, rows):
                    for view in ("piano", "velocity", "onset", "instrument", "pedal", "tempo", "mel", "waveform"):
                        assert (view in array.files) == (view in item)
                        if view in item:
                            assert (
                                item[view].dtype == array[view].dtype
                                and item[view].tobytes() == array[view][row].tobytes()
                            )
                            compared += 1
                    for label, number in item["label_ids"].items():
                        assert array[f"label.{label}"][row] == number
    assert compared > 1000


RESULT = {"dataset": "d", "snapshot": "0" * 64, "sources": {"found": 1, "ok": 1}, "segments": {"train": 2}, "actions": {"run": 1, "hit": 0},
          "shards": {"written": 1, "reused": 0}, "seconds": 0.5, "quarantine": [], "warnings": ["w"], "added by a later version": 1}  # fmt: skip


def test_passes_its_arguments_and_shows_progress(tmp_path):
    code = f"print('reading 1 of 2', file=sys.stderr)\nprint(json.dumps({{**{RESULT!r}, 'warnings': sys.argv[1:]}}))"
    shown = io.StringIO()
    result = reprise.build("m.yaml", cache="c", jobs=3, program=stand_in(tmp_path, code), stream=shown)
    assert result.warnings == ["build", "m.yaml", "--json", "--cache", "c", "--jobs", "3"]
    assert shown.getvalue() == "reading 1 of 2\n" and result.cache == "c"


def test_shows_a_bar_on_a_terminal(tmp_path):
    """The program sees a terminal of the same width, and its error is read past the bar that it drew."""
    import fcntl
    import pty
    import struct
    import termios

    code = (
        "import os\nprint('\\r\\x1b[Kdrawn', os.get_terminal_size(2).columns, end='', file=sys.stderr)\n"
        "print('\\r\\x1b[Kerror: it broke', file=sys.stderr); sys.exit(1)"
    )
    reading, writing = pty.openpty()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 71, 0, 0))
    with os.fdopen(writing, "w") as shown, pytest.raises(reprise.BuildError) as caught:
        reprise.build("m.yaml", program=stand_in(tmp_path, code), stream=shown)
    assert str(caught.value) == "reprise build m.yaml: error: it broke"
    drawn = b""
    # In pieces, as they were written.
    while b"it broke" not in drawn:
        drawn += os.read(reading, 4096)
    assert b"drawn 71" in drawn
    os.close(reading)


def test_result_may_be_long(tmp_path):
    """Longer than a pipe holds, while the program still reports progress."""
    code = f"print(json.dumps({{**{RESULT!r}, 'warnings': ['long' * 99] * 2000}}))\nsys.stdout.flush()\nprint('done', file=sys.stderr)"
    assert len(reprise.build("m.yaml", program=stand_in(tmp_path, code), progress=False).warnings) == 2000


@pytest.mark.parametrize(
    "code, status, words",
    [
        (
            "print('error: no such file: m.yaml', file=sys.stderr); sys.exit(64)",
            64,
            "reprise build m.yaml: error: no such file: m.yaml",
        ),
        ("print('Killed', file=sys.stderr); sys.exit(11)", 11, "reprise build m.yaml: Killed"),
        ("sys.exit(1)", 1, "it ended with status 1"),
        ("print('{}')", 0, "gave no result that this package reads"),
    ],
)
def test_failures_say_what_the_program_said(code, status, words, tmp_path):
    with pytest.raises(reprise.BuildError) as caught:
        reprise.build("m.yaml", program=stand_in(tmp_path, code), progress=False)
    assert words in str(caught.value) and caught.value.status == status


def test_quarantine_is_no_failure(tmp_path):
    code = f"print(json.dumps({RESULT!r})); sys.exit(3)"
    assert reprise.build("m.yaml", program=stand_in(tmp_path, code), progress=False).dataset == "d"


def test_finds_the_program(tmp_path, monkeypatch):
    path = stand_in(tmp_path, f"print({json.dumps(RESULT)!r})")
    monkeypatch.setenv("REPRISE_PROGRAM", str(path))
    assert reprise.build("m.yaml").dataset == "d"
    monkeypatch.delenv("REPRISE_PROGRAM")
    os.rename(path, tmp_path / "reprise")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert reprise.build("m.yaml").dataset == "d"
    with pytest.raises(reprise.NotFoundError, match="there is no program at .*missing"):
        reprise.build("m.yaml", program=tmp_path / "missing")


def test_several_values_of_a_label(music, program):
    """A file with several values is found by each, and has no class."""
    (music / "labels.csv").write_text("path,style\n0.mid,jazz\n1.mid,folk\n")
    (music / "labels.jsonl").write_text('{"path": "2.mid", "style": ["jazz", "live"]}\n')
    (music / "tiny.yaml").write_text(
        MANIFEST.replace(
            '  - path: "*.mid"\n    labels: {style: "{stem}"}\n',
            "".join(
                f'  - table: labels.{ending}\n    path: "{{path}}"\n    labels: {{style: "{{style}}"}}\n'
                for ending in ("csv", "jsonl")
            ),
        )
    )
    ds = reprise.build(music / "tiny.yaml", cache=music / "cache", program=program, progress=False).load()
    assert ds.vocabularies["style"] == ["folk", "jazz", "live"]
    by_path = {item["path"]: item for item in ds}
    assert by_path["2.mid"]["labels"]["style"] == ["jazz", "live"] and by_path["2.mid"]["label_ids"]["style"] == -1
    assert by_path["0.mid"]["label_ids"]["style"] == 1
    assert {item["path"] for item in ds.where(style="jazz")} == {"0.mid", "2.mid"}
    assert {item["path"] for item in ds.where(style="live")} == {"2.mid"}
    with pytest.raises(reprise.NotInDatasetError, match="2.mid has several values of 'style'"):
        ds.batches(2, rolls="piano", label="style")
    with pytest.raises(reprise.NotInDatasetError, match="several values"):
        ds.batches(2, rolls="piano", balance="style")
    with pytest.raises(reprise.NotInDatasetError, match="several values"):
        ds.batches(2, label="style")
    if importlib.util.find_spec("torch"):
        with pytest.raises(reprise.NotInDatasetError, match="several values"):
            ds.torch(rolls="piano", label="style")
