"""A trace as tables: what torch.profiler writes (`.json` or `.json.gz`), in whichever dialect, old and new.

Times become whole nanoseconds since the trace's first event, so that sums are exact.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.records.profile_notes import ALLOCATION
from reports.profiles.trace.columns import category, of_category, real, whole, written
from reports.profiles.trace.dialects import CATEGORIES, MARK
from reports.profiles.trace.document import NOTHING, Document, Event, TraceError, content, decode, details
from reports.profiles.trace.doubts import not_understood, nothing_understood, without_impossible
from reports.profiles.trace.marks import suggested, with_marks
from reports.profiles.trace.times import NOT_KNOWN, nanoseconds

__all__ = ["Trace", "TraceError", "read_trace"]

LONGEST_NS = 30 * 86_400 * 10**9  # a month: whatever lies farther off has a broken clock
LONGEST_POSSIBLE = np.iinfo(np.int64).max
NO_TIME = b"0"
Ints = NDArray[np.int64]

# The columns of details, and what is made of whatever a file has there.
EVENT_COLUMNS = {
    "correlation": whole, "external_id": whole, "sequence": whole, "forward_thread": whole, "shapes": written,
    "device": category, "stream": category, "occupancy": real, "blocks_per_sm": real, "grid": category,
    "block": category, "copied": whole,
}  # fmt: skip
MEMORY_COLUMNS = {
    "bytes": "bytes_changed", "address": "address", "device_type": "device_type", "device_id": "device_id",
    "total_allocated": "total_allocated",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The events of one process.

    events: one row per event with a duration, in order of start: name, category, process, thread, start_ns, end_ns,
    and the whole-number columns correlation, external_id, sequence, forward_thread (ABSENT where there is none),
    shapes (text), device, stream, occupancy, blocks_per_sm, grid, block, copied (bytes).
    memory: one row per allocation or free: time_ns, bytes, address, device_type, device_id, total_allocated, process,
    thread.
    """

    path: Path
    events: pd.DataFrame
    memory: pd.DataFrame
    rank: int | None = None
    devices: Sequence[str] = ()
    warnings: Sequence[str] = field(default=())


def read_trace(path: Path, step_mark: str = "") -> Trace:
    """The trace in a file; step_mark: a GLOB of the names of events that are whole steps.

    Raises TraceError for anything that is not a whole trace with at least one event.
    """
    collecting = gc.isenabled()
    gc.disable()  # a million small objects, none of which refers to another
    try:
        return tabulate(path, decode(path, content(path)), step_mark)
    finally:
        if collecting:
            gc.enable()


def tabulate(path: Path, document: Document, step_mark: str) -> Trace:
    """The events as tables. Raises TraceError when there is none."""
    every = document.traceEvents
    events = [event for event in every if event.ph == "X" and event.cat != "Trace"]
    changes = [event for event in every if event.name == ALLOCATION]
    sizes = details([event.args or NOTHING for event in changes], "bytes_changed")
    changes = [change for change, size in zip(changes, sizes, strict=True) if size is not None]
    if not events:
        raise TraceError(
            f"{path}: has no events with a duration; export the trace in on_trace_ready, or after the profiler stopped"
        )
    starts = nanoseconds([event.ts for event in events])
    durations = nanoseconds([event.dur or NO_TIME for event in events])
    change_times = nanoseconds([change.ts for change in changes])
    good = plausible(starts, starts) & (durations != NOT_KNOWN) & (durations <= LONGEST_NS)
    good_changes = plausible(change_times, starts)
    if not good.any():
        raise TraceError(f"{path}: the times of its events cannot be right, or are no numbers")
    warnings = []
    if wrong := int((~good).sum() + (~good_changes).sum()):
        warnings.append(f"{wrong} events have a time that is no number or cannot be right, and are left out")
    if negative := int((durations[good] < 0).sum()):
        warnings.append(f"{negative} events have a negative duration, counted as 0")
    events, changes = list(compress(events, good)), list(compress(changes, good_changes))
    starts, durations, change_times = starts[good], durations[good], change_times[good_changes]
    first_ns = min(starts.min(), change_times.min(initial=LONGEST_POSSIBLE))
    table = event_table(events, starts - first_ns, durations)
    if why := nothing_understood(table):
        raise TraceError(f"{path}: {why}")
    table, cut = without_impossible(with_marks(table, step_mark))
    if step_mark and not of_category(table, MARK).any():
        raise TraceError(f"{path}: no event's name matches --step-mark {step_mark!r}; {suggested(table)}")
    return Trace(
        path,
        table,
        memory_table(changes, change_times - first_ns),
        rank=rank_of(document.distributedInfo),
        devices=device_names(document.deviceProperties),
        warnings=[*warnings, *cut, *not_understood(table)],
    )


def plausible(times: Ints, events: Ints) -> NDArray[np.bool_]:
    """Which times are numbers, and within a month of what most events say."""
    known = events[events != NOT_KNOWN]
    if not len(known):
        return np.zeros(len(times), dtype=bool)
    middle = np.partition(known, len(known) // 2)[len(known) // 2]
    found: NDArray[np.bool_] = (times >= middle - LONGEST_NS) & (times <= middle + LONGEST_NS) & (times != NOT_KNOWN)
    return found


def event_table(events: Sequence[Event], start_ns: Ints, durations: Ints) -> pd.DataFrame:
    """Events with a duration, in order of start; of those that start together, the longest first."""
    end_ns = start_ns + np.maximum(durations, 0)
    args = [event.args or NOTHING for event in events]
    frame = pd.DataFrame({
        "name": category([event.name for event in events]),
        "category": category([CATEGORIES.get(event.cat or "", event.cat or "") for event in events]),
        "process": category([event.pid for event in events]),
        "thread": category([event.tid for event in events]),
        "start_ns": start_ns,
        "end_ns": end_ns,
        **{column: make(details(args, column)) for column, make in EVENT_COLUMNS.items()},
    })  # fmt: skip
    # The longest of those that start together is the one around the others.
    order = np.lexsort((-end_ns, start_ns))
    return frame.iloc[order].reset_index(drop=True)


def memory_table(changes: Sequence[Event], time_ns: Ints) -> pd.DataFrame:
    """Allocations and frees, in order of time."""
    args = [event.args or NOTHING for event in changes]
    table = pd.DataFrame({
        "time_ns": time_ns,
        **{column: whole(details(args, detail)) for column, detail in MEMORY_COLUMNS.items()},
        "process": category([event.pid for event in changes]),
        "thread": category([event.tid for event in changes]),
    })  # fmt: skip
    return table.sort_values("time_ns", kind="stable").reset_index(drop=True)


def device_names(properties: Any) -> list[str]:
    """The names of the devices that the trace knows."""
    known = properties if isinstance(properties, list) else []
    return [str(device.get("name", "")) for device in known if isinstance(device, dict)]


def rank_of(info: Any) -> int | None:
    """Which of the processes of a distributed job it was."""
    rank = info.get("rank") if isinstance(info, dict) else None
    return rank if isinstance(rank, int) and not isinstance(rank, bool) else None
