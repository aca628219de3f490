"""The step time of every case: its values, how sure it is, and what it does in a second. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.frames import Figure
from reports.rows import summary_of
from reports.sections.names import anchor, by_subject, key, name, where
from reports.sections.runs import Material, Run
from reports.sections.strip import Strip, strip


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
    launches: int
    values: int
    warnings: tuple[str, ...]


def timings(material: Material) -> list[tuple[str, Sequence[Timing]]]:
    """Every measured step time, by subject; the runs of a case stand below each other."""
    return list(by_subject(timing(run, figure, material.said(run)) for run, figure in material.measured("step_time")))


def timing(run: Run, figure: Figure, label: str) -> Timing:
    """One figure as a row."""
    summary = summary_of(figure)
    items = figure.items_per_step
    return Timing(
        anchor("time", *key(figure), label), name(figure), where(figure), label, run.color,
        strip(figure.launches, summary, figure.kind.unit), summary.estimate, summary.low, summary.high,
        summary.half_width, summary.spread, items / summary.estimate if items and summary.estimate else None,
        figure.item or "item", summary.launches, summary.values, figure.warnings + summary.warnings,
    )  # fmt: skip
