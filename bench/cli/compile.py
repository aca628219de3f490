"""`torchpace compile`: whether torch.compile pays, case by case."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.options import add_case_options, load, positive_int, selection_of
from bench.cli.recording import add_recording_options, contents_of, gather, outcome, prepare_data, print_where
from bench.records.errors import UsageError
from bench.records.files import Contents, Writer

if TYPE_CHECKING:
    from bench.records.record import Record
    from bench.runs.compile_study import Study
    from workloads.base import Workload

# What torch.compile calls its modes, and what cases call them; and the modes that are for inference only.
MODE_NAMES = {
    "default": "compile", "reduce-overhead": "compile-reduce-overhead", "max-autotune": "compile-max-autotune",
    "aot": "aot", "int8": "int8",
}  # fmt: skip


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "compile",
        help="study whether torch.compile pays: speedup, first calls, break-even, graph breaks, recompilations",
        description="Measure each case eager and compiled in turns, and what compiling it costs.",
    )
    parser.add_argument(
        "globs", nargs="*", metavar="GLOB", help="workloads, such as 'mnist_cnn.*'; default: those compiled by `run`"
    )
    add_case_options(parser, default_mode="default", modes=",".join(MODE_NAMES))
    parser.add_argument("--launches", type=positive_int, default=3, help="fresh processes per case (default 3)")
    add_recording_options(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Study the selection; 2 when nothing at all could be measured."""
    from bench.runs.compile_study import investigate  # noqa: PLC0415

    workloads = load(options.workloads)
    study = make_study(options, workloads)
    prepare_data(options, {case.workload for case in study.cases}, workloads)
    path = options.output or Path("results") / f"{study.run}.jsonl"
    writer, started_s = Writer(path), time.monotonic()
    try:
        records, interrupted = gather(investigate(study, writer, slower), writer)
    except OSError as error:  # of the caches' folder
        raise UsageError(f"measuring cannot start: {error}") from error
    if records:
        show(path, study.run)
        again = f"`torchpace compare {path} --by mode` and `torchpace report {path}` show them again"
        print_where(records, path, started_s, again)
    return outcome(records, interrupted)


def make_study(options: argparse.Namespace, workloads: Mapping[str, Workload]) -> Study:
    """The study that the options describe. Raises SelectionError."""
    from bench.modes.torch_compile import compiled  # noqa: PLC0415 - these import torch
    from bench.runs.compile_study import Study  # noqa: PLC0415
    from bench.runs.plan import cases, choose  # noqa: PLC0415

    names = choose("mode", options.mode or ["default"], MODE_NAMES)
    if not options.globs:
        workloads = {
            name: workload for name, workload in workloads.items() if any(map(compiled, workload.default_modes))
        } or workloads
    options.mode = [MODE_NAMES[name] for name in names]
    name = datetime.now().strftime("%Y%m%d-%H%M%S")
    return Study(name, cases(workloads, selection_of(options)), options.launches, options.timeout, options.workloads)


def slower(records: Sequence[Record]) -> bool:
    """Whether a case's records say that compiled is slower, beyond doubt."""
    from reports.read.frames import figures, frame_of  # noqa: PLC0415 - these import pandas
    from reports.topics.compile.figures import studied  # noqa: PLC0415

    return any(case.slower for case in studied(figures(frame_of(Contents(tuple(records), {})))))


def show(path: Path, run_name: str) -> None:
    """Print the tables of one study in a file."""
    from reports.read.frames import figures, frame_of  # noqa: PLC0415
    from reports.topics.compile.figures import studied  # noqa: PLC0415
    from reports.topics.compile.text import study_text  # noqa: PLC0415 - as above
    from reports.topics.overview.figures import overview  # noqa: PLC0415

    contents = contents_of(path, run_name)
    found = figures(frame_of(contents))
    print(study_text(studied(found), overview(found), contents.environments))
