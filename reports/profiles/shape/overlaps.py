"""Unions of intervals on one line of time, and how much of a window they cover. Whole nanoseconds: sums are exact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Union:
    """Disjoint intervals in order: starts and ends, and the length of all before each."""

    starts: Ints
    ends: Ints
    before: Ints

    def covered(self, low: Ints, high: Ints) -> Ints:
        """How much of each window [low, high] lies in an interval."""
        return self._until(high) - self._until(low)

    def contains(self, times: Ints) -> NDArray[np.bool_]:
        """Which of the times lie in an interval, its end included."""
        last = np.searchsorted(self.starts, times, side="right") - 1
        found = np.zeros(len(times), dtype=bool)
        begun = last >= 0
        found[begun] = times[begun] <= self.ends[last[begun]]
        return found

    def _until(self, times: Ints) -> Ints:
        """The length of all intervals up to each time."""
        if not len(self.starts):
            return np.zeros_like(times)
        last = np.searchsorted(self.starts, times, side="right") - 1
        inside = np.clip(times - self.starts[last], 0, self.ends[last] - self.starts[last])
        return np.where(last < 0, 0, self.before[last] + inside)


def union(starts: Ints, ends: Ints) -> Union:
    """The union of intervals, which may overlap, touch or be empty."""
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order]) if len(ends) else ends
    first = np.ones(len(starts), dtype=bool)
    first[1:] = starts[1:] > reach[:-1]
    last = np.append(first[1:], True)[: len(starts)]
    begins, ends = starts[first], reach[last]
    lengths = ends - begins
    return Union(begins, ends, np.cumsum(lengths) - lengths)


def join(*unions: Union) -> Union:
    """The union of unions."""
    return union(np.concatenate([u.starts for u in unions]), np.concatenate([u.ends for u in unions]))


def shares(parts: list[Union], low: Ints, high: Ints) -> list[Ints]:
    """How much of each window each part covers that no part before it does, and at last how much is left.

    They add up to the windows' lengths: covered by the first k parts is taken from covered by the first k + 1.
    """
    found, seen, so_far = [], np.zeros_like(low), union(np.empty(0, np.int64), np.empty(0, np.int64))
    for part in parts:
        so_far = join(so_far, part)
        covered = so_far.covered(low, high)
        found.append(covered - seen)
        seen = covered
    return [*found, high - low - seen]
