"""Usual costs, such as n log n, and which of them an exponent looks like over some sizes. Pure."""

from __future__ import annotations

import math

from reports.stats.growing.growth import Piece

# Each as the powers of n and of log n in it.
SHAPES = {
    "constant": (0.0, 0.0), "n": (1.0, 0.0), "n log n": (1.0, 1.0), "n^1.5": (1.5, 0.0), "n^2": (2.0, 0.0),
    "n^2 log n": (2.0, 1.0), "n^3": (3.0, 0.0),
}  # fmt: skip
NEAR_SHAPE = 0.05  # of exponents
LEAST_OF_LOG = 2.0  # the smallest size whose logarithm means anything here


def shape_of(piece: Piece) -> str:
    """The usual cost whose mean exponent over a piece is as large as the piece's, such as 'n log n'; empty for none."""
    off = {name: abs(mean_exponent(*powers, piece.first, piece.last) - piece.exponent.value)
           for name, powers in SHAPES.items()}  # fmt: skip
    nearest = min(off, key=lambda name: off[name])
    return nearest if off[nearest] <= NEAR_SHAPE else ""


def mean_exponent(power: float, of_log: float, first: float, last: float) -> float:
    """The exponent of n^power (log n)^of_log, on average over the logarithms of sizes from `first` to `last`."""
    if not of_log:
        return power
    if first < LEAST_OF_LOG or last <= first:
        return math.inf
    return power + of_log * math.log(math.log(last) / math.log(first)) / math.log(last / first)
