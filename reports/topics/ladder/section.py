"""Ladders: each change to a training loop with a bar for its throughput and what it gained. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.format import units
from reports.read.names import anchor, key, where
from reports.read.runs import Material, Run
from reports.topics.ceilings.figures import Roof
from reports.topics.ladder.figures import GROUND, Tread, ladders
from reports.topics.ladder.text import ratio
from reports.topics.section import Section


@dataclass(frozen=True, slots=True)
class Bar:
    """One rung in one run; its figures are texts. share: of the fastest rung's throughput, in percent."""

    id: str
    name: str
    where: str
    run: str
    color: str
    on: str
    changes: str
    share: float
    rate: str
    gain: str
    total: str
    memory: str
    learned: str
    lost: bool


def section(material: Material, roofs: Sequence[Roof]) -> Section | None:
    """Every ladder, if there is one."""
    found = bars(material)
    return Section("ladder", "Ladder", found) if found else None


def bars(material: Material) -> list[tuple[str, Sequence[Bar]]]:
    """Every ladder of every run, headed by its workload and the data it trains on."""
    found: list[tuple[str, Sequence[Bar]]] = []
    for run in material.runs:
        for ladder in ladders(run.figures):
            fastest = max((tread.rate or 0.0 for tread in ladder.treads), default=0.0) or 1.0
            heading = ", ".join(part for part in (ladder.workload, ladder.device, ladder.rest, ladder.data) if part)
            found.append((heading, [bar(material, run, tread, fastest) for tread in ladder.treads]))
    return found


def bar(material: Material, run: Run, tread: Tread, fastest: float) -> Bar:
    """One rung, its bar a share of the fastest rung's."""
    figure = tread.figure
    loss = units.DASH if tread.loss is None else f"loss {tread.loss:.3g}"
    return Bar(
        anchor("rung", *key(figure), material.said(run)), tread.rung, where(figure), material.said(run), run.color,
        units.DASH if tread.on == GROUND else tread.on, tread.changes, round(100 * (tread.rate or 0.0) / fastest, 1),
        units.rate(tread.rate, figure.item or "item"), ratio(tread.gain),
        units.ratio(tread.total.value if tread.total else None), units.quantity(tread.memory, "B"),
        loss if tread.accuracy is None else units.percent(tread.accuracy), tread.lost,
    )  # fmt: skip
