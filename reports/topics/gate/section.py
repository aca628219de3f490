"""What a gate found, as one HTML file that opens from disk, readable on paper and on a phone. Draws no conclusions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from reports.format.html import page
from reports.topics.gate.figures import TRIED, VERDICTS, GateRow
from reports.topics.gate.text import Headline, certainty, change, remark, sentence, signed

NARROWEST = 0.05  # the plot spans at least this change to each side, as a logarithm
WIDEST = 0.5  # and at most this; what lies beyond is drawn at the edge


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a row's interval is drawn: percentages of the plot's width."""

    low: float
    high: float
    middle: float


def as_html(rows: Sequence[GateRow], headline: Headline) -> str:
    """The whole page. Every text from the measured code is escaped by the template."""
    compared = [row for row in rows if row.verdict in TRIED]
    reach = span(compared)
    counts = Counter(row.verdict for row in rows)
    return page(
        "gate/page.html",
        rows=[(row, mark(row, reach)) for row in compared], others=[row for row in rows if row.verdict not in TRIED],
        headline=headline, sentence=sentence(rows), certainty=certainty(headline, rows).split("\n"),
        counts=[(name, counts[name]) for name in VERDICTS if counts[name]], change=change,
        remark=remark,
        ticks=ticks(reach), margins=[place(sign * math.log1p(headline.rule.same_within), reach) for sign in (-1, 1)],
    )  # fmt: skip


def span(rows: Sequence[GateRow]) -> float:
    """How far the plot reaches to each side, as a logarithm: as far as nine in ten intervals do."""
    ends = sorted(max(abs(math.log(row.low)), abs(math.log(row.high))) for row in rows if row.low and row.high)
    reach = ends[int(0.9 * (len(ends) - 1))] if ends else 0.0
    changed = [abs(math.log(row.ratio)) for row in rows if row.ratio and row.verdict in ("slower", "faster")]
    return min(WIDEST, max(NARROWEST, reach, *(1.2 * size for size in changed)))


def place(logarithm: float, reach: float) -> float:
    """Where a change lies in the plot, as a percentage of its width; what lies beyond is at the edge."""
    return round(50 + 50 * max(-1.0, min(1.0, logarithm / reach)), 2)


def mark(row: GateRow, reach: float) -> Mark | None:
    """Where a row's interval is drawn; None for a row without one."""
    if not (row.low and row.high and row.ratio):
        return None
    return Mark(*(place(math.log(value), reach) for value in (row.low, row.high, row.ratio)))


def ticks(reach: float) -> list[tuple[float, str]]:
    """The axis: no change, and a round change to each side."""
    steps = (0.02, 0.05, 0.1, 0.2, 0.4)
    step = max((step for step in steps if -math.log1p(-step) <= reach), default=steps[0])
    ratios = (1 - step, 1.0, 1 + step)
    return [(place(math.log(ratio), reach), "0" if ratio == 1 else signed(ratio)) for ratio in ratios]
