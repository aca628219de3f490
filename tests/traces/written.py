"""A played program as a trace file, in the ways in which torch.profiler has written them. Invents nothing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.traces.program import Call, Change, Played, Work

PROCESS = 4242
HOST = {
    "step": "user_annotation", "annotation": "user_annotation", "operator": "cpu_op", "runtime": "cuda_runtime",
    "driver": "cuda_driver",
}  # fmt: skip
DEVICE = {"kernel": "kernel", "copy": "gpu_memcpy", "set": "gpu_memset"}
DEVICE_TYPES = {"cuda": 1, "hip": 6}
SINCE_1970_NS = 1_790_857_031_250_000_000
SINCE_BOOT_NS = 4_816_685_156_486_000


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a version writes: from when times count, whether as text, whether device marks and external ids are there,
    whose runtime is called.
    """

    name: str
    origin_ns: int
    as_text: bool = False
    device_marks: bool = False
    external_ids: bool = True
    runtime: str = "cuda"

    def called(self, name: str) -> str:
        """The name of a call of CUDA's runtime or driver in this one."""
        return name if self.runtime == "cuda" else re.sub(r"^cuda|^cu(?=[A-Z])", self.runtime, name)


DIALECTS = (
    Dialect("torch 2.11, base time apart", SINCE_BOOT_NS, device_marks=True),
    Dialect("since 1970", SINCE_1970_NS),
    Dialect("since 1970, as text", SINCE_1970_NS, as_text=True),
    Dialect("from zero, no external ids", 0, external_ids=False),
    Dialect("AMD's names", SINCE_BOOT_NS, runtime="hip"),
)


def microseconds(nanoseconds: int) -> str:
    """Nanoseconds as microseconds with three decimals, all digits kept."""
    return f"{nanoseconds // 1000}.{nanoseconds % 1000:03d}"


def trace(program: Played, dialect: Dialect) -> str:
    """The trace file's text."""
    events = [host_event(call, dialect) for call in program.calls]
    events += [device_event(work, dialect) for work in program.work]
    events += [memory_event(change, dialect) for change in program.changes]
    if dialect.device_marks:
        events += device_marks(program, dialect)
    events.append({"ph": "i", "name": "Record Window End", "ts": "0", "pid": "", "tid": "", "s": "g"})
    events.sort(key=lambda event: str(event.get("args", {}).get("correlation", "")))  # files are in no order of time
    rows = ",\n".join(encoded(event) for event in events)
    base = f'"baseTimeNanoseconds": {SINCE_1970_NS}, ' if dialect.device_marks else ""
    return (
        f'{{"schemaVersion": 1, {base}"deviceProperties": [{{"id": 0, "name": "Simulated"}}], "traceEvents": [{rows}]}}'
    )


def encoded(event: dict[str, Any]) -> str:
    """One event; times are put in as they are spelled."""
    ts, dur = event.pop("ts"), event.pop("dur", None)
    body = json.dumps(event)[1:-1]
    return f'{{{body}, "ts": {ts}' + (f', "dur": {dur}' if dur is not None else "") + "}"


def times(start_ns: int, end_ns: int, dialect: Dialect) -> dict[str, str]:
    """When an event began and how long it took, as the dialect spells numbers."""
    quote = '"' if dialect.as_text else ""
    found = {"ts": microseconds(start_ns + dialect.origin_ns), "dur": microseconds(end_ns - start_ns)}
    return {name: f"{quote}{text}{quote}" for name, text in found.items()}


def host_event(call: Call, dialect: Dialect) -> dict[str, Any]:
    """A call as an event."""
    args: dict[str, Any] = {}
    if call.correlation:
        args |= {"correlation": call.correlation, "cbid": 211}
    if call.external and dialect.external_ids:
        args["External id"] = call.external
    return {
        "ph": "X", "cat": HOST[call.kind], "name": dialect.called(call.name),
        "pid": PROCESS, "tid": PROCESS + call.thread, **times(call.start_ns, call.end_ns, dialect), "args": args,
    }  # fmt: skip


def device_event(work: Work, dialect: Dialect) -> dict[str, Any]:
    """A piece of device work as an event."""
    args: dict[str, Any] = {"device": work.device, "stream": work.stream, "correlation": work.correlation}
    if work.external and work.step is not None and dialect.external_ids:
        args["External id"] = work.external
    return {
        "ph": "X", "cat": DEVICE[work.kind], "name": work.name, "pid": work.device, "tid": work.stream,
        **times(work.start_ns, work.end_ns, dialect), "args": args,
    }  # fmt: skip


def memory_event(change: Change, dialect: Dialect) -> dict[str, Any]:
    """An allocation or a free as an event."""
    args = {
        "Total Reserved": 2 * change.total, "Total Allocated": change.total, "Bytes": change.bytes,
        "Addr": change.address, "Device Id": change.device, "Device Type": DEVICE_TYPES[dialect.runtime],
    }  # fmt: skip
    at = times(change.at_ns, change.at_ns, dialect)["ts"]
    return {
        "ph": "i", "cat": "cpu_instant_event", "s": "t", "name": "[memory]", "pid": PROCESS,
        "tid": PROCESS + change.thread, "ts": at, "args": args,
    }  # fmt: skip


def device_marks(program: Played, dialect: Dialect) -> list[dict[str, Any]]:
    """The marks that Kineto draws on each stream around the work of a step that an operator launched."""
    found = []
    marks = [call for call in program.calls if call.kind == "step"]
    for step, mark in enumerate(marks):
        own: dict[tuple[int, int], list[Work]] = {}
        for work in program.work:
            if work.step == step and work.operator is not None:
                own.setdefault((work.device, work.stream), []).append(work)
        for (device, stream), pieces in own.items():
            low, high = min(one.start_ns for one in pieces), max(one.end_ns for one in pieces)
            found.append({
                "ph": "X", "cat": "gpu_user_annotation", "name": mark.name, "pid": device, "tid": stream,
                **times(low, high, dialect), "args": {},
            })  # fmt: skip
    return found
