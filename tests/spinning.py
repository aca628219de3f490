"""Time that passes, whatever else the machine does: planted steps take so long by the clock. Sleeps nowhere."""

from __future__ import annotations

import time


def spin_until(end: float) -> float:
    """Read the clock until it says `end` or later; what it said last."""
    now = time.perf_counter()
    while now < end:
        now = time.perf_counter()
    return now


def spin(seconds: float) -> tuple[float, float]:
    """Let so much time pass; when it began and ended."""
    start = time.perf_counter()
    return start, spin_until(start + seconds)
