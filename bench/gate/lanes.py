"""The lanes of a gate: what is compared, on which cores, and the pair of hosts that a lane's trials ask.

Knows neither cases nor records: what is asked of the hosts is for the other files of this room to say.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.gate.hosts import Host
from bench.gate.revisions import Side
from bench.records.errors import Death, UsageError
from bench.runs.layouts import draw

MOST_LANES = 4  # more pairs at a time share caches and memory with each other more than they save


class SideBroken(UsageError):
    """A side whose code does not import; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What is compared, and how: both sides by name, the user's module if any.

    lanes: how many pairs run at a time, each on cores of its own; on an accelerator, one. most_trials: how many trials
    a case has at most; None for as many as there is time for.
    """

    run: str
    sides: Mapping[str, Side]
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
    """A host of every side given, started together under one layout and ended together, as a context manager.

    They start without being waited for. cores: those that they may use; empty for all. imports: modules that are
    imported besides, for what they are asked.
    """

    def __init__(
        self, sides: Mapping[str, Side], module: str | None, cores: Sequence[int] = (),
        dice: random.Random | None = None, imports: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.sides, self.module, self.imports = sides, module, imports
        self.cores, self.dice = cores, dice or random.Random()
        self.by_name: dict[str, Host] = {}

    def __enter__(self) -> Hosts:
        self._start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End those that run."""
        for owner in self.by_name.values():
            owner.close()

    def _start(self) -> None:
        """Start all anew, under a new layout, unless all run."""
        if len(self.by_name) == len(self.sides) and all(owner.alive for owner in self.by_name.values()):
            return
        self.close()
        layout = draw(self.dice)
        for name, side in self.sides.items():
            self.by_name[name] = Host(side, self.module, self.cores, layout, self.imports)

    def wait(self) -> None:
        """Wait until each has imported its code. Raises SideBroken when one's does not import."""
        for name, owner in self.by_name.items():
            try:
                owner.wait()
            except Death as death:
                self.close()
                raise SideBroken(f"{name} ({self.sides[name].label}) does not import: {death.reason}") from death

    def pin(self, cores: Sequence[int]) -> None:
        """Have them use these cores from now on."""
        self.cores = cores
        for owner in self.by_name.values():
            if owner.alive:  # the number of one that ended may be another process's
                owner.pin(cores)

    def revive(self) -> None:
        """After a death on one side, or a request that used a host up: have all run again."""
        self._start()
        self.wait()
