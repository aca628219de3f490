"""Ladders whose rungs are known to differ by so much, to fail in their turn, or to end their process."""

from __future__ import annotations

import os
import signal

import torch
from torch import Tensor

from tests.spinning import spin
from workloads import Setup, Step, Unavailable, workload
from workloads.ladders.mnist import Loop, build_network, pass_over

ROWS = (("bottom", "ground"), ("same", "bottom"), ("half", "same"), ("absent", "bottom"))
STEP_S = 0.002


def busy(seconds: float) -> Tensor:
    """An answer that takes so long."""
    spin(seconds)
    return torch.ones(())


def points(*more: tuple[str, str]) -> list[dict[str, str | int]]:
    return [{"rung": rung, "on": on, "samples": 8} for rung, on in (*ROWS, *more)]


def step(rung: str, samples: int) -> Step:
    """Half is half as long as the others; every process has a pace of its own, as on a machine that changes."""
    if rung == "absent":
        raise Unavailable("planted: not here")
    seconds = STEP_S * (1 + os.getpid() % 3) * (0.5 if rung == "half" else 1)
    return Step(lambda: busy(seconds), items=samples)


@workload("planted.ladder", item="sample", default=False, points=points())
def ladder(setup: Setup, rung: str, on: str, samples: int) -> Step:
    """All that can be measured takes turns."""
    return step(rung, samples)


@workload("planted.falling_ladder", item="sample", default=False, points=points(("falls", "bottom"), ("wrong", "same")))
def falling_ladder(setup: Setup, rung: str, on: str, samples: int) -> Step:
    """One rung raises some calls after its first, and one gives a wrong answer."""
    made = step(rung, samples)
    calls = iter(range(10**9))

    def fall() -> Tensor:
        if next(calls) > 5:
            raise ValueError("planted: it fell")
        return busy(STEP_S)

    def check(answer: Tensor) -> None:
        raise AssertionError("planted: never right")

    return Step(fall if rung == "falls" else made.run, items=samples, check=check if rung == "wrong" else None)


@workload("planted.deadly_ladder", item="sample", default=False, points=points(("dies", "bottom")))
def deadly_ladder(setup: Setup, rung: str, on: str, samples: int) -> Step:
    """One rung ends its process."""
    made = step(rung, samples)

    def die() -> Tensor:
        os.kill(os.getpid(), signal.SIGKILL)
        return torch.zeros(())

    return Step(die if rung == "dies" else made.run, items=samples)


LOOP = Loop(in_memory=True, waits=False)


@workload(
    "planted.rungs_alike",
    item="sample",
    default=False,
    points=[
        {"rung": rung, "on": on, "samples": 128}
        for rung, on in (("first", "ground"), ("second", "first"), ("third", "first"), ("fourth", "third"))
    ],
)
def rungs_alike(setup: Setup, rung: str, on: str, samples: int) -> Step:
    """Two batches of training the primer's network, whatever the rung is called."""
    return Step(pass_over(setup, LOOP, build_network(setup, LOOP), samples), items=samples)
