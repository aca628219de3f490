"""Reads the traces that torch.profiler writes: `.json` or `.json.gz`, of the CPU, CUDA and ROCm, old and new.

Knows the file format and nothing of what the events mean. Times become whole nanoseconds since the trace's first event,
so that sums are exact.
"""

from __future__ import annotations

import gc
import gzip
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.profiles.trace.columns import Number, category, real, whole

GZIP = b"\x1f\x8b"

# Spellings of older torch.
CATEGORIES = {
    "Operator": "cpu_op", "Runtime": "cuda_runtime", "Kernel": "kernel", "Memcpy": "gpu_memcpy", "Memset": "gpu_memset",
    "cuda_driver": "cuda_runtime", "hip_runtime": "cuda_runtime", "privateuse1_runtime": "cuda_runtime",
    "python_func": "python_function",
}  # fmt: skip
ON_CPU = ("cpu_op", "user_annotation", "cuda_runtime", "python_function")
ON_DEVICE = ("kernel", "gpu_memcpy", "gpu_memset")
MEMORY = "[memory]"
LONGEST_US = 30 * 8.64e10  # a month: whoever has a longer trace has a broken clock

# What some versions write where JSON allows no such number.
NO_NUMBER = re.compile(rb"(?<=[:\[,])(\s*)-?(?:nan|inf|infinity)(?=\s*[,}\]])", re.IGNORECASE)
BAD_ESCAPE = re.compile(rb'\\(\\|["/bfnrt]|u[0-9a-fA-F]{4})|\\')


class TraceError(Exception):
    """A file that cannot be read as a trace; the text says which, why and what to do."""


class Args(msgspec.Struct, gc=False):
    """The details of an event that are used; everything else is skipped unread."""

    correlation: Number = None
    external_id: Number = msgspec.field(default=None, name="External id")
    sequence: Number = msgspec.field(default=None, name="Sequence number")
    forward_thread: Number = msgspec.field(default=None, name="Fwd thread id")
    shapes: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw, name="Input Dims")
    bytes_changed: Number = msgspec.field(default=None, name="Bytes")
    address: Number = msgspec.field(default=None, name="Addr")
    total_allocated: Number = msgspec.field(default=None, name="Total Allocated")
    device_type: Number = msgspec.field(default=None, name="Device Type")
    device: Any = None
    stream: Any = None
    occupancy: Number = msgspec.field(default=None, name="est. achieved occupancy %")
    blocks_per_sm: Number = msgspec.field(default=None, name="blocks per SM")
    grid: Any = None
    block: Any = None
    copied: Number = msgspec.field(default=None, name="bytes")
    name: Any = None  # of processes and threads
    labels: Any = None


class Event(msgspec.Struct, gc=False):
    """One event as written; times in microseconds."""

    ph: str = "X"
    name: Any = ""
    cat: str | None = None
    pid: Number = None
    tid: Number = None
    ts: float | None = None
    dur: float | None = None
    args: Args | None = None


class Document(msgspec.Struct):
    """A trace file."""

    traceEvents: list[Event]
    distributedInfo: Any = None
    deviceProperties: Any = None
    with_stack: Any = None
    record_shapes: Any = None
    profile_memory: Any = None


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


