"""Latencies: each case with a bar from its median to its 99th percentile. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.format import units
from reports.read.names import anchor, by_subject, key, name, where
from reports.read.runs import Material, Run
from reports.topics.ceilings.figures import Roof
from reports.topics.latency.figures import Waited, latencies, of_clocks
from reports.topics.latency.text import how_long
from reports.topics.section import Section


@dataclass(frozen=True, slots=True)
class Wait:
    """One case in one run; its figures are texts. share, tail: of the longest p99 of its batch, in percent."""

    id: str
    name: str
    where: str
    run: str
    color: str
    median: str
    sure: str
    p99: str
    p99_sure: str
    stretch: str
    calls: str
    share: float
    tail: float


@dataclass(frozen=True, slots=True)
class Latencies:
    """The section: cases by subject, and what of each call is the clock's."""

    subjects: Sequence[tuple[str, Sequence[Wait]]]
    clocks: str


def section(material: Material, roofs: Sequence[Roof]) -> Section | None:
    """Every case of which single calls were timed, if there is one."""
    rows = waits(material)
    clocks = of_clocks([waited for run in material.runs for waited in latencies(run.figures)])
    return Section("latency", "Latency", Latencies(rows, clocks)) if rows else None


def waits(material: Material) -> list[tuple[str, Sequence[Wait]]]:
    """Every latency of every run, by subject; bars share a scale where workload and point are the same."""
    found = [(run, waited) for run in material.runs for waited in latencies(run.figures)]
    longest: dict[str, float] = {}
    for _, waited in found:
        case = name(waited.figure)
        longest[case] = max(longest.get(case, 0.0), end_of(waited))
    order = list(longest)
    found.sort(key=lambda pair: order.index(name(pair[1].figure)))  # what is on one scale stands together
    return list(by_subject([wait(material, run, waited, longest[name(waited.figure)]) for run, waited in found]))


def end_of(waited: Waited) -> float:
    """Where a case's bar ends, in seconds."""
    return waited.tail.estimate if waited.tail else waited.median.estimate


def wait(material: Material, run: Run, waited: Waited, longest: float) -> Wait:
    """One case, its bar a share of the longest."""
    figure = waited.figure
    return Wait(
        anchor("latency", *key(figure), material.said(run)), name(figure), where(figure), material.said(run), run.color,
        *how_long(waited.median), *how_long(waited.tail), units.ratio(waited.stretch), units.count(waited.calls),
        share(waited.median.estimate, longest), share(end_of(waited), longest),
    )  # fmt: skip


def share(seconds: float, longest: float) -> float:
    """A bar's width in percent."""
    return round(100 * seconds / longest, 1) if longest else 0.0
