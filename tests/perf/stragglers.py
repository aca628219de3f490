"""Planted stragglers over gloo: `python -m tests.perf.stragglers [EACH] [CLEAN]`, 20 of each phase and 50 unless said.

A network is trained by DDP in two ranks and in four; one rank, another each time, is busy for a fifth of a step more in
its loader, forward, backward or optimizer. Prints how often rank and phase were named rightly, what was named instead,
and how often one was named where none was planted. Four ranks on fewer cores share them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tqdm import tqdm

from bench.measure.task import Task
from bench.ranks.launch_folder import trace_of
from bench.records.record import Case
from bench.runs.world import profiled_by_ranks
from reports.profiles.profile import read_foreign
from reports.profiles.say.ranks import ranks_of
from tests.planted_stragglers import PHASES

EACH, CLEAN = 20, 50
RIGHT = 0.95  # of those planted
TOGETHER = 10  # cases in a launch
MODULE = "tests.planted_stragglers"


def task(ranks: int, late: int, phase: str, number: int) -> Task:
    """A study's case."""
    point = (("ranks", ranks), ("late", late), ("phase", phase), ("number", number))
    return Task(Case("planted.straggler", 1, point, "cpu", "float32", "eager", 1), "timeline", module=MODULE)


def named(tasks: list[Task]) -> list[str]:
    """What is named of each case: the first finding of its ranks; empty for none."""
    found: list[str] = []

    def read(folder: Path) -> None:
        for number, each in enumerate(tasks):
            paths = [trace_of(folder, number, rank) for rank in range(each.case.ranks)]
            ranks = ranks_of([profile for path in paths for profile in read_foreign(path)])
            assert ranks is not None
            found.append(ranks.findings[0].text if ranks.findings else "")

    profiled_by_ranks(tasks, 120.0, read)
    return found


def is_right(each: Task, text: str) -> bool:
    """Whether the text names the case's rank and phase, or nothing where nothing is late."""
    point = dict(each.case.point)
    return (
        text == ""
        if point["phase"] == "none"
        else text.startswith(f"Rank {point['late']} is late in its {point['phase']}:")
    )


def main(each: int, clean: int) -> int:
    """Print what was named; 1 when fewer were named rightly than should be, or any where none was planted."""
    failed = False
    for ranks in (2, 4):
        planted = [task(ranks, number % ranks, phase, number) for phase in PHASES for number in range(each)]
        tasks = [*planted, *(task(ranks, -1, "none", number) for number in range(clean))]
        right = dict.fromkeys((*PHASES, "none"), 0)
        wrong: list[str] = []
        batches = [tasks[start : start + TOGETHER] for start in range(0, len(tasks), TOGETHER)]
        for batch in tqdm(batches, unit="launch"):
            for own, text in zip(batch, named(batch), strict=True):
                point = dict(own.case.point)
                right[str(point["phase"])] += is_right(own, text)
                if not is_right(own, text):
                    wrong.append(f"  rank {point['late']}, {point['phase']}: {text or 'nothing'}")
        counts = ", ".join(f"{phase} {right[phase]} of {each}" for phase in PHASES)
        print(f"{ranks} ranks: {counts}; where none was planted {clean - right['none']} of {clean} name one")
        print("\n".join(wrong))
        found = sum(right[phase] for phase in PHASES)
        failed |= found < RIGHT * each * len(PHASES) or right["none"] < clean
    return int(failed)


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(given[0] if given else EACH, given[1] if len(given) > 1 else CLEAN))
