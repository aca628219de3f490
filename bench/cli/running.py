"""`torchpace run`: measure, store, and show."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.errors import UsageError
from bench.cli.selecting import (
    add_case_options,
    add_module_option,
    load,
    positive_int,
    positive_seconds,
    selection_of,
)

if TYPE_CHECKING:
    from workloads.base import Workload

QUICK_SAMPLE_S = 0.05  # a look, not a measurement: one process, a few values


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
    parser.add_argument(
        "--timeout", type=positive_seconds, default=300.0, help="seconds per pass of a case (default 300)"
    )
    parser.add_argument("--data", metavar="FOLDER", help="folder with MNIST, as `torchpace data mnist` makes it")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.jsonl", help="records; default results/TIME.jsonl")
    add_module_option(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Measure the selection; 2 when nothing at all could be measured."""
    from bench.launching import Death  # noqa: PLC0415 - these import torch
    from bench.planning import SelectionError  # noqa: PLC0415
    from bench.running import execute  # noqa: PLC0415
    from bench.storing import Writer  # noqa: PLC0415

    workloads = load(options.workloads)
    try:
        plan = make_plan(options, workloads)
    except SelectionError as error:
        raise UsageError(str(error)) from error
    prepare_data(options, {case.workload for case in plan.cases}, workloads)
    path = options.output or Path("results") / f"{plan.run}.jsonl"
    writer = Writer(path)
    records, interrupted = [], False
    started = time.monotonic()
    try:
        for record in execute(plan, writer):
            records.append(record)
    except KeyboardInterrupt:
        interrupted = True
    except Death as death:
        raise UsageError(f"measuring cannot start: {death.reason}") from death
    finally:
        writer.close()
    if not records:
        print("torchpace: interrupted before anything was measured", file=sys.stderr)
        return 130
    show(path, plan.run)
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    print(
        f"\n{len(records)} records in {path} after {minutes} min {seconds} s; "
        f"`torchpace compare {path}` shows them again"
    )
    if interrupted:
        print("torchpace: interrupted; everything measured so far is kept", file=sys.stderr)
        return 130
    if not any(record.status == "measured" for record in records):
        print("torchpace: nothing could be measured; the table says why", file=sys.stderr)
        return 2
    return 0


def make_plan(options: argparse.Namespace, workloads: Mapping[str, Workload]) -> Any:
    """The plan that the options describe. Raises SelectionError."""
    from bench.planning import cases  # noqa: PLC0415 - these import torch
    from bench.running import Plan  # noqa: PLC0415
    from bench.sampling import Budget  # noqa: PLC0415

    launches = options.launches or (1 if options.quick else 3)
    budget = Budget(sample_s=QUICK_SAMPLE_S) if options.quick else Budget()
    name = datetime.now().strftime("%Y%m%d-%H%M%S")
    seeds = options.launches or (1 if options.quick else None)
    chosen = cases(workloads, selection_of(options))
    return Plan(name, chosen, launches, budget, options.timeout, options.workloads, seeds)


def prepare_data(options: argparse.Namespace, names: set[str], workloads: Mapping[str, Workload]) -> None:
    """Have digits ready before anything is measured, if any selected workload reads them."""
    import os  # noqa: PLC0415

    from workloads.mnist_data import FOLDER_VARIABLE, has_digits  # noqa: PLC0415

    if options.data:
        if not has_digits(Path(options.data).expanduser()):
            raise UsageError(
                f"--data {options.data} holds no MNIST (MNIST/raw/...-ubyte); "
                f"`torchpace data mnist --data {options.data}` downloads it"
            )
        os.environ[FOLDER_VARIABLE] = options.data
    if any(workloads[name].data == "mnist" for name in names):
        from bench.cli.data import draw_digits  # noqa: PLC0415

        draw_digits()


def show(path: Path, run_name: str) -> None:
    """Print the tables of one run in a file."""
    from bench.cli.rooflines import roofline  # noqa: PLC0415
    from bench.storing import Contents, read  # noqa: PLC0415
    from reports.frames import figures, frame_of  # noqa: PLC0415
    from reports.overviews import overview  # noqa: PLC0415
    from reports.text import overview_text  # noqa: PLC0415

    contents = read(path)
    own = tuple(record for record in contents.records if record.run == run_name)
    used = {record.environment for record in own}
    environments = {id: environment for id, environment in contents.environments.items() if id in used}
    chosen = Contents(own, environments)
    found = figures(frame_of(chosen))
    print(overview_text(overview(found), environments, figures=found))
    if bounds := roofline(found, [chosen]):
        print(f"\n{bounds}")
