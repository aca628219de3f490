"""What a run is to measure: what the options select, a shard of it, or the rest of a run that ended early."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.options import refuse, selection_of
from bench.records.errors import UsageError
from bench.records.files import Contents, read
from bench.records.record import Scope

if TYPE_CHECKING:
    from workloads.base import Workload

SELECTING = (
    "device",
    "mode",
    "dtype",
    "threads",
    "axis",
    "workloads",
    "shard",
    "weights",
    "launches",
    "quick",
    "output",
)

MNIST, STAND_IN = "MNIST", "stand-in digits"  # how the names of digits begin


def add_scope_options(parser: argparse.ArgumentParser) -> None:
    """Which part of the cases is measured here, and what was measured before."""
    parser.add_argument(
        "--shard", type=part, default=(1, 1), metavar="K/N",
        help="the Kth of N parts that take about as long, for N machines; `torchpace merge` joins them",
    )  # fmt: skip
    parser.add_argument(
        "--weights", type=Path, metavar="FILE.jsonl", help="with --shard: records that say how long each case takes"
    )
    parser.add_argument(
        "--resume", type=Path, metavar="FILE.jsonl", help="measure what the run in this file was to, and has not yet"
    )


def part(text: str) -> tuple[int, int]:
    """'3/8' as (3, 8); for argparse."""
    number, slash, count = text.partition("/")
    if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a part, such as 3/8")
    return int(number), int(count)


def scope_of(options: argparse.Namespace, workloads: Mapping[str, Workload]) -> Scope:
    """What the options select, and which part of it is this shard's. Raises UsageError."""
    from bench.runs.plan import cases  # noqa: PLC0415 - these import torch
    from bench.runs.shards import costs, divided  # noqa: PLC0415

    shard, shards = options.shard
    if options.weights and shards == 1:
        raise UsageError("--weights say how to divide a run: they go with --shard K/N")
    chosen = cases(workloads, selection_of(options))
    known = read(options.weights).records if options.weights else ()
    own = set(divided(chosen, costs(chosen, known), shards)[shard - 1])
    places = tuple(place for place, case in enumerate(chosen) if case in own)
    name = datetime.now().strftime("%Y%m%d-%H%M%S") + (f"-{shard}of{shards}" if shards > 1 else "")
    return Scope(name, tuple(chosen), places, options.launches, shard, shards, options.workloads or "", options.quick)


def unfinished(options: argparse.Namespace) -> tuple[Scope, Contents]:
    """What the last run in a file was to measure, and what it has; the options then say so. Raises UsageError."""
    if options.globs:
        raise UsageError("with --resume, leave the GLOBs out: the file says what is to be measured")
    refuse(options, SELECTING, "--resume", "the file says what is to be measured, and is where records go")
    contents = read(options.resume, unmeasured=True)
    if not contents.scopes:
        raise UsageError(f"{options.resume} does not say what its run set out to measure; run it anew")
    scope = contents.scopes[-1]
    options.workloads, options.launches, options.quick = scope.module or None, scope.launches, scope.quick
    options.output = options.resume
    own = tuple(record for record in contents.records if record.run == scope.run)
    return scope, replace(contents, records=own)


def check_unchanged(scope: Scope, workloads: Mapping[str, Workload]) -> None:
    """Raise UsageError where the workloads are no longer those that the run set out to measure."""
    for case in scope.cases:
        now = workloads.get(case.workload)
        if now is None or now.version != case.version:
            what = "is gone" if now is None else f"is version {now.version} now, and was {case.version}"
            raise UsageError(f"{case.workload} {what}: the run cannot be gone on with; run it anew")


def check_digits(before: Contents) -> None:
    """Raise UsageError where a run was begun with other digits than are read now."""
    from workloads.shared.mnist_data import locate  # noqa: PLC0415 - imports torch

    now = locate()[1]
    then = {record.data for record in before.records if record.data == MNIST or record.data.startswith(STAND_IN)}
    if then - {now}:
        raise UsageError(f"the run was begun with {' and '.join(sorted(then))}, and there are {now} now; see --data")
