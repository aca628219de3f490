"""The machine's pace: seconds of the same empty loop beside every launch. Draws nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.records.machines import host_of
from bench.records.record import Environment
from reports.read.frames import Figure

SPINS = ("spin_before", "spin_after")
STOLEN = "stolen"
ENOUGH = 5  # launches that were watched, to say anything of how the pace wandered
DIFFERS = 0.03  # two paces this far apart are two


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


def ratio(base: Pace | None, head: Pace | None) -> float | None:
    """How many times slower the machine was for head than for base; None where one was not watched."""
    return head.median_s / base.median_s if base and head else None


def is_another(slower: float) -> bool:
    """Whether two paces with this ratio are two."""
    return abs(math.log(slower)) > math.log(1 + DIFFERS)
