"""Where a point of a history was measured, and which environments of one commit stand side by side. Draws nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from bench.records.machines import machine_of
from bench.records.record import Environment
from reports.read.settings import labelled, telling

SIDE_BY_SIDE = 2  # commits that were measured in several environments: from so many on each is a series of its own
Where: TypeAlias = tuple[str, str, str]  # commit, run and environment's id, of what was measured there


def settings_of(cells: Collection[Where], environments: Mapping[str, Environment]) -> Callable[[str], str]:
    """What tells a point from others of its commit: torch, or where several environments stand side by side, theirs."""
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for commit, run, id in cells:
        ids[commit, run].add(id)
    groups = {frozenset(each) for each in ids.values() if len(each) > 1}
    if sum(len(each) > 1 for each in ids.values()) < SIDE_BY_SIDE:
        torches = {id: str(environments[id].get("torch") or "") if id in environments else "" for _, _, id in cells}
        return torches.__getitem__
    known = {id: environments.get(id, Environment(())) for each in groups for id in each}
    facts = telling(groups, known)

    def setting(id: str) -> str:
        label = labelled(environments.get(id, Environment(())), facts)
        return label.removeprefix("torch ") if label.count(",") == 0 else label

    return setting


def origin_of(environment: Environment) -> tuple[str, str, str, bool]:
    """Machine, commit and torch, and whether runs there stand alone: with uncommitted changes, or without a commit."""
    commit = str(environment.get("commit") or "")
    alone = bool(environment.get("dirty")) or not commit
    return machine_of(environment), commit, str(environment.get("torch") or ""), alone
