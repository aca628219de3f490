"""Estimators of launches and of ratios, with their intervals: `python -m tests.proof.estimators`.

The table of decisions/0010: of each kind of noise the share of 95 % intervals that hold what the rule estimates, and
their median half width. That of decisions/0013: of two runs of the same code, the share of 99 % intervals of their
ratio that leave out 1, and their median half width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import bdtr, stdtrit
from tqdm import tqdm

from reports.format.tables import grid
from reports.stats.intervals import between as ranks_of_median
from reports.stats.intervals import difference_rank, welch_half_width

Array = np.ndarray
DRAWS, MANY = 4000, 400_000
LAUNCHES = (3, 6, 10, 20)
RATIO_LAUNCHES = (4, 6, 8, 12)


def quiet(dice: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Processes differ by a percent."""
    return 0.01 * dice.normal(size=shape)


def disturbed(dice: np.random.Generator, shape: tuple[int, int]) -> Array:
    """One process in five is slower, by a fifth up to twice the time."""
    return np.where(dice.random(shape) < 0.2, dice.uniform(0.2, 0.7, shape), 0) + 0.015 * dice.normal(size=shape)


def two_levels(dice: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Half of the processes are 13 % slower."""
    return np.where(dice.random(shape) < 0.5, 0.0, 0.13) + 0.015 * dice.normal(size=shape)


def visited(dice: np.random.Generator, shape: tuple[int, int]) -> Array:
    """A neighbour comes for some launches and goes for some more, and is there for a quarter of the time."""
    found, there = np.empty(shape), dice.random(shape[0]) < 0.25
    for launch in range(shape[1]):
        change = dice.random(shape[0])
        there = np.where(there, change >= 0.45, change < 0.15)
        found[:, launch] = 0.22 * there
    return found + 0.015 * dice.normal(size=shape)


KINDS = (quiet, disturbed, two_levels, visited)


def trimmed(share: float) -> Callable[[Array], tuple[Array, Array]]:
    """A mean without this share at either end, with its Winsorized variance; Student's t for a share of 0."""

    def rule(seen: Array) -> tuple[Array, Array]:
        count = seen.shape[1]
        cut = int(share * count)
        kept = np.sort(seen, axis=1)[:, cut : count - cut]
        ends = [np.repeat(kept[:, :1], cut, axis=1), kept, np.repeat(kept[:, -1:], cut, axis=1)]
        left = kept.shape[1]
        variance = np.concatenate(ends, axis=1).var(axis=1, ddof=1) * (count - 1) / (left * (left - 1))
        half = float(stdtrit(left - 1, 0.975)) * np.sqrt(variance)
        return kept.mean(axis=1) - half, kept.mean(axis=1) + half

    return rule


def signed_ranks(seen: Array) -> tuple[Array, Array]:
    """Between the means of pairs, by the signed ranks of Wilcoxon (Hodges and Lehmann, 1963)."""
    count = seen.shape[1]
    first, second = np.triu_indices(count)
    means = np.sort((seen[:, first] + seen[:, second]) / 2, axis=1)
    ways = np.zeros(means.shape[1] + 1)
    ways[0] = 1
    for rank in range(1, count + 1):
        ways[rank:] += ways[:-rank].copy()
    rank = int(np.searchsorted(np.cumsum(ways) / 2**count, 0.025, side="right"))
    return between(means, rank)


def order_statistics(seen: Array) -> tuple[Array, Array]:
    """Between the values themselves, by how many lie below the median."""
    count = seen.shape[1]
    sure = [1 - 2 * float(bdtr(rank - 1, count, 0.5)) for rank in range(1, count // 2 + 1)]
    return between(np.sort(seen, axis=1), sum(each >= 0.95 for each in sure))


def between(values: Array, rank: int) -> tuple[Array, Array]:
    """From the value of this rank to that of the same rank from above; everything where there is no such rank."""
    if rank == 0:
        nothing = np.full(len(values), math.inf)
        return -nothing, nothing
    return values[:, rank - 1], values[:, -rank]


def hodges_lehmann(seen: Array) -> float:
    """The median of the means of pairs, over pairs drawn."""
    dice = np.random.default_rng(1)
    return float(np.median((dice.permutation(seen) + dice.permutation(seen)) / 2))


def without_ends(seen: Array) -> float:
    """The mean of the middle three fifths."""
    cut = len(seen) // 5
    return float(np.sort(seen)[cut : len(seen) - cut].mean())


RULES: dict[str, tuple[Callable[[Array], tuple[Array, Array]], Callable[[Array], float]]] = {
    "Student's t": (trimmed(0.0), lambda seen: float(seen.mean())),
    "trimmed mean": (trimmed(0.2), without_ends),
    "signed ranks": (signed_ranks, hodges_lehmann),
    "median": (order_statistics, lambda seen: float(np.median(seen))),
}


def rows() -> Iterator[list[str]]:
    """A row per number of launches and rule."""
    dice = np.random.default_rng(1)
    many = {kind: kind(dice, (MANY // 40, 40)).ravel() for kind in KINDS}
    for count in LAUNCHES:
        for name, (rule, estimated) in tqdm(RULES.items(), leave=False):
            cells = [str(count), name]
            for kind in KINDS:
                low, high = rule(kind(dice, (DRAWS, count)))
                right = estimated(many[kind])
                held = 100 * float(np.mean((low <= right) & (right <= high)))
                width = 50 * float(np.median(high - low))
                cells.append(f"{held:.1f}, {width:.1f}" if math.isfinite(width) else "none")
            yield cells


def by_both_medians(base: Array, head: Array) -> tuple[Array, Array]:
    """From the intervals of both sides (MOVER: Zou and Donner, Statistics in Medicine 27, 2008)."""
    found = ranks_of_median(base.shape[1], SURE)
    if found is None:
        return by_welch(base, head)
    (low, high), (other_low, other_high) = (interpolated(np.sort(side, axis=1), *found) for side in (base, head))
    middle, other = np.median(base, axis=1), np.median(head, axis=1)
    down, up = np.hypot(other - other_low, high - middle), np.hypot(other_high - other, middle - low)
    return other - middle - down, other - middle + up


def interpolated(seen: Array, rank: int, share: float) -> tuple[Array, Array]:
    """The ends of a median's interval."""
    low = (1 - share) * seen[:, rank - 1] + share * seen[:, rank]
    return low, (1 - share) * seen[:, -rank] + share * seen[:, -rank - 1]


def by_welch(base: Array, head: Array) -> tuple[Array, Array]:
    """Welch's t over the means."""
    halves = np.array([welch_half_width(*sides, SURE) for sides in zip(base, head, strict=True)])
    middle = head.mean(axis=1) - base.mean(axis=1)
    return middle - halves, middle + halves


def by_ranks(base: Array, head: Array) -> tuple[Array, Array]:
    """From the differences between all launches of either side (Mann and Whitney, 1947)."""
    rank = difference_rank(base.shape[1], head.shape[1], SURE)
    if rank is None:
        return by_welch(base, head)
    seen = np.sort((head[:, :, None] - base[:, None, :]).reshape(len(base), -1), axis=1)
    return seen[:, rank - 1], seen[:, -rank]


SURE = 0.99
RATIOS = {"both medians": by_both_medians, "Welch's t": by_welch, "ranks of differences": by_ranks}


def ratio_rows() -> Iterator[list[str]]:
    """A row per number of launches and rule, of two sides that are alike."""
    dice = np.random.default_rng(2)
    for count in RATIO_LAUNCHES:
        sides = {kind: (kind(dice, (DRAWS, count)), kind(dice, (DRAWS, count))) for kind in KINDS}
        for name, rule in RATIOS.items():
            cells = [str(count), name]
            for kind in KINDS:
                low, high = rule(*sides[kind])
                out = 100 * float(np.mean((low > 0) | (high < 0)))
                cells.append(f"{out:.1f}, {50 * float(np.median(high - low)):.1f}")
            yield cells


if __name__ == "__main__":
    print(grid(["launches", "rule", *(kind.__name__.replace("_", " ") for kind in KINDS)], list(ratio_rows()), "table"))
    print(grid(["launches", "rule", *(kind.__name__.replace("_", " ") for kind in KINDS)], list(rows()), "table"))
