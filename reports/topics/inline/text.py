"""The result for a terminal: a line or a table, where it holds, and what to doubt."""

from __future__ import annotations

from collections.abc import Sequence

from bench.records.record import Environment, Record
from reports.format import units
from reports.format.html import short
from reports.format.tables import grid
from reports.read.names import many
from reports.topics.cells import sureness
from reports.topics.inline.figures import Line, cases_of

NAME = 30  # characters of a function's name that a terminal shows
HEADERS = ("seconds per call", "95 %", "throughput")


def inline_text(lines: Sequence[Line], records: Sequence[Record], environment: Environment) -> str:
    """All of a result, in lines."""
    parts = [heading(lines, records, environment), table_text(lines), whence(records)]
    return "\n\n".join([*parts, *(f"warning: {text}" for text in doubts(lines))])


def heading(lines: Sequence[Line], records: Sequence[Record], environment: Environment) -> str:
    """What was measured, and on what."""
    case, *others = cases_of(records)
    devices = dict.fromkeys(each.device for each in (case, *others))
    where = [f"{name} ({environment.get('cpu' if name == 'cpu' else 'gpu')})" for name in devices]
    threads = f"{many(case.threads, 'thread')}, " if "cpu" in devices else ""
    return f"{case.label} on {' and '.join(where)}, {threads}torch {environment.get('torch')}"


def cells_of(line: Line) -> list[str]:
    """What a table says of a line, under HEADERS."""
    step = line.step
    return [
        units.quantity(step.estimate, "s"), sureness(step.estimate, step.low, step.high),
        units.rate(line.throughput, line.item),
    ]  # fmt: skip


def columns(lines: Sequence[Line]) -> list[int]:
    """Which of HEADERS somebody measured."""
    return [index for index in range(len(HEADERS)) if any(cells_of(line)[index] != units.DASH for line in lines)]


def against(line: Line) -> str:
    """The line's ratio to the first, in words."""
    if line.ratio is None:
        return ""
    low, high = line.ratio.low, line.ratio.high
    sure = "" if low is None or high is None else f" [{units.ratio(low)}, {units.ratio(high)}]"
    return f"× {units.ratio(line.ratio.value)}{sure} {line.verdict}"


def table_text(lines: Sequence[Line]) -> str:
    """The table; of one function without its name, which is in the heading."""
    shown = columns(lines)
    cells = [[cells_of(line)[index] for index in shown] for line in lines]
    headers = [HEADERS[index] for index in shown]
    if len(lines) > 1:
        headers = ["", *headers, f"of {short(lines[0].name, NAME)}'s time"]
        cells = [[short(line.name, NAME), *own, against(line)] for line, own in zip(lines, cells, strict=True)]
    return grid(headers, cells, "table", left=min(1, len(lines) - 1))


def whence(records: Sequence[Record]) -> str:
    """What the interval is over, and what it cannot know."""
    layouts = len({record.layout for record in records})
    visits = len(records) // len(cases_of(records))
    if layouts > 1:
        return f"95 %: half the interval over {layouts} fresh processes, each with a layout of memory of its own."
    turns = ", in turns," if len(cases_of(records)) > 1 else ""
    return (
        f"95 %: half the interval over {many(visits, 'visit')}{turns} in this one process. Another process may differ "
        "by some\npercent, by where its memory lies: fresh=True measures in several."
    )


def doubts(lines: Sequence[Line]) -> list[str]:
    """Warnings, each once."""
    return list(dict.fromkeys(warning for line in lines for warning in line.warnings))
