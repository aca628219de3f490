"""Cases with ranks: what more of them give, what wrapping a model costs, how fast their collectives are. Pure."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bench.records.points import Value, point_of, text_of
from bench.records.record import RANKS, WRAP
from reports.read.frames import Figure
from reports.read.pairs import ratio_per_item
from reports.read.rows import summary_of
from reports.stats.intervals import Ratio
from reports.stats.speedup import speedup

PLAIN = "none"  # a model that is not wrapped
SILENT, TALKING = (
    "ddp_no_sync",
    ("ddp", "ddp_small_buckets"),
)  # DDP whose backward pass talks to nobody, and that which does
RANK = "rank "  # how a record calls the readings of a rank's own times
# What a collective of n ranks moves over its bus, per byte of its own (nccl-tests, doc/PERFORMANCE.md).
BUS: dict[str, Callable[[int], float]] = {
    "distributed.all_reduce": lambda n: 2 * (n - 1) / n,
    "distributed.all_gather": lambda n: (n - 1) / n,
    "distributed.reduce_scatter": lambda n: (n - 1) / n,
    "distributed.broadcast": lambda n: 1.0 if n > 1 else 0.0,
}


@dataclass(frozen=True, slots=True)
class Member:
    """A case with so many ranks, against the same in one process; unknown is None.

    rate: items per second of all ranks together. gain: over one process's rate. efficiency: that, by the number of
    ranks. cost: on one rank, what wrapping adds to a step's time, as head / base. exposed: likewise what talking adds
    to the step of as many ranks that do not, in DDP. bus: bytes a second that a collective moves. own: seconds per
    step of the fastest and the slowest rank, the median of their turns.
    """

    figure: Figure
    ranks: int
    wrap: str
    seconds: float
    rate: float | None
    gain: Ratio | None = None
    efficiency: Ratio | None = None
    cost: Ratio | None = None
    exposed: Ratio | None = None
    bus: float | None = None
    own: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Scaling:
    """The cases of one step in one or more ranks, in the order measured; `rest` is the point's other axes."""

    workload: str
    device: str
    rest: str
    members: tuple[Member, ...]

    @property
    def is_collective(self) -> bool:
        """Whether what it moves is asked, and not what more ranks give."""
        return self.workload in BUS


def scalings(figures: Sequence[Figure]) -> list[Scaling]:
    """Every step that was timed in ranks, in the order measured."""
    found: dict[tuple[object, ...], list[Figure]] = defaultdict(list)
    for figure in figures:
        point = dict(point_of(figure.point))
        if figure.status == "measured" and figure.metric == "step_time" and is_number(point.get(RANKS)):
            rest = text_of((axis, value) for axis, value in point.items() if axis not in (RANKS, WRAP))
            key = (
                figure.workload, figure.device, rest, figure.dtype, figure.mode, figure.threads, figure.version,
                figure.source, figure.environment,
            )  # fmt: skip
            found[key].append(figure)
    return [Scaling(str(key[0]), str(key[1]), str(key[2]), members(cases)) for key, cases in found.items()]


def is_number(value: Value | None) -> bool:
    """Whether an axis says how many ranks there are; a user's own axis of that name may be anything."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def members(cases: Sequence[Figure]) -> tuple[Member, ...]:
    """The cases, each against the one process that does not wrap its model, where that was timed."""
    said = {id(figure): dict(point_of(figure.point)) for figure in cases}
    alone = [figure for figure in cases if said[id(figure)][RANKS] == 1 and said[id(figure)].get(WRAP, PLAIN) == PLAIN]
    base = alone[0] if len(alone) == 1 else None
    silent = {said[id(figure)][RANKS]: figure for figure in cases if said[id(figure)].get(WRAP) == SILENT}
    found = []
    for figure in cases:
        ranks, wrap = int(said[id(figure)][RANKS]), str(said[id(figure)].get(WRAP, ""))
        own = member(figure, ranks, wrap, base)
        if wrap in TALKING and ranks in silent:
            own = replace(own, exposed=ratio_per_item(silent[ranks], figure, RANKS))
        found.append(own)
    return tuple(found)


def member(figure: Figure, ranks: int, wrap: str, base: Figure | None) -> Member:
    """One case against the one process."""
    seconds, items = summary_of(figure).estimate, figure.items_per_step
    found = Member(figure, ranks, wrap, seconds, items / seconds if items else None, own=own_times(figure))
    if figure.workload in BUS:
        return replace(found, bus=found.rate * BUS[figure.workload](ranks) if found.rate and ranks > 1 else None)
    if base is None or base is figure:
        return found
    gain = speedup(ratio_per_item(base, figure, RANKS))
    cost = speedup(gain) if ranks == 1 else None  # head / base again
    efficiency = divided(gain, ranks) if ranks > 1 else None
    return replace(found, gain=gain, efficiency=efficiency, cost=cost)


def divided(ratio: Ratio, by: int) -> Ratio:
    """A ratio by a number."""
    low, high = (None if end is None else end / by for end in (ratio.low, ratio.high))
    return Ratio(ratio.value / by, low, high, ratio.warnings)


def own_times(figure: Figure) -> tuple[float, float] | None:
    """Seconds per step of the fastest rank and of the slowest, each the median of launches' medians."""
    turns: dict[str, list[float]] = defaultdict(list)
    for launch in figure.readings:
        for name, values in launch:
            if name.startswith(RANK):
                turns[name].append(statistics.median(values))
    if len(turns) < 2:
        return None
    usual = [statistics.median(values) for values in turns.values()]
    return min(usual), max(usual)
