"""Tensor memory over one step: how much was live when, of what kind, and which tensors made the peak.

From the profiler's allocations and frees alone. What a block is follows from when it lived: allocated before the step,
in one operator, until backward, or beyond the step; and from the addresses of parameters, gradients and optimizer
state, where whoever took the profile noted them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.profiles.shape.breakdown import backward_of, outermost_operators
from reports.profiles.shape.modules import MODULE
from reports.profiles.shape.nesting import NONE, nest
from reports.profiles.shape.operators import nest_operators
from reports.profiles.shape.windows import Steps
from reports.profiles.trace.columns import ABSENT, of_category, texts
from reports.profiles.trace.dialects import DEVICES, MARK, ON_CPU
from reports.profiles.trace.reading import Trace

KINDS = ("parameters", "gradients", "optimizer state", "inputs and buffers", "activations", "temporaries")
UNKNOWN = KINDS.index("inputs and buffers")  # what was there already, and nobody said what it is
NEVER = np.iinfo(np.int64).max
LIBRARY = ("torch/", "<built-in", "<string>", "torch._", MODULE)  # frames that are not the user's code
SHOWN = 30  # tensors live at the peak that are listed


@dataclass(frozen=True, slots=True)
class LiveTensor:
    """A block that was live at the peak: its bytes, its kind, and what allocated it, where that was recorded."""

    bytes: int
    kind: str
    operator: str
    line: str
    module: str


@dataclass(frozen=True, slots=True)
class MemoryProfile:
    """One step's memory on one device.

    times_s, live: seconds since the step began, and bytes of each kind (rows as in KINDS) from then on. peak_bytes at
    peak_s; at_peak: the largest blocks then, and others: how many more with how many bytes. from_start: allocations
    were recorded from before the model was built; otherwise what was there before is one unknown sum.
    """

    device: str
    times_s: np.ndarray
    live: np.ndarray
    peak_bytes: int
    peak_s: float
    step_s: float
    at_peak: Sequence[LiveTensor]
    others: tuple[int, int]
    from_start: bool
    allocated_bytes: int  # in the step, freed again or not
    held_bytes: int = 0  # of tensors that are known to have been there before the trace began


def memory_profiles(
    trace: Trace, steps: Steps, device_type: int = 0, known: Mapping[int, str] | None = None, from_start: bool = False,
    held: Mapping[int, int] | None = None,
) -> list[MemoryProfile]:  # fmt: skip
    """The memory of the last step on every device of a type; nothing of those where nothing was allocated."""
    changes = trace.memory[trace.memory["device_type"] == device_type]
    name = DEVICES.get(device_type, f"device {device_type}")
    ids = sorted(changes["device_id"].unique())
    found = [
        memory_profile(
            trace, steps, changes[changes["device_id"] == id], f"{name} {id}" if len(ids) > 1 else name, known or {},
            from_start, (held or {}) if len(ids) == 1 else {},  # of several, nobody said which of them holds what
        )
        for id in ids
    ]  # fmt: skip
    return [profile for profile in found if profile is not None]


def memory_profile(
    trace: Trace, steps: Steps, changes: pd.DataFrame, device: str, known: Mapping[int, str], from_start: bool,
    held: Mapping[int, int],
) -> MemoryProfile | None:  # fmt: skip
    """The memory of the last step on one device, from its allocations and frees; None when there was none in the step.

    known: kind by address, of tensors that were alive at the step's beginning or end. held: bytes by address of tensors
    that were alive at its beginning; those that no allocation was seen of were there before the trace began.
    """
    low, high = int(steps.low[-1]), int(steps.high[-1])
    if changes.empty or not ((changes["time_ns"] >= low) & (changes["time_ns"] <= high)).any():
        return None
    blocks, block_of = blocks_of(changes)
    blocks["kind"] = kinds(trace, blocks, low, high, known)
    before = held_before(blocks, held, low)
    freed = zip(changes["address"].tolist(), changes["time_ns"].tolist(), strict=True)
    of_unseen = [
        known.get(address, KINDS[UNKNOWN]) if time >= low and address in before else KINDS[UNKNOWN]
        for address, time in freed
    ]
    times, live, moments = history(changes, blocks["kind"].to_numpy(), block_of, of_unseen, low, high)
    for address, size in before.items():
        live[KINDS.index(known.get(address, KINDS[UNKNOWN]))] += size
    live[UNKNOWN] += 0 if from_start else max(0, unseen_bytes(changes) - sum(before.values()))
    total = live.sum(axis=0)
    peak = int(total.argmax())
    alive = (blocks["first"] <= moments[peak]) & (blocks["last"] > moments[peak])
    at_peak = blocks[alive].sort_values("bytes", ascending=False, kind="stable")
    shown, rest = at_peak.head(SHOWN), at_peak.iloc[SHOWN:]
    allocated = changes[(changes["bytes"] > 0) & changes["time_ns"].between(low, high)]["bytes"].sum()
    return MemoryProfile(
        device, (times - low) / 1e9, live, int(total[peak]),
        float(times[peak] - low) / 1e9, (high - low) / 1e9, described(trace, shown),
        (len(rest), int(rest["bytes"].sum())), from_start, int(allocated), sum(before.values()),
    )  # fmt: skip


def held_before(blocks: pd.DataFrame, held: Mapping[int, int], low: int) -> dict[int, int]:
    """Of the tensors that were alive when the step began, bytes by address of those whose allocation was not seen."""
    seen = set(blocks["address"][(blocks["from_ns"] <= low) & (blocks["to_ns"] > low)].tolist())
    return {address: size for address, size in held.items() if address not in seen}


def unseen_bytes(changes: pd.DataFrame) -> int:
    """What was live before the first recorded change, by the profiler's own running total."""
    first = changes.iloc[0]
    return max(0, int(first["total_allocated"]) - int(first["bytes"]))


