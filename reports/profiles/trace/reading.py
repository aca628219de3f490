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
from msgspec.structs import replace as replaced
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from bench.records.profile_notes import ALLOCATION
from reports.profiles.trace.columns import category, of_category, real, whole, written
from reports.profiles.trace.dialects import CATEGORIES, MARK
from reports.profiles.trace.document import NOTHING, Document, Event, TraceError, content, decode, details
from reports.profiles.trace.doubts import not_understood, nothing_understood, without_impossible
from reports.profiles.trace.marks import suggested, with_marks
from reports.profiles.trace.pieces import ERRORS, pieces
from reports.profiles.trace.times import NOT_KNOWN, nanoseconds

__all__ = ["Trace", "TraceError", "read_trace"]

LONGEST_NS = 30 * 86_400 * 10**9  # a month: whatever lies farther off has a broken clock
LONGEST_POSSIBLE = np.iinfo(np.int64).max
NO_TIME = b"0"
Ints = NDArray[np.int64]
Columns = dict[str, Any]
"""Arrays and categoricals of one length, by name."""

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
    ranks: int | None = None  # of the job
    devices: Sequence[str] = ()
    warnings: Sequence[str] = field(default=())


def read_trace(path: Path, step_mark: str = "") -> Trace:
    """The trace in a file; step_mark: a GLOB of the names of events that are whole steps.

    Raises TraceError for anything that is not a whole trace with at least one event.
    """
    collecting = gc.isenabled()
    gc.disable()  # a million small objects, none of which refers to another
    try:
        return tabulate(path, parts_of(path), step_mark)
    finally:
        if collecting:
            gc.enable()


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some of a file's events, and its allocations and frees, as columns with the times that the file has.

    events: in the order of the file, with start_ns, and duration_ns (NOT_KNOWN for what is no number).
    """

    events: Columns
    memory: Columns
    document: Document


def parts_of(path: Path) -> list[Part]:
    """The file in parts; in one, where it has to be put right first. Raises TraceError."""
    try:
        return [part_of(document) for document in pieces(path)]
    except ERRORS:
        return [part_of(decode(path, content(path)))]


def part_of(document: Document) -> Part:
    """The tables of a document's events, of which only what else it says is kept."""
    every = document.traceEvents
    events = [event for event in every if event.ph == "X" and event.cat != "Trace"]
    changes = [event for event in every if event.name == ALLOCATION]
    sizes = details([event.args or NOTHING for event in changes], "bytes_changed")
    changes = [change for change, size in zip(changes, sizes, strict=True) if size is not None]
    return Part(event_columns(events), memory_columns(changes), replaced(document, traceEvents=[]))


def together(parts: Sequence[Columns]) -> Columns:
    """The same columns of all parts, each in one piece. Parts are emptied: all columns twice would be the most memory
    that a large file needs.
    """
    found = {}
    for name in tuple(parts[0]):
        pieces_of = [part.pop(name) for part in parts]
        is_text = isinstance(pieces_of[0], pd.Categorical)
        found[name] = union_categoricals(pieces_of) if is_text else np.concatenate(pieces_of)
    return found


def tabulate(path: Path, parts: Sequence[Part], step_mark: str) -> Trace:
    """The events as tables. Raises TraceError when there is none."""
    events, changes = together([part.events for part in parts]), together([part.memory for part in parts])
    starts, durations = events.pop("start_ns"), events.pop("duration_ns")
    if not len(starts):
        raise TraceError(
            f"{path}: has no events with a duration; export the trace in on_trace_ready, or after the profiler stopped"
        )
    change_times = changes["time_ns"]
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
    start_ns = starts - first_ns
    table = in_order(events, np.flatnonzero(good), start_ns, start_ns + np.maximum(durations, 0))
    if why := nothing_understood(table):
        raise TraceError(f"{path}: {why}")
    table, cut = without_impossible(with_marks(table, step_mark))
    if step_mark and not of_category(table, MARK).any():
        raise TraceError(f"{path}: no event's name matches --step-mark {step_mark!r}; {suggested(table)}")
    return Trace(
        path,
        table,
        pd.DataFrame(changes)[good_changes]
        .assign(time_ns=change_times[good_changes] - first_ns)
        .sort_values("time_ns", kind="stable")
        .reset_index(drop=True),
        rank=number_in(parts[-1].document.distributedInfo, "rank"),
        ranks=number_in(parts[-1].document.distributedInfo, "world_size"),
        devices=device_names(parts[-1].document.deviceProperties),
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


def in_order(columns: Columns, rows: Ints, start_ns: Ints, end_ns: Ints) -> pd.DataFrame:
    """Some rows in order of start; of those that start together the longest first, which is around the others.

    Columns are emptied, as in `together`.
    """
    rows = rows[np.lexsort((-end_ns[rows], start_ns[rows]))]
    ordered = {name: columns.pop(name)[rows] for name in tuple(columns)}
    return pd.DataFrame({**ordered, "start_ns": start_ns[rows], "end_ns": end_ns[rows]}, copy=False)


def event_columns(events: Sequence[Event]) -> Columns:
    """Events with a duration, in the order of the file."""
    args = [event.args or NOTHING for event in events]
    return {
        "name": category([event.name for event in events]),
        "category": category([CATEGORIES.get(event.cat or "", event.cat or "") for event in events]),
        "process": category([event.pid for event in events]),
        "thread": category([event.tid for event in events]),
        "start_ns": nanoseconds([event.ts for event in events]),
        "duration_ns": nanoseconds([event.dur or NO_TIME for event in events]),
        **{column: make(details(args, column)) for column, make in EVENT_COLUMNS.items()},
    }


def memory_columns(changes: Sequence[Event]) -> Columns:
    """Allocations and frees, in the order of the file."""
    args = [event.args or NOTHING for event in changes]
    return {
        "time_ns": nanoseconds([change.ts for change in changes]),
        **{column: whole(details(args, detail)) for column, detail in MEMORY_COLUMNS.items()},
        "process": category([event.pid for event in changes]),
        "thread": category([event.tid for event in changes]),
    }


def device_names(properties: Any) -> list[str]:
    """The names of the devices that the trace knows."""
    known = properties if isinstance(properties, list) else []
    return [str(device.get("name", "")) for device in known if isinstance(device, dict)]


def number_in(info: Any, word: str) -> int | None:
    """What is said of a distributed job: which of its processes it was (rank), and how many there are (world_size)."""
    number = info.get(word) if isinstance(info, dict) else None
    return number if isinstance(number, int) and not isinstance(number, bool) else None
