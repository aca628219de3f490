"""What in a trace cannot be, or is not understood: it is cut or left out, counted, and said.

Knows the tables of events, and nothing of how files are written.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from reports.profiles.trace.columns import lanes, of_category
from reports.profiles.trace.dialects import MARK, ON_CPU, ON_DEVICE

# Kinds of events that are known and not needed: marks and arrows that say again what others do, the profiler's own.
SPARE = ("", "gpu_user_annotation", "overhead", "cuda_sync", "cuda_event", "cuda_profiler_range", "ac2g", "fwdbwd")
MOST_NAMED = 5


def without_impossible(events: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The events, of which none of a stream encloses a later one of another launch; and in words what was cut.

    A stream does one thing after the other. What seems to go on during all of the next has a wrong duration, and is
    taken to end where the next begins. The pieces of one graph launch may overlap, and neighbours by a little.
    """
    rows = np.flatnonzero(of_category(events, *ON_DEVICE))
    processes = events["process"][of_category(events, "cpu_op")].nunique()
    if len(rows) < 2 or processes > 1:  # of several ranks in one file, streams have the same numbers
        return events, []
    lane = lanes(events)[rows]
    rows = rows[np.argsort(lane, kind="stable")]  # the events are in order of start
    lane = np.sort(lane, kind="stable")
    starts, ends = (events[name].to_numpy()[rows] for name in ("start_ns", "end_ns"))
    launch = events["correlation"].to_numpy()[rows]
    encloses = (lane[1:] == lane[:-1]) & (ends[1:] < ends[:-1]) & (launch[1:] != launch[:-1])
    if not encloses.any():
        return events, []
    cut_ends = events["end_ns"].to_numpy().copy()
    cut_ends[rows[:-1][encloses]] = starts[1:][encloses]
    count = int(encloses.sum())
    many = "1 device event goes" if count == 1 else f"{count} device events go"
    return events.assign(end_ns=cut_ends), [
        f"{many} on during the next of the same stream, which cannot be, and is cut where that begins"
    ]


def not_understood(events: pd.DataFrame) -> list[str]:
    """In words, how many events are of kinds that nothing here knows; the commonest named."""
    known = {*ON_CPU, *ON_DEVICE, *SPARE, MARK}
    kinds = Counter(kind for kind in events["category"].astype(str) if kind not in known)
    if not kinds:
        return []
    named = ", ".join(f"{count} of {kind!r}" for kind, count in kinds.most_common(MOST_NAMED))
    return [f"{sum(kinds.values())} events are of kinds that are not understood, and count for nothing: {named}"]


def nothing_understood(events: pd.DataFrame) -> str:
    """Why a trace says nothing; empty where something in it is understood."""
    if of_category(events, *ON_CPU, *ON_DEVICE).any():
        return ""
    kinds = sorted({repr(kind) for kind in events["category"].astype(str).unique()})[:MOST_NAMED]
    return (
        f"none of its {len(events)} events is of a kind that torch.profiler writes, such as cpu_op or kernel "
        f"(they are of {', '.join(kinds)}): is it another tool's trace?"
    )
