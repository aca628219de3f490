"""How often the interval of a ladder's gain is right: rungs that all run the same loop, so that every true gain is 1.

    python -m tests.perf.ladder_rates --ladders 50    # some minutes; keep the machine as it is used

Each ladder is measured as `torchpace run` does it, in three launches, and gives two gains that share no rung. Of the
95 % intervals about 95 in 100 should contain 1; a count outside of the printed range says that they are too narrow or
too wide.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from scipy.stats import binom
from tqdm import tqdm

from bench.planning import Selection, cases
from bench.running import Plan, execute
from bench.storing import Contents, Writer
from reports.frames import Figure, figures, frame_of
from reports.ladder import point_of
from reports.pairs import rung_ratio
from reports.statistics import Ratio
from tests.perf.compile_rates import contains_one, middle
from workloads import Setup, Step, workload
from workloads.base import WORKLOADS
from workloads.ladder import Loop, build_network, pass_over

MODULE = "tests.perf.ladder_rates"
NAME = "planted.same_ladder"
PAIRS = (("first", "second"), ("third", "fourth"))
LOOP = Loop(in_memory=True, waits=False)


@workload(
    NAME,
    item="sample",
    default=False,
    points=[
        {"rung": rung, "on": on, "samples": 128}
        for rung, on in (("first", "ground"), ("second", "first"), ("third", "first"), ("fourth", "third"))
    ],
)
def same_ladder(setup: Setup, rung: str, on: str, samples: int) -> Step:
    """Two batches of training the primer's network, whatever the rung is called."""
    return Step(pass_over(setup, LOOP, build_network(setup, LOOP), samples), items=samples)


def gains() -> list[Ratio]:
    """One ladder, measured; the gains of its pairs."""
    chosen = cases({NAME: WORKLOADS[NAME]}, Selection([NAME]))
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder) / "run.jsonl")
        records = list(execute(Plan("run", chosen, module=MODULE), writer, show_progress=False))
        writer.close()
    timed: dict[str, Figure] = {
        point_of(figure)["rung"]: figure
        for figure in figures(frame_of(Contents(tuple(records), {})))
        if figure.metric == "step_time"
    }
    return [rung_ratio(timed[below], timed[above]) for below, above in PAIRS]


def main() -> None:
    """Measure the ladders, and print how many intervals contain 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--ladders", type=int, default=50)
    found: list[Ratio] = []
    for _ in tqdm(range(parser.parse_args().ladders), unit="ladder", file=sys.stderr):
        found += gains()
    low, high = (int(bound) for bound in binom.interval(0.95, len(found), 0.95))
    hits = sum(map(contains_one, found))
    width = middle([ratio.high / ratio.low - 1 for ratio in found if ratio.low and ratio.high])
    print(f"{hits} of {len(found)} intervals contain 1; {low} to {high} are to be expected; median width {width:.1%}")


if __name__ == "__main__":
    main()
