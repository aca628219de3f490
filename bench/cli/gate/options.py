"""Options by which `gate` and `bisect` say what to try and how, and their translation. Measures nothing."""

from __future__ import annotations

import argparse
import hashlib
import math
import platform
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.options import Several, add_case_options, check_name, comma_list, positive_int, selection_of
from bench.cli.quantities import duration, growth, share
from bench.cli.settings import UNDECIDED as CHOICES
from bench.records.errors import UsageError

if TYPE_CHECKING:
    from bench.gate.lanes import Gate
    from bench.gate.revisions import Side
    from bench.runs.plan import Selection
    from reports.stats.sequential import Rule


FILES = ("json", "markdown", "junit", "html")  # how an outcome can be written


def add_options(parser: argparse.ArgumentParser, budget: str, exact: bool = False) -> None:
    """What to try and how."""
    add_case_options(parser, default_mode="eager; with --exact each workload's own" if exact else "eager")
    parser.add_argument("--workloads", metavar="MODULE", help="a module of your own with @workload functions")
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument("--budget", type=duration, help=f"time to measure (default {budget})")
    limit.add_argument(
        "--trials", type=positive_int, metavar="N", help="at most N trials of each case, however long they take"
    )
    parser.add_argument("--slower-than", type=share, metavar="SHARE", help="margin of slower (default 1%%)")
    parser.add_argument("--same-within", type=share, metavar="SHARE", help="margin of same (default 3%%)")
    parser.add_argument("--lanes", type=positive_int, help="pairs at a time (default: as many as cores allow, up to 4)")
    parser.add_argument("--timeout", type=duration, default=60.0, help="seconds per answer of a process")
    parser.set_defaults(usual_budget_s=duration(budget), parser=parser)


def add_sides(parser: argparse.ArgumentParser) -> None:
    """What is compared with what."""
    parser.add_argument("globs", nargs="*", metavar="GLOB", help="workloads, such as 'mnist_cnn.*'; default: all")
    parser.add_argument("--base", metavar="REV", help="the revision to compare with, such as origin/main")
    parser.add_argument("--head", metavar="REV", help="the revision to judge (default: the working tree)")
    parser.add_argument(
        "--base-python", metavar="PYTHON", help="the interpreter for base, such as old/.venv/bin/python"
    )
    parser.add_argument("--head-python", metavar="PYTHON", help="the interpreter for head")
    parser.add_argument(
        "--base-torch", metavar="VERSION", help="a torch for base, such as 2.13; its environment is made"
    )
    parser.add_argument("--head-torch", metavar="VERSION", help="a torch for head, likewise")
    parser.add_argument(
        "--torch",
        type=comma_list,
        action=Several,
        default=[],
        metavar="VERSIONS",
        help="several, such as 2.13,2.14,2.15: all but the first against it",
    )
    parser.add_argument(
        "--with",
        action="append",
        default=[],
        dest="more",
        metavar="REQUIREMENT",
        help="what your workloads need in such an environment besides, such as --with .; may be repeated",
    )


def add_outcome(parser: argparse.ArgumentParser) -> None:
    """What is done with what was found."""
    parser.add_argument(
        "--accept", metavar="CASE[:METRIC]", help="write down that the change the last gate found of it was meant"
    )
    parser.add_argument("--because", metavar="TEXT", help="why, with --accept")
    parser.add_argument(
        "--up-to", type=growth, metavar="SHARE", help="with --accept: the size, instead of the last gate's"
    )
    parser.add_argument("--undecided", choices=CHOICES, help="exit 3 (default) or 0 for them")
    parser.add_argument("--resume", action="store_true", help="go on with the trials of the last such gate")
    parser.add_argument(
        "--parts", choices=("report", "fail"), help="also look for a slower part in the cases that are not slower"
    )
    parser.add_argument(
        "--instructions",
        choices=("valgrind",),
        help="with --exact: have Valgrind count them, for small steps on the CPU",
    )
    parser.add_argument("--no-cause", action="store_true", help="do not look for what makes a case slower or faster")
    parser.add_argument("--all", action="store_true", help="print every case, not only those that changed")
    for name in FILES:
        parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"write the outcome as {name}")


def rule_of(options: argparse.Namespace) -> Rule:
    """The margins asked for. Raises UsageError when they contradict each other."""
    from reports.stats.sequential import Rule  # noqa: PLC0415 - imports scipy

    asked = {name: getattr(options, name) for name in ("slower_than", "same_within") if getattr(options, name)}
    rule = Rule(**asked)
    if rule.same_within < rule.slower_than:
        raise UsageError(
            f"--same-within {rule.same_within:.1%} is smaller than --slower-than {rule.slower_than:.1%}: "
            "a case could be neither"
        )
    return rule


def plan(
    options: argparse.Namespace, sides: Mapping[str, Side], modes: list[str] | None = None
) -> tuple[Selection, Gate]:
    """What to select on both sides, and how to try it; `modes` when none are asked for. Raises UsageError."""
    from bench.devices import DEVICES  # noqa: PLC0415 - these import torch
    from bench.gate.lanes import Gate, lanes_for  # noqa: PLC0415

    if options.workloads:
        check_name(options.workloads)
    selection = selection_of(options, ("eager",) if modes is None else modes)
    missing = {name: reason for name in selection.devices if (reason := DEVICES[name].unavailable_reason())}
    if options.device == ["auto"]:
        selection = replace(selection, devices=[name for name in selection.devices if name not in missing])
    elif missing:
        raise UsageError("; ".join(f"--device {name}: {reason}" for name, reason in missing.items()))
    return selection, Gate(
        run=key(options, sides),
        sides=sides,
        budget_s=math.inf if options.trials else options.budget or options.usual_budget_s,
        most_trials=options.trials,
        timeout_s=options.timeout,
        threads=options.threads,
        lanes=options.lanes or lanes_for(selection.devices, options.threads),
        module=options.workloads,
    )


def key(options: argparse.Namespace, sides: Mapping[str, Side]) -> str:
    """What trials must have in common to be counted together: both trees and interpreters, the ruler, the machine."""
    from bench.measure.environment import ruler  # noqa: PLC0415 - imports torch

    parts = [ruler(), platform.node(), options.workloads, options.threads]
    parts += [value for side in sides.values() for value in (side.tree, side.python)]
    return "gate-" + hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
