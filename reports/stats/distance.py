"""How far timed figures are from being known as well as was asked for. Pure; knows no file and no table."""

from __future__ import annotations

import math

from reports.stats.intervals import Launches, compare_paired, summarize

# Who stops as soon as an interval is narrow enough stops too soon now and then: all launches so far happened to be
# alike. So that what is told at 95 % holds in 95 %, a run goes on until it holds at more (tests/proof/coverage.py).
SURE = 0.99


def of_figure(launches: Launches, within: float) -> float:
    """How many times as wide as asked for the interval of one figure is; infinity where there is none."""
    found = summarize(launches, confidence=SURE)
    return math.inf if found.half_width is None else found.half_width / within


def of_pair(base: Launches, head: Launches, same_within: float) -> float:
    """How many times as wide the interval of head / base is as one that decides: without 1, or all of it near 1."""
    if not base:
        return math.inf
    found = compare_paired(base, head, SURE)
    if found.low is None or found.high is None or found.low <= 0:
        return math.inf
    half = math.log(found.high / found.low) / 2
    gained = abs(math.log(found.value))
    return half / max(gained, same_within - gained)
