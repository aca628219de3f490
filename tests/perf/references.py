"""Which work beside a step says best how slow the machine is just then: `python -m tests.perf.references [SECONDS]`.

Six steps take turns on one core. Around every block of 2 ms each candidate is timed; a visit of a step has sixteen
blocks. The table has, for every step, how far eight visits spread over the run miss what all its visits say (root of
mean squares), not levelled and levelled by each candidate; and how much a candidate differs between steps, which is the
step's doing and no pace. It says something on a busy machine only.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise, repeat

import numpy as np
import torch
from tabulate import tabulate

from bench.measure.machine import DOCUMENT, reference
from bench.measure.timer import block_time
from reports.stats.intervals import summarize
from reports.stats.levelled import levelled

SECONDS, BLOCKS, VISITS, DRAWS = 150.0, 16, 8, 500
BLOCK_S = 0.002
Call = Callable[[], object]


def steps() -> dict[str, Call]:
    """Kinds of work that steps are made of."""
    square, image, table = torch.randn(96, 96), torch.randn(8, 8, 28, 28), torch.randn(512, 512)
    long, other, rows = torch.randn(1 << 20), torch.randn(1 << 20), torch.randn(8, 16)
    network = torch.nn.Sequential(*[torch.nn.Linear(16, 16) for _ in range(8)])
    convolution = torch.nn.Conv2d(8, 16, 3)
    return {
        "products": lambda: square @ square,
        "small layers": lambda: network(rows).sum().backward(),
        "addition": lambda: torch.add(long, other),
        "convolution": lambda: convolution(image),
        "transposition": lambda: table.t().contiguous(),
        "collation": lambda: torch.stack([table[row] for row in range(64)]),
    }


def once_more(work: Call) -> Callable[[], float]:
    """A look at work that was done once before, not timed."""

    def look() -> float:
        work()
        return block_time(work, 1, time.perf_counter)

    return look


def empty_loop() -> None:
    """What `spin` does."""
    for _ in repeat(None, 5000):
        pass


def objects() -> None:
    """Python's own."""
    found = {number: (float(number), str(number)) for number in range(60)}
    sorted(found.values(), reverse=True)


def candidates() -> dict[str, Callable[[], float]]:
    """What could be timed beside a step."""
    small, ones = torch.randn(4, 4), np.ones((4, 4))
    return {
        "reference": reference,
        "JSON, once": once_more(lambda: json.loads(json.dumps(DOCUMENT))),
        "empty loop": once_more(empty_loop),
        "objects": once_more(objects),
        "torch": once_more(lambda: [torch.add(small, small) for _ in range(10)]),
        "NumPy": once_more(lambda: [np.add(ones, ones) for _ in range(20)]),
    }


def visited(seconds: float) -> dict[str, np.ndarray]:
    """By step its visits: the logarithms of its time and of every candidate's, medians of the blocks."""
    looks, subjects = list(candidates().values()), steps()
    counts = {
        name: max(1, round(BLOCK_S / block_time(step, 50, time.perf_counter) * 50)) for name, step in subjects.items()
    }
    found: dict[str, list[np.ndarray]] = {name: [] for name in subjects}
    started_s = time.monotonic()
    while time.monotonic() - started_s < seconds:
        for name, step in subjects.items():
            step()
            blocks, before = [], [look() for look in looks]
            for _ in range(BLOCKS):
                block_time(step, max(1, counts[name] // 10), time.perf_counter)
                step_s, after = block_time(step, counts[name], time.perf_counter), [look() for look in looks]
                blocks.append([step_s, *((one + other) / 2 for one, other in zip(before, after, strict=True))])
                before = after
            found[name].append(np.median(np.log(blocks), axis=0))
    return {name: np.array(visits) for name, visits in found.items()}


def missed(visits: np.ndarray, column: int | None, usual: float, dice: np.random.Generator) -> float:
    """How far the estimate of eight visits, one of each eighth of the run, is from what all say."""
    all_say, missed_by = float(np.median(visits[:, 0])), []
    edges = np.linspace(0, len(visits), VISITS + 1).astype(int)
    for _ in range(DRAWS):
        drawn = visits[[dice.integers(low, high) for low, high in pairwise(edges)]]
        launches = [(value,) for value in np.exp(drawn[:, 0]).tolist()]
        paces = () if column is None else np.exp(drawn[:, column] - usual).tolist()
        missed_by.append(np.log(summarize(levelled(launches, paces)).estimate) - all_say)
    return float(np.sqrt(np.mean(np.square(missed_by))))


def main() -> None:
    """Measure, and print the table."""
    torch.set_num_threads(1)
    found = visited(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
    usual, dice = np.median(np.concatenate(list(found.values())), axis=0), np.random.default_rng(1)
    names = list(candidates())
    rows = []
    for step, visits in found.items():
        cells = [missed(visits, None, 0.0, dice)]
        cells += [missed(visits, column, usual[column], dice) for column in range(1, len(names) + 1)]
        rows.append([step, *(f"{cell:.1%}" for cell in cells)])
    apart = [np.ptp([np.median(visits[:, column]) for visits in found.values()]) for column in range(1, len(names) + 1)]
    rows.append(["differs between steps by", "", *(f"{share:.1%}" for share in apart)])
    print(tabulate(rows, ["step", "not levelled", *names]))


if __name__ == "__main__":
    main()
