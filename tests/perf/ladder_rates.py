"""How often the interval of a ladder's gain is right: rungs that all run the same loop, so that every true gain is 1.

    python -m tests.perf.ladder_rates --ladders 50    # some minutes; keep the machine as it is used

Each ladder is measured as `torchpace run` does it, in three launches, and gives two gains that share no rung. Of the
95 % intervals about 95 in 100 should contain 1; a count outside of the printed range says that they are too narrow or
too wide.
"""

from __future__ import annotations

import argparse
import sys

from scipy.stats import binom
from tqdm import tqdm

import tests.planted_ladder  # noqa: F401 - registers the ladder
from bench.measure.task import Task
from bench.records.files import Contents
from bench.records.points import point_of
from bench.runs.fresh import Launcher
from bench.runs.plan import Selection, cases
from bench.runs.run import measured
from reports.read.frames import Figure, figures, frame_of
from reports.read.pairs import rung_ratio
from reports.stats.intervals import Ratio
from tests.perf.compile_rates import LAUNCHES, contains_one, middle
from workloads.base import WORKLOADS

MODULE = "tests.planted_ladder"
NAME = "planted.rungs_alike"
PAIRS = (("first", "second"), ("third", "fourth"))


def gains(launcher: Launcher) -> list[Ratio]:
    """One ladder, measured; the gains of its pairs."""
    chosen = cases({NAME: WORKLOADS[NAME]}, Selection([NAME]))
    records = [
        record
        for launch in range(LAUNCHES)
        for record in measured(launcher, *[Task(case, "time", launch, module=MODULE) for case in chosen])
    ]
    timed: dict[str, Figure] = {
        str(dict(point_of(figure.point))["rung"]): figure
        for figure in figures(frame_of(Contents(tuple(records), {})))
        if figure.metric == "step_time"
    }
    return [rung_ratio(timed[below], timed[above]) for below, above in PAIRS]


def main() -> None:
    """Measure the ladders, and print how many intervals contain 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--ladders", type=int, default=50)
    launcher, found = Launcher(300), list[Ratio]()
    for _ in tqdm(range(parser.parse_args().ladders), unit="ladder", file=sys.stderr):
        found += gains(launcher)
    low, high = (int(bound) for bound in binom.interval(0.95, len(found), 0.95))
    hits = sum(map(contains_one, found))
    width = middle([ratio.high / ratio.low - 1 for ratio in found if ratio.low and ratio.high])
    print(f"{hits} of {len(found)} intervals contain 1; {low} to {high} are to be expected; median width {width:.1%}")


if __name__ == "__main__":
    main()
