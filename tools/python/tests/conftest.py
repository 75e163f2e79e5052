"""Paths and datasets that the tests share."""

import json
import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FIXTURES = ROOT / "Tests" / "Fixtures" / "Loader"
# The checkout's package, whether or not another is installed.
sys.path.insert(0, str(HERE.parent / "src"))
sys.path.insert(0, str(ROOT / "tools" / "lib"))
import command  # noqa: E402
import small_music  # noqa: E402, F401


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """Five small datasets; `tools/oracles/loader_fixture.py` says what is in them.

    A copy: the program writes to a cache that it reads.
    """
    return Path(shutil.copytree(FIXTURES / "cache", tmp_path_factory.mktemp("fixtures") / "cache"))


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
    """The program `reprise`: the one that REPRISE_BINARY names, else the one that was built last."""
    built = command.built_program()
    if built is None:
        pytest.skip(f"the program reprise is not built in {ROOT / '.build'}; REPRISE_BINARY names another")
    return built
