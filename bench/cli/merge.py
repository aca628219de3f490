"""`torchpace merge`: the shards of a run, from as many machines, as one file, and what is missing or there twice."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.records.errors import UsageError
from bench.records.files import Contents, read, write_whole
from bench.records.lines import environment_line, record_line, scope_line
from bench.records.machines import machine_of
from bench.records.record import Case, Environment, Record, Scope

NAMED = 5  # cases that are named
WHOLE, NOT_WHOLE = 0, 3


@dataclass(frozen=True, slots=True)
class Shard:
    """One run in one file: what it set out to measure, and what came of it."""

    path: Path
    scope: Scope
    records: tuple[Record, ...]

    @property
    def cases(self) -> set[Case]:
        """The cases that it says something of."""
        return {record.case for record in self.records}


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "merge",
        help="join the shards of a run, and name what is missing",
        description="Joins files that `torchpace run --shard K/N` wrote on several machines. Exit codes: 0 whole, 3 "
        "some cases are missing or not finished, which are named; the file is written all the same.",
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.jsonl")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.jsonl", help="the whole run")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Join the files; 0 when every case is whole, 3 when some are missing or not finished."""
    if options.output.resolve() in {path.resolve() for path in options.files}:
        raise UsageError(f"-o {options.output} is one of the files that are joined; name another")
    contents = [(path, read(path, unmeasured=True)) for path in options.files]
    shards = [shard for path, one in contents for shard in shards_of(path, one)]
    scope = common(shards)
    environments = {id: found for _, one in contents for id, found in one.environments.items()}
    kept, twice = once(shards)
    lines = [scope_line(scope), *lines_of(kept, environments, scope)]
    write_whole(options.output, "\n".join(lines) + "\n")
    for warning in (warning for _, one in contents for warning in one.warnings):
        print(f"torchpace: {warning}", file=sys.stderr)
    whole = finished(kept)
    for said in (*twice, *machines(kept, environments), *absent(scope, shards, whole)):
        print(said)
    print(f"{len(whole)} of {len(scope.cases)} cases in {options.output}")
    return WHOLE if len(whole) == len(scope.cases) else NOT_WHOLE


def finished(shards: Sequence[Shard]) -> set[Case]:
    """The cases of which all is there that was to be measured."""
    from bench.runs.resume import is_finished  # noqa: PLC0415 - imports torch

    found: set[Case] = set()
    for shard in shards:
        own: dict[Case, list[Record]] = {}
        for record in shard.records:
            own.setdefault(record.case, []).append(record)
        found |= {case for case, records in own.items() if is_finished(records, shard.scope.launches)}
    return found


def shards_of(path: Path, contents: Contents) -> list[Shard]:
    """The runs in a file. Raises UsageError for one that does not say what it set out to measure."""
    scopes = {scope.run: scope for scope in contents.scopes}
    runs = dict.fromkeys([*scopes, *(record.run for record in contents.records)])
    for name in runs:
        if name not in scopes:
            raise UsageError(f"{path}: run {name} does not say what it set out to measure; it is no shard of a run")
    return [
        Shard(path, scopes[name], tuple(record for record in contents.records if record.run == name)) for name in runs
    ]


def common(shards: Sequence[Shard]) -> Scope:
    """What all shards are parts of, under the first one's name. Raises UsageError when it is not the same."""
    first = min((shard.scope for shard in shards), key=lambda scope: scope.run)
    for shard in shards:
        scope = shard.scope
        for what, own, other in (
            ("other cases", scope.cases, first.cases), ("another number of shards", scope.shards, first.shards),
            ("another number of launches", scope.launches, first.launches),
            ("other workloads", scope.module, first.module), ("another haste (--quick)", scope.quick, first.quick),
        ):  # fmt: skip
            if own != other:
                raise UsageError(f"{shard.path}: its run {scope.run} has {what} than {first.run}: they are not one run")
    return replace(first, own=tuple(range(len(first.cases))), shard=1, shards=1)


def once(shards: Sequence[Shard]) -> tuple[list[Shard], list[str]]:
    """The shards, of each case only what the shard with most values says; and what was left out, in words."""
    best: dict[Case, Shard] = {}
    for shard in shards:
        for case in shard.cases:
            if case not in best or measured(shard, case) > measured(best[case], case):
                best[case] = shard
    kept = [replace(shard, records=tuple(r for r in shard.records if best[r.case] is shard)) for shard in shards]
    said = []
    for shard, own in zip(shards, kept, strict=True):
        if left := shard.cases - own.cases:
            said.append(f"twice: {named(left)}; left out as {shard.path} has {'them' if len(left) > 1 else 'it'}")
    return kept, said


def measured(shard: Shard, case: Case) -> int:
    """How many figures a shard has of a case."""
    return sum(record.status == "measured" for record in shard.records if record.case == case)


def lines_of(shards: Sequence[Shard], environments: Mapping[str, Environment], scope: Scope) -> list[str]:
    """The records as lines, all of one run, after their environments."""
    records = [replace(record, run=scope.run) for shard in shards for record in shard.records]
    used = dict.fromkeys(record.environment for record in records)
    said = [environment_line(environments[id], scope.run) for id in used if id in environments]
    return said + [record_line(record) for record in records]


def machines(shards: Sequence[Shard], environments: Mapping[str, Environment]) -> list[str]:
    """That the shards were measured on several models of machine, where they were: what is on which."""
    found: dict[str, set[Case]] = {}
    for shard in shards:
        for record in shard.records:
            if record.environment in environments:
                found.setdefault(machine_of(environments[record.environment]), set()).add(record.case)
    if len(found) < 2:
        return []
    listed = "; ".join(f"{machine}: {len(cases)} cases" for machine, cases in sorted(found.items()))
    return [f"{len(found)} models of machine, whose figures are not comparable with each other: {listed}"]


def absent(scope: Scope, shards: Sequence[Shard], whole: set[Case]) -> list[str]:
    """Which cases nobody measured, or not to the end, which shards are not there, and how to get them."""
    begun = set[Case]().union(*(shard.cases for shard in shards))
    missing, cut_off = set(scope.cases) - begun, begun - whole
    said = [f"{what}: {named(cases)}" for what, cases in (("missing", missing), ("not finished", cut_off)) if cases]
    count = shards[0].scope.shards
    gone = sorted(set(range(1, count + 1)) - {shard.scope.shard for shard in shards})
    if gone and missing:
        said.append(f"no file of shard {', '.join(map(str, gone))} of {count}")
    for shard in shards:
        if {shard.scope.cases[place] for place in shard.scope.own} - whole:
            said.append(f"`torchpace run --resume {shard.path}` goes on with shard {shard.scope.shard}")
    return said


def named(cases: Sequence[Case] | set[Case]) -> str:
    """Some of the cases, and how many more."""
    labels = sorted(f"{case.label} {case.device} {case.mode}" for case in cases)
    more = f" and {len(labels) - NAMED} more" if len(labels) > NAMED else ""
    return ", ".join(labels[:NAMED]) + more
