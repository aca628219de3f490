"""What parts the steps of both sides consist of: pairs of fresh processes under the profiler, each pair in one layout.

For cases that were found to have changed, after their trials. Stored; what it means is for `reports` to judge.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bench.devices import DEVICES
from bench.gate.hosts import call
from bench.gate.lanes import Gate, Hosts, cores_of
from bench.measure.profile_passes import TIMES, perform_parts
from bench.measure.task import Task
from bench.modes import torch_compile
from bench.records.files import Writer
from bench.records.record import SIDES, Case, Environment, Record
from bench.runs.fresh import Death

PAIRS = 8  # of processes for a case: with fewer, intervals corrected for many parts are too wide
PARTS = "parts"  # how the names of these runs go on, so that nobody takes them for trials

Found = dict[Case, list[dict[str, list[Record]]]]
"""Of each case pair by pair both sides' records."""


def take_apart(
    gate: Gate, cases: Sequence[Case], environments: Mapping[tuple[str, str], Environment], writer: Writer,
    until_s: float, done: Callable[[], object],
) -> Found:  # fmt: skip
    """The parts of the cases' steps, all cases once before any twice, until there are PAIRS or it is so late."""
    dice = random.Random()
    found: Found = {case: [] for case in cases}
    failed: set[Case] = set()
    for number in range(PAIRS):
        going = [case for case in cases if case not in failed]
        if not going or time.monotonic() > until_s:
            break
        with Hosts(gate.sides, gate.module, cores_of(0, gate.threads), dice) as hosts:
            hosts.wait()
            for case in going:
                if time.monotonic() > until_s:
                    return found
                names = list(SIDES)
                dice.shuffle(names)
                pair: dict[str, list[Record]] = {}
                for name in names:
                    task = Task(case, PARTS, number, cache=cache_of(gate, name, case), module=gate.module)
                    pair[name] = asked(hosts, gate, name, task)
                    environment = environments[name, case.device]
                    run = f"{gate.run}/{PARTS}/{name}"
                    writer.add(environment, [replace(r, run=run, environment=environment.id) for r in pair[name]])
                done()
                hosts.revive()
                if all(records[0].status == "measured" for records in pair.values()):
                    found[case].append(pair)
                else:
                    failed.add(case)
    return found


def cache_of(gate: Gate, name: str, case: Case) -> str:
    """A side's folder of what compilers make; none for what is not compiled."""
    return str(gate.sides[name].cache) if torch_compile.generates(case.mode) else ""


def asked(hosts: Hosts, gate: Gate, name: str, task: Task) -> list[Record]:
    """One side's records of a pair; its process's death is one."""
    forks = DEVICES[task.case.device].start_method == "forkserver"
    try:
        records: list[Record] = call(hosts.by_name[name], forks, gate.timeout_s, perform_parts, task)
    except Death as death:
        return [Record("", "", task.case, TIMES, status="broken", reason=death.reason, launch=task.launch)]
    return records
