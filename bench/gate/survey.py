"""What is asked of both sides of a gate before the first trial: their cases, where they run, how they take turns."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from multiprocessing.connection import Connection

import torch

from bench.devices import DEVICES
from bench.gate.hosts import LAID_OUT, call, may_fork
from bench.gate.lanes import Gate, Hosts, SideBroken, own_cores
from bench.gate.revisions import Side
from bench.measure.environment import capture
from bench.measure.timer import block_time, calibrate
from bench.records.errors import Death
from bench.records.record import APART, GATE_TURNS, IN_TURNS, Case, Environment
from bench.runs.plan import Selection, SelectionError, cases
from workloads.base import WORKLOADS

# How it is found what an idle process costs another: products, blocks of them each time, the share that is too much.
PRODUCT, BLOCKS, DEAR = 1024, 14, 0.02


def list_cases(selection: Selection) -> list[Case] | str:
    """In a side's process: the cases it has of a selection; in words, why there are none."""
    try:
        return cases(WORKLOADS, selection)
    except SelectionError as error:
        return str(error)


def capture_host(device: str, module: str | None) -> Environment:
    """In a side's process: its environment, and who decides where things lie in memory."""
    facts = dict(capture(device, module).facts) | {"layout": os.environ.get(LAID_OUT)}
    return Environment(tuple(sorted(facts.items())))


def timed_beside(connection: Connection, device: str) -> list[float]:
    """In one side's process: a block of products beside an idle process, over the same alone; told when to go on."""
    torch.set_num_threads(1)
    clock = DEVICES[device].clock
    a = torch.randn(PRODUCT, PRODUCT, device=DEVICES[device].torch_device())
    steps, _ = calibrate(lambda: a @ a, clock)

    def blocks() -> list[float]:
        found = [block_time(lambda: a @ a, steps, clock) for _ in range(BLOCKS)]
        connection.send(("timed", None))
        connection.recv()
        return found

    before, beside, after = blocks(), blocks(), blocks()
    # A drift has no part in what it took alone.
    alone = [(first + last) / 2 for first, last in zip(before, reversed(after), strict=True)]
    return [both / one for both, one in zip(beside, alone, strict=True)]


def rest(connection: Connection, device: str) -> None:
    """In the other side's process: have something on the device, and do nothing until told to end."""
    tensor = torch.ones(1, device=DEVICES[device].torch_device())
    connection.send(("rests", float(tensor)))
    connection.recv()


def costs_of_a_neighbour(hosts: Hosts, device: str, timeout_s: float) -> list[float]:
    """How many times as long products take while an idle process of the other side is on the device. Raises Death."""
    working, idle = hosts.by_name.values()
    forks = all(may_fork(owner, DEVICES[device], timeout_s) for owner in (working, idle))
    working.start(forks, timed_beside, device)
    working.receive(timeout_s)
    idle.start(forks, rest, device)
    idle.receive(timeout_s)
    working.send(None)
    working.receive(timeout_s)
    idle.send(None)
    idle.finish(timeout_s)
    working.send(None)
    working.receive(timeout_s)
    working.send(None)
    found: list[float] = working.finish(timeout_s)
    hosts.revive()
    return found


def turns_on(hosts: Hosts, device: str, timeout_s: float) -> str:
    """Whether the sides may take turns on an accelerator; empty on the CPU, and where a device never has them do so."""
    if device == "cpu" or not DEVICES[device].turns_are_safe:
        return ""
    return how_in_turns(costs_of_a_neighbour(hosts, device, timeout_s))


def how_in_turns(ratios: Sequence[float]) -> str:
    """They may not where an idle process surely slows the other one down."""
    low, middle, _ = statistics.quantiles(ratios, n=4)
    return APART if middle > 1 + DEAR and low > 1 else IN_TURNS


def environment_of(side: Side, found: Environment, lanes: int, threads: int, turns: str = "") -> Environment:
    """The environment as a side's own process found it, with the side's commit, how it was placed and takes turns."""
    cores = own_cores()
    pinned = f"{threads} of {','.join(map(str, cores))} per trial" if len(cores) >= threads else "not pinned"
    facts = dict(found.facts) | {
        "commit": side.commit, "dirty": side.dirty, "affinity": pinned, "lanes": lanes, "side": side.name,
        **({GATE_TURNS: turns} if turns else {}),
    }  # fmt: skip
    return Environment(tuple(sorted(facts.items())))


def survey(
    gate: Gate, selection: Selection, hosts: Hosts
) -> tuple[dict[str, list[Case]], dict[tuple[str, str], Environment], dict[str, str]]:
    """The cases that each side has; the environment of each side and device; in words, why a side has no cases.

    hosts: of both sides, asked here. Raises SideBroken when a side does not import, or cannot say what it has.
    """
    turns: dict[str, str] = {}
    found: dict[str, list[Case]] = {}
    environments: dict[tuple[str, str], Environment] = {}
    reasons: dict[str, str] = {}
    hosts.wait()
    for name, side in gate.sides.items():
        try:
            listed = call(hosts.by_name[name], True, gate.timeout_s, list_cases, selection)
            if isinstance(listed, str):
                reasons[name], listed = listed, []
            found[name] = listed
            for device in selection.devices:
                forks = may_fork(hosts.by_name[name], DEVICES[device], gate.timeout_s)
                if device not in turns:
                    turns[device] = turns_on(hosts, device, gate.timeout_s)
                captured = call(hosts.by_name[name], forks, gate.timeout_s, capture_host, device, gate.module)
                environments[name, device] = environment_of(side, captured, gate.lanes, gate.threads, turns[device])
                hosts.revive()
        except Death as death:
            raise SideBroken(f"{name} ({side.label}): {death.reason}") from death
    return found, environments, reasons
