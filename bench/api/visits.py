"""Functions timed where they are, visit by visit: some rounds of turns, then the next visit, until enough is known.

A visit is what a launch is elsewhere, one observation; they are spread over the time there is, so that a moment's
disturbance is in few of them. All of one process share its layout of memory, which the records say.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from tqdm import tqdm

from bench.api.functions import First, clock_of, in_use
from bench.measure.machine import Watch
from bench.measure.turn_passes import METRIC, TURN_S
from bench.measure.turns import alternate, warm_up
from bench.records.record import MODES_IN_TURNS, Case, Record
from bench.runs.schedule import LOOKS

VISIT_S = 0.04  # of every function, where its steps are short
MOST_ROUNDS = 20
BAR = "{desc} |{bar}| {elapsed}"

Known = Callable[[Sequence[Record]], bool]
"""Whether what was recorded so far is known as well as was asked for."""


def never(records: Sequence[Record]) -> bool:
    """However much is known, there is more to know."""
    return False


@dataclass(frozen=True, slots=True)
class Timing:
    """How long functions are timed together, in seconds; how many visits there are at least, whatever they take, and at
    most; whether a bar shows how far it is.
    """

    seconds: float = 2.0
    fewest: int = 3  # of fewer nobody can say how they differ
    most: int = 200
    shows_progress: bool = False


ONE_VISIT = Timing(0.0, 1, 1)  # of one process of many


def timed(
    firsts: Mapping[Case, First], items: int, item: str, timing: Timing, known: Known = never, launch: int = 0
) -> list[Record]:
    """The records of functions that take turns, one of every function and visit, all of the launch of this number.

    They were called once before; they are warmed up here. After Ctrl-C, what was measured before it.
    """
    records: list[Record] = []
    with undisturbed(), suppress(KeyboardInterrupt):
        for made in visited(firsts, timing):
            records += [replace(each, launch=launch, layout=launch, items=items, item=item) for each in made]
            count = len(records) // len(firsts)
            if count in LOOKS and known(records):
                break
    if not records:
        raise KeyboardInterrupt
    return records


def visited(firsts: Mapping[Case, First], timing: Timing) -> Iterator[list[Record]]:
    """Visit by visit the records of every function."""
    clock = clock_of(list(in_use().values()))
    runs = [first.run for first in firsts.values()]
    settled = [warm_up(run, clock) for run in runs]
    steps = [max(1, round(TURN_S / step_s)) for step_s in settled]
    round_s = sum(count * step_s for count, step_s in zip(steps, settled, strict=True))
    rounds = max(1, min(MOST_ROUNDS, round(VISIT_S * len(runs) / round_s)))
    started_s = time.monotonic()
    with tqdm(total=timing.seconds, disable=not timing.shows_progress, bar_format=BAR, leave=False) as bar:
        for visit in visits(started_s, timing):
            bar.set_description_str(f"visit {visit + 1}")
            watch = Watch()
            values = alternate(runs, steps, rounds, clock, random.Random())
            blank = Record("", "", next(iter(firsts)), METRIC, machine=watch.facts())
            yield [
                replace(
                    blank, case=case, values=own, steps_per_value=count, warm_up_values=(step_s,),
                    turns=partner(case, list(firsts)),
                )
                for case, own, count, step_s in zip(firsts, values, steps, settled, strict=True)
            ]  # fmt: skip
            bar.update(min(time.monotonic() - started_s, timing.seconds) - bar.n)


def visits(started_s: float, timing: Timing) -> Iterator[int]:
    """Numbers of visits while there is time for another, and the fewest in any case."""
    for visit in range(timing.most):
        taken_s = time.monotonic() - started_s
        if visit >= timing.fewest and taken_s * (visit + 1) / visit > timing.seconds:
            return
        yield visit


def partner(case: Case, cases: Sequence[Case]) -> str:
    """What a record says of whom its values took turns with."""
    others = [other.mode for other in cases if other != case]
    return MODES_IN_TURNS if len(others) > 1 else "".join(others)


@contextmanager
def undisturbed() -> Iterator[None]:
    """No garbage collection meanwhile; afterwards as it was. Nothing else of somebody's process is changed."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
