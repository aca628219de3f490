"""Small histories to run `torchpace history` on: commits in git, and records whose change is known."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.cli import main
from bench.records.files import Writer
from bench.records.record import Environment, Record
from tests.reports import stored

COMMITS = 16
SLOW_FROM = 10  # the first commit at which mnist.train is 20 % slower


def git(folder: Path, *arguments: str, day: int = 1) -> str:
    date = f"2025-01-{day:02d}T12:00:00Z"
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date},
    )  # fmt: skip
    return done.stdout.strip()


def commit(folder: Path, day: int) -> str:
    git(folder, "commit", "-q", "--allow-empty", "-m", f"day {day}", day=day)
    return git(folder, "rev-parse", "HEAD")


def level(at: int) -> float:
    return 1.2 if at >= SLOW_FROM else 1.0


def write(
    path: Path,
    commits: Sequence[str],
    records: Callable[[int], list[Record]],
    run: str = "20250101-120000",
    **facts: object,
) -> None:
    """Records of each commit, each with the facts of its environment; `records` makes them from the commit's place."""
    writer = Writer(path)
    for at, hash in enumerate(commits):
        environment = Environment(tuple(sorted({**stored.FACTS, "commit": hash, **facts}.items())))  # type: ignore[arg-type]
        writer.add(environment, [replace(r, environment=environment.id, run=run) for r in records(at)])
    writer.close()


def usual(at: int) -> list[Record]:
    """A case that becomes slower, one that does not, and memory that grows once."""
    random = np.random.default_rng(at)
    steady, slower = (float(np.exp(random.normal(0, 0.01))) for _ in range(2))
    return [
        *stored.record(stored.case("mnist.infer"), "step_time", *stored.times(2e-3 * steady)),
        *stored.record(stored.case("mnist.train"), "step_time", *stored.times(20e-3 * slower * level(at))),
        *stored.record(stored.case("mnist.train"), "peak_memory", (1000.0 if at < 3 else 1010.0,)),
    ]


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    assert main(["history", *arguments]) == 0
    captured = capsys.readouterr()
    return captured.out, captured.err


def cases(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, Any]]:
    found = json.loads(shown(capsys, *arguments, "--format", "json")[0])
    return {case["workload"]: case for case in found}
