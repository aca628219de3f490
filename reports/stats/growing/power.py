"""Least squares on logarithms: log cost = log(a + b n^k), with a b and a k for each group of sizes. Pure.

Says nothing of how many groups there should be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Groups: TypeAlias = tuple[tuple[int, int], ...]
"""Where each piece's sizes begin and end, by their number."""

ROUNDS = 60
ENOUGH = 1e-10  # of chi squared, relative; less is no progress
BEGINNINGS = (0.5, 0.9)  # shares of the smallest cost that the overhead may be at first
LEAST_DAMPING, MOST_DAMPING = 1e-9, 1e9


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted curve. numbers: for each piece its level at its middle and its exponent; last the logarithm of the
    overhead, if it has one. middles: of each piece's logarithms of sizes. covariance: of the numbers, by the errors.
    """

    groups: Groups
    has_overhead: bool
    numbers: np.ndarray
    middles: np.ndarray
    covariance: np.ndarray
    chi2: float

    @property
    def overhead(self) -> float:
        """Its logarithm; minus infinity where there is none."""
        return float(self.numbers[-1]) if self.has_overhead else -math.inf

    def exponent(self, piece: int) -> float:
        """That of a piece."""
        return float(self.numbers[2 * piece + 1])

    def line(self, piece: int, log: float) -> float:
        """The logarithm of a piece's cost without the overhead, at the logarithm of a size, on the piece or off it."""
        return float(self.numbers[2 * piece]) + self.exponent(piece) * (log - float(self.middles[piece]))

    def predicted(self, logs: np.ndarray) -> np.ndarray:
        """The logarithms of the costs at the sizes that it was fitted to."""
        return curve(self.numbers, logs, self.groups, self.middles, self.has_overhead)[0]

    def overhead_ends(self) -> float:
        """The logarithm of the size at which the rest of the first piece costs as much as the overhead."""
        return float(self.middles[0]) + (self.overhead - float(self.numbers[0])) / self.exponent(0)

    def exponent_gradient(self, piece: int) -> np.ndarray:
        """How an exponent depends on the numbers."""
        gradient = np.zeros(len(self.numbers))
        gradient[2 * piece + 1] = 1.0
        return gradient

    def overhead_ends_gradient(self) -> np.ndarray:
        """How the end of the overhead does."""
        gradient, exponent = np.zeros(len(self.numbers)), self.exponent(0)
        gradient[0], gradient[-1] = -1 / exponent, 1 / exponent
        gradient[1] = -(self.overhead - float(self.numbers[0])) / exponent**2
        return gradient

    def error(self, gradient: np.ndarray) -> float:
        """The standard error of what depends so on the numbers."""
        return math.sqrt(max(0.0, float(gradient @ self.covariance @ gradient)))

    def crossing(self, piece: int) -> tuple[float, float]:
        """Where the lines of a piece and the next one meet, as a logarithm, and its standard error."""
        bend = self.exponent(piece + 1) - self.exponent(piece)
        if bend == 0:
            return math.inf, math.inf
        at = (self.line(piece, 0.0) - self.line(piece + 1, 0.0)) / bend
        gradient = np.zeros(len(self.numbers))
        for each, sign in ((piece, 1.0), (piece + 1, -1.0)):
            gradient[2 * each] = sign / bend
            gradient[2 * each + 1] = sign * (at - float(self.middles[each])) / bend
        return at, self.error(gradient)


def curve(
    numbers: np.ndarray, logs: np.ndarray, groups: Groups, middles: np.ndarray, has_overhead: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The logarithms of the costs at the logarithms of sizes, and how they depend on the numbers."""
    found, slopes = np.empty(len(logs)), np.zeros((len(logs), len(numbers)))
    for piece, (begin, end) in enumerate(groups):
        off = logs[begin:end] - middles[piece]
        found[begin:end] = numbers[2 * piece] + numbers[2 * piece + 1] * off
        slopes[begin:end, 2 * piece], slopes[begin:end, 2 * piece + 1] = 1.0, off
    if has_overhead:
        whole = np.logaddexp(found, numbers[-1])
        slopes *= np.exp(found - whole)[:, None]
        slopes[:, -1] = np.exp(numbers[-1] - whole)
        found = whole
    return found, slopes


def solve(logs: np.ndarray, costs: np.ndarray, errors: np.ndarray, groups: Groups, has_overhead: bool) -> Fit | None:
    """The best curve of these pieces; None where none is found. Sizes and costs are logarithms, in order."""
    middles = np.array([logs[begin:end].mean() for begin, end in groups])
    found: list[Fit] = []
    for share in BEGINNINGS if has_overhead else (0.0,):
        start = beginning(logs, costs, groups, middles, share)
        fit = descend(start, logs, costs, errors, groups, middles, has_overhead)
        if fit is not None:
            found.append(fit)
    return min(found, key=lambda fit: fit.chi2, default=None)


def beginning(logs: np.ndarray, costs: np.ndarray, groups: Groups, middles: np.ndarray, share: float) -> np.ndarray:
    """Numbers to begin with, if the overhead is this share of the smallest cost: lines through what is above it."""
    rest = costs + np.log1p(-share * np.exp(costs.min() - costs))
    numbers: list[float] = []
    for (begin, end), middle in zip(groups, middles, strict=True):
        off = logs[begin:end] - middle
        numbers += [float(rest[begin:end].mean()), float(off @ rest[begin:end] / max(float(off @ off), 1e-12))]
    return np.array([*numbers, costs.min() + math.log(share)] if share else numbers)


def descend(
    numbers: np.ndarray, logs: np.ndarray, costs: np.ndarray, errors: np.ndarray, groups: Groups, middles: np.ndarray,
    has_overhead: bool,
) -> Fit | None:  # fmt: skip
    """Levenberg and Marquardt's way down from some numbers (SIAM J. Appl. Math. 11, 1963)."""
    damping = 1e-3 if has_overhead else LEAST_DAMPING  # lines alone are found in one step

    def look(at: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        found, slopes = curve(at, logs, groups, middles, has_overhead)
        residuals = (costs - found) / errors
        return float(residuals @ residuals), residuals, slopes / errors[:, None]

    chi2, residuals, slopes = look(numbers)
    for _ in range(ROUNDS):
        normal = slopes.T @ slopes
        scale = np.diag(normal) + 1e-12
        step = np.linalg.solve(normal + damping * np.diag(scale), slopes.T @ residuals)
        tried = numbers + step
        new, *rest = look(tried)
        if math.isfinite(new) and new <= chi2:
            done = chi2 - new <= ENOUGH * max(chi2, 1e-12)
            numbers, chi2, (residuals, slopes) = tried, new, rest
            damping = max(LEAST_DAMPING, damping / 10)
            if done:
                break
        elif damping > MOST_DAMPING:
            break
        else:
            damping *= 10
    try:
        covariance = np.linalg.inv(slopes.T @ slopes)
    except np.linalg.LinAlgError:
        return None
    return Fit(groups, has_overhead, numbers, middles, covariance, chi2)
