"""The lanes of a gate: what is compared, on which cores, and the pair of hosts that a lane's trials ask.

Knows neither cases nor records: what is asked of the hosts is for the other files of this room to say.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.gate.hosts import Host
from bench.gate.revisions import Side
from bench.records.errors import UsageError
from bench.records.record import SIDES
from bench.runs.fresh import Death
from bench.runs.layouts import draw

MOST_LANES = 4  # more pairs at a time share caches and memory with each other more than they save


class SideBroken(UsageError):
    """A side whose code does not import; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What is compared, and how: both sides by name, the folders of their compilers, the user's module if any.

    lanes: how many pairs run at a time, each on cores of its own; on an accelerator, one. most_trials: how many trials
    a case has at most; None for as many as there is time for.
    """

    run: str
    sides: Mapping[str, Side]
    caches: Mapping[str, Path]
    budget_s: float = 600.0
    most_trials: int | None = None
    timeout_s: float = 60.0
    threads: int = 1
    lanes: int = 1
    module: str | None = None


def lanes_for(devices: Iterable[str], threads: int) -> int:
    """As many pairs at a time as there are cores for, at most MOST_LANES; one where an accelerator is shared."""
    return max(1, min(MOST_LANES, len(own_cores()) // threads)) if set(devices) == {"cpu"} else 1


def own_cores() -> list[int]:
    """The cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def cores_of(lane: int, threads: int) -> list[int]:
    """The cores of a lane; none when there are too few to give it its own."""
    cores = own_cores()[lane * threads : (lane + 1) * threads]
    return cores if len(cores) == threads else []


def abreast(works: Iterable[Callable[[], None]], stop: threading.Event) -> None:
    """Run functions next to each other, each in a thread of its own, until all are over. Raises the first error.

    stop: set after an error or Ctrl-C, upon which the functions are to end soon; they are waited for.
    """
    errors: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # raised again below
            errors.append(error)
            stop.set()

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(0.2)  # not for ever, so that Ctrl-C is heard
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if errors:
        raise errors[0]


class Hosts:
    """A lane's hosts (of both sides, unless fewer are named), started together under one layout and ended together.

    Use as a context manager.
    """

    def __init__(self, gate: Gate, cores: Sequence[int], dice: random.Random, names: Sequence[str] = SIDES) -> None:
        self.gate, self.cores, self.dice, self.names = gate, cores, dice, names
        self.by_name: dict[str, Host] = {}

    def __enter__(self) -> Hosts:
        self.restart()
        return self

    def __exit__(self, *error: object) -> None:
        for owner in self.by_name.values():
            owner.close()

    def restart(self) -> None:
        """Start the hosts. Raises SideBroken when a side's code does not import."""
        layout = draw(self.dice)
        for name in self.names:
            side, cache = self.gate.sides[name], self.gate.caches[name]
            self.by_name[name] = Host(side, self.gate.module, cache, self.cores, layout)
        for name in self.by_name:
            try:
                self.by_name[name].wait()
            except Death as death:
                self.__exit__()
                side = self.gate.sides[name]
                raise SideBroken(f"{name} ({side.label}) does not import: {death.reason}") from death

    def revive(self) -> None:
        """After a death on one side, or a request that used a host up: start both anew, under one layout."""
        if not all(owner.alive for owner in self.by_name.values()):
            self.__exit__()
            self.restart()
