"""How often step detectors find what is there and what is not: the figures of decision 5.

Run it with `python -m tests.reports.change_rates`; it takes some minutes and is no test.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tabulate import tabulate

from reports.stats.changes import LEVEL, noisy_changes
from tests.reports.simulated import NOISE, shape, times

Detector = Callable[[list[float]], list[int]]
SHUFFLES = 199


def ours(values: list[float]) -> list[int]:
    """The first points after steps; drifts count as finds, too, at place -1."""
    return [change.after if change.kind == "step" else -1 for change in noisy_changes([values], 0.01)[0]]


def of_asv(values: list[float]) -> list[int]:
    """asv's own: an L1 fit of levels, with a penalty per level that it sets itself."""
    from asv.step_detect import detect_steps

    return [int(step[0]) for step in detect_steps(values)[1:]]


def e_divisive(values: list[float], random: np.random.Generator | None = None) -> list[int]:
    """E-Divisive with means (Matteson and James 2014; distance to the power of 1), two points a side at least."""
    random = random or np.random.default_rng(0)
    y = np.log(values)
    if len(y) < 4:
        return []
    distance = np.abs(y[:, None] - y)
    best, at = divergence(distance)
    shuffled = 0
    for _ in range(SHUFFLES):
        order = random.permutation(len(y))
        shuffled += divergence(distance[np.ix_(order, order)])[0] >= best
    if (shuffled + 1) / (SHUFFLES + 1) > LEVEL:
        return []
    return [*e_divisive(values[:at], random), at, *[at + place for place in e_divisive(values[at:], random)]]


def divergence(distance: np.ndarray) -> tuple[float, int]:
    """The largest energy statistic of any split, and the split."""
    points = len(distance)
    sums = distance.cumsum(0).cumsum(1)
    left = np.arange(2, points - 1)
    right = points - left
    within = sums[left - 1, left - 1]
    across = sums[left - 1, -1] - within
    rest = sums[-1, -1] - within - 2 * across
    statistic = left * right / points * (
        2 * across / (left * right) - within / (left * (left - 1)) - rest / (right * (right - 1))
    )  # fmt: skip
    return float(statistic.max()), int(left[statistic.argmax()])


DETECTORS: dict[str, Detector] = {"here": ours, "E-Divisive": e_divisive, "asv": of_asv}


def false_finds(rounds: int = 200) -> str:
    """The share of unchanged series in which anything is found."""
    rows = []
    for kind in ("normal", "t3", "alike"):
        for points in (6, 10, 20, 50, 100):
            shares = []
            for detector in DETECTORS.values():
                random = np.random.default_rng(1)
                wrong = sum(bool(detector(times("flat", points, 0, random, kind))) for _ in range(rounds))
                shares.append(f"{wrong / rounds:.3f}")
            rows.append([kind, points, *shares])
    return tabulate(rows, ["noise", "points", *DETECTORS], tablefmt="github", disable_numparse=True)


def finds(rounds: int = 100) -> str:
    """The share of steps found within a point of where they are, and steps per series that are not there."""
    rows = []
    for name in ("step", "late", "bump"):
        for points in (10, 20, 50):
            for size in (3, 5, 10):
                shares = []
                for detector in DETECTORS.values():
                    random = np.random.default_rng(2)
                    _, places = shape(name, points, size)
                    hits = extra = 0
                    for _ in range(rounds):
                        found = detector(times(name, points, size * NOISE, random))
                        hits += sum(any(abs(at - place) <= 1 for at in found) for place in places)
                        extra += sum(all(abs(at - place) > 1 for place in places) for at in found)
                    shares.append(f"{hits / rounds / len(places):.2f} + {extra / rounds:.2f}")
                rows.append([name, points, f"{size} sd", *shares])
    return tabulate(rows, ["shape", "points", "size", *DETECTORS], tablefmt="github", disable_numparse=True)


def reports(series: int = 60, rounds: int = 100) -> str:
    """The share of reports of that many unchanged series that name any."""
    rows = []
    for kind in ("normal", "t3", "alike"):
        shares = []
        for points in (6, 10, 20, 50):
            random = np.random.default_rng(3)
            wrong = sum(
                any(noisy_changes([times("flat", points, 0, random, kind) for _ in range(series)], 0.01))
                for _ in range(rounds)
            )
            shares.append(f"{wrong / rounds:.2f}")
        rows.append([kind, *shares])
    return tabulate(rows, ["noise", "6", "10", "20", "50 points"], tablefmt="github", disable_numparse=True)


if __name__ == "__main__":
    for table in (reports(), false_finds(), finds()):
        print(table, end="\n\n")
