"""The 99th percentile of latencies, process by process: a figure of its own, computed from their raw values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

LATENCY, TAIL = "latency", "latency_p99"
PERCENTILE = 99
ENOUGH_CALLS = 100  # below that a 99th percentile is the largest value, whatever it happened to be


def with_tails(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame of figures with a row more for each measured latency: its 99th percentile in every process."""
    measured = frame[(frame["metric"] == LATENCY) & (frame["status"] == "measured")]
    if measured.empty:
        return frame
    tails = measured.assign(metric=TAIL, launches=measured["launches"].map(tails_of))
    few = tails["launches"].map(len) == 0
    most = measured["launches"].map(lambda launches: max(map(len, launches)))
    why = most.map(lambda calls: f"it takes {ENOUGH_CALLS} calls in a process, and {calls} were made")
    tails["status"] = tails["status"].mask(few, "unavailable")
    tails["reason"] = tails["reason"].mask(few, why)
    return pd.concat([frame, tails], ignore_index=True)


def tails_of(launches: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...]:
    """One value for each process that made enough calls."""
    return tuple((float(np.percentile(calls, PERCENTILE)),) for calls in launches if len(calls) >= ENOUGH_CALLS)
