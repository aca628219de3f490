"""Functions that were timed where they are: how long each takes, against the first of them. Draws nothing.

In one process a visit is an observation: the interval is of that process, at that time. Of several processes each
layout of memory is one, as everywhere else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from bench.records.record import Case, Record
from reports.read.laid_out import joined
from reports.read.rows import SAME_WITHIN, verdict_of
from reports.stats.distance import SURE, of_figure, of_pair
from reports.stats.intervals import Launches, Ratio, Summary, compare_paired, summarize


@dataclass(frozen=True, slots=True)
class Line:
    """One function. Seconds are per step; a step is one call.

    step: its seconds with their 95 % interval. ratio: of its seconds to the first function's, paired, likewise; None of
    the first. verdict: slower, faster, same or undecided against the first; in one process up to 3 % may be luck.
    """

    name: str
    step: Summary
    observations: tuple[float, ...]
    items: int
    item: str
    ratio: Ratio | None = None
    verdict: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def throughput(self) -> float:
        """Items per second."""
        return self.items / self.step.estimate


def observed(records: Sequence[Record]) -> list[Record]:
    """The observations among a function's records: visits of one process, or the processes themselves."""
    return list(records) if len({record.layout for record in records}) == 1 else joined(records)


def launches_of(records: Sequence[Record], case: Case) -> Launches:
    """The values of a function's observations."""
    return [each.values for each in observed([record for record in records if record.case == case])]


def distance(records: Sequence[Record], within: float) -> float:
    """How many times as wide as asked for an interval is: of one function's time, or of the ratios of several.

    A ratio is known, too, when its verdict is.
    """
    base, *others = [launches_of(records, case) for case in cases_of(records)]
    if not others:
        return of_figure(base, within)
    if len({record.layout for record in records}) > 1:
        return max(of_pair(base, other, SAME_WITHIN) for other in others)
    return max(of_pair_in_one_process(compare_paired(base, other, SURE), within) for other in others)


def of_pair_in_one_process(ratio: Ratio, within: float) -> float:
    """Likewise of one ratio: its interval is to be narrow, or to lie on one side of what may be luck."""
    if ratio.low is None or ratio.high is None:
        return math.inf
    beyond = abs(abs(math.log(ratio.value)) - math.log(1 + SAME_WITHIN))
    return math.log(ratio.high / ratio.low) / 2 / max(within, beyond)


def cases_of(records: Sequence[Record]) -> list[Case]:
    """What was timed, in order."""
    return list(dict.fromkeys(record.case for record in records))


def lines_of(records: Sequence[Record]) -> tuple[Line, ...]:
    """A line per function; the first is what the others are compared with."""
    cases = cases_of(records)
    base = launches_of(records, cases[0])
    found = []
    for number, case in enumerate(cases):
        own = launches_of(records, case)
        ratio = compare_paired(base, own) if number else None
        last = [record for record in records if record.case == case][-1]
        found.append(Line(
            name=case.mode if len(cases) > 1 else case.label,
            step=summarize(own),
            observations=tuple(summarize([values]).estimate for values in own),
            items=last.items or 1,
            item=last.item,
            ratio=ratio,
            verdict=verdict_of(allowed(ratio, records), lower_is_better=True, time=True) if ratio else "",
            warnings=tuple(dict.fromkeys(each for one in records if one.case == case for each in one.warnings)),
        ))  # fmt: skip
    return tuple(found)


def allowed(ratio: Ratio, records: Sequence[Record]) -> Ratio:
    """The ratio for a verdict: of one process, what may be luck of its memory is no difference."""
    if len({record.layout for record in records}) > 1 or ratio.low is None or ratio.high is None:
        return ratio
    if ratio.low >= 1 - SAME_WITHIN and ratio.high <= 1 + SAME_WITHIN:
        return ratio
    return replace(ratio, low=ratio.low / (1 + SAME_WITHIN), high=ratio.high * (1 + SAME_WITHIN))


def summary_by_layout(records: Sequence[Record]) -> Summary:
    """The time of one case over processes, of which those of one layout are one."""
    return summarize([record.values for record in joined(records)])


def table(lines: Sequence[Line]) -> pd.DataFrame:
    """The lines as a pandas table: seconds per step, items per second."""
    return pd.DataFrame([
        {
            "name": line.name, "seconds": line.step.estimate, "low": line.step.low, "high": line.step.high,
            "throughput": line.throughput, "item": line.item,
            "ratio": line.ratio.value if line.ratio else None, "ratio_low": line.ratio.low if line.ratio else None,
            "ratio_high": line.ratio.high if line.ratio else None, "verdict": line.verdict,
        }
        for line in lines
    ])  # fmt: skip
