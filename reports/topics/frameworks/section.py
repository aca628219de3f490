"""One step in several frameworks, each with a bar for its step time. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports.format import units
from reports.read.names import anchor, key, unusual
from reports.read.runs import Material, Run
from reports.topics.ceilings.figures import Roof
from reports.topics.frameworks.figures import Comparison, Member, comparisons, versions
from reports.topics.frameworks.text import absences, against, busy, first, known, not_the_same, reasons
from reports.topics.section import Section


@dataclass(frozen=True, slots=True)
class Bar:
    """One framework in one run; its figures are texts. where: only what is unusual. share: of the slowest's."""

    id: str
    name: str
    where: str
    run: str
    color: str
    share: float
    time: str
    known: str
    ratio: str
    first: str
    memory: str
    busy: str


@dataclass(frozen=True, slots=True)
class Group:
    """One step: its heading, its bars, and lines of what was not the same and who is absent."""

    heading: str
    bars: tuple[Bar, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the template draws. versions: of every framework, in one line."""

    groups: tuple[Group, ...]
    versions: str


def section(material: Material, roofs: Sequence[Roof]) -> Section | None:
    """Every step that was run in several frameworks, if there is one."""
    found = [(run, each) for run in material.runs for each in comparisons(run.figures)]
    if not found:
        return None
    said = ", ".join(f"{name} {version}" for name, version in sorted(versions([each for _, each in found]).items()))
    groups = tuple(group(material, run, each) for run, each in found)
    return Section("frameworks", "Frameworks", Drawn(groups, said))


def group(material: Material, run: Run, each: Comparison) -> Group:
    """One step of one run."""
    most = max((member.time.estimate for member in each.members), default=1.0)
    heading = ", ".join(part for part in (each.workload, each.device, each.rest) if part)
    bars = tuple(bar(material, run, member, most) for member in each.members)
    return Group(heading, bars, (*reasons(each), *not_the_same(each), *absences(each)))


def bar(material: Material, run: Run, member: Member, most: float) -> Bar:
    """One framework, its bar a share of the slowest one's time."""
    figure, said = member.figure, material.said(run)
    return Bar(
        anchor("framework", *key(figure), said), member.name, " · ".join(unusual(figure)), said, run.color,
        round(100 * member.time.estimate / most, 1), units.quantity(member.time.estimate, "s"), known(member.time),
        against(member.ratio), first(member), units.quantity(member.bytes, "B"), busy(member),
    )  # fmt: skip
