"""Exact figures of both sides of a gate: the sides next to each other, a fresh process per case and side.

No turns are needed: what is counted is the same whatever else the machine does. Judges nothing.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from bench.devices import DEVICES
from bench.gate.hosts import Host, call, may_fork
from bench.gate.lanes import Gate, Hosts, abreast
from bench.gate.valgrind import count_instructions
from bench.measure.passes import MAIN_METRIC, perform
from bench.measure.task import Task
from bench.modes import torch_compile
from bench.records.errors import Death
from bench.records.files import Writer
from bench.records.record import SIDES, Case, Environment, Record
from bench.runs.fresh import PROFILER


def count(
    gate: Gate,
    cases: Mapping[str, Sequence[Case]],
    environments: Mapping[tuple[str, str], Environment],
    writer: Writer,
    counted: Callable[[Case], None],
    with_valgrind: bool = False,
) -> dict[str, list[Record]]:
    """The exact records of every side's cases, stored as they come. Raises SideBroken, and what `writer` raises.

    with_valgrind: whether Valgrind counts their instructions, too; every case is then counted twice.
    """
    found: dict[str, list[Record]] = {name: [] for name in SIDES}
    lock, stop = threading.Lock(), threading.Event()

    def keep(name: str, case: Case, records: Iterable[Record]) -> None:
        environment = environments[name, case.device]
        named = [replace(record, run=f"{gate.run}/{name}", environment=environment.id) for record in records]
        with lock:
            writer.add(environment, named)
            found[name] += named
            counted(case)

    def side(name: str) -> None:
        with Hosts({name: gate.sides[name]}, gate.module, dice=random.Random(0), imports=[PROFILER]) as hosts:
            hosts.wait()
            for case in cases[name]:
                if stop.is_set():
                    break
                keep(name, case, records_of(hosts.by_name[name], gate, name, case))
                hosts.revive()

    abreast([partial(side, name) for name in SIDES], stop)
    if with_valgrind:
        count_instructions(gate, cases, keep)
    return found


def records_of(host: Host, gate: Gate, name: str, case: Case) -> list[Record]:
    """One case's exact records from one side; its process's death is a record too."""
    cache = str(gate.sides[name].cache) if torch_compile.generates(case.mode) else ""
    task = Task(case, "exact", cache=cache, module=gate.module)
    try:
        forks = may_fork(host, DEVICES[case.device], gate.timeout_s)
        records: list[Record] = call(host, forks, gate.timeout_s, perform, task)
    except Death as death:
        return [Record("", "", case, MAIN_METRIC["exact"], status="broken", reason=death.reason)]
    return records
