"""What runs of the same code say of each other: `python -m tests.proof.pairs RUN.jsonl RUN.jsonl ...`.

Every run is compared with every other, as `torchpace compare` does. Nothing changed between them, so a step time whose
99 % interval leaves out 1 is a false find; runs some minutes apart show how often that happens on a machine as it is.
Also of each run: how many step times it knows how well, and what it says of modes against eager.
"""

from __future__ import annotations

import itertools
import math
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from bench.records.files import Contents, read
from reports.read.frames import figures, frame_of
from reports.read.rows import Row
from reports.topics.compare.figures import versus
from reports.topics.overview.figures import overview
from reports.topics.pace.figures import SPINS, is_another, pace_of, ratio
from tests.proof.claims import Claim, show, within

WELL, USABLE = 0.05, 0.2  # half of an interval of 95 %, as a share of its figure


def half_widths(contents: Contents) -> list[float | None]:
    """Of every step time that was measured, half its interval."""
    rows = [
        row for row in overview(figures(frame_of(contents))) if (row.metric, row.verdict) == ("step_time", "measured")
    ]
    return [
        (row.base_high - row.base_low) / 2 / row.base if row.base and row.base_low and row.base_high else None
        for row in rows
    ]


def of_run(path: Path, contents: Contents) -> Iterator[Claim]:
    """How well a run knows its step times, and what it decided of modes."""
    widths = half_widths(contents)
    known = [width for width in widths if width is not None]
    yield within(
        f"{path.name}: share of {len(widths)} step times within 5 % (median half width {statistics.median(known):.1%})",
        sum(width <= WELL for width in known) / len(widths), 0.9, 1.0,
    )  # fmt: skip
    yield within(f"{path.name}: within 20 %", sum(width <= USABLE for width in known) / len(widths), 1.0, 1.0)
    verdicts = Counter(row.verdict for row in overview(figures(frame_of(contents))) if row.metric == "speedup")
    decided = sum(count for verdict, count in verdicts.items() if verdict != "undecided")
    yield within(
        f"{path.name}: share of speedups decided ({dict(verdicts)})", decided / max(1, verdicts.total()), 1.0, 1.0
    )


def followed(contents: Contents) -> float:
    """The correlation of the empty loop's time beside a launch with how far the launch was from its case's median."""
    timed = [record for record in contents.records if record.metric == "step_time" and record.values]
    by_case: dict[object, list[tuple[float, float]]] = defaultdict(list)
    for record in timed:
        facts = dict(record.machine)
        if all(facts.get(name) for name in SPINS):
            loop_s = statistics.mean(facts[name] for name in SPINS)
            by_case[record.case].append((math.log(loop_s), math.log(statistics.median(record.values))))
    pairs = []
    for found in by_case.values():
        usual = statistics.median(step for _, step in found)
        pairs += [(loop, step - usual) for loop, step in found]
    return statistics.correlation(*zip(*pairs, strict=True))


def compared(base: Contents, head: Contents) -> tuple[list[Row], float]:
    """The step times of one run against another's, and how many times slower the machine was for the second."""
    frames = [frame_of(contents, name) for contents, name in ((base, "a"), (head, "b"))]
    environments = {**base.environments, **head.environments}
    rows = versus(pd.concat(frames, ignore_index=True), "source", ["a", "b"], environments)
    pace = ratio(*(pace_of(figures(frame)) for frame in frames))
    return [row for row in rows if row.metric == "step_time" and row.ratio is not None], pace or float("nan")


def is_clear(row: Row) -> bool:
    """Whether a comparison says something: the same, or known to 5 %."""
    if row.ratio_low is None or row.ratio_high is None or row.ratio is None:
        return False
    return row.verdict == "same" or (row.ratio_high - row.ratio_low) / 2 / row.ratio <= WELL


def claims(paths: Sequence[Path]) -> Iterator[Claim]:
    """Of every run, and of all pairs together: false finds, and clear answers where the machine was as fast."""
    runs = [(path, read(path)) for path in paths]
    for path, contents in runs:
        print(f"{path.name}: correlation of launches with the loop beside them {followed(contents):.2f}")
        yield from of_run(path, contents)
    finds, clear, all_rows, alike = 0, 0, 0, 0
    for (first, base), (second, head) in itertools.combinations(runs, 2):
        rows, pace = compared(base, head)
        wrong = [row for row in rows if row.ratio_low and row.ratio_high and not row.ratio_low <= 1 <= row.ratio_high]
        told = sum(map(is_clear, rows))
        print(f"{first.name} {second.name}: {len(wrong)} of {len(rows)} leave out 1, {told} are clear; pace {pace:.3f}")
        finds, all_rows = finds + len(wrong), all_rows + len(rows)
        if not is_another(pace):
            clear, alike = clear + told, alike + len(rows)
    yield within(
        f"share of {all_rows} comparisons whose 99 % intervals leave out 1", finds / max(1, all_rows), 0.0, 0.02
    )
    yield within(f"share of {alike} that are clear where the machine was as fast", clear / max(1, alike), 0.5, 1.0)


if __name__ == "__main__":
    raise SystemExit(show(claims([Path(name) for name in sys.argv[1:]])))
