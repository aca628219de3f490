"""What runs beside a notebook that measures in fresh processes: it starts one after the other, each in a new layout.

Started as a script by `in_processes`, so that neither the notebook's own fork server, nor its variables, nor what a
script does when it is imported has a part in it. Goes on until it is ended; what it finds out goes to standard output.
"""

from __future__ import annotations

import os
import pickle
import random
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torchpace_first  # puts our packages before all others of their names

if TYPE_CHECKING:
    from bench.api.functions import Place
    from bench.records.record import Environment, Record

TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is measured: functions by the names of their modes; on so many threads, with modules found along `path`."""

    label: str
    places: dict[str, Place]
    device: str | None
    items: int
    item: str
    threads: int
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one process found out: records, where, and by function how answers differ. error: why it could not."""

    records: tuple[Record, ...] = ()
    environment: Environment | None = None
    differences: dict[str, str] | None = None
    error: str = ""


def one_process(request: Request, number: int) -> Answer:
    """In the fresh process: one visit of every function. Which is made first changes from process to process."""
    import torch  # noqa: PLC0415 - these import torch, which the program itself does without

    from bench.api.functions import at, cases_for, differences, first_call  # noqa: PLC0415
    from bench.api.visits import ONE_VISIT, timed  # noqa: PLC0415
    from bench.measure.environment import capture  # noqa: PLC0415
    from bench.modes.steady import steady  # noqa: PLC0415
    from bench.records.errors import describe  # noqa: PLC0415

    torch.set_num_threads(request.threads)
    names = list(request.places)
    turned = names[number % len(names) :] + names[: number % len(names)]
    try:
        with steady():
            made = {}
            for name in turned:
                place = request.places[name]
                made[name] = first_call(at(place.function), at(place.setup) if place.setup else None, request.device)
            firsts = {name: made[name] for name in names}
            cases = cases_for(request.label, firsts)
            subjects = {cases[name]: first for name, first in firsts.items()}
            records = timed(subjects, request.items, request.item, ONE_VISIT, launch=number)
            return Answer(tuple(records), capture(records[0].case.device), differences(firsts))
    except Exception as error:  # a function may raise anything
        return Answer(error=describe(error))


def processes(request: Request, output: BinaryIO) -> None:
    """Answers of one fresh process after the other, until nobody reads them any more."""
    from bench.devices import DEVICES  # noqa: PLC0415
    from bench.records.errors import Death  # noqa: PLC0415
    from bench.runs.fresh import Launcher  # noqa: PLC0415
    from bench.runs.layouts import draw  # noqa: PLC0415

    launcher = Launcher(TIMEOUT_S)
    named = request.device or next(name for name in ("mps", "cpu") if not DEVICES[name].unavailable_reason())
    method = DEVICES[named].start_method
    for number in count():
        try:
            if method == "forkserver":
                launcher.lay_out(draw(random.Random(number)))
            answer = launcher.call(method, one_process, request, number)
        except Death as death:
            answer = Answer(error=death.reason)
        pickle.dump(answer, output)
        output.flush()


def main() -> None:
    """Read a request from standard input and answer it."""
    torchpace_first.take_over()
    sys.path[:] = pickle.load(sys.stdin.buffer)  # before what follows names modules that are found along it
    request = pickle.load(sys.stdin.buffer)
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)  # whatever else is printed is no answer
        processes(request, output)


if __name__ == "__main__":
    import importlib

    importlib.import_module("bench.api.fresh_program").main()  # as others know it, so that they know what it answers
