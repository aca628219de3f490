"""Which event ran inside which, on each thread, and how much of it was its own.

An event is inside the last one that began before it and has not ended, if it ends no later itself: the rule by which
torch's own `key_averages` tells self time from total.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.profiles.trace.columns import lanes

Ints = NDArray[np.int64]
NONE = -1  # no position, no row: the parent of what is inside nothing


@dataclass(frozen=True, slots=True)
class Nest:
    """Events of some categories, in order of thread and start.

    rows: their rows in the trace's events. parent: the position, in here, of the event around each. depth: how many are
    around it. self_ns: its time without that of the events directly inside.
    """

    rows: Ints
    parent: Ints
    depth: Ints
    self_ns: Ints


def nest(events: pd.DataFrame, chosen: NDArray[np.bool_]) -> Nest:
    """The nesting of the chosen events."""
    rows = np.flatnonzero(chosen)
    lane = lanes(events)[rows]
    order = np.argsort(lane, kind="stable")  # the events are in order of start, the longest first
    rows, lane = rows[order], lane[order]
    starts, ends = events["start_ns"].to_numpy()[rows], events["end_ns"].to_numpy()[rows]
    parent = parents(lane, starts, ends)
    inside = parent != NONE
    self_ns = ends - starts
    np.subtract.at(self_ns, parent[inside], (ends - starts)[inside])
    return Nest(rows, parent, depths(parent), np.maximum(self_ns, 0))


def parents(lane: Ints, starts: Ints, ends: Ints) -> Ints:
    """The position of the event around each one; in order of lane and start."""
    found = []
    stack: list[int] = []
    open_ends: list[int] = []
    last = None
    # Lists of Python's own numbers: going through an array one by one is several times slower.
    for position, (where, start, end) in enumerate(zip(lane.tolist(), starts.tolist(), ends.tolist(), strict=True)):
        if where != last:
            stack, open_ends, last = [], [], where
        while stack and (start >= open_ends[-1] or end > open_ends[-1]):
            stack.pop()
            open_ends.pop()
        found.append(stack[-1] if stack else NONE)
        stack.append(position)
        open_ends.append(end)
    return np.array(found, dtype=np.int64)


def depths(parent: Ints) -> Ints:
    """How many events are around each; a parent comes before what is inside it."""
    depth = [0] * len(parent)
    for position, above in enumerate(parent.tolist()):
        if above != NONE:
            depth[position] = depth[above] + 1
    return np.array(depth, dtype=np.int64)


def ancestor(parent: Ints, wanted: NDArray[np.bool_]) -> Ints:
    """For each event the innermost wanted one that is it or is around it; NONE where there is none."""
    found = [NONE] * len(parent)
    for position, (above, is_wanted) in enumerate(zip(parent.tolist(), wanted.tolist(), strict=True)):
        found[position] = position if is_wanted else (found[above] if above != NONE else NONE)
    return np.array(found, dtype=np.int64)


def totals(parent: Ints, own: Ints) -> Ints:
    """Each event's own plus that of everything inside it."""
    sums = own.tolist()
    for position in range(len(sums) - 1, -1, -1):
        above = int(parent[position])
        if above != NONE:
            sums[above] += sums[position]
    return np.array(sums, dtype=own.dtype)
