"""The result as HTML for a notebook: a table, and every observation drawn. It has its own few lines of style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.records.record import Environment, Record
from reports.format import units
from reports.format.html import templates
from reports.topics.inline.figures import Line
from reports.topics.inline.text import HEADERS, against, cells_of, columns, doubts, heading, whence

WIDTH = 160.0  # of the drawing, in its own units
EDGE = 6.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line of the table with its places on the common axis: of observations, the estimate, and its interval."""

    name: str
    cells: tuple[str, ...]
    against: str
    verdict: str
    dots: tuple[float, ...]
    middle: float
    low: float | None
    high: float | None


def inline_html(lines: Sequence[Line], records: Sequence[Record], environment: Environment) -> str:
    """A fragment that stands by itself."""
    shown = columns(lines)
    seconds = [value for line in lines for value in line.observations]
    axis = (min(seconds), max(seconds))
    return (
        templates()
        .get_template("inline/fragment.html")
        .render(
            heading=heading(lines, records, environment),
            headers=[HEADERS[index] for index in shown],
            base=lines[0].name if len(lines) > 1 else "",
            lines=[drawn(line, shown, axis) for line in lines],
            ends=[units.quantity(end, "s") for end in axis],
            width=WIDTH,
            whence=whence(records),
            doubts=doubts(lines),
        )
    )


def drawn(line: Line, shown: Sequence[int], axis: tuple[float, float]) -> Drawn:
    """A line with its places."""

    def at(seconds: float) -> float:
        share = (seconds - axis[0]) / (axis[1] - axis[0]) if axis[1] > axis[0] else 0.5
        return round(EDGE + (WIDTH - 2 * EDGE) * min(max(share, 0.0), 1.0), 1)

    step = line.step
    return Drawn(
        name=line.name,
        cells=tuple(cells_of(line)[index] for index in shown),
        against=against(line),
        verdict=line.verdict,
        dots=tuple(at(value) for value in line.observations),
        middle=at(step.estimate),
        low=None if step.low is None else at(step.low),
        high=None if step.high is None else at(step.high),
    )
