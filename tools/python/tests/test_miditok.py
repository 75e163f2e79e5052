"""Segments as MidiTok's tokens: the block of docs/python.md, and what its tokens give back."""

import re
from collections import Counter

import pytest
import reprise
from conftest import ROOT

miditok = pytest.importorskip("miditok", reason="miditok is not installed; its tests are skipped")


def test_the_page_s_block_gives_tokens(cache, monkeypatch):
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    (block,) = [b for b in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL) if "miditok" in b]
    assert len(block.strip().splitlines()) == 5
    load = reprise.load
    monkeypatch.setattr(reprise, "load", lambda name, **options: load("scores", cache=cache, **options))
    names = {}
    exec(compile(block, "docs/python.md", "exec"), names)
    assert len(names["tokens"]) == len(load("scores", cache=cache, split="train"))
    assert all(isinstance(number, int) for ids in names["tokens"] for number in ids)


@pytest.mark.parametrize("index", [0, 3, 8])
def test_tokens_hold_every_note(index, cache):
    """On a grid of 6 steps per beat, tokens with 6 positions per beat lose only the exact velocities."""
    ds = reprise.load("scores", cache=cache)
    score = ds.to_symusic(index)
    config = miditok.TokenizerConfig(
        pitch_range=(0, 127), beat_res={(0, 64): 6}, use_programs=True, one_token_stream_for_programs=True
    )
    tokenizer = miditok.REMI(config)
    found = tokenizer.decode(tokenizer(score))

    def notes(score):
        step = score.ticks_per_quarter // 6
        return Counter(
            (t.is_drum, 0 if t.is_drum else t.program, n.pitch, n.time // step, n.duration // step)
            for t in score.tracks
            for n in t.notes
        )

    assert notes(score) == notes(found) and sum(notes(score).values()) > 0
