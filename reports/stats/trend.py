"""Whether a step changed while it was measured: later values of its processes above or below earlier ones. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from reports.stats.intervals import Launches

LEAST = 0.1  # from the first value to the last
UNDOUBTED = 3.0  # standard deviations of Kendall's score
ALONE = 0.3  # from first to last, where there are too few values for a score and none of them goes back
FEWEST_VALUES = 3


def slope(values: Sequence[float]) -> float:
    """The logarithm of last over first along a line through the values: the median of the slopes of all pairs.

    (Theil and Sen; Sen, J. Am. Stat. Assoc. 63, 1968.)
    """
    logs = np.log(np.asarray(values, dtype=float))
    first, second = np.triu_indices(len(logs), 1)
    return float(np.median((logs[second] - logs[first]) / (second - first))) * (len(logs) - 1)


def score(processes: Launches) -> float:
    """Kendall's score of later above earlier, summed over processes, in its standard deviations (Mann, 1945)."""
    total = variance = 0.0
    for values in processes:
        first, second = np.triu_indices(len(values), 1)
        seen = np.asarray(values)
        total += float(np.sign(seen[second] - seen[first]).sum())
        variance += len(values) * (len(values) - 1) * (2 * len(values) + 5) / 18
    return total / math.sqrt(variance)


def drift(launches: Launches) -> float | None:
    """By what share a step grew slower (below 0: faster) from the first to the last value of a process; None for none.

    Told where it is large and the values leave no doubt; of few values, where it is larger and nothing goes back.
    """
    able = [values for values in launches if len(values) >= FEWEST_VALUES and min(values) > 0]
    if not able:
        return None
    typical = float(np.median([slope(values) for values in able]))
    if abs(score(able)) >= UNDOUBTED:
        return math.expm1(typical) if abs(typical) > math.log1p(LEAST) else None
    one_way = all(list(values) == sorted(values, reverse=typical < 0) for values in able)
    return math.expm1(typical) if one_way and abs(typical) > math.log1p(ALONE) else None
