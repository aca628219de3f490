"""`torchpace report`: one HTML file from records, results of asv or pytest-benchmark, and profiles."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.records.errors import UsageError
from bench.records.files import Contents, write_whole

if TYPE_CHECKING:
    from reports.profiles.profile import Choice, Profile


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "report",
        help="one HTML file that opens from disk: verdict, comparison, timing, memory, compiling, environment",
        description="Sources are record files, asv results folders (.asv/results), pytest-benchmark JSON files and "
        "profile folders. Of two or more sets of records, the first is the baseline.",
    )
    parser.add_argument("sources", type=Path, nargs="*", metavar="FILE|FOLDER")
    parser.add_argument(
        "--diff", type=Path, nargs=2, metavar=("BEFORE", "AFTER"),
        help="instead: what two profiles (folders, or traces made elsewhere) spend differently",
    )  # fmt: skip
    parser.add_argument(
        "--step-mark", metavar="GLOB", default="", help="with --diff: what is a step in traces made elsewhere"
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("report.html"), metavar="FILE.html")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Write the page and print its path. It reports and does not judge: the exit code is 0 whatever it finds."""
    if bool(options.sources) == bool(options.diff):
        raise UsageError("give either FILEs and FOLDERs to report on, or --diff BEFORE AFTER")
    if options.step_mark and not options.diff:
        raise UsageError("--step-mark is for --diff of traces made elsewhere")
    if options.diff:
        return compare_profiles(options)
    from bench.cli.rooflines import with_ceilings  # noqa: PLC0415
    from bench.records.ceilings import only_ceilings  # noqa: PLC0415
    from reports.page.report import as_html  # noqa: PLC0415 - pandas takes half a second that --help does not need
    from reports.read.sources import load_one  # noqa: PLC0415
    from reports.topics.ceilings.figures import roofs  # noqa: PLC0415

    records: list[tuple[str, Contents]] = []
    profiles: list[Profile] = []
    for path in options.sources:
        found = profiles_in(path)
        profiles += found
        if not found:
            records.append((str(path), load_one(path)))
    for _, contents in records:
        for warning in contents.warnings:
            print(f"torchpace: warning: {warning}", file=sys.stderr)
    command = shlex.join(["torchpace", "report", *map(str, options.sources), "-o", str(options.output)])
    known = roofs(with_ceilings([contents for _, contents in records]))
    runs = [(name, contents) for name, contents in records if not only_ceilings(contents)] or records
    write_whole(options.output, as_html(runs, profiles, command, roofs=known))
    print(f"report in {options.output}")
    return 0


def compare_profiles(options: argparse.Namespace) -> int:
    """Write the page of what changed between two profiles. Raises UsageError."""
    from reports.format.html import page  # noqa: PLC0415 - as above
    from reports.profiles.say.difference import difference, pairs  # noqa: PLC0415
    from reports.profiles.shape.windows import middle  # noqa: PLC0415

    sides = [profiles_in(path, middle) or foreign_profiles(path, options.step_mark) for path in options.diff]
    for path, profiles in zip(options.diff, sides, strict=True):
        if any(p.steps.marked for side in sides for p in side) and not all(p.steps.marked for p in profiles):
            raise UsageError(f"{path} marks no steps, and the other does; --step-mark GLOB names its steps")
    matched, alone = pairs(*sides)
    if not matched:
        before, after = options.diff
        raise UsageError(f"{before} and {after} have no case in common: " + "; ".join(alone))
    command = shlex.join(["torchpace", "report", "--diff", *map(str, options.diff), "-o", str(options.output)])
    found = [difference(before, after) for before, after in matched]
    write_whole(options.output, page("differences.html", differences=found, alone=alone, command=command))
    print(f"report in {options.output}")
    return 0


def foreign_profiles(path: Path, step_mark: str) -> list[Profile]:
    """The profiles of the middle half of the steps of a trace made elsewhere. Raises UsageError."""
    from reports.profiles.profile import read_foreign  # noqa: PLC0415 - as above
    from reports.profiles.shape.windows import middle  # noqa: PLC0415

    if path.is_dir():
        raise UsageError(
            f"{path} holds no profile (profile.json); `torchpace profile NAME -o {path}` writes one. Of traces made "
            "elsewhere, give the files themselves"
        )
    return read_foreign(path, step_mark, middle)


def profiles_in(path: Path, chosen: Choice | None = None) -> list[Profile]:
    """The profiles in a folder, which hold profile.json directly or one level down, of all steps or of the chosen.

    Raises UsageError.
    """
    from reports.profiles.profile import profile_folders, read_profile  # noqa: PLC0415 - imports pandas
    from reports.profiles.shape.windows import every  # noqa: PLC0415

    return [read_profile(folder, chosen or every) for folder in profile_folders(path)]
