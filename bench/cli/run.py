"""`torchpace run`: measure, store, and show."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.options import add_case_options, load, positive_int, refuse
from bench.cli.quantities import duration, share
from bench.cli.recording import add_recording_options, contents_of, gather, outcome, prepare_data, print_where
from bench.cli.scopes import add_scope_options, check_digits, check_unchanged, scope_of, unfinished
from bench.records.files import Writer

if TYPE_CHECKING:
    from bench.records.files import Contents
    from bench.records.record import Record, Scope

BUDGET_S = 300.0
QUICK_CASE_S = 2.0  # a look takes so long for each case, and at least as long as QUICK_S
QUICK_S = 10.0
LAYOUT_S, LONGEST_SAMPLE_S = 2.0, 0.2  # what making a layout takes, more or less, and how long a launch samples at most
QUICK_SAMPLE_S = 0.02  # with launches that are shorter still


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "run",
        help="measure workloads, store the records and print the tables",
        description="Measure workloads. Without arguments: the default suite, on every device there is.",
    )
    parser.add_argument(
        "globs", nargs="*", metavar="GLOB", help="workloads, such as 'mnist_cnn.*'; default: the suite, without ladders"
    )
    add_case_options(parser, default_mode="each workload's own")
    parser.add_argument(
        "--budget", type=duration,
        help="such as 90s or 10m (default 5m): the run ends then, or when all is known as well as --within asks for",
    )  # fmt: skip
    parser.add_argument("--within", type=share, default=0.05, help="how well step times are to be known (default 5%%)")
    parser.add_argument("--launches", type=positive_int, help="so many fresh processes per case instead of a budget")
    parser.add_argument("--quick", action="store_true", help="a look: two seconds per case, and wider intervals")
    add_scope_options(parser)
    add_recording_options(parser)
    parser.set_defaults(command=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """Measure the selection; 2 when nothing could be measured. Of several ranks the first measures and prints."""
    from bench.runs import world  # noqa: PLC0415 - imports torch

    if not world.was_started(os.environ):
        return measure(options)
    world.joined = world.Joined()
    if world.joined.rank > 0:
        world.joined.follow()
        return 0
    try:
        return measure(options)
    finally:
        world.joined.end()


def measure(options: argparse.Namespace) -> int:
    """Likewise, in the process that leads."""
    from bench.runs.pursuit import pursue  # noqa: PLC0415
    from bench.runs.run import execute  # noqa: PLC0415

    before: Contents | None = None
    if options.resume:
        scope, before = unfinished(options)
        workloads = load(options.workloads)
        check_unchanged(scope, workloads)
    else:
        workloads = load(options.workloads)
        scope = scope_of(options, workloads)
    plan = make_plan(options, scope, before)
    prepare_data(options, {case.workload for case in plan.cases}, workloads)
    if before:
        check_digits(before)
    path = options.output or Path("results") / f"{plan.run}.jsonl"
    writer, started_s = Writer(path), time.monotonic()
    if not options.resume:
        writer.declare(scope)
    if not plan.cases:
        print(f"nothing to measure: {scope.shards} shards are more than can be filled; {path} says so")
        writer.close()
        return 0
    if plan.limit_s is None:
        measuring = execute(plan, writer)
    else:
        measuring = pursue(plan, writer, lambda records: distance(records, options.within))
    records, interrupted = gather(measuring, writer)
    if not records and interrupted:
        print("torchpace: interrupted before anything was measured", file=sys.stderr)
        return 130
    if not records:
        print(f"all that the run set out to measure is in {path} already")
        return 0
    show(path, plan.run)
    print_where(records, path, started_s, f"`torchpace compare {path}` shows them again")
    return outcome(records, interrupted)


def distance(records: Sequence[Record], within: float) -> float:
    """How far a run's cases are from being known."""
    from reports.topics.overview.known import distance_of  # noqa: PLC0415 - imports scipy

    return distance_of(records, within)


def make_plan(options: argparse.Namespace, scope: Scope, before: Contents | None = None) -> Any:
    """The plan of what the scope says, as the options describe. before: what was measured already."""
    from bench.devices import DEVICES  # noqa: PLC0415
    from bench.measure.timer import SHORT, Budget  # noqa: PLC0415
    from bench.runs.run import Plan, seeds_of  # noqa: PLC0415 - these import torch

    chosen = [scope.cases[place] for place in scope.own]
    plan = Plan(
        scope.run, chosen, timeout_s=options.timeout, module=options.workloads, seeds=options.launches,
        before=before.records if before else (), begun_in=tuple(before.environments.values()) if before else (),
    )  # fmt: skip
    if options.launches:
        refuse(options, ("budget", "within"), "--launches", "their number is what ends the run")
        look = replace(Budget(), sample_s=QUICK_SAMPLE_S, calls_s=QUICK_SAMPLE_S, min_calls=SHORT.min_calls)
        return replace(plan, launches=options.launches, budget=look if options.quick else Budget())
    there = sum(not DEVICES[case.device].unavailable_reason() for case in chosen)
    # Of few cases, a launch may take about as long as its share of making a layout of memory.
    longer_s = min(LONGEST_SAMPLE_S, LAYOUT_S / 2 / max(1, there))
    if options.quick:
        refuse(options, ("budget",), "--quick", "it takes two seconds per case")
        limit_s = max(QUICK_S, QUICK_CASE_S * there)
        look = replace(SHORT, sample_s=max(QUICK_SAMPLE_S, longer_s))
        return replace(plan, limit_s=limit_s, seeds=1, budget=look)
    if options.budget is None and all(seeds_of(plan, case) for case in chosen):
        return plan  # so many seeds as the workloads say, whatever they take
    budget = replace(SHORT, sample_s=max(SHORT.sample_s, longer_s))
    return replace(plan, limit_s=options.budget or BUDGET_S, budget=budget)


def show(path: Path, run_name: str) -> None:
    """Print the tables of one run in a file."""
    from bench.cli.rooflines import roofline  # noqa: PLC0415 - these import pandas
    from reports.read.frames import figures, frame_of  # noqa: PLC0415
    from reports.topics.overview.figures import overview  # noqa: PLC0415
    from reports.topics.overview.text import overview_text  # noqa: PLC0415

    contents = contents_of(path, run_name)
    found = figures(frame_of(contents))
    print(overview_text(overview(found), contents.environments, figures=found))
    if bounds := roofline(found, [contents]):
        print(f"\n{bounds}")
