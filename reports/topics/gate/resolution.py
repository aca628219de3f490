"""Which changes a gate can see on a machine, and in which time, told from trials of identical sides. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.records.record import Case
from reports.format import units
from reports.format.tables import grid, title
from reports.stats.sequential import LOOKS, Look, Rule, detectable

NOISIEST = 10  # cases that are named
TIMES_S = (120.0, 300.0, 600.0, 1800.0)


@dataclass(frozen=True, slots=True)
class CaseNoise:
    """How trials of a case spread when nothing changed: standard deviation as a share; seconds per trial."""

    case: Case
    trials: int
    spread: float
    trial_s: float


def noise(observations: Mapping[Case, Sequence[float]], took_s: Mapping[Case, Sequence[float]]) -> list[CaseNoise]:
    """Every case with at least two trials, the noisiest first."""
    found = [
        CaseNoise(case, len(seen), float(np.std(seen, ddof=1)), float(np.mean(took_s[case])))
        for case, seen in observations.items()
        if len(seen) > 1
    ]
    return sorted(found, key=lambda row: -row.spread)


def seen_within(row: CaseNoise, trials: int, cases: int, rule: Rule) -> float | None:
    """The slowdown of a case that so many trials find, with all cases sharing the error; None for too few trials."""
    if trials < LOOKS[0]:
        return None
    look = Look(trials, 0.0, row.spread / math.sqrt(trials))
    return detectable(look, rule, rule.false_alarms / cases)


def resolution(rows: Sequence[CaseNoise], rule: Rule, lanes: int, start_s: float) -> list[list[str]]:
    """Per time for all cases together: trials of each, the slowdown seen in half and in nine tenths of the cases."""
    sweep_s = (sum(row.trial_s for row in rows) + start_s) / lanes
    table = []
    for time_s in TIMES_S:
        trials = int(time_s / sweep_s)
        seen = [seen_within(row, trials, len(rows), rule) for row in rows]
        sizes = sorted(math.inf if size is None else size for size in seen)
        half, most = sizes[len(sizes) // 2], sizes[math.ceil(0.9 * len(sizes)) - 1]
        table.append([f"{time_s / 60:g} min", str(trials), units.percent(half), units.percent(most)])
    return table


def text(rows: Sequence[CaseNoise], rule: Rule, lanes: int, start_s: float) -> str:
    """The noisiest cases, and what the whole selection can see in which time."""
    cells = [
        [row.case.label, f"{row.case.device} {row.case.mode}", units.percent(row.spread),
         units.quantity(row.trial_s, "s"), str(row.trials)]
        for row in rows[:NOISIEST]
    ]  # fmt: skip
    spreads = [row.spread for row in rows]
    headers = ["time", "trials of each", "in half of the cases", "in nine of ten"]
    seen = grid(headers, resolution(rows, rule, lanes, start_s), "table", 1)
    half, most = units.percent(float(np.median(spreads))), units.percent(max(spreads))
    noisiest = grid(["case", "on", "spread", "a trial takes", "trials"], cells, "table", 2)
    return "\n\n".join([
        title("What this machine can see", "table"),
        seen,
        f"The slowdown that a gate of these {len(rows)} cases finds in that time, with a chance of 80 %, if every\n"
        "case had the same number of trials. It does better: decided cases leave their time to the others. A dash:\n"
        "too few trials to find any.",
        f"Spread of a trial between identical sides: {half} in half of the cases, at most {most}.",
        f"{title('The noisiest cases', 'table')}\n\n{noisiest}",
    ])  # fmt: skip
