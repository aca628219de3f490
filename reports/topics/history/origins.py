"""Where a point of a history was measured, and which environments of one commit stand side by side. Draws nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TypeAlias

from bench.records.machines import machine_of
from bench.records.record import Environment, Record
from reports.read.settings import labelled, telling

SIDE_BY_SIDE = 2  # commits that were measured in several environments: from so many on each is a series of its own
Keyed: TypeAlias = Mapping[tuple[str, str, str], list[Record]]  # by commit, run and setting


def by_environment(keyed: Keyed, environments: Mapping[str, Environment]) -> Keyed:
    """Records by commit, run and torch, or where several environments were measured side by side, by what they are."""
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (commit, run, _), records in keyed.items():
        ids[commit, run] |= {record.environment for record in records}
    groups = {frozenset(each) for each in ids.values() if len(each) > 1}
    if sum(len(each) > 1 for each in ids.values()) < SIDE_BY_SIDE:
        return keyed
    known = {id: environments.get(id, Environment(())) for each in groups for id in each}
    facts = telling(groups, known)
    found: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for (commit, run, _), records in keyed.items():
        for record in records:
            label = labelled(environments.get(record.environment, Environment(())), facts)
            found[commit, run, label.removeprefix("torch ") if label.count(",") == 0 else label].append(record)
    return found


def origin_of(environment: Environment) -> tuple[str, str, str, bool]:
    """Machine, commit and torch, and whether runs there stand alone: with uncommitted changes, or without a commit."""
    commit = str(environment.get("commit") or "")
    alone = bool(environment.get("dirty")) or not commit
    return machine_of(environment), commit, str(environment.get("torch") or ""), alone


NOWHERE = origin_of(Environment(()))