def blocks_of(changes: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """One row per allocated block, and the block that each change is about (ABSENT: it was there before all changes).

    address, bytes, from_ns and to_ns (NEVER when it was not freed), first and last (the numbers of these changes), and
    thread.
    """
    open_blocks: dict[int, int] = {}
    rows: list[list[int]] = []
    block_of = []
    columns = (changes["address"], changes["bytes"], changes["time_ns"], changes["thread"].cat.codes)
    for number, (address, size, time, thread) in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        if size > 0:
            open_blocks[address] = len(rows)
            block_of.append(len(rows))
            rows.append([address, size, time, NEVER, number, NEVER, thread])
        else:
            block = open_blocks.pop(address, ABSENT)
            block_of.append(block)
            if block != ABSENT:
                rows[block][3], rows[block][5] = time, number
    names = ["address", "bytes", "from_ns", "to_ns", "first", "last", "thread"]
    return pd.DataFrame(rows, columns=names, dtype=np.int64), np.array(block_of, dtype=np.int64)


def kinds(trace: Trace, blocks: pd.DataFrame, low: int, high: int, known: Mapping[int, str]) -> list[str]:
    """What each block is."""
    events = trace.events
    nested = nest_operators(trace)
    tops = nested.rows[outermost_operators(events, nested)]
    starts, ends = events["start_ns"].to_numpy()[tops], events["end_ns"].to_numpy()[tops]
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], ends[order]
    in_backward = backward_of(events, nested).contains(blocks["from_ns"].to_numpy()).tolist()
    found = []
    edges = zip(*(blocks[name].tolist() for name in ("address", "from_ns", "to_ns")), in_backward, strict=True)
    for address, begin, end, begins_in_backward in edges:
        top = int(np.searchsorted(starts, begin, side="right")) - 1
        within_one_operator = top >= 0 and end <= ends[top]
        if (begin < low <= end or end > high) and address in known:
            found.append(known[address])
        elif begin < low:
            found.append("inputs and buffers")
        elif within_one_operator or begins_in_backward:
            found.append("temporaries")
        else:
            found.append("activations")
    return found