def content(path: Path) -> bytes:
    """The file's bytes, unpacked. Raises TraceError."""
    try:
        packed = path.read_bytes()
        if packed.startswith(GZIP):
            return gzip.decompress(packed)
    except EOFError as error:
        raise TraceError(f"{path}: the file is cut off: its gzip stream has no end; copy or export it again") from error
    except (OSError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise TraceError(f"{path}: cannot be read: {why}") from error
    if path.suffix == ".gz":
        raise TraceError(f"{path}: is named .gz, but is not compressed with gzip; rename it to .json if it is JSON")
    return packed


def decode(path: Path, data: bytes) -> Document:
    """The document in the bytes. Raises TraceError."""
    if not data or data.isspace():
        raise TraceError(f"{path}: is empty; was the profiler's trace exported after it had stopped?")
    try:
        return decoded(data)
    except RecursionError as error:
        raise TraceError(f"{path}: is JSON, but no trace of torch.profiler: it is nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as first:
        if "truncated" in str(first):
            raise TraceError(
                f"{path}: the file is cut off after {len(data):,} bytes; copy or export it again"
            ) from first
    try:
        return decoded(repaired(data))
    except msgspec.ValidationError as error:
        raise TraceError(f"{path}: is JSON, but no trace of torch.profiler: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise TraceError(f"{path}: is not JSON: {error}") from error


def decoded(data: bytes) -> Document:
    """The document; a bare list of events is one as well, for Chrome's format allows it."""
    if data[:1000].lstrip()[:1] == b"[":
        return Document(msgspec.json.decode(data, type=list[Event], strict=False))
    return msgspec.json.decode(data, type=Document, strict=False)


def repaired(data: bytes) -> bytes:
    """The text with what some versions of the profiler get wrong put right: nan and inf, bad escapes, bad UTF-8."""
    text = data.decode("utf-8-sig", errors="replace").encode()
    text = BAD_ESCAPE.sub(lambda found: found[0] if found[1] else b"\\\\", text)
    return NO_NUMBER.sub(rb"\1null", text)


def tabulate(path: Path, document: Document) -> Trace:
    """The events as tables. Raises TraceError when there is none."""
    events = [
        event for event in document.traceEvents if event.ph == "X" and event.ts is not None and event.cat != "Trace"
    ]
    changes = [
        event for event in document.traceEvents
        if event.name == MEMORY and event.args is not None and event.args.bytes_changed is not None
    ]  # fmt: skip
    if not events:
        raise TraceError(
            f"{path}: has no events with a duration; export the trace in on_trace_ready, or after the profiler stopped"
        )
    starts = np.array([event.ts for event in events], dtype=float)
    durations = np.array([event.dur or 0.0 for event in events], dtype=float)
    change_times = np.array([event.ts or 0.0 for event in changes], dtype=float)
    every_time = np.concatenate([starts, durations, change_times])
    if not np.isfinite(every_time).all():
        raise TraceError(f"{path}: {int((~np.isfinite(every_time)).sum())} events have a time that is no number")
    first_us = min(starts.min(), change_times.min(initial=np.inf))
    last_us = max((starts + durations).max(), change_times.max(initial=-np.inf))
    if last_us - first_us > LONGEST_US:
        raise TraceError(
            f"{path}: its events span {(last_us - first_us) / 8.64e10:.3g} days; their times cannot be right"
        )
    start_ns = np.rint((starts - first_us) * 1000).astype(np.int64)
    warnings = []
    if negative := int((durations < 0).sum()):
        warnings.append(f"{negative} events have a negative duration, counted as 0")
    # Ends are rounded, not durations: what touches in the file must touch here.
    end_ns = np.rint((starts + np.maximum(durations, 0) - first_us) * 1000).astype(np.int64)
    frame = pd.DataFrame({
        "name": category([event.name for event in events]),
        "category": category([CATEGORIES.get(event.cat or "", event.cat or "") for event in events]),
        "process": category([event.pid for event in events]),
        "thread": category([event.tid for event in events]),
        "start_ns": start_ns,
        "end_ns": end_ns,
        **details([event.args or EMPTY for event in events]),
    })  # fmt: skip
    # By start; of those that start together the longest first, which is the one around the others.
    order = np.lexsort((-end_ns, start_ns))
    return Trace(
        path,
        frame.iloc[order].reset_index(drop=True),
        memory_table(changes, change_times - first_us),
        rank=rank_of(document.distributedInfo),
        devices=device_names(document.deviceProperties),
        warnings=warnings,
    )


EMPTY = Args()


def details(args: list[Args]) -> dict[str, Any]:
    """The columns that come from the events' details."""
    return {
        "correlation": whole([a.correlation for a in args]),
        "external_id": whole([a.external_id for a in args]),
        "sequence": whole([a.sequence for a in args]),
        "forward_thread": whole([a.forward_thread for a in args]),
        "shapes": category([bytes(a.shapes) if a.shapes else None for a in args]),
        "device": category([a.device for a in args]),
        "stream": category([a.stream for a in args]),
        "occupancy": real([a.occupancy for a in args]),
        "blocks_per_sm": real([a.blocks_per_sm for a in args]),
        "grid": category([a.grid for a in args]),
        "block": category([a.block for a in args]),
        "copied": whole([a.copied for a in args]),
    }


def memory_table(changes: list[Event], times_us: NDArray[np.float64]) -> pd.DataFrame:
    """Allocations and frees, in order of time."""
    args = [event.args or EMPTY for event in changes]
    table = pd.DataFrame({
        "time_ns": np.rint(times_us * 1000).astype(np.int64),
        "bytes": whole([a.bytes_changed for a in args]),
        "address": whole([a.address for a in args]),
        "device_type": whole([a.device_type for a in args]),
        "total_allocated": whole([a.total_allocated for a in args]),
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
