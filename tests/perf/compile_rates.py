"""How often the interval of a speedup is right: short studies of eager against eager, whose true speedup is 1.

    python -m tests.perf.compile_rates --studies 100    # some minutes; keep the machine as it is used

Each study is what `torchpace compile` does with a case, except that the second step is not compiled: fresh processes,
two steps of the same case in each, turns in random order, and the paired interval over launches. Of the 95 % intervals
about 95 in 100 should contain 1; a count outside of the printed range says that they are too narrow or too wide.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict

from scipy.stats import binom
from tabulate import tabulate
from tqdm import tqdm

from bench.measure.task import Task
from bench.records.record import Case
from bench.runs.compile_study import attempted
from bench.runs.fresh import Launcher
from reports.stats.intervals import Ratio, compare_paired
from reports.stats.speedup import speedup
from workloads.base import load_suite

NAMES = (
    "tensor_ops.elementwise", "tensor_ops.elementwise_chain", "tensor_ops.softmax", "modules.mlp",
    "linear_regression.train_step",
)  # fmt: skip
LAUNCHES = 3


def cases() -> list[Case]:
    """The first point of each of a few cheap workloads: overhead, memory traffic, products, training."""
    suite = load_suite()
    return [
        Case(name, suite[name].version, tuple(suite[name].points[0].items()), "cpu", "float32", "eager", 1)
        for name in NAMES
    ]


def study(launcher: Launcher, case: Case) -> Ratio:
    """The speedup of a case over itself."""
    sides: tuple[list[tuple[float, ...]], ...] = ([], [])
    for launch in range(LAUNCHES):
        records = [r for r in attempted(launcher, Task(case, "turns", launch)) if r.metric == "step_time"]
        if any(record.status != "measured" for record in records):
            raise SystemExit(f"{case.label}: {records[0].reason}")
        for side, record in zip(sides, records, strict=True):
            side.append(record.values)
    return speedup(compare_paired(*sides))


def main() -> None:
    """Run the studies in turn over the cases, and print how many intervals contain 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--studies", type=int, default=100)
    count = parser.parse_args().studies
    launcher = Launcher(60)
    chosen, found = cases(), defaultdict(list)
    started = time.monotonic()
    for number in tqdm(range(count), unit="study", file=sys.stderr):
        case = chosen[number % len(chosen)]
        found[case.label].append(study(launcher, case))
    rows = [
        [label, len(ratios), sum(map(contains_one, ratios)), middle([r.high / r.low - 1 for r in ratios])]
        for label, ratios in found.items()
    ]
    print(tabulate(rows, ["case", "studies", "contain 1", "median width"], floatfmt=".3f"))
    hits = sum(contains_one(ratio) for ratios in found.values() for ratio in ratios)
    low, high = (int(bound) for bound in binom.interval(0.95, count, 0.95))
    print(
        f"{hits} of {count} intervals contain 1; {low} to {high} are to be expected "
        f"({time.monotonic() - started:.0f} s, {LAUNCHES} launches each)"
    )


def contains_one(ratio: Ratio) -> bool:
    """Whether the true speedup lies in the interval."""
    return ratio.low is not None and ratio.high is not None and ratio.low <= 1 <= ratio.high


def middle(widths: list[float]) -> float:
    """The median."""
    return sorted(widths)[len(widths) // 2]


if __name__ == "__main__":
    main()
