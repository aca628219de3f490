"""How near a step comes to what the machine can do: the time that each roof implies, and the largest of them. Pure.

Compute: arithmetic over the FLOP/s of products, of each precision its own. Memory: what a call takes whatever it moves,
and the bytes that must move over the bandwidth at the step's working set. Overhead: operators called
times the cost of calling one. No step can be faster than the largest, if the counts are true of it; where it is, the
bound says what may be the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.records.ceilings import SUBJECT
from bench.records.machines import UNKNOWN, machine_of
from bench.records.metrics import ELEMENTWISE
from bench.records.record import Environment
from reports.format import units
from reports.read.frames import Figure
from reports.read.rows import summary_of
from reports.topics.ceilings.figures import Roof, apart, rates_of_products

IMPOSSIBLE = 1.5  # times the roof of products: no busy machine and no odd size explains more
ABOVE = 1.05  # a fraction of a roof from which on a reason is given
UNCOUNTED = "what it does was not counted; `torchpace run` counts it, of floating-point steps"
WRITES_MUCH = 0.5  # the share of its bytes that a copy writes


@dataclass(frozen=True, slots=True)
class Bound:
    """One case against its roofs. Times in s per step; what is not known is None.

    bound: "compute", "memory" or "overhead", the largest of the three; empty where none is known. fraction: that time
    over the step's. intensity: FLOP/B. flops, moved, calls: what the step has to do. note: what a reader must know.
    """

    figure: Figure
    step_s: float
    compute_s: float | None
    memory_s: float | None
    overhead_s: float | None
    bound: str
    fraction: float | None
    flops: float | None
    moved: float | None
    calls: float | None
    note: str = ""

    @property
    def intensity(self) -> float | None:
        """FLOP per byte that must move; None where either is none."""
        return self.flops / self.moved if self.flops and self.moved else None

    @property
    def achieved(self) -> float | None:
        """FLOP/s of the step as it was measured."""
        return self.flops / self.step_s if self.flops else None


def bounds(figures: Sequence[Figure], environments: Mapping[str, Environment], roofs: Sequence[Roof]) -> list[Bound]:
    """Every measured case for whose machine, torch, device and threads there are ceilings, in the order measured."""
    cases: dict[tuple[object, ...], dict[str, Figure]] = {}
    fused: set[tuple[object, ...]] = set()
    for figure in figures:
        case: tuple[object, ...] = (
            figure.workload, figure.point, figure.device, figure.dtype, figure.mode, figure.threads,
            figure.source, figure.environment,
        )  # fmt: skip
        if figure.status == "measured" and not figure.workload.startswith(SUBJECT):
            cases.setdefault(case, {})[figure.metric] = figure
        if figure.mode not in ("eager", "") or (figure.metric, figure.status) == ("dispatches", "unavailable"):
            fused.add(case)
    found = []
    for key, metrics in cases.items():
        if "step_time" in metrics:
            step = metrics["step_time"]
            own = roofs_of(step, environments.get(step.environment), roofs)
            if own:
                found.append(bound(metrics, own, key in fused))
    return found


def roofs_of(figure: Figure, environment: Environment | None, roofs: Sequence[Roof]) -> list[Roof]:
    """The roofs that were measured where the figure was, and are known."""
    here = machine_of(environment) if environment else UNKNOWN
    own = [
        roof
        for roof in roofs
        if roof.value is not None
        and (roof.machine, roof.torch) == (here, figure.torch)
        and (roof.device, roof.threads) == (figure.device, figure.threads)
    ]
    return apart(own)


def bound(metrics: Mapping[str, Figure], roofs: Sequence[Roof], is_fused: bool) -> Bound:
    """One case, from its figures by metric, against the roofs of its machine.

    is_fused: whether the step calls fewer operators than were counted of it uncompiled.
    """
    step = metrics["step_time"]
    step_s = summary_of(step).estimate
    flops, moved, touched, calls = (
        summary_of(metrics[name]).estimate if name in metrics else None
        for name in ("arithmetic", "algorithmic_bytes", "touched_bytes", "dispatches")
    )
    memory, dispatch = memory_roof(roofs, touched or 0.0, share_written(metrics)), one(roofs, "dispatch")
    times = {
        "compute": compute_time(metrics["arithmetic"], roofs) if flops is not None else None,
        "memory": memory_time(moved, memory, is_fused) if moved is not None and memory else None,
        "overhead": calls * dispatch.value if calls is not None and dispatch and dispatch.value else None,
    }
    known = {name: time for name, time in times.items() if time is not None}
    if not known:
        return Bound(step, step_s, None, None, None, "", None, flops, moved, calls, UNCOUNTED)
    name = max(known, key=lambda name: known[name])
    fraction = known[name] / step_s if step_s else None
    products = "flops" in metrics
    note = remark(name, fraction, touched or 0.0, memory, products, is_fused)
    return Bound(
        step, step_s, times["compute"], times["memory"], times["overhead"], name, fraction, flops, moved, calls, note
    )


def compute_time(arithmetic: Figure, roofs: Sequence[Roof]) -> float | None:
    """Seconds of a step's arithmetic, each part at the roof of its precision; None where one was not measured.

    Records of before do not say which part is in which: then all is in the case's dtype.
    """
    parts = last_parts(arithmetic)
    if not parts:
        parts = {arithmetic.dtype: summary_of(arithmetic).estimate}
    known = rates_of_products(roofs)
    seconds = 0.0
    for name, count in parts.items():
        precision = arithmetic.dtype if name == ELEMENTWISE else name
        if count and precision not in known:
            return None
        seconds += count / known[precision] if count else 0.0
    return seconds


def last_parts(figure: Figure | None) -> dict[str, float]:
    """The parts of a figure as they were counted last."""
    return dict(figure.parts[-1]) if figure and figure.parts else {}


def share_written(metrics: Mapping[str, Figure]) -> float | None:
    """Which share of its bytes a step writes; None where its record does not say."""
    parts = last_parts(metrics.get("algorithmic_bytes"))
    whole = sum(parts.values())
    return parts.get("written", 0.0) / whole if whole else None


def memory_roof(roofs: Sequence[Roof], touched: float, written: float | None = None) -> Roof | None:
    """The faster of copy and triad at the largest working set that was measured and is no larger than the step's.

    A step that touches less than all of them is held against the smallest. One that writes at least half of its bytes
    is held against copy, which does so too: many processors read a line before they write it, so that triad, which
    writes a third, gets more of the counted bytes through.
    """
    measured = [roof for roof in roofs if roof.working_set is not None]
    if not measured:
        return None
    sets = sorted({roof.working_set for roof in measured if roof.working_set is not None})
    chosen = max((size for size in sets if size <= touched), default=sets[0])
    found = [roof for roof in measured if roof.working_set == chosen]
    alike = [roof for roof in found if roof.kind == "copy"] if written is not None and written >= WRITES_MUCH else []
    return max(alike or found, key=lambda roof: roof.value or 0.0)


def memory_time(moved: float, roof: Roof, is_fused: bool) -> float | None:
    """Seconds of moving so many bytes, in one call; what is fused may be part of a call that is there anyway."""
    latency_s = roof.latency_s if moved and not is_fused else 0.0
    return latency_s + moved / roof.value if roof.value else None


def one(roofs: Sequence[Roof], kind: str) -> Roof | None:
    """The roof of a kind that there is but one of."""
    return next((roof for roof in roofs if roof.kind == kind), None)


def remark(
    name: str, fraction: float | None, touched: float, memory: Roof | None, products: bool, is_fused: bool
) -> str:
    """What may explain a step that is faster than its roof; or what its bound leaves open."""
    if fraction is not None and fraction > ABOVE:
        return excess(name, fraction, touched, memory, is_fused)
    if name == "compute" and not products:
        return "it has no products, and other operations cannot reach the roof of products"
    return "compiled: how much it dispatches is not known, so overhead is left out" if is_fused else ""


def excess(name: str, fraction: float, touched: float, memory: Roof | None, is_fused: bool) -> str:
    """What may explain a step that is faster than its roof."""
    if name == "overhead":
        return "its operators cost less to call than an addition that makes a new tensor, as views do"
    if name == "compute" and fraction > IMPOSSIBLE:
        times = f"{fraction:.1f} times as fast as the fastest product measured here"
        return f"impossible: it would compute {times}; it leaves work out, or these are another machine's ceilings"
    if name == "compute":
        return "the ceilings were measured on a busier machine, or at a worse size: torchpace ceilings --again"
    smallest = memory.working_set if memory and memory.working_set else 0
    if touched < smallest:
        size = units.quantity(smallest, "B")
        return f"its working set fits in a cache whose roof was not measured (the smallest is {size})"
    if is_fused:
        return "compiled: less leaves the caches than eager's working set suggests"
    return "caches keep part of what it moves, or operators read only part of what they are given"
