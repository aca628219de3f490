"""Which part and which line a gate names for a planted cause: `python -m tests.perf.causes [CAUSES [NOTHING]]`.

Two revisions of a project with a case for each of so many planted causes (default 60, of sixteen kinds), and some in
which nothing is planted (default 60), taken apart as a gate does with what it found to have changed. Some 15 minutes.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tabulate import tabulate
from tqdm import tqdm

from bench.cli.gate.causes import cause_of, diff_of, location_of, said
from bench.gate.lanes import Gate, Hosts, lanes_for
from bench.gate.parts import PAIRS, Found, Pair, TakingApart
from bench.gate.parts_pass import PARTS
from bench.gate.revisions import Checkouts, Side
from bench.gate.survey import survey
from bench.records.files import Writer
from bench.records.record import SIDES, Case
from bench.runs.plan import Selection
from reports.topics.gate.places import Diff
from tests.bench.toy import make
from tests.perf.planted_causes import KINDS, LAYERS, Kind, is_place_right, written

MODULE = "net.perf"


@dataclass(frozen=True)
class Row:
    """How large a planted cause is as a share of the step, whether part and place are right, and the sentence."""

    size: float
    is_right: bool
    is_placed: bool
    text: str


def taken_apart(sides: dict[str, Side], log: Path, modes: Sequence[str]) -> Found:
    """What is seen of every case, by number, each in its mode."""
    gate = Gate("causes", sides, lanes=lanes_for(["cpu"], 1), module=MODULE)
    with Hosts(sides, MODULE) as hosts:
        cases, environments, _ = survey(gate, Selection(modes=tuple(dict.fromkeys(modes))), hosts)
    of_net = (case for case in cases["head"] if case.workload.startswith("net."))
    chosen = sorted((case for case in of_net if case.mode == modes[number_of(case)]), key=number_of)
    writer = Writer(log)
    with tqdm(total=PAIRS[PARTS] * len(chosen), unit="pair", dynamic_ncols=True) as bar:
        found = TakingApart(gate, chosen, environments, writer, time.monotonic() + 1e9, bar.update).run()
    writer.close()
    return found


def number_of(case: Case) -> int:
    """Which of the planted causes a case has."""
    return int(case.workload.rpartition("_")[2])


def row_of(pairs: Sequence[Pair], kind: Kind, is_placed: Callable[[str], bool], diff: Diff) -> Row:
    """What is said of a planted cause."""
    what, location = cause_of(pairs), location_of(pairs, True, diff)
    assert what is not None
    named = what.named(True, location.touches)
    text = said(pairs, True, diff)
    size = sum(part.difference_s for part in what.parts) / what.base_s
    is_right = kind.says in text if kind.says else bool(named) and named[0].name.startswith(kind.parts)
    return Row(size, is_right, is_placed(text.partition(";")[0]), text)


def judged(found: Found, planted: Sequence[tuple[str, int]], folder: Path, diff: Diff) -> tuple[list[list[str]], str]:
    """A line of the table for each planted cause, and in words how many are right."""
    lines, right, placed, wrongly = [], 0, 0, []
    for case, pairs in found.items():
        number = number_of(case)
        name, layer = planted[number]
        if not name:
            texts = [said(pairs, is_slower, diff) for is_slower in (True, False)]
            wrongly += [text for text in texts if not text.startswith("no part")]
            continue
        kind = KINDS[name]
        row = row_of(pairs, kind, partial(is_place_right, folder=folder, number=number, kind=kind, layer=layer), diff)
        right, placed = right + row.is_right, placed + row.is_placed
        marks = ["right" if good else "WRONG" for good in (row.is_right, row.is_placed)]
        lines.append([name, f"{row.size:+.1%}", *marks, row.text])
    of, unplanted = len(lines), len(found) - len(lines)
    counts = f"{right} of {of} parts and {placed} places named rightly; "
    return lines, "\n".join([f"{counts}with nothing planted {len(wrongly)} of {unplanted} name something", *wrongly])


def main() -> None:
    causes, nothing = (int(text) for text in (*sys.argv[1:], *("60", "60")[len(sys.argv) - 1 :]))
    dice = random.Random()
    kinds = [list(KINDS)[number % len(KINDS)] for number in range(causes)] + [""] * nothing
    planted = [(kind, dice.randrange(LAYERS - 1)) for kind in kinds]
    with tempfile.TemporaryDirectory() as folder:
        toy = make(Path(folder) / "project")
        for revision in SIDES:
            written(toy.folder / "net", planted, revision == "head")
            toy.commit(revision)
        with Checkouts(toy.folder) as checkouts:
            base, head = (checkouts.side(*side, sys.executable) for side in (("base", "HEAD~1"), ("head", "HEAD")))
            sides = {"base": base, "head": head}
            modes = [KINDS[kind].mode if kind else "eager" for kind in kinds]
            found = taken_apart(sides, Path(folder) / "log.jsonl", modes)
            lines, counts = judged(found, planted, head.root / "net", diff_of(sides))
    headers = ["planted", "step", "part", "place", "said"]
    print(tabulate(sorted(lines), headers, maxcolwidths=[None, None, None, None, 100]))
    print(f"\n{counts}")


if __name__ == "__main__":
    main()
