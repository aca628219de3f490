"""A trace as tables: what torch.profiler writes (`.json` or `.json.gz`), in whichever dialect, old and new.

Times become whole nanoseconds since the trace's first event, so that sums are exact.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.records.profile_notes import ALLOCATION
from reports.profiles.trace.columns import category, real, whole, written
from reports.profiles.trace.dialects import CATEGORIES
from reports.profiles.trace.document import NOTHING, Document, Event, TraceError, content, decode, details

__all__ = ["Trace", "TraceError", "read_trace"]

LONGEST_US = 30 * 8.64e10  # a month: whoever has a longer trace has a broken clock
Floats = NDArray[np.float64]

# The columns of details, and what is made of whatever a file has there.
EVENT_COLUMNS = {
    "correlation": whole, "external_id": whole, "sequence": whole, "forward_thread": whole, "shapes": written,
    "device": category, "stream": category, "occupancy": real, "blocks_per_sm": real, "grid": category,
    "block": category, "copied": whole,
}  # fmt: skip
MEMORY_COLUMNS = {
    "bytes": "bytes_changed", "address": "address", "device_type": "device_type", "total_allocated": "total_allocated",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The events of one process.

    events: one row per event with a duration, in order of start: name, category, process, thread, start_ns, end_ns,
    and the whole-number columns correlation, external_id, sequence, forward_thread (ABSENT where there is none),
    shapes (text), device, stream, occupancy, blocks_per_sm, grid, block, copied (bytes).
    memory: one row per allocation or free: time_ns, bytes, address, device_type, total_allocated, process, thread.
    """

    path: Path
    events: pd.DataFrame
    memory: pd.DataFrame
    rank: int | None = None
    devices: Sequence[str] = ()
    warnings: Sequence[str] = field(default=())


def read_trace(path: Path) -> Trace:
    """The trace in a file. Raises TraceError for anything that is not a whole trace with at least one event."""
    collecting = gc.isenabled()
    gc.disable()  # a million small objects, none of which refers to another
    try:
        return tabulate(path, decode(path, content(path)))
    finally:
        if collecting:
            gc.enable()


def tabulate(path: Path, document: Document) -> Trace:
    """The events as tables. Raises TraceError when there is none."""
    every = document.traceEvents
    events = [event for event in every if event.ph == "X" and event.ts is not None and event.cat != "Trace"]
    changes = [event for event in every if event.name == ALLOCATION]
    sizes = details([event.args or NOTHING for event in changes], "bytes_changed")
    changes = [change for change, size in zip(changes, sizes, strict=True) if size is not None]
    if not events:
        raise TraceError(
            f"{path}: has no events with a duration; export the trace in on_trace_ready, or after the profiler stopped"
        )
    starts = np.array([event.ts for event in events], dtype=float)
    durations = np.array([event.dur or 0.0 for event in events], dtype=float)
    change_times = np.array([event.ts or 0.0 for event in changes], dtype=float)
    first_us = beginning(path, starts, durations, change_times)
    warnings = []
    if negative := int((durations < 0).sum()):
        warnings.append(f"{negative} events have a negative duration, counted as 0")
    return Trace(
        path,
        event_table(events, starts, durations, first_us),
        memory_table(changes, change_times - first_us),
        rank=rank_of(document.distributedInfo),
        devices=device_names(document.deviceProperties),
        warnings=warnings,
    )


def beginning(path: Path, starts: Floats, durations: Floats, change_times: Floats) -> float:
    """When the trace begins. Raises TraceError for times that cannot be."""
    every_time = np.concatenate([starts, durations, change_times])
    if not np.isfinite(every_time).all():
        raise TraceError(f"{path}: {int((~np.isfinite(every_time)).sum())} events have a time that is no number")
    first_us = float(min(starts.min(), change_times.min(initial=np.inf)))
    last_us = max((starts + durations).max(), change_times.max(initial=-np.inf))
    if last_us - first_us > LONGEST_US:
        raise TraceError(
            f"{path}: its events span {(last_us - first_us) / 8.64e10:.3g} days; their times cannot be right"
        )
    return first_us


def event_table(events: Sequence[Event], starts: Floats, durations: Floats, first_us: float) -> pd.DataFrame:
    """Events with a duration, in order of start; of those that start together, the longest first."""
    start_ns = np.rint((starts - first_us) * 1000).astype(np.int64)
    # Ends are rounded, not durations: what touches in the file must touch here.
    end_ns = np.rint((starts + np.maximum(durations, 0) - first_us) * 1000).astype(np.int64)
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


def memory_table(changes: Sequence[Event], times_us: Floats) -> pd.DataFrame:
    """Allocations and frees, in order of time."""
    args = [event.args or NOTHING for event in changes]
    table = pd.DataFrame({
        "time_ns": np.rint(times_us * 1000).astype(np.int64),
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
