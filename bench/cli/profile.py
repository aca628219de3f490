"""`torchpace profile`: where the time and the memory of a step go, as one HTML file with the raw traces beside it."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.compare import short
from bench.cli.options import add_case_options, add_module_option, load, refuse, selection_of
from bench.cli.quantities import FORMATS, duration
from bench.cli.recording import prepare_data
from bench.ranks.joined import was_started
from bench.records.errors import Death, UsageError
from bench.records.packages import missing

if TYPE_CHECKING:
    from bench.records.record import Case
    from bench.runs.profile import Profiled
    from reports.profiles.profile import Profile

NOT_FOR_TRACES = ("device", "mode", "dtype", "threads", "axis", "timeout", "data", "workloads")
UNSAFE = re.compile(r"[^\w.=,+-]+")


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "profile",
        help="where the time and the memory of a step go, as an HTML file",
        description="Profile workloads, or read traces made elsewhere (--trace), into one HTML file.",
    )
    parser.add_argument("globs", nargs="*", metavar="GLOB", help="workloads, such as mnist_cnn.train_step")
    parser.add_argument(
        "--trace", type=Path, nargs="+", metavar="FILE", default=[],
        help="traces that torch.profiler wrote elsewhere, .json or .json.gz; several for several ranks",
    )  # fmt: skip
    parser.add_argument(
        "--step-mark", metavar="GLOB", default="",
        help="with --trace: events with such names are the steps; the profiler's and common engines' are found without",
    )  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, default=Path("profile"), metavar="DIR", help="default: profile/")
    parser.add_argument("--format", choices=FORMATS, help="print what is in the file, too; Markdown is at most 4 KB")
    add_case_options(parser, default_mode="eager")
    parser.add_argument("--embed-trace", action="store_true", help="put the raw timelines into the HTML file, too")
    parser.add_argument(
        "--timeout", type=duration, default=300.0, metavar="SECONDS", help="a pass's longest time (default 300)"
    )
    parser.add_argument("--data", metavar="FOLDER", help="where MNIST is; without it stand-in digits are drawn")
    add_module_option(parser)
    parser.set_defaults(command=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """Profile, write the report, print its path; 2 when there is nothing to report on."""
    if bool(options.globs) == bool(options.trace):
        raise UsageError("give either workloads to profile, such as 'mnist_cnn.train_step', or --trace FILE")
    if options.step_mark and not options.trace:
        raise UsageError("--step-mark is for --trace: steps that are profiled here are marked already")
    if options.trace:
        refuse(options, NOT_FOR_TRACES, "--trace", "they are of profiles that are yet to be taken")
        show(options, list(read_traces(options.trace, options.step_mark)), [])
        return 0
    if was_started(os.environ):
        raise UsageError("profile starts the ranks of a case by itself: not under torchrun or srun")
    profiles: list[Profile] = []
    failed: list[tuple[str, str]] = []
    interrupted = False
    try:
        for folder, profiled in profile_cases(options):
            if profiled.notes is None:
                failed.append((f"{profiled.case.label} {profiled.case.device} {profiled.case.mode}", profiled.reason))
            elif profiled.case.ranks:
                profiles += read_ranks(folder, profiled.case.label)
            else:
                profiles.append(read(folder))
    except KeyboardInterrupt:
        interrupted = True
        print("torchpace: interrupted; what was profiled before is kept", file=sys.stderr)
    for case, reason in failed:
        print(f"torchpace: {case}: not profiled: {reason}", file=sys.stderr)
    if profiles:
        show(options, profiles, failed)
        absent = missing("tensorboard")
        opens = shlex.join(["tensorboard", "--logdir", str(options.output / "tensorboard")])
        print(f"torchpace: for TensorBoard: {absent or opens}", file=sys.stderr)
    return 130 if interrupted else 0 if profiles else 2


def read_traces(paths: Sequence[Path], step_mark: str) -> Iterator[Profile]:
    """The profiles in traces made elsewhere. Raises UsageError for the first that cannot be read."""
    from tqdm import tqdm  # noqa: PLC0415

    from reports.profiles.profile import read_foreign  # noqa: PLC0415 - imports pandas

    names = short(paths)
    for path, name in tqdm(
        list(zip(paths, names, strict=True)), unit="trace", disable=len(paths) < 2, dynamic_ncols=True
    ):
        yield from read_foreign(path, step_mark, name=name)


def read(folder: Path) -> Profile:
    """The profile that was just taken into a folder."""
    from reports.profiles.profile import read_profile  # noqa: PLC0415 - imports pandas

    return read_profile(folder)


def read_ranks(folder: Path, name: str) -> list[Profile]:
    """The profiles of a case's ranks, which were just taken into a folder."""
    from bench.runs.profile import TRACES_OF_RANKS  # noqa: PLC0415
    from reports.profiles.profile import read_foreign  # noqa: PLC0415 - imports pandas

    return [profile for path in sorted(folder.glob(TRACES_OF_RANKS)) for profile in read_foreign(path, name=name)]


