"""What a run says, before its tables: what pays, what is slow, and what is not sure and why. Computes no interval."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from bench.records.metrics import POOLED
from bench.records.record import Environment
from reports.format import units
from reports.format.tables import folded
from reports.read.frames import Figure
from reports.read.names import name
from reports.read.rows import COMPARED, Row, case_of
from reports.stats.intervals import ONE_LAUNCH
from reports.topics.cells import half_width, interval, value
from reports.topics.pace.figures import is_one_machine
from reports.topics.pace.text import pace_text

WELL, USABLE = 0.05, 0.2  # half of an interval, as a share of its figure
SHOWN = 3  # cases that are named of each kind
MOST_LAUNCHES = 1000  # more than these are no advice: the interval of two or three launches says little of the next


def answer_text(rows: Sequence[Row], figures: Sequence[Figure], environments: Mapping[str, Environment]) -> str:
    """The lines that stand first; empty where no step was timed."""
    times = [row for row in rows if row.metric == "step_time" and row.verdict == "measured"]
    if not times:
        return ""
    lines = [*gains(rows), slow(times), *sure(times, launches_of(figures))]
    lines += [pace_text(figures)] * is_one_machine(environments.values())
    return "\n".join(folded(part, "table") for line in lines for part in line.splitlines())


def gains(rows: Sequence[Row]) -> Iterator[str]:
    """A line per mode: what it came to, and where it gains and loses most."""
    by_mode: dict[str, list[Row]] = {}
    for row in rows:
        if row.metric == "speedup":
            by_mode.setdefault(row.mode, []).append(row)
    for mode, found in by_mode.items():
        counts = Counter(row.verdict for row in found)
        told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in COMPARED if counts[verdict])
        decided = sorted(
            (row for row in found if row.verdict in ("faster", "slower")), key=lambda row: -(row.ratio or 0)
        )
        ends = dict.fromkeys(row for row in (*decided[:1], *decided[-1:]))
        named = "; ".join(f"{full_name(row)} {interval(row)} times as fast" for row in ends)
        yield f"{mode} against eager: {told}{f'; {named}' if named else ''}."


def slow(times: Sequence[Row]) -> str:
    """The longest steps."""
    longest = sorted(times, key=lambda row: -(row.base or 0))[:SHOWN]
    return "Longest steps: " + "; ".join(f"{full_name(row)} {value(row.base, row)}" for row in longest) + "."


def launches_of(figures: Sequence[Figure]) -> dict[tuple[str, ...], int]:
    """In how many processes each case's step was timed."""
    return {case_of(each): len(each.launches) for each in figures if each.metric == "step_time"}


def sure(times: Sequence[Row], launches: Mapping[tuple[str, ...], int]) -> Iterator[str]:
    """How many step times are known how well, which least, and how many launches these would take."""
    widths = {id(row): share(row) for row in times}
    unknown = [row for row in times if widths[id(row)] is None]
    ranked = sorted((row for row in times if widths[id(row)] is not None), key=lambda row: -(widths[id(row)] or 0))
    well = sum((widths[id(row)] or 0) <= WELL for row in ranked)
    usable = sum((widths[id(row)] or 0) <= USABLE for row in ranked) - well
    rest = len(ranked) - well - usable
    parts = [f"{well} of {len(times)} step times are known within {units.percent(WELL)}"]
    parts += [f"{usable} more within {units.percent(USABLE)}"] * bool(usable)
    why = "by one process only" if all(ONE_LAUNCH in row.warnings for row in unknown) else "without an interval"
    parts += [f"{rest} less well"] * bool(rest) + [f"{len(unknown)} {why}"] * bool(unknown)
    yield ", ".join(parts) + "."
    if poor := [row for row in ranked if (widths[id(row)] or 0) > WELL and POOLED not in row.warnings][:SHOWN]:
        named = "; ".join(f"{full_name(row)} {half_width(row)}{would_do(row, launches)}" for row in poor)
        yield f"Least sure: {named}: their processes differ; a longer --budget tells more."


def would_do(row: Row, launches: Mapping[tuple[str, ...], int]) -> str:
    """How many launches there were, and how many it takes to know it well: an interval narrows with their root."""
    number, width = launches.get(case_of(row), 0), share(row)
    if not number or width is None:
        return ""
    needed = math.ceil(number * (width / WELL) ** 2)
    would = f"{units.count(needed)} would do" if needed <= MOST_LAUNCHES else "too few to say how many would do"
    return f" ({number} launches; {would})"


def share(row: Row) -> float | None:
    """Half the interval of a row's base as a share of it."""
    if not row.base or row.base_low is None or row.base_high is None:
        return None
    return (row.base_high - row.base_low) / 2 / row.base


def full_name(row: Row) -> str:
    """The case of a row, with what is not usual of it."""
    mode = row.mode not in ("eager", "") and row.metric != "speedup"
    others = (
        [row.device] * (row.device not in ("cpu", "")) + [row.mode] * mode + [f"({row.setting})"] * bool(row.setting)
    )
    return " ".join([name(row), *others])
