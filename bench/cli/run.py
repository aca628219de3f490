"""`torchpace run`: measure, store, and show."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.options import add_case_options, load, positive_int, selection_of
from bench.cli.recording import add_recording_options, contents_of, gather, outcome, prepare_data, print_where
from bench.records.files import Writer

if TYPE_CHECKING:
    from workloads.base import Workload

QUICK_SAMPLE_S = 0.05  # a look, not a measurement: one process, a few values
QUICK_CALLS = 10  # single calls, at least


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
    parser.add_argument("--launches", type=positive_int, help="fresh processes per case (default 3)")
    parser.add_argument("--quick", action="store_true", help="one short launch per case: a look, with wide intervals")
    add_recording_options(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Measure the selection; 2 when nothing at all could be measured."""
    from bench.runs.run import execute  # noqa: PLC0415

    workloads = load(options.workloads)
    plan = make_plan(options, workloads)
    prepare_data(options, {case.workload for case in plan.cases}, workloads)
    path = options.output or Path("results") / f"{plan.run}.jsonl"
    writer, started_s = Writer(path), time.monotonic()
    records, interrupted = gather(execute(plan, writer), writer)
    if not records:
        print("torchpace: interrupted before anything was measured", file=sys.stderr)
        return 130
    show(path, plan.run)
    print_where(records, path, started_s, f"`torchpace compare {path}` shows them again")
    return outcome(records, interrupted)


def make_plan(options: argparse.Namespace, workloads: Mapping[str, Workload]) -> Any:
    """The plan that the options describe. Raises SelectionError."""
    from bench.measure.timer import Budget  # noqa: PLC0415
    from bench.runs.plan import cases  # noqa: PLC0415 - these import torch
    from bench.runs.run import Plan  # noqa: PLC0415

    launches = options.launches or (1 if options.quick else 3)
    quick = Budget(sample_s=QUICK_SAMPLE_S, calls_s=QUICK_SAMPLE_S, min_calls=QUICK_CALLS)
    budget = quick if options.quick else Budget()
    name = datetime.now().strftime("%Y%m%d-%H%M%S")
    seeds = options.launches or (1 if options.quick else None)
    chosen = cases(workloads, selection_of(options))
    return Plan(name, chosen, launches, budget, options.timeout, options.workloads, seeds)


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
