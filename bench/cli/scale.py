"""`torchpace scale`: how the cost of a workload grows along one of its axes."""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.courses import along_of, asked
from bench.cli.options import Several, comma_list, load, positive_int
from bench.cli.quantities import duration
from bench.cli.recording import add_recording_options, contents_of, gather, outcome, prepare_data, print_where
from bench.cli.run import LAYOUT_S, LONGEST_SAMPLE_S, distance
from bench.records.files import Writer

if TYPE_CHECKING:
    from bench.runs.run import Plan

BUDGET_S = 120.0
WITHIN = 0.02  # how well step times are to be known: a bend is of several sizes, which a few per cent can hide
USUAL_SIZES = 10  # of which a launch's share of making a layout of memory is reckoned
FITTED = ("step_time", "peak_memory")
STYLES = ("table", "markdown", "json")
FEWEST_SHOWN = 2  # sizes: who asked for a course is told what there is of it


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "scale",
        help="how cost grows along an axis: exponents, where overhead and caches end, what fits, where compiling pays",
        description="Measure one workload at sizes that double until the time or the memory ends, and fit time and "
        "memory as a + b n^k, piece by piece.",
    )
    parser.add_argument("name", metavar="NAME", help="a workload, such as tensor_ops.elementwise_chain")
    parser.add_argument(
        "--axis", type=asked, action="append", default=[], metavar="AXIS[=VALUES]",
        help="size or size=64: doubles, from the smallest or from 64; size=64:4096 up to there; size=64,128,256: "
        "these values; batch=8 fixes another axis",
    )  # fmt: skip
    parser.add_argument("--device", help="such as cpu, cuda or cuda:1 (default: a GPU if there is one)")
    parser.add_argument(
        "--mode",
        type=comma_list,
        action=Several,
        default=[],
        help="of eager,compile,aot,... (default the workload's own)",
    )
    parser.add_argument("--dtype", default="float32", help="float32 (default), bfloat16 or float16")
    parser.add_argument("--threads", type=positive_int, default=1, help="CPU threads of a step (default 1)")
    parser.add_argument("--budget", type=duration, default=BUDGET_S, help="time for all that is measured (default 2m)")
    parser.add_argument("--format", choices=STYLES, default="table")
    add_recording_options(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Measure along the axis, and print what comes of it; 2 when nothing could be measured."""
    from bench.runs.along.doubling import Run  # noqa: PLC0415 - imports torch

    workloads = load(options.workloads)
    along = along_of(options, workloads)
    prepare_data(options, {options.name}, workloads)
    measuring = Run(plan_of(options), along)
    path = options.output or Path("results") / f"{measuring.plan.run}.jsonl"
    writer, started_s = Writer(path), time.monotonic()
    records, interrupted = gather(measuring.measure(writer, lambda found: distance(found, WITHIN)), writer)
    if records:
        show(path, measuring.plan.run, along.axis, options.format)
    if options.format != "json":
        if measuring.ended:
            print(f"\nNo larger {along.axis}: {measuring.ended}.")
        print_where(records, path, started_s, f"`torchpace report {path}` draws them")
    return outcome(records, interrupted)


def plan_of(options: argparse.Namespace) -> Plan:
    """The plan of a run whose cases are not known yet."""
    from bench.measure.timer import SHORT  # noqa: PLC0415
    from bench.runs.run import Plan  # noqa: PLC0415 - imports torch

    longer_s = min(LONGEST_SAMPLE_S, LAYOUT_S / 2 / USUAL_SIZES)
    return Plan(
        datetime.now().strftime("%Y%m%d-%H%M%S"), (), timeout_s=options.timeout, module=options.workloads,
        budget=replace(SHORT, sample_s=max(SHORT.sample_s, longer_s)), limit_s=options.budget,
    )  # fmt: skip


def show(path: Path, run_name: str, axis: str, style: str) -> None:
    """Print what the records of one run in a file say of the axis."""
    from reports.read.frames import figures, frame_of  # noqa: PLC0415
    from reports.topics.growth.figures import courses  # noqa: PLC0415
    from reports.topics.growth.text import as_json, growth_text  # noqa: PLC0415 - these import pandas
    from reports.topics.notes import machine, missing_table  # noqa: PLC0415
    from reports.topics.overview.figures import overview  # noqa: PLC0415

    contents = contents_of(path, run_name)
    found = figures(frame_of(contents))
    grown = [each for each in courses(found, contents.environments, FEWEST_SHOWN, 1.0) if each.axis == axis]
    if style == "json":
        print(json.dumps(as_json(grown), indent=2, allow_nan=False))
        return
    rows = [row for row in overview(found) if row.metric in FITTED]
    parts = (machine(contents.environments, rows), growth_text(grown, style), missing_table(rows, style))
    print("\n\n".join(part for part in parts if part))
