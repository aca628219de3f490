"""Latencies: of single calls the median and the 99th percentile, both judged by their processes. Draws nothing."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from reports.format import units
from reports.read.frames import Figure
from reports.read.rows import summary_of
from reports.read.tails import LATENCY, TAIL
from reports.stats.intervals import Summary


@dataclass(frozen=True, slots=True)
class Waited:
    """A case with its latencies in seconds; tail is None where no process made enough calls."""

    figure: Figure
    median: Summary
    tail: Summary | None
    calls: int

    @property
    def stretch(self) -> float | None:
        """How much longer the slowest hundredth of the calls takes than the median one."""
        return self.tail.estimate / self.median.estimate if self.tail and self.median.estimate else None


def latencies(figures: Sequence[Figure]) -> list[Waited]:
    """Every case of which single calls were timed, in the order of the figures."""
    measured = [figure for figure in figures if figure.status == "measured"]
    tails = {case_of(figure): summary_of(figure) for figure in measured if figure.metric == TAIL}
    return [
        Waited(figure, summary_of(figure), tails.get(case_of(figure)), sum(map(len, figure.launches)))
        for figure in measured
        if figure.metric == LATENCY
    ]


def of_clocks(found: Sequence[Waited]) -> str:
    """What reading the clock takes of each call, by device; empty where no record says so."""
    cost_s: dict[str, list[float]] = {}
    for waited in found:
        for parts in waited.figure.parts:
            cost_s.setdefault(waited.figure.device, []).extend(seconds for name, seconds in parts if name == "clock")
    known = [f"{units.quantity(statistics.median(each), 's')} on {device}" for device, each in cost_s.items() if each]
    return (
        f"Of each call, reading the clock and waiting for a device that has nothing to do take {', '.join(known)}."
        * bool(known)
    )


def case_of(figure: Figure) -> tuple[object, ...]:
    """What a latency and its 99th percentile have in common."""
    return (
        figure.workload, figure.point, figure.device, figure.dtype, figure.mode, figure.threads, figure.version,
        figure.source, figure.environment,
    )  # fmt: skip
