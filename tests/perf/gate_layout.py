"""How much of the spread between identical sides is the luck of where things lie in memory.

    python -m tests.perf.gate_layout        # some minutes

Pairs of interpreters with a layout of their own each, and with one drawn for both, in turns; the figure is the
standard deviation, over pairs, of what a pair's trials say of two identical sides.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

from bench.gate.hosts import Host
from bench.gate.lanes import cores_of
from bench.gate.revisions import Checkouts, Side
from bench.gate.trial import trial
from bench.measure.task import Task
from bench.measure.turns import Shape
from bench.records.record import Case
from bench.runs.layouts import Layout, draw
from bench.runs.plan import Selection, cases
from reports.stats.sequential import observe
from workloads.base import load_suite

PAIRS, TRIALS = 14, 2
CASES = (
    "linear_regression.train_step(batch=64,features=1)", "tensor_ops.copy(layout=transposed,side=1024)",
    "tensor_ops.elementwise(size=64)", "modules.hooks(hooks=1)", "training_choices.regularization(kind=none)",
)  # fmt: skip
OWN, SHARED = "each its own layout", "shared layout"


def pair_says(sides: dict[str, Side], chosen: list[Case], how: str, dice: random.Random) -> list[float]:
    """The mean observation of a pair of hosts, for each case."""
    layout = draw(dice)
    layouts: dict[str, Layout] = {"base": layout, "head": layout if how == SHARED else draw(dice)}
    hosts = {name: Host(sides[name], None, cores_of(0, 1), layouts[name]) for name in sides}
    try:
        return [
            float(np.mean([one_trial(hosts, case, number, dice) for number in range(1, TRIALS + 1)])) for case in chosen
        ]
    finally:
        for owner in hosts.values():
            owner.close()


def one_trial(hosts: dict[str, Host], case: Case, number: int, dice: random.Random) -> float:
    """One trial's observation."""
    records = trial(hosts, Task(case, "time", number), Shape(), 60.0, dice)
    return observe(records["base"].values, records["head"].values)


def main() -> None:
    """Measure, and print a table."""
    chosen = [case for case in cases(load_suite(), Selection(modes=("eager",))) if case.label in CASES]
    dice = random.Random()
    seen: dict[str, list[list[float]]] = {OWN: [], SHARED: []}
    with Checkouts(Path.cwd()) as checkouts:
        sides = {name: checkouts.side(name, "HEAD", sys.executable) for name in ("base", "head")}
        for _ in tqdm(range(PAIRS), unit="pair of each kind"):
            for how, said in seen.items():
                said.append(pair_says(sides, chosen, how, dice))
    spread = {how: np.std(said, axis=0, ddof=1) for how, said in seen.items()}
    print(tabulate([[case.label, *(f"{spread[how][row]:.1%}" for how in seen)] for row, case in enumerate(chosen)],
                   ["case", *seen]))  # fmt: skip


if __name__ == "__main__":
    main()
