"""`torchpace gate`: refuse a change that makes a case slower, and only such a change."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from bench.cli.gate.accept import TIMES
from bench.cli.gate.accepted import limits_of, said, unused
from bench.cli.gate.options import FILES, add_options, add_outcome, add_sides, plan, rule_of
from bench.cli.gate.sides import describe, notes_on
from bench.cli.options import refuse
from bench.cli.settings import apply_to_gate
from bench.gate.revisions import FOLDER
from bench.records.errors import UsageError
from bench.records.files import write_whole
from bench.records.record import SIDES

if TYPE_CHECKING:
    from bench.gate.lanes import Hosts
    from bench.gate.revisions import Side
    from bench.records.record import Environment
    from reports.topics.gate.figures import GateRow
    from reports.topics.gate.text import Headline

PASSED, SLOWER, BROKEN, UNDECIDED, INTERRUPTED = 0, 1, 2, 3, 130
WORST = (INTERRUPTED, BROKEN, SLOWER, UNDECIDED, PASSED)  # of several gates the code that is told
# What would be ignored.
NOT_FOR_EXACT = (
    "budget", "trials", "slower_than", "same_within", "lanes", "undecided", "resume", "all", "no_cause", "parts",
)  # fmt: skip
NOT_FOR_SELF_TEST = (
    "base", "base_python", "head_python", "base_torch", "head_torch", "torch", "undecided", "resume", "all", "parts",
    "json", "markdown", "junit", "html",
)  # fmt: skip
NOT_FOR_EXPLAIN = (
    "trials", "slower_than", "same_within", "undecided", "resume", "all", "no_cause", "parts", *FILES,
)  # fmt: skip
How: TypeAlias = Callable[[argparse.Namespace, Mapping[str, "Side"], "Hosts"], int]


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "gate",
        help="compare two revisions in turns, and refuse a change that makes a case slower",
        description="Measures base and head in turns, in fresh processes, until every case is decided or the budget is "
        "spent. Exit codes: 0 pass, 1 slower, 2 bad input or broken, 3 undecided.",
    )
    add_sides(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--exact", action="store_true", help="compare counts and memory instead of times, in seconds")
    what.add_argument("--self-test", action="store_true", help="gate identical sides: which changes can be seen here?")
    what.add_argument("--explain", metavar="CASE", help="say where the change of one case is, without trials")
    add_options(parser, budget="10m", exact=True)
    add_outcome(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the gate; 0 pass, 1 slower, 2 broken or bad input, 3 undecided."""
    from bench.cli.gate import accept, exact, explain, self_test  # noqa: PLC0415
    from bench.gate.lanes import Hosts  # noqa: PLC0415
    from bench.gate.revisions import WORKING_TREE, Checkouts  # noqa: PLC0415

    if options.accept is not None:
        return accept.run(options)
    check(options)
    options.settings = apply_to_gate(options)
    rule_of(options)
    if options.torch:
        codes = {run_with(options, base, head) for base, head in pairs(options.torch)}
        return next(code for code in WORST if code in codes)
    how: How = compare
    if options.exact or options.self_test or options.explain:
        how = (exact if options.exact else self_test if options.self_test else explain).run
    head = options.head or WORKING_TREE
    base = options.base or (head if options.self_test else WORKING_TREE)
    with Checkouts(Path.cwd()) as checkouts:
        sides = {
            "base": checkouts.side("base", base, interpreter(options, "base")),
            "head": checkouts.side("head", head, interpreter(options, "head")),
        }
        with Hosts(sides, options.workloads) as hosts:  # at once: they import torch while this process does
            return how(options, sides, hosts)


def interpreter(options: argparse.Namespace, side: str) -> str:
    """The path of a side's interpreter from wherever it is started; links are kept, a virtual environment is one."""
    from bench.cli.gate.torches import python_with  # noqa: PLC0415

    if version := getattr(options, f"{side}_torch"):
        return python_with(version, options.workloads, options.more)
    path = getattr(options, f"{side}_python")
    return os.path.abspath(path) if path else sys.executable


def pairs(versions: Sequence[str]) -> list[tuple[str, str]]:
    """Each version against the first. Raises UsageError for fewer than two."""
    if len(versions) < 2:
        raise UsageError("--torch compares: give two versions or more, such as --torch 2.13,2.15")
    return [(versions[0], version) for version in versions[1:]]


def run_with(options: argparse.Namespace, base: str, head: str) -> int:
    """The gate between two versions of torch, with a page of its own."""
    print(f"torchpace: what torch {head} costs over torch {base}", file=sys.stderr)
    page = options.html or Path(f"torch-{base}-to-{head}.html")
    one: dict[str, Any] = {"torch": [], "base_torch": base, "head_torch": head, "html": page}
    return run(argparse.Namespace(**{**vars(options), **one}))


def check(options: argparse.Namespace) -> None:
    """Raise UsageError for options that do not go together."""
    if options.self_test:
        refuse(options, NOT_FOR_SELF_TEST, "--self-test", "it prints what changes can be seen between head and itself")
    if options.exact:
        refuse(options, NOT_FOR_EXACT, "--exact", "it counts every case once, and prints what changed")
    if options.instructions and not options.exact:
        raise UsageError("--instructions valgrind counts: it goes with --exact")
    if options.explain:
        if options.globs:
            raise UsageError("--explain names the case that it is about; leave the GLOBs out")
        refuse(options, NOT_FOR_EXPLAIN, "--explain", "it prints the parts of one case on both sides")
    if options.because or options.up_to:
        raise UsageError("--because and --up-to go with --accept CASE")
    check_sides(options)
    rule_of(options)


