"""What both sides of a gate have, asked before the first trial: their cases, and where each of them runs."""

from __future__ import annotations

import os

from bench.devices import DEVICES
from bench.gate.hosts import LAID_OUT, call, may_fork
from bench.gate.lanes import Gate, Hosts, SideBroken, own_cores
from bench.gate.revisions import Side
from bench.measure.environment import capture
from bench.records.record import Case, Environment
from bench.runs.fresh import Death
from bench.runs.plan import Selection, SelectionError, cases
from workloads.base import WORKLOADS


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


def environment_of(side: Side, found: Environment, lanes: int, threads: int) -> Environment:
    """The environment as a side's own process found it, with the side's commit and how it was placed."""
    cores = own_cores()
    pinned = f"{threads} of {','.join(map(str, cores))} per trial" if len(cores) >= threads else "not pinned"
    facts = dict(found.facts) | {
        "commit": side.commit, "dirty": side.dirty, "affinity": pinned, "lanes": lanes, "side": side.name,
    }  # fmt: skip
    return Environment(tuple(sorted(facts.items())))


def survey(
    gate: Gate, selection: Selection, hosts: Hosts
) -> tuple[dict[str, list[Case]], dict[tuple[str, str], Environment], dict[str, str]]:
    """The cases that each side has; the environment of each side and device; in words, why a side has no cases.

    hosts: of both sides, asked here. Raises SideBroken when a side does not import, or cannot say what it has.
    """
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
                captured = call(hosts.by_name[name], forks, gate.timeout_s, capture_host, device, gate.module)
                environments[name, device] = environment_of(side, captured, gate.lanes, gate.threads)
                hosts.revive()
        except Death as death:
            raise SideBroken(f"{name} ({side.label}): {death.reason}") from death
    return found, environments, reasons
