"""Simulated programs whose truth is known, as traces in every dialect: `python -m tests.proof.traces [TRACES]`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.proof.claims import Claim, equal, show
from tests.traces.written import DIALECTS

TRACES = 20_000
TESTS = [Path(__file__).parents[1] / "traces" / name for name in ("test_launches.py", "test_loops.py")]


def claims(traces: int = TRACES) -> Iterator[Claim]:
    """Every figure of every trace is the truth to the nanosecond, and a planted fault is noticed."""
    os.environ["TORCHPACE_PROGRAMS"] = str(traces // len(DIALECTS))
    code = pytest.main(["-q", "-p", "no:cacheprovider", *map(str, TESTS)])
    yield equal(f"{traces} simulated traces against the truth", pytest.ExitCode(code).name, pytest.ExitCode.OK.name)


if __name__ == "__main__":
    raise SystemExit(show(claims(*map(int, sys.argv[1:]))))
