"""What the audit costs, and whether it refuses an honest step: `python -m tests.perf.audit [ROUNDS]`; a minute a round.

Every eager case of the default suite on the CPU is timed as in the first launch of a run, a short one, so many times.
"""

from __future__ import annotations

import random
import sys
import time
from typing import Any

from tabulate import tabulate
from tqdm import tqdm

from bench.cli.options import load
from bench.measure import passes
from bench.measure.task import Task
from bench.measure.timer import SHORT
from bench.runs.fresh import Launcher
from bench.runs.layouts import draw
from bench.runs.plan import Selection, cases
from bench.runs.run import VISION

DEAREST = 5  # that are shown


def audited(task: Task) -> tuple[float, str]:
    """In a fresh process: seconds that the audit of a case took, and why the case is broken, if it is."""
    audit, took_s = passes.audit, [0.0]

    def timed(*given: Any) -> tuple[str, ...]:
        begun_s = time.perf_counter()
        try:
            return audit(*given)
        finally:
            took_s[0] = time.perf_counter() - begun_s

    passes.audit = timed
    broken = [record.reason for record in passes.perform(task) if record.status == "broken"]
    return took_s[0], broken[0] if broken else ""


def main(rounds: int = 1) -> int:
    """Print the cost, and every step that was refused; 1 where there is one."""
    suite = load(None)
    own = [case for case in cases(suite, Selection(modes=["eager"])) if not suite[case.workload].seeds]
    launcher = Launcher(300.0)
    launcher.lay_out(draw(random.Random(0)), [VISION])
    costs: dict[str, list[float]] = {case.label: [] for case in own}
    refused = []
    for case in tqdm(own * rounds, unit="case", dynamic_ncols=True):
        took_s, reason = launcher.call("forkserver", audited, Task(case, "time", budget=SHORT))
        costs[case.label].append(took_s)
        refused += [f"{case.label}: {reason}"] * bool(reason)
    dear = sorted(((sum(took) / rounds, label) for label, took in costs.items()), reverse=True)
    whole_s = sum(took_s for took_s, _ in dear)
    print(f"{len(own)} cases: the audit takes {whole_s:.1f} s")
    print(f"of {len(own) * rounds} honest steps it refused {len(refused)}")
    print(tabulate([[label, f"{took_s:.2f} s"] for took_s, label in dear[:DEAREST]], tablefmt="plain"))
    print("\n".join(refused))
    return int(bool(refused))


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:])))
