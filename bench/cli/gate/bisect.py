"""`torchpace bisect`: the commit that made a case slower, by gating down the history."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.gate.options import add_options, plan, rule_of
from bench.records.errors import UsageError
from bench.records.git import git

if TYPE_CHECKING:
    from bench.gate.lanes import Hosts
    from bench.gate.revisions import Checkouts, Side
    from reports.topics.gate.figures import GateRow

FOUND, NOT_FOUND = 0, 3


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "bisect",
        help="find the commit that made a case slower",
        description="Gates one case of commits between GOOD and BAD against GOOD, halving the range each time. Follows "
        "first parents. Exit codes: 0 found, 2 bad input, 3 not found or undecided.",
    )
    parser.add_argument("--case", required=True, metavar="GLOB", help="one case, as `torchpace gate --all` prints it")
    parser.add_argument("--good", required=True, metavar="REV", help="a revision where the case was fast")
    parser.add_argument("--bad", default="HEAD", metavar="REV", help="a later one where it is slow (default HEAD)")
    add_options(parser, budget="5m")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print each gate as it is decided, then the commit; 0 found, 2 bad input, 3 not found or undecided."""
    from bench.gate.revisions import Checkouts, commits_between  # noqa: PLC0415

    rule_of(options)
    folder = Path.cwd()
    commits = commits_between(folder, options.good, options.bad)

    def gated(commit: str) -> str:
        with Checkouts(folder) as checkouts:
            row = gate_case(options, checkouts, commit)
        print(f"{commit[:10]} against {options.good}: {summary(row)}", flush=True)
        return row.verdict

    first, reason = search(commits, gated)
    if first is None:
        print(f"not found: {reason}")
        return NOT_FOUND
    print(f"\nfirst slower commit, of {len(commits)}:\n{git(folder, 'show', '--no-patch', '--format=medium', first)}")
    return FOUND


def search(commits: Sequence[str], gated: Callable[[str], str]) -> tuple[str | None, str]:
    """The first of the commits that is slower, given that being slower lasts; None, and why, when it cannot be told."""
    from reports.stats.sequential import OPEN  # noqa: PLC0415 - imports scipy

    last = commits[-1]
    verdict = gated(last)
    if verdict != "slower":
        but = "and was not decided; more --budget or --trials may help" if verdict in OPEN else "and not slower"
        return None, f"{last[:10]}, the last of the range, is {verdict} {but}"
    low, high = -1, len(commits) - 1  # low is not slower (-1 is the good one itself), high is
    while high - low > 1:
        middle = (low + high) // 2
        verdict = gated(commits[middle])
        if verdict in (*OPEN, "broken", "missing", "n/a"):
            between = f"after {commits[low][:10] if low >= 0 else 'the good one'}, up to {commits[high][:10]}"
            return None, f"{commits[middle][:10]} is {verdict}; it began {between}. More --budget or --trials may help"
        low, high = (low, middle) if verdict == "slower" else (middle, high)
    return commits[high], ""


def gate_case(options: argparse.Namespace, checkouts: Checkouts, commit: str) -> GateRow:
    """The gate of one case of a commit against the good revision. Raises UsageError unless it is exactly one case."""
    from bench.gate.lanes import Hosts  # noqa: PLC0415

    options.globs = [options.case]
    sides = {
        "base": checkouts.side("base", options.good, sys.executable),
        "head": checkouts.side("head", commit, sys.executable),
    }
    with Hosts(sides, options.workloads) as hosts:
        return gate_one(options, sides, hosts)


def gate_one(options: argparse.Namespace, sides: Mapping[str, Side], hosts: Hosts) -> GateRow:
    """The gate of one case between two sides. Raises UsageError unless it is exactly one."""
    from bench.cli.gate.trials import surveyed, trials_file, try_cases  # noqa: PLC0415 - imports torch
    from reports.topics.gate.figures import Jury  # noqa: PLC0415

    selection, gate = plan(options, sides)
    survey = surveyed(gate, selection, hosts)
    number = len(survey.cases) + len(survey.rows)
    if number != 1:
        raise UsageError(f"--case {options.case!r} names {number} cases, and bisect follows one: give its point too")
    if survey.rows:
        return survey.rows[0]
    jury = Jury(survey.cases, rule_of(options))
    if try_cases(gate, survey, jury, trials_file(gate.run, old=False), hosts, sides["head"].label[:10]):
        raise KeyboardInterrupt
    return jury.close()[0]


def summary(row: GateRow) -> str:
    """A gate's outcome in a few words."""
    from reports.topics.gate.text import change  # noqa: PLC0415

    return f"{row.verdict} {row.reason or change(row)}, {row.trials} trials"
