"""How much processes that are forked from one program have in common, and what a run of launches in one would not see.

    python -m tests.perf.launch_layout        # some minutes; nothing else should run

Layouts of memory in turns, each visited twice, with some launches of every case at each visit. The table has the
standard deviation of launches within a visit, of visits' medians between layouts, and between two visits of one layout.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from pathlib import Path

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

from bench.measure.task import Task
from bench.measure.timer import SHORT
from bench.records.record import Case
from bench.runs.fresh import Launcher
from bench.runs.plan import Selection, cases
from bench.runs.run import lay_out, measured
from workloads.base import load_suite

VISITS, LAUNCHES = 2, 5
CASES = ("autograd.forward*", "autograd.double_backward*", "modules.hooks*", "modules.nested_call*", "tensor_ops.copy*")
HEAD = ("case", "launches of a visit", "layouts", "visits of a layout")


def logs_of(launcher: Launcher, chosen: list[Case], layout: int) -> np.ndarray:
    """Logarithms of step times in one visit of a layout, by case and launch."""
    lay_out(launcher, chosen, layout)
    with tempfile.TemporaryDirectory() as cache:
        return np.array([[one(launcher, case, Path(cache)) for _ in range(LAUNCHES)] for case in chosen])


def one(launcher: Launcher, case: Case, cache: Path) -> float:
    """The logarithm of one launch's step time."""
    (step,) = (
        record
        for record in measured(launcher, Task(case, "time", 1, SHORT, str(cache)))
        if record.metric == "step_time"
    )
    return math.log(statistics.median(step.values))


def deviation(values: np.ndarray, axis: int) -> np.ndarray:
    """The standard deviation along an axis, pooled over all others but the first."""
    variances = values.var(axis=axis, ddof=1)
    return np.sqrt(variances.reshape(len(variances), -1).mean(axis=1))


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--layouts", type=int, default=8)
    layouts = range(parser.parse_args().layouts)
    chosen = cases(load_suite(), Selection(CASES, modes=("eager",)))
    launcher = Launcher(300)
    order = [layout for _ in range(VISITS) for layout in layouts]
    seen = np.array([logs_of(launcher, chosen, layout) for layout in tqdm(order, unit="visit")])
    by_visit = np.moveaxis(seen.reshape(VISITS, len(layouts), *seen.shape[1:]), 2, 0)  # case, visit, layout, launch
    medians = np.median(by_visit, axis=3)
    within, between, again = deviation(by_visit, 3), deviation(medians, 2), deviation(medians, 1)
    rows = [[case.label, *(f"{each[row]:.1%}" for each in (within, between, again))] for row, case in enumerate(chosen)]
    print(tabulate(rows, HEAD, colalign=("left", "right", "right", "right")))


if __name__ == "__main__":
    main()
