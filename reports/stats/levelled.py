"""Launches as they would have been on the machine as it usually was. Pure; knows no workload, file or table.

A neighbour on the other half of a core makes everything some tenths slower, for milliseconds or minutes. Work that is
the same beside every value says how fast the machine was just then, and a step's launches by how much the step follows
it: the slope of logarithms, so robust that one launch in five may be disturbed in a way of its own (Jaeckel, Annals of
Mathematical Statistics 43, 1972, with Wilcoxon's scores). Where the pace hardly changed there is no slope to be known,
and none is taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from reports.stats.intervals import Launches, has_centre, middle_of, observations

FEWEST = 4  # launches, for a slope to be taken from them
# A slope is taken by as much as the paces' sum of squares is of itself and this: paces that are 2 % apart tell little
# of it, and most of what they tell is noise; those that are 20 % apart tell nearly all.
UNTOLD = 0.01
COST = 1.5  # observations that a slope by ranks costs; with 1, which one by least squares does, too few intervals hold


def levelled(launches: Launches, paces: Sequence[float]) -> Launches:
    """One value for each launch, as it would have been at a pace of 1.

    paces: for each launch how many times as long as usually the reference work took beside it. The values are moved
    apart by as much as fitting a slope brought them together, and as their own usual pace is away from 1, so that
    intervals computed of them hold what they say. Of few launches, and where some have no pace, the launches
    themselves.
    """
    seen = observations(launches)[0]
    known = len(paces) == len(launches) == len(seen) >= FEWEST and all(pace > 0 for pace in paces)
    if not known or not has_centre(seen):
        return launches
    logs, slow = np.log(seen), np.log(np.asarray(paces, dtype=float))
    moved = logs - told_by(slow) * slope(logs, slow) * slow
    middle = middle_of(np.sort(moved))
    moved = middle + apart(slow) * (moved - middle)
    return [(float(value),) for value in np.exp(moved)]


def apart(slow: np.ndarray) -> float:
    """How many times as far apart as they lie the levelled launches are taken to be, by the logarithms of their paces.

    By as much as a slope that is fitted to them brings them together, and as their mean pace is away from the usual.
    """
    count, mean, told = len(slow), float(slow.mean()), told_by(slow)
    return math.sqrt((count - 1) / (count - 1 - COST * told) * (1 + count * mean**2 * (1 - told) / UNTOLD))


def told_by(slow: np.ndarray) -> float:
    """By how much of itself a slope over these logarithms of paces is taken: 0 where they are all the same."""
    squares = float(((slow - slow.mean()) ** 2).sum())
    return squares / (squares + UNTOLD)


def slope(logs: np.ndarray, slow: np.ndarray) -> float:
    """By how much logarithms of times follow those of paces; 0 where all paces are the same."""
    first, second = np.triu_indices(len(slow), 1)
    run, rise = slow[first] - slow[second], logs[first] - logs[second]
    differ = run != 0
    if not differ.any():
        return 0.0
    slopes, weights = rise[differ] / run[differ], np.abs(run[differ])
    order = np.argsort(slopes)
    below = np.cumsum(weights[order])
    return float(slopes[order][np.searchsorted(below, below[-1] / 2)])
