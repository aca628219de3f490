"""In each rank: steps of some ranks or all, in turns. A block begins at a barrier and takes what its slowest rank does.

What depends on a time, such as how many steps a block has, is decided by what all ranks have heard of all: they decide
alike, and none waits for one that has stopped.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from bench.devices import DEVICES
from bench.measure.answers import check_begun, check_last, kept, unchecked
from bench.measure.first_call import Begun, begin, first_call_records
from bench.measure.machine import Watch
from bench.measure.profile_passes import trace_steps
from bench.measure.task import PROCESS_GROUPS, Task, failure, subject_of
from bench.measure.timer import Clock, block_time
from bench.measure.turns import WARM_UP_BLOCKS
from bench.modes.enter import entered
from bench.ranks.launch_folder import trace_of
from bench.records.record import RANKS, Record
from workloads.base import Unavailable, Workload

TURN_S = 0.03  # ranks leave a barrier of gloo some 50 µs apart
ROUNDS_S = 0.6  # of all turns of a case in a launch, about
FEWEST_ROUNDS, MOST_ROUNDS = 5, 20
MOST_STEPS_OF_A_TURN = 1 << 16
# Steps of a profile: ranks are compared step by step, and steps of ranks that share a machine differ much.
PROFILED_S, FEWEST_PROFILED, MOST_PROFILED = 1.5, 10, 60
TOO_FEW_CORES = "{} ranks of {} threads share {} cores"


@dataclass(slots=True)
class Part:
    """A case that this rank takes part in."""

    workload: Workload
    begun: Begun
    clock: Clock


class World:
    """All ranks of a launch, as one of them sees them. Its group talks over gloo, whatever the steps do."""

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self._group: Any = dist.new_group(backend="gloo")

    def told(self, own: float) -> tuple[float, ...]:
        """A number of every rank, in their order."""
        numbers = torch.zeros(self.size, dtype=torch.float64)
        numbers[self.rank] = own
        dist.all_reduce(numbers, group=self._group)
        return tuple(numbers.tolist())

    def block(self, part: Part | None, steps: int) -> tuple[float, ...]:
        """Seconds that a block took each rank; 0 of those that have no part in it."""
        dist.barrier(group=self._group)
        return self.told(block_time(part.begun.step.run, steps, part.clock) if part else 0.0)

    def steps_for(self, part: Part | None) -> int:
        """Steps of a turn, once the step is warm."""
        steps, blocks = 1, 0
        while True:
            slowest_s, blocks = max(self.block(part, steps)), blocks + 1
            if slowest_s >= TURN_S or steps >= MOST_STEPS_OF_A_TURN:
                if blocks >= WARM_UP_BLOCKS:
                    return steps
                continue
            wanted = round(1.2 * steps * TURN_S / max(slowest_s, 1e-7))
            steps = min(MOST_STEPS_OF_A_TURN, steps * 10, max(steps + 1, wanted))


def perform_together(tasks: Sequence[Task]) -> list[Record]:
    """The records of cases that take turns, on rank 0; of no use on the others. Raises whatever a step does."""
    world = World()
    with entered(tasks[0].case.mode, tasks[0].case.threads, tasks[0].cache):
        found = [part_of(task, world) for task in tasks]
        absent = [
            failure(Record("", "", task.case, "step_time", launch=task.launch), why)
            for task, (_, why) in zip(tasks, found, strict=True) if why
        ]  # fmt: skip
        tasks = [task for task, (_, why) in zip(tasks, found, strict=True) if not why]
        parts = [part for part, why in found if not why]
        watch = Watch()
        steps = [world.steps_for(part) for part in parts]
        values: list[list[tuple[float, ...]]] = [[] for _ in tasks]
        dice, order = random.Random(tasks[0].launch), list(range(len(tasks)))
        for _ in range(rounds_for(world, parts, steps)):
            dice.shuffle(order)
            for which in order:
                values[which].append(world.block(parts[which], steps[which]))
        machine = watch.facts()
        records: list[Record] = []
        for task, part, taken, count in zip(tasks, parts, values, steps, strict=True):
            first_s = max(world.told(part.begun.first_call_s if part else 0.0))
            if part:
                records += concluded(task, replace(part.begun, first_call_s=first_s), part.workload, taken, count)
    turns = RANKS if len(tasks) > 1 else ""
    is_timed = [record.metric == "step_time" for record in records]
    return absent + [
        replace(record, turns=turns, machine=machine) if timed else record
        for record, timed in zip(records, is_timed, strict=True)
    ]


def profile_together(tasks: Sequence[Task], folder: Path) -> list[int]:
    """How many steps of each case were recorded, into a trace per rank: `trace_of(folder, number, rank)`.

    The steps are taken one after the other, as in training, and by all ranks the same. Raises whatever a step does.
    """
    world = World()
    found = []
    for number, task in enumerate(tasks):
        with entered(task.case.mode, task.case.threads, task.cache, named=True):
            part, why = part_of(task, world)
            if why:
                raise why
            if part:
                check_begun(part.begun.step, part.begun.answers)
            step_s = max(world.block(part, WARM_UP_BLOCKS)) / WARM_UP_BLOCKS
            steps = min(MOST_PROFILED, max(FEWEST_PROFILED, round(PROFILED_S / step_s)))
            world.told(0.0)
            if part:
                device = DEVICES[task.case.device]
                trace_steps(
                    part.begun.step.run, device, steps, trace_of(folder, number, world.rank), record_shapes=True
                )
            world.told(0.0)
            found.append(steps)
    return found


def part_of(task: Task, world: World) -> tuple[Part | None, Unavailable | None]:
    """The case's step, called as often as is checked, on the ranks that it has; and why it is available to none."""
    group = dist.new_group(list(range(task.case.ranks)))
    found, why = None, None
    if world.rank < task.case.ranks:
        PROCESS_GROUPS[task.case] = group
        try:
            device, workload = subject_of(task)
            found = Part(workload, begin(task, workload, device), device.clock)
        except Unavailable as error:
            why = error
    # Nobody builds the next one while this is not called. What is not available to one rank is to none.
    if any(world.told(float(why is not None))):
        return None, why or Unavailable("it is not available to another of its ranks")
    return found, None


