"""The roofs of a machine, from the records of `torchpace ceilings`. Pure; draws nothing.

A roof is the best that was seen, the fastest block of any process, since whatever disturbs only slows down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.records.ceilings import SUBJECT
from bench.records.files import Contents
from bench.records.machines import UNKNOWN, machine_of
from bench.records.points import Value, point_of
from bench.records.record import Record
from reports.read.frames import Figure, figures, frame_of

MOVING = ("copy", "triad")
KINDS = ("matmul", "copy", "triad", "dispatch", "launch", "transfer")
PLAIN = 0.1  # of the time of a copy that its bytes take at least, for its bandwidth to be known
COSTS = ("dispatch", "launch")  # seconds per item; the others are items per second


@dataclass(frozen=True, slots=True)
class Roof:
    """One ceiling: items per second, or for dispatch and launch seconds per item.

    latency_s: of copy and triad apart from their bandwidth, the seconds that each call takes whatever it moves.
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
    latency_s: float = 0.0
    reason: str = ""


def roofs(sources: Iterable[Contents]) -> list[Roof]:
    """Every ceiling among the records; of one measured more than once, the last."""
    found: dict[tuple[object, ...], Roof] = {}
    for contents in sources:
        if not any(case.workload.startswith(SUBJECT) for _, case in contents.cases()):
            continue
        chosen = last_run(record for record in contents.records if record.case.workload.startswith(SUBJECT))
        for figure in figures(frame_of(Contents(chosen, contents.environments))):
            if figure.metric == "step_time":
                environment = contents.environments.get(figure.environment)
                machine = machine_of(environment) if environment else UNKNOWN
                roof = roof_of(figure, machine)
                at = roof.working_set or (figure.point if roof.kind == "transfer" else "")
                found[(roof.kind, roof.device, roof.dtype, roof.threads, machine, roof.torch, at)] = roof
    kinds = {kind: number for number, kind in enumerate(KINDS)}
    return sorted(found.values(), key=lambda roof: (kinds.get(roof.kind, len(KINDS)), roof.dtype == "tf32"))


def apart(roofs: Sequence[Roof]) -> list[Roof]:
    """The roofs of one device; of copy and triad latency and bandwidth are apart: a call takes latency + bytes / rate.

    What two working sets differ by is bandwidth; what the smaller takes longer than that is latency. Where caches make
    the smaller one faster, none is seen. A set that is all latency says nothing of bandwidth, and is left out.
    """
    latencies = {kind: latency_of([roof for roof in roofs if roof.kind == kind]) for kind in MOVING}
    found = []
    for roof in roofs:
        latency_s = latencies.get(roof.kind, 0.0)
        if not (latency_s and roof.value and roof.working_set):
            found.append(roof)
            continue
        moving_s = roof.working_set / roof.value - latency_s
        if moving_s > PLAIN * roof.working_set / roof.value:
            found.append(replace(roof, value=roof.working_set / moving_s, latency_s=latency_s))
    return found


def latency_of(roofs: Sequence[Roof]) -> float:
    """Seconds that a call takes whatever it moves, from one kind's smallest two working sets; 0 where none is seen."""
    times = sorted(
        (roof.working_set, roof.working_set / roof.value) for roof in roofs if roof.working_set and roof.value
    )
    if len(times) < 2:
        return 0.0
    (small, small_s), (large, large_s) = times[:2]
    per_byte_s = max(0.0, (large_s - small_s) / (large - small))
    return max(0.0, small_s - small * per_byte_s)


def rates_of_products(roofs: Iterable[Roof]) -> dict[str, float]:
    """FLOP/s of products by their precision, as far as it was measured."""
    return {roof.dtype: roof.value for roof in roofs if roof.kind == "matmul" and roof.value}


def last_run(records: Iterable[Record]) -> tuple[Record, ...]:
    """Of records that measure a probe more than once, those of its last run."""
    probes: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        case = record.case
        # The size of a product is chosen anew by every run, so it is no part of what the probe is.
        at = () if case.workload.startswith(f"{SUBJECT}matmul") else case.point
        found = probes.setdefault((case.workload, at, case.device, case.dtype, case.threads), [])
        if found and found[-1].run != record.run:
            found.clear()
        found.append(record)
    return tuple(record for found in probes.values() for record in found)


def roof_of(figure: Figure, machine: str) -> Roof:
    """One figure as a ceiling."""
    kind, _, precision = figure.workload.removeprefix(SUBJECT).partition("_")
    point = dict(point_of(figure.point))
    sets = int(point["working_set"]) if "working_set" in point else None
    roof = Roof(
        kind, figure.device, precision or figure.dtype, figure.threads, machine, figure.torch, figure.item,
        how(kind, point), working_set=sets,
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
