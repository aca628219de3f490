"""The ruler against times that are known: `python -m tests.proof.ruler`. A minute or two; keep the machine quiet."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from bench.cli.options import load
from bench.measure.task import Task
from bench.measure.timer import CLOCK_SHARE, MIN_BLOCK_S, Budget, clock_cost, timed_steps
from bench.records.files import Contents, Writer
from bench.records.profile_notes import Notes, write_notes
from bench.records.record import Case, Record
from bench.runs.compile_study import Study, investigate
from bench.runs.fresh import Launcher
from bench.runs.plan import Selection, cases
from bench.runs.profile import take
from bench.runs.run import Plan, execute, measured
from reports.profiles.profile import read_profile
from reports.read.frames import Figure, figures, frame_of
from reports.topics.ladder.figures import ladders
from reports.topics.overview.figures import overview
from tests.proof.claims import Claim, show, within

TIMEOUT_S = 300.0
LADDERS = "tests.planted_ladder"


def case(name: str, mode: str = "eager", **point: float | str) -> Case:
    return Case(name, 1, tuple(point.items()), "cpu", "float32", mode, 1)


def figures_of(records: list[Record]) -> list[Figure]:
    return figures(frame_of(Contents(tuple(records), {})))


def clock() -> Iterator[Claim]:
    """Reading the clock is a thousandth of the shortest block at most."""
    yield within(
        "seconds that a reading of the clock costs", clock_cost(time.perf_counter), 0, MIN_BLOCK_S * CLOCK_SHARE
    )


def known_time(folder: Path, seconds: float) -> Iterator[Claim]:
    """A step that reads the clock until its time is over takes that time.

    A block is compared with what its steps say of when the first began and the last ended. What is left is the ruler's
    doing, unless an interruption falls just between its reading of the clock and the step's, in half the blocks: hence
    the median. What the ruler does between two steps is in every pause, and all else but makes pauses longer: hence
    the shortest.
    """
    told, budget = folder / "own.json", Budget(warm_up_s=0.02, sample_s=0.05, min_values=3)
    busy = Task(case("planted.busy", seconds=seconds, told=str(told)), "time", budget=budget, module="tests.planted")
    (step,) = (record for record in measured(Launcher(TIMEOUT_S), busy) if record.metric == "step_time")
    steps = step.steps_per_value
    blocks = timed_steps(json.loads(told.read_text()), steps, len(step.values), seconds)
    blocks_s = [block[-1][1] - block[0][0] for block in blocks]
    around = [value * steps / block_s for value, block_s in zip(step.values, blocks_s, strict=True)]
    pauses_s = [after[0] - before[1] for block in blocks for before, after in pairwise(block)] or [0.0]
    found = statistics.median(around) * (1 + min(pauses_s) / seconds)
    yield within(f"measured time over true time of a step of {seconds:g} s", found, 1, 1.02)


def gains(folder: Path) -> Iterator[Claim]:
    """A gain over the rung below is told, though every process has another pace."""
    writer = Writer(folder / "ladder.jsonl")
    plan = Plan("run", cases(load(LADDERS), Selection(["planted.ladder"])), 3, Budget(sample_s=0.05), module=LADDERS)
    (ladder,) = ladders(figures_of([*execute(plan, writer, show_progress=False)]))
    writer.close()
    found = {tread.rung: tread.gain for tread in ladder.treads}
    for rung, gain in (("same", 1.0), ("half", 2.0)):
        told = found[rung]
        assert told is not None
        assert told.value is not None
        assert told.low is not None
        assert told.high is not None
        yield within(
            f"gain of a rung that is {gain:g} times as fast as the one below", told.value, gain * 0.95, gain * 1.05
        )
        yield within("its interval's upper end over its lower", told.high / told.low, 1, 1.3)


def break_even(folder: Path) -> Iterator[Claim]:
    """A mode with a first call longer by two seconds, and a step shorter by 10 ms."""
    writer = Writer(folder / "study.jsonl")
    study = Study("run", [case("planted.pays_off", "int8")], module="tests.planted_inference")
    records = [*investigate(study, writer, lambda records: False, show_progress=False)]
    writer.close()
    (row,) = (row for row in overview(figures_of(records)) if row.metric == "break_even_steps")
    # Two seconds and 10 ms against 20 ms at first; 10 ms a step from then on.
    true = (2.010 - 0.020) / 0.010
    yield within("steps after which a first call has paid for itself", row.head or 0.0, 0.95 * true, 1.05 * true)


def phases(folder: Path) -> Iterator[Claim]:
    """In a profile of a network's training step the forward and the backward pass are found whole."""
    cnn = case("mnist_cnn.train_step", model="padded", batch=64)
    taken = take(Launcher(TIMEOUT_S), Task(cnn, "timeline"), Notes(cnn, {}), folder / "profile", lambda: None)
    assert taken.notes is not None, taken.reason
    write_notes(folder / "profile", taken.notes)
    for name in ("forward", "backward"):
        share = read_profile(folder / "profile").phases.fractions[name]
        yield within(f"share of a training step that is its {name} pass", share, 0.2, 0.8)


def main() -> int:
    """Measure what is known; 1 when the ruler is wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = [*clock(), *known_time(folder, 50e-6), *known_time(folder, 5e-3)]
        found += [*gains(folder), *break_even(folder), *phases(folder)]
    return show(found)


if __name__ == "__main__":
    raise SystemExit(main())
