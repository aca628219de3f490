"""What all tests share: digits in a folder of their own, and one launcher of fresh processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# No ordinary test fails because a machine is slow.
settings.register_profile("torchpace", deadline=None)
settings.load_profile("torchpace")

PERF = Path(__file__).parent / "perf"
ROOT = Path(__file__).parent.parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    # tests/perf takes times; it runs when asked for by --benchmark-only, never among the ordinary tests.
    if collection_path == PERF and not config.getoption("--benchmark-only"):
        return True
    return None


@pytest.fixture(scope="session", autouse=True)
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Digits drawn for this session, so that no test depends on what the user's cache holds."""
    folder = tmp_path_factory.mktemp("data")
    # Nor on the ceilings in it.
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))
    previous = os.environ.get("TORCHPACE_DATA")
    os.environ["TORCHPACE_DATA"] = str(folder)
    yield folder
    if previous is None:
        del os.environ["TORCHPACE_DATA"]
    else:
        os.environ["TORCHPACE_DATA"] = previous
