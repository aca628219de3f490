"""The step time of every case: its values, how sure it is, and what it does in a second. Draws nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from reports.read.frames import Figure
from reports.read.names import anchor, by_subject, key, name, where
from reports.read.rows import summary_of
from reports.read.runs import Material, Run
from reports.stats.intervals import Launches
from reports.topics.ceilings.figures import Roof
from reports.topics.section import Section
from reports.topics.timing.strip import MOST_VALUES, Strip, axis, strip


@dataclass(frozen=True, slots=True)
class Timing:
    """One case in one run. `half` is half the 95 % interval, `spread` the middle half, as shares of the time."""

    id: str
    name: str
    where: str
    run: str
    color: str
    drawing: Strip
    time: float
    low: float | None
    high: float | None
    half: float | None
    spread: float | None
    rate: float | None
    item: str


@dataclass(frozen=True, slots=True)
class Timings:
    """Every case by subject; of one with more than `most_values` values not all are drawn."""

    cases: list[tuple[str, Sequence[Timing]]]
    most_values: int = MOST_VALUES


def section(material: Material, roofs: Sequence[Roof]) -> Section:
    """Every case that was timed, or that there is none."""
    return Section("timing", "Timing", Timings(timings(material)))


def timings(material: Material) -> list[tuple[str, Sequence[Timing]]]:
    """Every measured step time, by subject; the runs of a case stand below each other."""
    measured = material.measured("step_time")
    cases: dict[tuple[object, ...], list[Launches]] = defaultdict(list)
    for _, figure in measured:
        cases[key(figure)].append(figure.launches)
    ends = {case: axis(launches) for case, launches in cases.items()}
    return list(by_subject(timing(run, figure, material.said(run), ends[key(figure)]) for run, figure in measured))


def timing(run: Run, figure: Figure, label: str, ends: tuple[float, float]) -> Timing:
    """One figure as a row, drawn on an axis with these ends."""
    summary = summary_of(figure)
    items = figure.items_per_step
    return Timing(
        anchor("time", *key(figure), label), name(figure), where(figure), label, run.color,
        strip(figure.launches, summary, figure.kind.unit, ends), summary.estimate, summary.low, summary.high,
        summary.half_width, summary.spread, items / summary.estimate if items and summary.estimate else None,
        figure.item or "item",
    )  # fmt: skip
