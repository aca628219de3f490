"""Instructions of both sides of a gate as Valgrind counts them: a host of each side runs under callgrind.

Such a host imports and forks several times slower, and steps run some fifty times slower while they are counted: it is
for small steps on the CPU. What it counts is the same whatever else the machine does. Judges nothing.
"""

from __future__ import annotations

import contextlib
import gc
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.counts import callgrind
from bench.counts.instructions import NoCounter
from bench.devices import Device
from bench.gate.hosts import call
from bench.gate.lanes import Gate, Hosts, abreast
from bench.gate.revisions import Side
from bench.measure.exact import instructions
from bench.measure.passes import guarded
from bench.measure.task import Task, build
from bench.modes import torch_compile
from bench.records.errors import Death
from bench.records.record import SIDES, Case, Record
from workloads.base import Unavailable, Workload

METRIC = "instructions_valgrind"
WATCHED = "bench.preload.watched"
WARM_STEPS = 10
LONGEST_S = 2.0  # a step under callgrind, which takes some fifty times as long as by itself
SLOWER = 10  # times as long as by itself a process may take to answer
NOT_ON = "Valgrind sees nothing of a device, whose work instructions are not"
COMPILED = "compiling takes minutes under Valgrind; the eager mode has them"
THREADS = "threads wait for each other by turning in loops, which would be counted"

Keep = Callable[[str, Case, list[Record]], None]


def count_instructions(gate: Gate, cases: Mapping[str, Sequence[Case]], keep: Keep) -> None:
    """Hand the records of every side's cases to `keep`, with the side's name, as they come. Raises SideBroken."""
    stop = threading.Event()

    def side(name: str) -> None:
        for case in cases[name]:
            if reason := not_counted(case):
                keep(name, case, [without(case, reason)])
        small = [case for case in cases[name] if not not_counted(case)]
        try:
            with (
                simulated(gate.sides[name]) as own,
                Hosts({name: own}, gate.module, dice=random.Random(0), imports=[WATCHED]) as hosts,
            ):
                hosts.wait()
                for case in small:
                    if stop.is_set():
                        break
                    keep(name, case, records_of(hosts, gate, name, case))
                    hosts.revive()
        except NoCounter as why:
            for case in small:
                keep(name, case, [without(case, str(why))])

    abreast([partial(side, name) for name in SIDES], stop)


def not_counted(case: Case) -> str:
    """Why a case's instructions cannot be had from Valgrind; empty where they may be."""
    if case.device != "cpu":
        return NOT_ON
    if torch_compile.generates(case.mode):
        return COMPILED
    return THREADS if case.threads > 1 else ""


def without(case: Case, reason: str) -> Record:
    """The record that says why there is no count."""
    return Record("", "", case, METRIC, status="unavailable", reason=reason)


@contextlib.contextmanager
def simulated(side: Side) -> Iterator[Side]:
    """The side, its interpreter under callgrind. Raises NoCounter."""
    with tempfile.TemporaryDirectory(prefix="torchpace-") as folder:
        variables = {**callgrind.SIMULATED, callgrind.FOLDER: folder}
        yield replace(side, under=(callgrind.command(Path(folder)), variables))


def records_of(hosts: Hosts, gate: Gate, name: str, case: Case) -> list[Record]:
    """One case's record from one side. What fails under Valgrind alone is no fault of the case: others say that."""
    task = Task(case, METRIC, module=gate.module)
    try:
        records: list[Record] = call(hosts.by_name[name], True, SLOWER * gate.timeout_s, perform_instructions, task)
    except Death as death:
        return [without(case, f"under Valgrind {death.reason}")]
    return [without(case, f"under Valgrind: {each.reason}") if each.status == "broken" else each for each in records]


def perform_instructions(task: Task) -> list[Record]:
    """In the side's process, under Valgrind: the record of a case's instructions."""
    return guarded(task, instructions_pass, METRIC)


def instructions_pass(task: Task, workload: Workload, device: Device, blank: Record) -> list[Record]:
    """Instructions per warm step, without collections of garbage, which come when they will."""
    run = build(workload, task.case, device).run
    run()
    started = time.perf_counter()
    run()
    if (taken_s := time.perf_counter() - started) > LONGEST_S:
        raise Unavailable(
            f"a step takes {taken_s:.2g} s under Valgrind, more than {LONGEST_S:g} s: only small ones are counted there"
        )
    for _ in range(WARM_STEPS):  # Python adapts its code while it is new
        run()
    gc.collect()
    gc.disable()
    try:
        with contextlib.closing(callgrind.CallgrindCounter()) as counter:
            values, steps = instructions(run, device, counter)
    except NoCounter as why:
        raise Unavailable(str(why)) from why
    finally:
        gc.enable()
    return [replace(blank, values=values, steps_per_value=steps)]
