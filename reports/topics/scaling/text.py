"""Cases with ranks as tables for a terminal or Markdown. Computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.records.record import RANKS
from reports.format import units
from reports.format.tables import grid, plain, title
from reports.read.frames import Figure
from reports.stats.intervals import Ratio
from reports.topics.cells import placed
from reports.topics.scaling.figures import Member, Scaling, scalings

HEADERS = [
    "ranks",
    "wrap",
    "step time",
    "throughput",
    "efficiency [95 %]",
    "adds [95 %]",
    "ranks by themselves",
]
BUS_HEADERS = ["ranks", "step time", "bus bandwidth", "ranks by themselves"]
NOTE = (
    "efficiency: throughput of all ranks over as many times that of one process whose model is not wrapped. adds: on\n"
    "one rank, what wrapping the model adds to the step; on more, what talking adds to that of ranks that do not\n"
    "(ddp_no_sync), which is the exposed part of communication. A step takes what its slowest rank does."
)
BUS_NOTE = "bus bandwidth: bytes over the time, times what ranks have to move of them, as nccl-tests define it."
TURNS_NOTE = "They took turns in the same processes."


def scaling_text(figures: Sequence[Figure], style: str = "table") -> str:
    """A table per step; empty when there is none."""
    found = scalings(figures)
    if not found:
        return ""
    turns = all(RANKS in member.figure.turns for each in found for member in each.members)
    notes = [NOTE] * any(not each.is_collective for each in found) + [BUS_NOTE] * any(
        each.is_collective for each in found
    )
    notes += [TURNS_NOTE] * turns
    return "\n\n".join([title("Ranks", style), *[table(each, style) for each in found], "\n".join(notes)])


def table(scaling: Scaling, style: str) -> str:
    """One step, headed by its workload and where it was measured."""
    where = ", ".join(part for part in (placed(scaling.device, scaling.members[0].figure), scaling.rest) if part)
    if scaling.is_collective:
        cells = [[str(each.ranks), time(each), moved(each), own(each)] for each in scaling.members]
        body = grid(BUS_HEADERS, cells, style, 0)
    else:
        body = grid(HEADERS, [row(each) for each in scaling.members], style, 2)
    return plain(f"{scaling.workload} ({where})\n\n", style) + body


def as_json(found: Sequence[Scaling]) -> list[dict[str, Any]]:
    """Every case for programs: seconds, items and bytes per second; ratios with the ends of their 95 % intervals."""
    return [
        {
            "workload": each.workload, "device": each.device, "point": each.rest, "source": member.figure.source,
            "ranks": member.ranks, "wrap": member.wrap or None, "step_time": member.seconds, "rate": member.rate,
            "efficiency": ends(member.efficiency), "cost_on_one_rank": ends(member.cost),
            "exposed_communication": ends(member.exposed), "bus_bandwidth": member.bus,
            "fastest_and_slowest_rank": member.own,
        }
        for each in found for member in each.members
    ]  # fmt: skip


def ends(found: Ratio | None) -> dict[str, float | None] | None:
    """A ratio with its interval."""
    return None if found is None else {"value": found.value, "low": found.low, "high": found.high}


def row(member: Member) -> list[str]:
    """The cells of a case that is trained."""
    return [
        str(member.ranks), member.wrap or units.DASH, time(member),
        units.rate(member.rate, member.figure.item or "item"), share(member.efficiency),
        added(member.cost or member.exposed), own(member),
    ]  # fmt: skip


def time(member: Member) -> str:
    """Its step time."""
    return units.quantity(member.seconds, "s")


def moved(member: Member) -> str:
    """What it moves over its bus."""
    return units.DASH if member.bus is None else f"{units.quantity(member.bus, 'B')}/s"


def own(member: Member) -> str:
    """The steps of the fastest and the slowest rank."""
    if member.own is None:
        return units.DASH
    return " – ".join(units.quantity(seconds, "s") for seconds in member.own)


def share(found: Ratio | None) -> str:
    """An efficiency with its interval, such as '87 % [85 %, 89 %]'."""
    if found is None or found.low is None or found.high is None:
        return units.percent(found.value if found else None)
    return f"{units.percent(found.value)} [{units.percent(found.low)}, {units.percent(found.high)}]"


def added(found: Ratio | None) -> str:
    """What is added, with its interval, such as '+7.0 % [+6.1 %, +7.9 %]'."""
    if found is None:
        return units.DASH
    ends = [end for end in (found.low, found.high) if end is not None]
    said = f"{found.value - 1:+.1%}".replace("%", " %")
    return said + (f" [{', '.join(f'{end - 1:+.1%}'.replace('%', ' %') for end in ends)}]" if len(ends) > 1 else "")
