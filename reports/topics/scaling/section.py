"""Cases with ranks: each with a bar for its throughput, and what more of them gave. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.format import units
from reports.read.names import anchor, key, where
from reports.read.runs import Material, Run
from reports.topics.ceilings.figures import Roof
from reports.topics.scaling.figures import Member, scalings
from reports.topics.scaling.text import added, moved, own, share, time
from reports.topics.section import Section


@dataclass(frozen=True, slots=True)
class Bar:
    """One case in one run; its figures are texts. share: of the highest throughput, in percent."""

    id: str
    name: str
    where: str
    run: str
    color: str
    share: float
    time: str
    rate: str
    efficiency: str
    adds: str
    own: str


def section(material: Material, roofs: Sequence[Roof]) -> Section | None:
    """Every step that was timed in ranks, if there is one."""
    found = bars(material)
    return Section("scaling", "Ranks", found) if found else None


def bars(material: Material) -> list[tuple[str, Sequence[Bar]]]:
    """Every step of every run, headed by its workload and the point's other axes."""
    found: list[tuple[str, Sequence[Bar]]] = []
    for run in material.runs:
        for each in scalings(run.figures):
            most = max((member.rate or 0.0 for member in each.members), default=0.0) or 1.0
            heading = ", ".join(part for part in (each.workload, each.device, each.rest) if part)
            found.append((heading, [bar(material, run, member, most) for member in each.members]))
    return found


def bar(material: Material, run: Run, member: Member, most: float) -> Bar:
    """One case, its bar a share of the highest throughput."""
    figure = member.figure
    name = f"{member.ranks} rank{'s' if member.ranks > 1 else ''}" + (f", {member.wrap}" if member.wrap else "")
    rate = units.rate(member.rate, figure.item or "item") if member.bus is None else f"bus {moved(member)}"
    return Bar(
        anchor("ranks", *key(figure), material.said(run)), name, where(figure), material.said(run), run.color,
        round(100 * (member.rate or 0.0) / most, 1), time(member), rate, share(member.efficiency),
        added(member.cost or member.exposed), own(member),
    )  # fmt: skip