def profile_cases(options: argparse.Namespace) -> Iterator[tuple[Path, Profiled]]:
    """Profile the selected cases, each into a folder of its own, and store what was noted. Raises UsageError."""
    from tqdm import tqdm  # noqa: PLC0415

    from bench.devices import DEVICES  # noqa: PLC0415
    from bench.measure.environment import capture  # noqa: PLC0415
    from bench.measure.profile_passes import PASSES  # noqa: PLC0415
    from bench.measure.task import Task  # noqa: PLC0415
    from bench.modes.torch_compile import generates  # noqa: PLC0415 - these import torch
    from bench.records.profile_notes import Notes  # noqa: PLC0415
    from bench.runs.fresh import Launcher  # noqa: PLC0415
    from bench.runs.profile import take, take_ranks  # noqa: PLC0415
    from bench.runs.run import lay_out  # noqa: PLC0415

    cases = chosen_cases(options)
    lay_out(launcher := Launcher(options.timeout), cases, 0)
    caches = Path(tempfile.mkdtemp(prefix="torchpace-caches-"))
    facts: dict[str, Mapping[str, Any]] = {}
    try:
        with tqdm(total=len(cases) * len(PASSES), unit="pass", dynamic_ncols=True) as bar:
            for number, case in enumerate(cases):
                bar.set_description_str(f"{case.label} {case.device} {case.mode}"[:60].ljust(60))
                if case.device not in facts:
                    found = launcher.call(DEVICES[case.device].start_method, capture, case.device, options.workloads)
                    facts[case.device] = dict(found.facts)
                folder = options.output / folder_name(case)
                notes = Notes(case, facts[case.device], command=shlex.join(["torchpace", *sys.argv[1:]]))
                cache = str(caches / str(number)) if generates(case.mode) else ""
                task = Task(case, "timeline", cache=cache, module=options.workloads)
                if case.ranks:
                    bar.update(len(PASSES))
                    yield folder, take_ranks(task, notes, folder, options.timeout)
                else:
                    yield folder, kept(take(launcher, task, notes, folder, bar.update), folder, options.output)
    except Death as death:
        raise UsageError(f"profiling cannot start: {death.reason}") from death
    except OSError as error:
        raise UsageError(f"cannot write to {options.output}: {error.strerror}; name another folder with -o") from error
    finally:
        shutil.rmtree(caches, ignore_errors=True)


def kept(profiled: Profiled, folder: Path, output: Path) -> Profiled:
    """The profile that was taken, once what was noted of it is written down and TensorBoard can find it."""
    from bench.records.profile_notes import write_notes  # noqa: PLC0415
    from bench.runs.profile import copy_for_tensorboard  # noqa: PLC0415

    if profiled.notes is not None:
        write_notes(folder, profiled.notes)
        copy_for_tensorboard(folder, output, folder.name)
    return profiled


def chosen_cases(options: argparse.Namespace) -> Sequence[Case]:
    """The selected cases, on the devices that are here unless others are asked for. Raises UsageError."""
    from bench.devices import DEVICES  # noqa: PLC0415 - these import torch
    from bench.runs.plan import cases  # noqa: PLC0415

    workloads = load(options.workloads)
    if options.device == ["auto"]:
        options.device = [name for name, device in DEVICES.items() if not device.unavailable_reason()]
    chosen = cases(workloads, selection_of(options, ("eager",)))
    prepare_data(options, {case.workload for case in chosen}, workloads)
    return chosen


def folder_name(case: Case) -> str:
    """A folder's name that says which case is in it."""
    others = [case.dtype] * (case.dtype != "float32") + [f"{case.threads}-threads"] * (case.threads != 1)
    return "-".join(UNSAFE.sub("-", part).strip("-") for part in (case.label, case.device, case.mode, *others))


def show(options: argparse.Namespace, profiles: Sequence[Profile], failed: Sequence[tuple[str, str]]) -> None:
    """Write the HTML file and print where it is; or what is in it, where a format is asked for. Raises UsageError."""
    from bench.cli.rooflines import roofs_for  # noqa: PLC0415
    from reports.page.report import as_html, said_of  # noqa: PLC0415 - imports pandas
    from reports.profiles.say.text import as_text  # noqa: PLC0415

    path = options.output / "report.html"
    roofs = roofs_for(profiles)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        page = as_html([], profiles, "", failed, options.embed_trace, roofs)
        path.write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; name another folder with -o") from error
    if options.format is None:
        print(path)
        return
    said = [said_of(profile, roofs) for profile in profiles]
    print(as_text(said, options.format, next_command(options)).rstrip("\n"))
    print(path, file=sys.stderr)


def next_command(options: argparse.Namespace) -> str:
    """What to do after a change: measure whether it pays, or of a trace made elsewhere, look what it changed."""
    if options.trace:
        mark = ["--step-mark", options.step_mark] if options.step_mark else []
        return shlex.join(["torchpace", "report", "--diff", str(options.trace[0]), "AFTER.json", *mark])
    return shlex.join(["torchpace", "gate", "--base", "HEAD", *options.globs])
