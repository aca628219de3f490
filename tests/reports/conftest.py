"""What the tests of reports share: a folder with two runs whose differences are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports import stored


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to run in: a.jsonl holds the first run, b.jsonl the second, of another torch."""
    monkeypatch.chdir(tmp_path)
    stored.store(Path("a.jsonl"), stored.first_run())
    stored.store(Path("b.jsonl"), stored.second_run(), torch="2.16.0", commit="fedcba9876543210")
    return tmp_path
