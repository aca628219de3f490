"""`torchpace history`: what changed over commits. Asks git for their order; finds nothing itself."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cli.quantities import FORMATS, share_from_0
from bench.records.errors import UsageError
from bench.records.files import Contents, StoringError
from bench.records.git import GitError, git

ASV_RESULTS = Path(".asv/results")
COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")
USUAL = "step_time"
NAMED = 3  # commits that a warning names before it only counts


@dataclass(frozen=True, slots=True)
class Order:
    """The commits in order, in words by what, and what should be known of it."""

    commits: list[str]
    how: str
    warnings: tuple[str, ...] = ()


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "history",
        help="what became slower or faster over commits, and since when",
        description="Sources are asv results folders, record files and pytest-benchmark JSON files; figures of "
        "different machines are kept apart. Without any, .asv/results is read.",
    )
    parser.add_argument("paths", type=Path, nargs="*", metavar="FILE|FOLDER")
    parser.add_argument("--case", action="append", default=[], metavar="GLOB", help="only these cases; may be repeated")
    parser.add_argument("--metric", help="step_time unless said, or where the sources have none, their first")
    parser.add_argument("--format", choices=FORMATS, default="table")
    parser.add_argument(
        "--slower-than",
        type=share_from_0,
        default=0.01,
        metavar="1%",
        help="the smallest change worth naming, either way",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print the history. It reports and does not judge: the exit code is 0 whatever it finds."""
    from reports.read.sources import load  # noqa: PLC0415
    from reports.topics.history.figures import history  # noqa: PLC0415 - half a second that --help does not need
    from reports.topics.history.text import as_csv, as_json, history_text  # noqa: PLC0415

    if not options.paths and not ASV_RESULTS.is_dir():
        raise StoringError(f"there is no folder {ASV_RESULTS} here; run `asv run` first, or name record files")
    paths = list(dict.fromkeys(options.paths or [ASV_RESULTS]))
    contents = load(paths)
    order = order_of(contents, paths)
    metric = options.metric or usual(contents)
    series = history(contents, metric, order.commits, options.case, options.slower_than)
    if not series:
        raise UsageError(nothing(contents, metric, options.case))
    if options.format == "json":
        print(as_json(series))
    elif options.format == "csv":
        print(as_csv(series), end="")
    else:
        print(history_text(series, order.how, options.slower_than, options.format))
    for warning in (*contents.warnings, *order.warnings):
        print(f"torchpace: warning: {warning}", file=sys.stderr)
    return 0


def usual(contents: Contents) -> str:
    """The metric that is shown unless one is named: step_time, or where nothing is timed, the first."""
    from reports.read.columns.arrays import columns_of  # noqa: PLC0415

    columns = columns_of(contents.records)
    codes = columns.metric.codes[columns.is_status("measured")]
    there = [columns.metric.names[code] for code in codes[:1]] or [USUAL]
    has_usual = USUAL in columns.metric.names and bool((codes == columns.metric.names.index(USUAL)).any())
    return USUAL if has_usual else str(there[0])


def nothing(contents: Contents, metric: str, globs: Sequence[str]) -> str:
    """Why there is no series: the metric or the case is not there."""
    there = dict.fromkeys(record.metric for record in contents.records if record.status != "unavailable")
    if metric not in there:
        return f"the sources have no {metric}; they have {', '.join(there) or 'nothing that was measured'}"
    if globs:
        some = list(dict.fromkeys(record.case.label for record in contents.records if record.metric == metric))
        return f"--case {' '.join(globs)} matches none of {len(some)} cases, such as {some[0]}"
    return "none of the commits in the sources can be put in order; see `git log` for those that exist"


def order_of(contents: Contents, paths: Sequence[Path]) -> Order:
    """The order of the measured commits: git's, where a repository here knows them, else by date or appearance."""
    from reports.topics.history.figures import commits_of, inserted, without_git  # noqa: PLC0415

    commits = commits_of(contents)
    unnamed = sum(not dict(e.facts).get("commit") for e in contents.environments.values())
    folders = dict.fromkeys([Path(), *[path if path.is_dir() else path.parent for path in paths]])
    known = max((resolved(folder, commits) for folder in folders), key=lambda found: len(found.commits))
    warnings = [f"{unnamed} environments name no commit and are left out"] if unnamed and commits else []
    if not known.commits:
        order, how = without_git(commits)
        warnings += [f"git here knows none of the commits: they are taken {how}"] if commits else []
        return Order(order, how if commits else "run by run (no commits are named)", tuple(warnings))
    walked = topological(known)
    others = {commit: date for commit, date in commits.items() if commit not in known.commits}
    dated = {commit: date for commit, date in others.items() if date is not None}
    if others:
        what = "placed by date" if len(dated) == len(others) else "placed by date, or left out where none is known"
        what = what if dated else "left out"
        warnings.append(f"{listed(list(others))}: not in git's history here (rebased away, or a shallow clone); {what}")
    if walked.aside:
        warnings.append(
            f"{listed(walked.aside)}: not built on the commit measured before (a side branch); a change there may be "
            "the branch's"
        )
    return Order(inserted(walked.dated, dated), "in git's order", tuple(warnings))


def listed(commits: Sequence[str]) -> str:
    """'commits a, b, c and 4 more'."""
    first = ", ".join(commit[:10] for commit in commits[:NAMED])
    more = f" and {len(commits) - NAMED} more" if len(commits) > NAMED else ""
    return f"commit{'s' * (len(commits) > 1)} {first}{more}"


@dataclass(frozen=True, slots=True)
class Known:
    """A repository's folder, and the commits that it knows, from the names in the sources to full hashes."""

    folder: Path
    commits: dict[str, str]


@dataclass(frozen=True, slots=True)
class Topological:
    """Commits in git's order with their dates (s since 1970), and those that do not descend from the one before."""

    dated: list[tuple[str, float]]
    aside: list[str]


def resolved(folder: Path, commits: Mapping[str, float | None]) -> Known:
    """Which of the commits the repository around the folder knows; none where there is no repository or no git."""
    asked = [commit for commit in commits if COMMIT.fullmatch(commit)]
    lines = "".join(f"{commit}^{{commit}}\n" for commit in asked)
    try:
        answers = git(folder, "cat-file", "--batch-check=%(objectname) %(objecttype)", given=lines)
    except GitError:
        return Known(folder, {})
    pairs = zip(asked, answers.splitlines(), strict=False)
    return Known(folder, {commit: answer.split()[0] for commit, answer in pairs if answer.endswith(" commit")})


def topological(known: Known) -> Topological:
    """The known commits, ancestors before descendants, and side branches together."""
    lines = git(
        known.folder, "rev-list", "--topo-order", "--reverse", "--timestamp", "--parents", "--stdin",
        given="".join(f"{hash}\n" for hash in known.commits.values()),
    ).splitlines()  # fmt: skip
    named = {hash: commit for commit, hash in known.commits.items()}
    dated: list[tuple[str, float]] = []
    aside: list[str] = []
    newest: dict[str, int] = {}  # the latest measured commit at or before each, as its index; -1 for none
    for line in lines:
        date, hash, *parents = line.split()
        before = max((newest[parent] for parent in parents if parent in newest), default=-1)
        newest[hash] = before
        if hash in named:
            if before != len(dated) - 1:
                aside.append(named[hash])
            newest[hash] = len(dated)
            dated.append((named[hash], float(date)))
    return Topological(dated, aside)
