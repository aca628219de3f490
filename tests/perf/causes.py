"""Which part a gate names for a planted cause: `python -m tests.perf.causes [TIMES]`, each kind so often (default 5).

Pairs of processes as a gate takes them, one layout a pair; base is the network as it is. Without TIMES some 12 minutes.
"""

from __future__ import annotations

import random
import sys

from tabulate import tabulate
from tqdm import tqdm

from bench.gate.parts import PAIRS
from bench.measure.profile_passes import perform_parts
from bench.measure.task import Task
from bench.records.record import Case, Record
from bench.runs.fresh import Launcher
from bench.runs.layouts import draw
from reports.topics.gate.cause import Cause, cause, told
from tests.perf.planted_causes import KINDS, LAYERS

MODULE = "tests.perf.planted_causes"


def case(kind: str, where: int) -> Case:
    return Case("causes.network", 1, (("kind", kind), ("where", where)), "cpu", "float32", "eager", 1)


def looked_for(launcher: Launcher, pairs: list[tuple[Case, Case]], dice: random.Random) -> list[Cause]:
    """What is found of each pair of cases; all have one pair of processes in a layout before the next."""
    seen: list[list[list[list[Record]]]] = [[] for _ in pairs]
    for number in tqdm(range(PAIRS), unit="layout", dynamic_ncols=True):
        launcher.lay_out(draw(dice))
        for own, sides in zip(seen, pairs, strict=True):
            order = [0, 1] if dice.random() < 0.5 else [1, 0]
            found = {}
            for side in order:
                found[side] = launcher.call(
                    "forkserver", perform_parts, Task(sides[side], "parts", number, module=MODULE)
                )
            own.append([found[0], found[1]])
    causes = []
    for own in seen:
        times = [(dict(base[0].parts), dict(head[0].parts)) for base, head in own]
        what = cause(times, (dict(own[-1][0][1].parts), dict(own[-1][1][1].parts)))
        assert what is not None
        causes.append(what)
    return causes


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    dice = random.Random()
    planted = [(kind, dice.randrange(LAYERS - 1)) for kind in KINDS for _ in range(times)]
    pairs = [(case("", where), case(kind, where)) for kind, where in planted]
    nothing = [(case("", where), case("", where)) for _, where in planted[::2]]
    launcher = Launcher(120.0)
    found = looked_for(launcher, [*pairs, *nothing], dice)
    rows, right = [], 0
    for (kind, where), what in zip(planted, found, strict=False):
        named = what.named(is_slower=True)
        is_right = bool(named) and named[0].name.startswith(KINDS[kind][1])
        right += is_right
        size = sum(part.difference_s for part in what.parts) / what.base_s
        said = told(named[0]) if named else "nothing"
        rows.append([kind, where, f"{size:+.1%}", "right" if is_right else "WRONG", said])
    print(tabulate(rows, ["planted", "layer", "step", "", "named first"]))
    wrongly = [what for what in found[len(planted) :] if what.named(True) or what.named(False)]
    print(f"\n{right} of {len(planted)} named rightly")
    print(f"with nothing planted {len(wrongly)} of {len(nothing)} name something")


if __name__ == "__main__":
    main()
