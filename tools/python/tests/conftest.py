"""Paths and datasets that the tests share."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FIXTURES = ROOT / "Tests" / "Fixtures" / "Loader"
# The checkout's package, whether or not another is installed.
sys.path.insert(0, str(HERE.parent / "src"))


@pytest.fixture(scope="session")
def cache():
    """Four small datasets; `tools/oracles/loader_fixture.py` says what is in them."""
    return FIXTURES / "cache"


@pytest.fixture
def own_cache(cache, tmp_path):
    """A copy that a test may damage."""
    return Path(shutil.copytree(cache, tmp_path / "cache"))


@pytest.fixture(scope="session")
def golden():
    """What the Swift loader gave: `LoaderGoldenTests.swift`."""
    return json.loads((FIXTURES / "batches.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def cases():
    return {case["name"]: case for case in json.loads((FIXTURES / "cases.json").read_text(encoding="utf-8"))}


@pytest.fixture(scope="session")
def program():
    """The program `reprise`, where it is built."""
    named = os.environ.get("REPRISE_BINARY") or ROOT / ".build" / "release" / "reprise"
    if not os.access(named, os.X_OK):
        pytest.skip(f"the program reprise is not built ({named}); REPRISE_BINARY names another")
    return str(named)
