"""Series of logarithms with known changes, and noise of several kinds: what rates of finds are measured on."""

from __future__ import annotations

import math

import numpy as np

NOISE = 0.02  # standard deviation of a figure from commit to commit, in logarithms
SHAPES = ("flat", "step", "late", "bump", "line", "ramp")


def shape(name: str, points: int, size: float) -> tuple[np.ndarray, list[int]]:
    """A series without noise that changes by `size` in all, and the first point after each step.

    late: three points before the end; bump: up and, later, down again; line: from end to end; ramp: a line from the
    middle on.
    """
    at = np.arange(points)
    if name == "step":
        return np.where(at >= points // 2, size, 0.0), [points // 2]
    if name == "late":
        return np.where(at >= points - 3, size, 0.0), [points - 3]
    if name == "bump":
        places = [points // 3, 2 * points // 3]
        return np.where((at >= places[0]) & (at < places[1]), size, 0.0), places
    if name == "line":
        return size * at / (points - 1), []
    if name == "ramp":
        middle = points // 2
        return size * np.maximum(0, at - middle) / (points - 1 - middle), []
    return np.zeros(points), []


def noise(kind: str, points: int, random: np.random.Generator) -> np.ndarray:
    """Noise of standard deviation 1: normal, t3 (many odd values), alike (neighbours correlate by 0.3)."""
    if kind == "t3":
        return random.standard_t(3, points) / math.sqrt(3)
    values = random.normal(size=points)
    if kind == "alike":
        for at in range(1, points):
            values[at] = 0.3 * values[at - 1] + math.sqrt(1 - 0.3**2) * values[at]
    return values


def times(name: str, points: int, size: float, random: np.random.Generator, kind: str = "normal") -> list[float]:
    """Step times (s) around 1 ms; the size in logarithms."""
    values: list[float] = (1e-3 * np.exp(shape(name, points, size)[0] + NOISE * noise(kind, points, random))).tolist()
    return values