def history(
    changes: pd.DataFrame, kind: np.ndarray, block_of: np.ndarray, of_unseen: Sequence[str], low: int, high: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times from the step's start to its end, live bytes of each kind from then on, and the change that made it so.

    of_unseen: for every change the kind of what it frees, where no allocation of that was seen.
    """
    numbers = {name: number for number, name in enumerate(KINDS)}
    rows = [
        numbers[kind[block] if block != ABSENT else other]
        for block, other in zip(block_of.tolist(), of_unseen, strict=True)
    ]
    deltas = np.zeros((len(KINDS), len(changes)), dtype=np.int64)
    deltas[rows, np.arange(len(changes))] = changes["bytes"].to_numpy()
    live = deltas.cumsum(axis=1)
    times = changes["time_ns"].to_numpy()
    during = np.flatnonzero((times >= low) & (times <= high))
    before = int(during[0]) - 1
    start = live[:, before : before + 1] if before >= 0 else np.zeros((len(KINDS), 1), dtype=np.int64)
    return np.append(low, times[during]), np.hstack([start, live[:, during]]), np.append(before, during)


def described(trace: Trace, blocks: pd.DataFrame) -> list[LiveTensor]:
    """The blocks with the operator, line and module that were running when each was allocated."""
    events = trace.events
    nested = nest(events, of_category(events, *ON_CPU, MARK))
    starts, ends = events["start_ns"].to_numpy()[nested.rows], events["end_ns"].to_numpy()[nested.rows]
    thread = texts(events["thread"], nested.rows)
    names = texts(events["name"], nested.rows)
    categories = texts(events["category"], nested.rows)
    threads = trace.memory["thread"].cat.categories
    found = []
    columns = (blocks["bytes"], blocks["kind"], blocks["from_ns"], blocks["thread"])
    for size, kind, begin, code in zip(*(column.tolist() for column in columns), strict=True):
        around = np.flatnonzero((starts <= begin) & (ends >= begin) & (thread == threads[code]))  # outermost first
        operators = [names[at] for at in around if categories[at] == "cpu_op"]
        lines = [
            names[at] for at in around if categories[at] == "python_function" and not names[at].startswith(LIBRARY)
        ]
        modules = [names[at].removeprefix(MODULE) for at in around if names[at].startswith(MODULE)]
        found.append(LiveTensor(
            size, kind, next(iter(operators), ""), next(reversed(lines), ""), next(reversed(modules), ""),
        ))  # fmt: skip
    return found


def allocated_by_operator(trace: Trace, steps: Steps) -> dict[str, float]:
    """Bytes per step that operators allocated themselves, by name, whether freed again or not."""
    events, changes = trace.events, trace.memory
    changes = changes[(changes["bytes"] > 0) & steps.within(changes["time_ns"].to_numpy())]
    nested = nest(events, of_category(events, "cpu_op"))
    names, threads = texts(events["name"], nested.rows), texts(events["thread"], nested.rows)
    starts, ends = events["start_ns"].to_numpy()[nested.rows], events["end_ns"].to_numpy()[nested.rows]
    found: dict[str, float] = {}
    for thread in changes["thread"].cat.categories:
        own = np.flatnonzero(threads == thread)
        part = changes[(changes["thread"] == thread).to_numpy()]
        last_begun = np.searchsorted(starts[own], part["time_ns"].to_numpy(), side="right") - 1
        for begun, time, size in zip(
            last_begun.tolist(), part["time_ns"].tolist(), part["bytes"].tolist(), strict=True
        ):
            position = int(own[begun]) if begun >= 0 else NONE
            while position != NONE and ends[position] < time:
                position = int(nested.parent[position])
            if position != NONE:
                name = str(names[position])
                found[name] = found.get(name, 0.0) + size / len(steps.names)
    return found
