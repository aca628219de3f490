"""Time that passes, whatever else the machine does: planted steps take so long by the clock. Sleeps nowhere."""

from __future__ import annotations

import time

BETWEEN = range(1000)  # added up between two readings, some 10 µs: a profiler writes every call of the clock down


def spin_until(end: float) -> float:
    """Read the clock until it says `end` or later; what it said last."""
    now = time.perf_counter()
    while now < end:
        sum(BETWEEN)
        now = time.perf_counter()
    return now


def spin(seconds: float) -> tuple[float, float]:
    """Let so much time pass; when it began and ended."""
    start = time.perf_counter()
    return start, spin_until(start + seconds)