def check_sides(options: argparse.Namespace) -> None:
    """Raise UsageError where they are not two sides."""
    others = (options.base_python, options.head_python, options.base_torch, options.head_torch, options.torch)
    if not (options.base or any(others) or options.self_test):
        raise UsageError(
            "gate needs --base REV to compare with, such as --base origin/main; or two interpreters or torches"
        )
    for side in SIDES:
        if getattr(options, f"{side}_python") and getattr(options, f"{side}_torch"):
            raise UsageError(f"--{side}-python and --{side}-torch name two interpreters for one side")
    if options.torch and (options.base_torch or options.head_torch):
        raise UsageError("--torch names the versions of both sides; leave --base-torch and --head-torch out")
    if len(options.torch) > 2 and any(getattr(options, name) for name in FILES):
        raise UsageError("several gates do not fit one file; leave --html and the like out, or give two versions")
    for python in (options.base_python, options.head_python):
        if python and not Path(python).is_file():
            raise UsageError(f"no interpreter at {python}; give the path of a Python, such as .venv/bin/python")


def compare(options: argparse.Namespace, sides: Mapping[str, Side], hosts: Hosts) -> int:
    """Survey both sides, run the trials, and show what was found."""
    from bench.cli.gate.causes import with_causes, with_slower_parts  # noqa: PLC0415
    from bench.cli.gate.trials import resume, surveyed, too_little, trials_file, try_cases  # noqa: PLC0415 - imports torch
    from reports.topics.gate.figures import Jury  # noqa: PLC0415

    selection, gate = plan(options, sides)
    survey = surveyed(gate, selection, hosts)
    accepted = said(options.settings.accepted, sides, Path.cwd())
    notes = [*notes_on(sides, survey.environments), *accepted.notes, *unused(accepted, survey.cases)]
    notes += filter(None, [too_little(gate, len(survey.cases))])
    for note in notes:
        print(f"torchpace: {note}", file=sys.stderr)
    jury = Jury(survey.cases, rule_of(options), limits_of(survey.cases, options.settings.limits, accepted))
    path = trials_file(gate.run, options.resume)
    done = resume(jury, path, gate.run, survey) if options.resume else {}
    interrupted = try_cases(gate, survey, jury, path, hosts, done=done)
    notes.append(f"trials: {path}")
    if interrupted:
        notes.append("interrupted: the same command with --resume goes on with these trials")
    rows = jury.close(final=not interrupted)
    if not interrupted and not options.no_cause:
        rows = with_causes(gate, rows, survey, path)
    if not interrupted and options.parts:
        rows, unseen = with_slower_parts(gate, rows, survey, path)
        notes += unseen
    top = headline(options, sides, survey.environments, notes)
    code = show(options, [*rows, *survey.rows], top)
    return INTERRUPTED if interrupted else code


def headline(
    options: argparse.Namespace,
    sides: Mapping[str, Side],
    environments: Mapping[tuple[str, str], Environment],
    notes: Sequence[str],
) -> Headline:
    """What a reader must know besides the rows."""
    from reports.topics.gate.text import Headline, machine_line  # noqa: PLC0415

    base, head = (describe(side) for side in sides.values())
    command = shlex.join(["torchpace", *sys.argv[1:]])
    machine = machine_line(list(environments.values()))
    return Headline(base, head, machine, command, rule_of(options), tuple(notes))


def show(options: argparse.Namespace, rows: Sequence[GateRow], top: Headline) -> int:
    """Print the outcome, write the files asked for, and give the exit code."""
    from bench.gate.revisions import note_written  # noqa: PLC0415
    from reports.topics.gate.files import as_json, as_junit  # noqa: PLC0415
    from reports.topics.gate.section import as_html  # noqa: PLC0415
    from reports.topics.gate.text import markdown, text  # noqa: PLC0415

    code = exit_code(rows, options.undecided, options.parts)
    print(text(rows, top, options.all))
    write_whole(FOLDER / TIMES, as_json(rows, top, code))
    writers: dict[Path | None, Callable[[], str]] = {
        options.json: lambda: as_json(rows, top, code), options.markdown: lambda: markdown(rows, top),
        options.junit: lambda: as_junit(rows, top, options.parts == "fail"), options.html: lambda: as_html(rows, top),
    }  # fmt: skip
    written = [path for path in writers if path]
    for path in written:
        write_whole(path, writers[path]())
    note_written(written)
    return code


def exit_code(rows: Sequence[GateRow], undecided: str | None = None, parts: str | None = None) -> int:
    """2 when the head breaks a case or nothing could be compared, 1 when it slows one, 3 when one is undecided."""
    from reports.stats.sequential import OPEN  # noqa: PLC0415 - imports scipy
    from reports.topics.gate.figures import TRIED, broken_on_head  # noqa: PLC0415

    verdicts = {row.verdict for row in rows}
    if broken_on_head(rows) or not verdicts & {*TRIED, "new", "missing"}:
        return BROKEN
    if "slower" in verdicts or (parts == "fail" and any(row.slower_part for row in rows)):
        return SLOWER
    return UNDECIDED if verdicts & {*OPEN} and undecided != "pass" else PASSED
