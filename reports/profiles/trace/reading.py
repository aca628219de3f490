"""A trace as tables: what torch.profiler writes (`.json` or `.json.gz`), in whichever dialect, old and new.

Times become whole nanoseconds since the trace's first event, so that sums are exact.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from msgspec.structs import replace as replaced
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from bench.records.profile_notes import ALLOCATION
from reports.profiles.trace.columns import category, of_category, real, whole, written
from reports.profiles.trace.dialects import CATEGORIES, MARK
from reports.profiles.trace.document import NOTHING, Document, Event, TraceError, content, decode, details, pieces
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
        return tabulate(path, parts_of(path, content(path)), step_mark)
    finally:
        if collecting:
            gc.enable()


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some of a file's events, and its allocations and frees, as tables with the times that the file has.

    events: in the order of the file, with start_ns, and duration_ns (NOT_KNOWN for what is no number).
    """

    events: pd.DataFrame
    memory: pd.DataFrame
    document: Document


def parts_of(path: Path, data: bytes) -> list[Part]:
    """The file in parts; in one, where it has to be put right first. Raises TraceError."""
    try:
        return [part_of(document) for document in pieces(data)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [part_of(decode(path, data))]


def part_of(document: Document) -> Part:
    """The tables of a document's events, of which only what else it says is kept."""
    every = document.traceEvents
    events = [event for event in every if event.ph == "X" and event.cat != "Trace"]
    changes = [event for event in every if event.name == ALLOCATION]
    sizes = details([event.args or NOTHING for event in changes], "bytes_changed")
    changes = [change for change, size in zip(changes, sizes, strict=True) if size is not None]
    return Part(event_table(events), memory_table(changes), replaced(document, traceEvents=[]))


def together(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables with the same columns below each other; texts stay texts that are kept once."""
    if len(tables) == 1:
        return tables[0]
    first = tables[0]
    return pd.DataFrame({
        name: union_categoricals([table[name] for table in tables])
        if isinstance(first[name].dtype, pd.CategoricalDtype)
        else np.concatenate([table[name].to_numpy() for table in tables])
        for name in first.columns
    })  # fmt: skip


def tabulate(path: Path, parts: Sequence[Part], step_mark: str) -> Trace:
    """The events as tables. Raises TraceError when there is none."""
    events = together([part.events for part in parts]) if parts else event_table([])
    changes = together([part.memory for part in parts]) if parts else memory_table([])
    if events.empty:
        raise TraceError(
            f"{path}: has no events with a duration; export the trace in on_trace_ready, or after the profiler stopped"
        )
    starts, durations = events["start_ns"].to_numpy(), events.pop("duration_ns").to_numpy()
    change_times = changes["time_ns"].to_numpy()
    good = plausible(starts, starts) & (durations != NOT_KNOWN) & (durations <= LONGEST_NS)
    good_changes = plausible(change_times, starts)
    if not good.any():
        raise TraceError(f"{path}: the times of its events cannot be right, or are no numbers")
    warnings = []
    if wrong := int((~good).sum() + (~good_changes).sum()):
        warnings.append(f"{wrong} events have a time that is no number or cannot be right, and are left out")
    if negative := int((durations[good] < 0).sum()):
        warnings.append(f"{negative} events have a negative duration, counted as 0")
    first_ns = min(starts[good].min(), change_times[good_changes].min(initial=LONGEST_POSSIBLE))
    table = in_order(events[good], starts[good] - first_ns, durations[good])
    if why := nothing_understood(table):
        raise TraceError(f"{path}: {why}")
    table, cut = without_impossible(with_marks(table, step_mark))
    if step_mark and not of_category(table, MARK).any():
        raise TraceError(f"{path}: no event's name matches --step-mark {step_mark!r}; {suggested(table)}")
    return Trace(
        path,
        table,
        changes[good_changes]
        .assign(time_ns=change_times[good_changes] - first_ns)
        .sort_values("time_ns", kind="stable")
        .reset_index(drop=True),
        rank=rank_of(parts[0].document.distributedInfo),
        devices=device_names(parts[0].document.deviceProperties),
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


def in_order(events: pd.DataFrame, start_ns: Ints, durations: Ints) -> pd.DataFrame:
    """Events in order of start; of those that start together the longest first, which is around the others."""
    end_ns = start_ns + np.maximum(durations, 0)
    order = np.lexsort((-end_ns, start_ns))
    return events.assign(start_ns=start_ns, end_ns=end_ns).iloc[order].reset_index(drop=True)


def event_table(events: Sequence[Event]) -> pd.DataFrame:
    """Events with a duration, in the order of the file."""
    args = [event.args or NOTHING for event in events]
    return pd.DataFrame({
        "name": category([event.name for event in events]),
        "category": category([CATEGORIES.get(event.cat or "", event.cat or "") for event in events]),
        "process": category([event.pid for event in events]),
        "thread": category([event.tid for event in events]),
        "start_ns": nanoseconds([event.ts for event in events]),
        "duration_ns": nanoseconds([event.dur or NO_TIME for event in events]),
        **{column: make(details(args, column)) for column, make in EVENT_COLUMNS.items()},
    })  # fmt: skip


def memory_table(changes: Sequence[Event]) -> pd.DataFrame:
    """Allocations and frees, in the order of the file."""
    args = [event.args or NOTHING for event in changes]
    return pd.DataFrame({
        "time_ns": nanoseconds([change.ts for change in changes]),
        **{column: whole(details(args, detail)) for column, detail in MEMORY_COLUMNS.items()},
        "process": category([event.pid for event in changes]),
        "thread": category([event.tid for event in changes]),
    })  # fmt: skip


def device_names(properties: Any) -> list[str]:
    """The names of the devices that the trace knows."""
    known = properties if isinstance(properties, list) else []
    return [str(device.get("name", "")) for device in known if isinstance(device, dict)]


def rank_of(info: Any) -> int | None:
    """Which of the processes of a distributed job it was."""
    rank = info.get("rank") if isinstance(info, dict) else None
    return rank if isinstance(rank, int) and not isinstance(rank, bool) else None
