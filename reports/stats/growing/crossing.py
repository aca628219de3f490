"""From which size on one cost surely lies below another, of ratios with intervals. Pure; knows no workload or file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.stats.intervals import Ratio


@dataclass(frozen=True, slots=True)
class Below:
    """From which size on a ratio lies below 1.

    value: where the ratio itself comes to do so. low, high: likewise the ends of its interval, so that from `high` on
    it surely is. None where that end lies below 1 from the smallest size on; always: whether the upper one does.
    """

    value: float | None
    low: float | None
    high: float | None

    @property
    def always(self) -> bool:
        """Whether the ratio surely lies below 1 at every size."""
        return self.high is None


def below_from(ratios: Sequence[tuple[float, Ratio]]) -> Below | None:
    """Where ratios, by size, come to lie below 1 for good, between sizes along lines on logarithms.

    Those whose interval is not known say nothing. None where that of the largest of the others does not lie below 1.
    """
    known = sorted(
        ((size, each.value, each.low, each.high) for size, each in ratios if each.low and each.high),
        key=lambda each: each[0],
    )
    if not known or not known[-1][3] < 1:
        return None
    sizes = [each[0] for each in known]
    return Below(*(last_crossing(sizes, [each[column] for each in known]) for column in (1, 2, 3)))


def last_crossing(sizes: Sequence[float], ratios: Sequence[float]) -> float | None:
    """The size beyond which the line through ratios stays below 1; None where it always is. The last ratio is below."""
    for place in range(len(sizes) - 2, -1, -1):
        if ratios[place] >= 1:
            above, below = math.log(ratios[place]), math.log(ratios[place + 1])
            share = above / (above - below)
            return math.exp((1 - share) * math.log(sizes[place]) + share * math.log(sizes[place + 1]))
    return None
