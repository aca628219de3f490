"""The roofs of a machine, from the records of `torchpace ceilings`. Pure; draws nothing.

A roof is the best that was seen, the fastest block of any process, since whatever disturbs only slows down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bench.records.ceilings import SUBJECT
from bench.records.files import Contents
from bench.records.machines import UNKNOWN, machine_of
from bench.records.points import Value, point_of
from bench.records.record import Record
from reports.read.frames import Figure, figures, frame_of

KINDS = ("matmul", "copy", "triad", "dispatch", "launch", "transfer")
COSTS = ("dispatch", "launch")  # seconds per item; the others are items per second


@dataclass(frozen=True, slots=True)
class Roof:
    """One ceiling: items per second, or for dispatch and launch seconds per item.

    worst: what the process saw at best that saw the least; how far it lies off says how quiet the machine was.

    kind: what the probe is called after 'ceilings.'. working_set: bytes, for copy and triad. machine, torch: where it
    was measured. reason: why there is no value. how: the probe in words.
    """

    kind: str
    device: str
    dtype: str
    threads: int
    machine: str
    torch: str
    item: str
    how: str
    value: float | None = None
    worst: float | None = None
    working_set: int | None = None
    reason: str = ""


def roofs(sources: Iterable[Contents]) -> list[Roof]:
    """Every ceiling among the records; of one measured more than once, the last."""
    found: dict[tuple[object, ...], Roof] = {}
    for contents in sources:
        chosen = last_run(record for record in contents.records if record.case.workload.startswith(SUBJECT))
        if not chosen:
            continue
        for figure in figures(frame_of(Contents(chosen, contents.environments))):
            if figure.metric == "step_time":
                environment = contents.environments.get(figure.environment)
                machine = machine_of(environment) if environment else UNKNOWN
                roof = roof_of(figure, machine)
                at = roof.working_set or (figure.point if roof.kind == "transfer" else "")
                found[(roof.kind, roof.device, roof.dtype, roof.threads, machine, roof.torch, at)] = roof
    return sorted(found.values(), key=lambda roof: KINDS.index(roof.kind) if roof.kind in KINDS else len(KINDS))


def last_run(records: Iterable[Record]) -> tuple[Record, ...]:
    """Of records that measure a probe more than once, those of its last run."""
    probes: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        case = record.case
        # The size of a product is chosen anew by every run, so it is no part of what the probe is.
        at = () if case.workload == f"{SUBJECT}matmul" else case.point
        found = probes.setdefault((case.workload, at, case.device, case.dtype, case.threads), [])
        if found and found[-1].run != record.run:
            found.clear()
        found.append(record)
    return tuple(record for found in probes.values() for record in found)


def roof_of(figure: Figure, machine: str) -> Roof:
    """One figure as a ceiling."""
    kind = figure.workload.removeprefix(SUBJECT)
    point = dict(point_of(figure.point))
    sets = int(point["working_set"]) if "working_set" in point else None
    roof = Roof(
        kind, figure.device, figure.dtype, figure.threads, machine, figure.torch, figure.item, how(kind, point),
        working_set=sets,
    )  # fmt: skip
    items = figure.items_per_step
    if figure.status != "measured" or not items:
        return replace(roof, reason=figure.reason or "its records name no items")
    fastest = [min(values) for values in figure.launches]
    value, worst = (seconds / items if kind in COSTS else items / seconds for seconds in (min(fastest), max(fastest)))
    return replace(roof, value=value, worst=worst if len(fastest) > 1 else None)


def how(kind: str, point: Mapping[str, Value]) -> str:
    """The probe in words."""
    words = {
        "matmul": f"[{point.get('size')}, {point.get('size')}] @ [{point.get('size')}, {point.get('size')}]",
        "copy": "copy of float32, read and written bytes",
        "triad": "a = b + 3 c of float32, read and written bytes",
        "dispatch": "chain of additions of one element",
        "launch": "one tiny kernel, enqueued and waited for",
        "transfer": str(point.get("direction", "")).replace("_", " "),
    }
    return words.get(kind, kind)
