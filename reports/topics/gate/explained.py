"""The parts of one case's step on both sides, as a table for a terminal. Computes nothing."""

from __future__ import annotations

from collections.abc import Callable

from reports.format import units
from reports.format.tables import grid
from reports.topics.gate.cause import Cause, Part, name_of, times

MOST_PARTS = 20
HEADERS = ("part", "difference [99 % of all]", "calls", "")
EXPLANATION = (
    "Shares of base's step under the profiler, in {pairs} pairs of processes; the intervals hold for all {parts} parts "
    "together. *: surely changed."
)


def table(found: Cause, where: Callable[[Part], str]) -> str:
    """The parts that differ most, and what the figures are."""
    rows = [
        [name_of(part.name), difference(part, found.base_s), calls(part), where(part) if part.is_certain else ""]
        for part in found.parts[:MOST_PARTS]
    ]
    explained = EXPLANATION.format(pairs=found.pairs, parts=len(found.parts))
    return f"{grid(HEADERS, rows, 'table', 1)}\n\n{explained}"


def difference(part: Part, base_s: float) -> str:
    """'+4.9 % [+4.1 %, +5.7 %]', with a mark where it surely is one."""
    middle, low, high = (f"{100 * seconds / base_s:+.2f} %" for seconds in (part.difference_s, part.low_s, part.high_s))
    return f"{middle} [{low}, {high}]{' *' if part.is_certain else ''}"


def calls(part: Part) -> str:
    """How often it is called in a step: '12', '12 → 13'; a dash for Python."""
    if part.before is None or part.after is None:
        return units.DASH
    return times(part.after) if part.before == part.after else f"{times(part.before)} → {times(part.after)}"
