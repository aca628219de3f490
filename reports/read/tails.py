"""The 99th percentile of latencies, process by process: a figure of its own, computed from their raw values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LATENCY, TAIL = "latency", "latency_p99"
PERCENTILE = 99
ENOUGH_CALLS = 100  # below that a 99th percentile is the largest value, whatever it happened to be


def tails_of(launches: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...]:
    """One value for each process that made enough calls."""
    return tuple((float(np.percentile(calls, PERCENTILE)),) for calls in launches if len(calls) >= ENOUGH_CALLS)


def why_none(launches: Sequence[Sequence[float]]) -> str:
    """Why there is no such value."""
    return f"it takes {ENOUGH_CALLS} calls in a process, and {max(map(len, launches))} were made"
