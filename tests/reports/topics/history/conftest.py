"""A repository with commits, and a folder to run in that is a clone of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports.topics.history.commits import COMMITS, commit, git


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A repository of empty commits, all with the same date, and the commits in order."""
    folder = tmp_path_factory.mktemp("history")
    git(folder, "init", "-q", "-b", "main")
    return folder, [commit(folder, 1) for _ in range(COMMITS)]


@pytest.fixture
def project(
    repository: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, list[str]]:
    """An empty folder from which to run, and the commits of a clone that lies there."""
    git(tmp_path, "clone", "-q", str(repository[0]), ".")
    monkeypatch.chdir(tmp_path)
    return tmp_path, repository[1]
