"""A training step that ranks do together, simulated: each computes, then all wait in a collective for the last.

Every rank has a clock of its own. Times in whole nanoseconds; the truth of each rank is known.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.traces.written import microseconds

STEPS = 5
REDUCE_NS = 40_000  # of the collective once all are there
ALONE_NS = 30_000  # of the step's end, an update without communication


@dataclass(slots=True)
class Rank:
    """One rank: by step the nanoseconds that it computed, and was in the collective."""

    number: int
    compute_ns: list[int] = field(default_factory=list)
    reduce_ns: list[int] = field(default_factory=list)
    step_ns: list[int] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


def played(seed: int, count: int = 4, late: int | None = None, longer: float = 1.5) -> list[Rank]:
    """Ranks whose steps take about as long; one of them, the late one, computes so many times as long in every step."""
    dice = random.Random(seed)
    ranks = [Rank(number) for number in range(count)]
    offset = [dice.randrange(10**12) for _ in ranks]
    now = 0
    for step in range(STEPS):
        compute = [round(dice.randrange(900_000, 1_000_000) * (longer if r.number == late else 1)) for r in ranks]
        all_there = now + max(compute)
        ended = all_there + REDUCE_NS
        for rank, own in zip(ranks, compute, strict=True):
            at = now + offset[rank.number]
            rank.compute_ns.append(own)
            rank.reduce_ns.append(ended - now - own)
            rank.step_ns.append(ended + ALONE_NS - now)
            rank.events += step_events(step, at, own, ended - now - own)
        now = ended + ALONE_NS
    return ranks


def step_events(step: int, at: int, compute: int, reduce: int) -> list[dict[str, Any]]:
    """A step of one rank: its mark, and per part an operator, its launch and its kernel, which begin together."""
    parts = [
        ("aten::mm", "gemm", 0, compute),
        ("c10d::allreduce_", "ncclDevKernel_AllReduce_Sum_f32_RING_LL", compute, reduce),
        ("aten::add_", "update", compute + reduce, ALONE_NS),
    ]  # fmt: skip
    found = [event("user_annotation", f"ProfilerStep#{step}", at, compute + reduce + ALONE_NS)]
    for number, (operator, kernel, begin, length) in enumerate(parts, 1 + step * len(parts)):
        found += [
            event("cpu_op", operator, at + begin, length, **{"External id": number}),
            event("cuda_runtime", "cudaLaunchKernel", at + begin, 500, correlation=number),
            event("kernel", kernel, at + begin, length, 0, 7, correlation=number, device=0, stream=7),
        ]
    return found


def event(cat: str, name: str, start: int, length: int, pid: int = 9, tid: int = 9, **args: Any) -> dict[str, Any]:
    """An event of so many nanoseconds, its times as text."""
    times = {"ts": microseconds(start), "dur": microseconds(length)}
    return {"ph": "X", "cat": cat, "name": name, "pid": pid, "tid": tid, **times, "args": args}


def written(folder: Path, ranks: list[Rank]) -> list[Path]:
    """The ranks' traces, a file each."""
    found = []
    for rank in ranks:
        path = folder / f"rank{rank.number}.json"
        info = {"backend": "nccl", "rank": rank.number, "world_size": len(ranks)}
        path.write_text(json.dumps({"schemaVersion": 1, "distributedInfo": info, "traceEvents": rank.events}))
        found.append(path)
    return found
