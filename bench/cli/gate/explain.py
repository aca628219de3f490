"""`torchpace gate --explain CASE`: what one case's step consists of on both sides, and what changed, without a gate."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.gate.causes import LEAST_S, cause_of, diff_of, location_of, said, taken_apart
from bench.cli.gate.options import plan
from bench.cli.gate.sides import describe
from bench.gate.revisions import FOLDER
from bench.records.errors import UsageError
from bench.records.record import SIDES, Case

if TYPE_CHECKING:
    from bench.gate.lanes import Hosts
    from bench.gate.parts import Pair
    from bench.gate.revisions import Side


def run(options: argparse.Namespace, sides: Mapping[str, Side], hosts: Hosts) -> int:
    """Say where the change of one case is, from what was stored if that is enough; 0, or 2 where nothing is known."""
    from bench.cli.gate.trials import surveyed, trials_file  # noqa: PLC0415 - imports torch
    from bench.gate.parts import PAIRS  # noqa: PLC0415
    from bench.gate.parts_pass import PARTS  # noqa: PLC0415
    from reports.topics.gate.explained import table  # noqa: PLC0415

    options.globs = [options.explain]
    selection, gate = plan(options, sides)
    survey = surveyed(gate, selection, hosts)
    hosts.close()
    if len(survey.cases) != 1:
        count = len(survey.cases)
        raise UsageError(
            f"--explain {options.explain!r} names {count} cases that both sides have; give one, as --all prints it"
        )
    (case,) = survey.cases
    pairs = stored(case, gate.run, {environment.id for environment in survey.environments.values()})
    if len(pairs) < PAIRS[PARTS]:
        path = trials_file(gate.run, old=False)
        pairs = taken_apart(gate, survey.cases, survey, path, options.budget or LEAST_S, PARTS).get(case, [])
    found, diff = cause_of(pairs), diff_of(sides)
    print(
        f"{case.label} ({case.device} {case.mode})\nbase: {describe(sides['base'])}\nhead: {describe(sides['head'])}\n"
    )
    if found is None:
        print(said(pairs, True, diff))
        return 2
    is_slower = sum(part.difference_s for part in found.parts if part.is_certain) >= 0
    print(table(found, location_of(pairs, is_slower, diff).of))
    print(f"\n{said(pairs, is_slower, diff)}")
    return 0


def stored(case: Case, run: str, known: Set[str]) -> Sequence[Pair]:
    """The pairs of a case that the last gate between these sides, or explanation, took in these environments."""
    from bench.gate.parts_pass import PARTS  # noqa: PLC0415 - imports torch
    from bench.records.files import read  # noqa: PLC0415

    files = sorted(path for path in FOLDER.glob(f"{run}-*.jsonl") if path.stat().st_size)
    for path in reversed(files):
        found: dict[int, dict[str, list[object]]] = {}
        for record in read(Path(path)).records:
            name, _, side = record.run.rpartition("/")
            if record.case == case and record.environment in known and name == f"{run}/{PARTS}" and side in SIDES:
                found.setdefault(record.launch, {}).setdefault(side, []).append(record)
        whole = [pair for pair in found.values() if len(pair) == len(SIDES)]
        if whole:
            return whole  # type: ignore[return-value]  # of records
    return []
