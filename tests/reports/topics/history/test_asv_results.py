"""Histories of what asv stored."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.reports.asv_files import write_results
from tests.reports.topics.history.commits import COMMITS, SLOW_FROM, level, shown


def asv_results(folder: Path, commits: list[str], dates: list[int]) -> None:
    """Two cases over commits, of which one becomes slower, and the other was not measured once and failed once."""
    for at, (hash, date) in enumerate(zip(commits, dates, strict=True)):
        random = np.random.default_rng(at)
        value = 20e-3 * level(at) * float(np.exp(random.normal(0, 0.01)))
        other = float("nan") if at == 2 else None if at == 5 else 0.1 * float(np.exp(random.normal(0, 0.01)))
        results = {64: value, 512: other}
        write_results(folder / ".asv" / "results", f"{hash[:8]}-checkout.json", hash, date, "mnist.train", results)


def test_asv_results_are_the_default(project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    folder, commits = project
    asv_results(folder, commits, [0] * COMMITS)
    found = {case["point"]: case for case in json.loads(shown(capsys, "--format", "json")[0])}
    (change,) = found["batch=64"]["changes"]
    assert (change["before"], change["after"]) == (commits[SLOW_FROM - 1], commits[SLOW_FROM])
    assert [point["value"] is None for point in found["batch=512"]["points"]].index(True) == 4
    assert len(found["batch=512"]["points"]) == COMMITS - 1
    assert found["batch=512"]["changes"] == []


def test_asvs_dates_order_what_git_does_not_know(
    project: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = project
    unknown = [f"{999 - at:x}".ljust(40, "0") for at in range(COMMITS)]
    asv_results(folder, unknown, [1000 * at for at in range(COMMITS)])
    out, err = shown(capsys)
    assert "by commit date" in out
    assert f"{unknown[SLOW_FROM - 1][:10]}..{unknown[SLOW_FROM][:10]}" in out
    assert "git here knows none of the commits: they are taken by commit date" in err