def rounds_for(world: World, parts: Sequence[Part | None], steps: Sequence[int]) -> int:
    """How many rounds fill their time."""
    started_s = time.perf_counter()
    for part, count in zip(parts, steps, strict=True):
        world.block(part, count)
    round_s = max(world.told(time.perf_counter() - started_s))
    return min(MOST_ROUNDS, max(FEWEST_ROUNDS, round(ROUNDS_S * len(parts) / round_s)))


def concluded(
    task: Task, begun: Begun, workload: Workload, taken: Sequence[tuple[float, ...]], steps: int
) -> list[Record]:
    """A case's records on a rank that took part. Raises WrongAnswer."""
    step, ranks = begun.step, task.case.ranks
    if task.launch == 0:
        check_begun(step, begun.answers)
        check_last(step, kept(step.run()))
    blank = Record(
        "", "", task.case, "step_time", launch=task.launch, items=step.items, item=workload.item, data=step.data,
    )  # fmt: skip
    by_rank = [(f"rank {rank} s", tuple(block[rank] / steps for block in taken)) for rank in range(ranks)]
    timed = replace(
        blank, values=tuple(max(block) / steps for block in taken), steps_per_value=steps,
        warnings=warnings(task, begun), readings=tuple(by_rank),
    )  # fmt: skip
    return [timed, *first_call_records(task, blank, begun)]


def warnings(task: Task, begun: Begun) -> tuple[str, ...]:
    """What a reader of the figure should know."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    ranks, threads = task.case.ranks, task.case.threads
    crowded = (TOO_FEW_CORES.format(ranks, threads, cores),) if ranks * threads > cores else ()
    return unchecked(begun.step) + crowded
