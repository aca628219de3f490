"""The machine's pace: seconds of the same empty loop beside every launch. Draws nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.records.machines import host_of
from bench.records.record import Environment
from reports.read.frames import Figure
from reports.read.pairs import at_one_pace, untold
from reports.stats.levelled import levelled

SPINS = ("spin_before", "spin_after")
STOLEN = "stolen"
ENOUGH = 5  # launches that were watched, to say anything of how the pace wandered
DIFFERS = 0.03  # two paces this far apart are two
ENOUGH_CASES = 20  # in both runs, for what half of them have in common to be the machine's and not theirs

Slower = tuple[float, float]
"""How many times slower the machine may have been for one run than for another: at least, and at most."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds of the loop over all launches: the median, the 10th and 90th percentile.

    stolen: the largest share of the processors' time that another machine took during a launch; None where unknown.
    """

    median_s: float
    low_s: float
    high_s: float
    stolen: float | None
    launches: int

    @property
    def wandered(self) -> float:
        """How many times slower the machine was in its slow tenth than in its fast tenth."""
        return self.high_s / self.low_s


def pace_of(figures: Sequence[Figure]) -> Pace | None:
    """The pace beside all launches that were watched; None where too few were."""
    watched = [dict(facts) for figure in figures for facts in figure.machine]
    spins = [sum(facts[name] for name in SPINS) / 2 for facts in watched if all(facts.get(name) for name in SPINS)]
    if len(spins) < ENOUGH:
        return None
    low, middle, high = (float(value) for value in np.percentile(spins, (10, 50, 90)))
    stolen = [facts[STOLEN] for facts in watched if STOLEN in facts]
    return Pace(middle, low, high, max(stolen) if stolen else None, len(spins))


def is_one_machine(environments: Iterable[Environment]) -> bool:
    """Whether the loop is the same work everywhere: on one model of machine, by one Python."""
    return len({(host_of(each), each.get("python")) for each in environments}) <= 1


def reference_ratio(base: Sequence[Figure], head: Sequence[Figure]) -> float | None:
    """How many times slower the machine was for head, by the work beside its values; None where nobody looked."""
    looks = [[figure.reference_s for figure in side if figure.paces and figure.reference_s] for side in (base, head)]
    first, second = (float(np.median(side)) if side else None for side in looks)
    return second / first if first and second else None


def ratio(base: Pace | None, head: Pace | None) -> float | None:
    """How many times slower the machine was for head than for base; None where one was not watched."""
    return head.median_s / base.median_s if base and head else None


def is_another(slower: float) -> bool:
    """Whether two paces with this ratio are two."""
    return abs(math.log(slower)) > math.log(1 + DIFFERS)


def common_change(base: Sequence[Figure], head: Sequence[Figure]) -> float | None:
    """What the middle one of all step times is multiplied by from one run to the other, as at one pace where that is
    known; None of too few cases.
    """
    first, second = ({case_of(each): each for each in side if is_timed(each)} for side in (base, head))
    pairs = [at_one_pace(first[case], second[case]) for case in first.keys() & second.keys()]
    logs = [math.log(usual(other) / usual(one)) for one, other in pairs]
    return math.exp(float(np.median(logs))) if len(logs) >= ENOUGH_CASES else None


def is_timed(figure: Figure) -> bool:
    """Whether its steps were timed."""
    return figure.metric == "step_time" and figure.status == "measured" and bool(figure.launches)


def case_of(figure: Figure) -> tuple[object, ...]:
    """What a figure has in common with the same case's of another run."""
    return (
        figure.workload, figure.version, figure.point, figure.device, figure.dtype, figure.mode, figure.threads,
        figure.setting,
    )  # fmt: skip


def usual(figure: Figure) -> float:
    """The median launch, levelled where that can be."""
    return float(np.median([np.median(values) for values in levelled(figure.launches, figure.paces)]))


@dataclass(frozen=True, slots=True)
class Allowance:
    """By how much the machine may have been slower for head than for base.

    common: by what step times have in common, as far as machines wander. loop: by the empty loop; 1 where it was as
    fast. reference: by the work beside values; None where nobody looked.
    """

    common: float = 1.0
    loop: float = 1.0
    reference: float | None = None

    def of(self, base: Figure, head: Figure) -> Slower:
        """What a ratio of two times allows for: of levelled ones only what their launches do not tell."""
        pace = self.loop
        if self.reference and base.paces and head.paces:
            pace = self.reference ** untold(base, head) if is_another(self.reference) else 1.0
        return min(1.0, self.common, pace), max(1.0, self.common, pace)


def allowance(base: Sequence[Figure], head: Sequence[Figure]) -> Allowance:
    """How much slower or faster the machine may have been for head. Nothing where it was not watched for both."""
    pace = ratio(pace_of(base), pace_of(head))
    if pace is None:
        return Allowance()
    common = min(1 + DIFFERS, max(1 / (1 + DIFFERS), common_change(base, head) or 1.0))
    return Allowance(common, pace if is_another(pace) else 1.0, reference_ratio(base, head))
