"""How often intervals of cases with ranks hold what is known: `python -m tests.perf.scaling [STUDIES]`, 16 s a study.

A study is three launches of seven cases in turns, over gloo: the same step in one rank and in two, each twice, whose
ratios are 1; in two ranks with a sleep of 10 ms besides; and, in one and in two, a step without a collective, whose
efficiency is what the slowest of two leaves of it. Ten studies share their launches' processes.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass, field

from tqdm import tqdm

from bench.measure.task import Task
from bench.measure.timer import SHORT
from bench.records.record import Case
from bench.runs.world import measured_by_ranks
from reports.stats.intervals import compare_paired
from tests.planted_scaling import POINTS, WAIT_S

STUDIES, LAUNCHES, TOGETHER = 100, 3, 10
MODULE = "tests.planted_scaling"
PAIRS = {
    "one rank, the same twice": ((1, "none"), (1, "same")),
    "two ranks, the same twice": ((2, "none"), (2, "same")),
    "one rank and two, no collective": ((1, "alone"), (2, "alone")),
}
SAME = tuple(PAIRS)[:2]
HELD = 0.85  # of them at least: of 30 studies 95 % hold in 26 or more, 98 times of 100
Values = dict[tuple[int, str], list[tuple[float, ...]]]


@dataclass(slots=True)
class Tally:
    """Of one pair: how many intervals hold 1, and how wide and where they are."""

    held: int = 0
    widths: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)


def studies(together: int) -> list[Values]:
    """The values of as many studies, by ranks and wrap, launch by launch."""
    found: list[Values] = [{} for _ in range(together)]
    cases = [
        Case("planted.scaling", 1, tuple({**point, "pair": pair}.items()), "cpu", "float32", "eager", 1)
        for pair in range(together) for point in POINTS
    ]  # fmt: skip
    for launch in range(LAUNCHES):
        for record in measured_by_ranks([Task(case, "time", launch, SHORT, module=MODULE) for case in cases], 60.0):
            point = dict(record.case.point)
            if record.metric == "step_time":
                assert record.values, record.reason
                found[int(point["pair"])].setdefault((int(point["ranks"]), str(point["wrap"])), []).append(
                    record.values
                )
    return found


def waited(values: Values) -> float:
    """Seconds that the sleep added to a step of two ranks, from turn to turn."""
    pairs = zip(values[2, "none"], values[2, "slower"], strict=True)
    return statistics.median(slow - plain for plains, slows in pairs for plain, slow in zip(plains, slows, strict=True))


def main(count: int) -> int:
    """Print how many intervals held, and what the sleep came out as; 1 when too few hold where sides are the same."""
    tallies, waits = {name: Tally() for name in PAIRS}, []
    for _ in tqdm(range(-(-count // TOGETHER)), unit="ten"):
        for values in studies(min(TOGETHER, count)):
            waits.append(waited(values))
            for name, (base, head) in PAIRS.items():
                ratio = compare_paired(values[base], values[head])
                tally = tallies[name]
                tally.ratios.append(ratio.value)
                if ratio.low is not None and ratio.high is not None:
                    tally.held += ratio.low <= 1 <= ratio.high
                    tally.widths.append(ratio.high - ratio.low)
    for name, tally in tallies.items():
        print(
            f"{name}: {tally.held} of {len(tally.ratios)} intervals of 95 % hold 1; median ratio "
            f"{statistics.median(tally.ratios):.4f}, interval {statistics.median(tally.widths) / 2:.2%} on either side"
        )
    within = sum(abs(wait / WAIT_S - 1) <= 0.05 for wait in waits)
    print(
        f"a sleep of {WAIT_S * 1e3:g} ms: {statistics.median(waits) * 1e3:.3f} ms, {within} of {len(waits)} within 5 %"
    )
    return int(any(tallies[name].held < HELD * len(waits) for name in SAME))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES))
