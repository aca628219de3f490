"""What each cheat of the corpus would have claimed, and how it is found out: `python -m tests.perf.cheats`. A minute.

A claim is the step's time by the ruler without the audit, over that of an honest step of the same work, measured right
before. What the checks of answers alone find has no claim.
"""

from __future__ import annotations

import statistics

from tqdm import tqdm

from bench.measure import passes
from bench.measure.task import Task
from bench.measure.timer import Budget
from bench.records.record import Case, Record
from bench.runs.fresh import Launcher
from reports.format.tables import grid
from tests.cheats import CORPUS

BUDGET = Budget(warm_up_s=0.02, sample_s=0.1)


def task(module: str, name: str) -> Task:
    """The timing of a cheat."""
    case = Case(f"cheats.{name}", 1, (), "cpu", "float32", "eager", 1)
    return Task(case, "time", budget=BUDGET, module=module)


def unaudited(one: Task) -> list[Record]:
    """In a fresh process: the records as they were without the audit."""
    passes.audit = lambda *given: ()  # type: ignore[assignment]
    return passes.perform(one)


def step_s(records: list[Record]) -> float | None:
    """The median step time; None for a case that is broken."""
    return next(
        (statistics.median(each.values) for each in records if each.metric == "step_time" and each.values), None
    )


def main() -> None:
    """Print the table."""
    launcher = Launcher(120.0)
    rows = []
    with tqdm(total=sum(map(len, CORPUS.values())), unit="cheat", dynamic_ncols=True) as bar:
        for module, names in CORPUS.items():
            for name in names:
                honest_s = step_s(launcher.call("forkserver", unaudited, task("tests.cheats.honest", likeness(name))))
                claimed_s = step_s(launcher.call("forkserver", unaudited, task(module, name)))
                (found, *_) = launcher.call("forkserver", passes.perform, task(module, name))
                claim = f"{honest_s / claimed_s:.1f} times faster" if claimed_s and honest_s else "no time"
                rows.append([name, found.reason[:100], claim])
                bar.update()
    print(grid(["cheat", "found out by", "without the audit"], rows, "markdown"))


def likeness(name: str) -> str:
    """The honest step that does what the cheat pretends to."""
    if "training" in name or "losses" in name:
        return "honest_training"
    return (
        "honest_large"
        if name in CORPUS["tests.cheats.elsewhere"] or name in CORPUS["tests.cheats.clocks"]
        else "honest"
    )


if __name__ == "__main__":
    main()
