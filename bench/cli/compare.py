"""`torchpace compare`: the report of one run, or of two against each other."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.quantities import FORMATS, growth
from bench.cli.settings import UNDECIDED
from bench.records.errors import UsageError
from bench.records.record import FRAMEWORK, RANKS

if TYPE_CHECKING:
    import pandas as pd

    from bench.records.files import Contents
    from bench.records.record import Environment
    from reports.read.frames import Figure
    from reports.read.rows import Row

BY = ("device", "mode", "dtype", "torch", "commit", RANKS, FRAMEWORK)


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "compare",
        help="tables of one set of figures, or of two against each other",
        description="Sources are record files, asv results folders (.asv/results) and pytest-benchmark JSON files.",
    )
    parser.add_argument("base", type=Path, metavar="A")
    parser.add_argument("head", type=Path, nargs="?", metavar="B")
    parser.add_argument("--by", choices=BY, help="compare the values of this within the sources, first against others")
    parser.add_argument("--format", choices=FORMATS, default="table")
    parser.add_argument(
        "--fail-slower",
        type=growth,
        metavar="SHARE",
        help="exit 1 when a step time is surely slower by more than this, 3 when that cannot be told",
    )
    parser.add_argument("--undecided", choices=UNDECIDED, help="with --fail-slower: exit 3 (default) or 0 for them")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print the comparison; with --fail-slower, exit codes are the gate's, else 0 whatever it finds."""
    import pandas as pd  # noqa: PLC0415 - half a second that --help does not need

    from reports.read.frames import figures, frame_of  # noqa: PLC0415
    from reports.read.rows import table  # noqa: PLC0415
    from reports.read.sources import load_one  # noqa: PLC0415
    from reports.topics.compare.figures import versus  # noqa: PLC0415
    from reports.topics.overview.figures import overview  # noqa: PLC0415

    paths = [path for path in (options.base, options.head) if path]
    contents = [load_one(path) for path in paths]
    environments = {id: environment for part in contents for id, environment in part.environments.items()}
    names = short(paths) if len(set(paths)) == len(paths) else ["A", "B"]
    frame = pd.concat([frame_of(part, name) for part, name in zip(contents, names, strict=True)], ignore_index=True)
    by = options.by or ("source" if options.head else None)
    if options.fail_slower is not None and not by:
        raise UsageError("--fail-slower compares: name a second source, or --by mode and the like")
    if options.undecided and options.fail_slower is None:
        raise UsageError("--undecided goes with --fail-slower")
    frame, hidden = chosen(frame, by, environments, for_people=options.format not in ("json", "csv"))
    found = figures(frame)
    if by in (RANKS, FRAMEWORK):
        return of_topic(found, options)
    rows = versus(frame, by, sides(frame, by), environments) if by else overview(found)
    if options.format == "json":
        print(json.dumps([jsonable(row) for row in rows], indent=2, allow_nan=False))
    elif options.format == "csv":
        print(table(rows).to_csv(index=False), end="")
    else:
        parts = told(found, rows, contents, names if by == "source" else [], by is not None, options.format)
        print("\n\n".join(part for part in (*hidden, *parts) if part))
    for part in contents:
        for warning in part.warnings:
            print(f"torchpace: warning: {warning}", file=sys.stderr)
    return 0 if options.fail_slower is None else refused(rows, options)


def chosen(
    frame: pd.DataFrame, by: str | None, environments: Mapping[str, Environment], for_people: bool
) -> tuple[pd.DataFrame, list[str]]:
    """The rows that are compared, or that people are shown; and lines that say what else there is."""
    from reports.read.settings import compared_rows, newest, passed_over  # noqa: PLC0415

    if by:
        return compared_rows(frame, by, environments), passed_over(frame, by)
    return newest(frame, environments) if for_people else (frame, [])


def of_topic(found: Sequence[Figure], options: argparse.Namespace) -> int:
    """Print what more ranks give, or how frameworks compare, as text or JSON. Raises UsageError for lack of such."""
    from reports.topics.frameworks import figures as by_framework  # noqa: PLC0415
    from reports.topics.frameworks import text as of_frameworks  # noqa: PLC0415
    from reports.topics.scaling import figures as by_ranks  # noqa: PLC0415
    from reports.topics.scaling import text as of_ranks  # noqa: PLC0415

    by = options.by
    if options.fail_slower is not None or options.format == "csv":
        raise UsageError(f"--by {by} has no --fail-slower and no csv: its ratios are told as text or json")
    as_json: list[dict[str, Any]]
    if by == RANKS:
        as_json, text = of_ranks.as_json(by_ranks.scalings(found)), of_ranks.scaling_text
        needs = "that were timed in ranks: torchpace run 'distributed.*'"
    else:
        as_json, text = of_frameworks.as_json(by_framework.comparisons(found)), of_frameworks.frameworks_text
        needs = "of several frameworks: torchpace run 'frameworks.*'"
    if not as_json:
        raise UsageError(f"--by {by} needs steps {needs}")
    is_json = options.format == "json"
    print(json.dumps(as_json, indent=2, allow_nan=False) if is_json else text(found, options.format))
    return 0


def refused(rows: Sequence[Row], options: argparse.Namespace) -> int:
    """Say whether a time is slower than allowed: 1 one is, 2 one is broken or none could be compared, 3 undecided."""
    from reports.topics.compare.refusal import SLOWER, WITHIN, refusal  # noqa: PLC0415
    from reports.topics.compare.refusal import UNDECIDED as UNKNOWN  # noqa: PLC0415

    counts, sentence = refusal(rows, options.fail_slower)
    print(f"\n{sentence}", file=sys.stderr if options.format in ("json", "csv") else sys.stdout)
    if counts["broken"] or not (counts[SLOWER] or counts[WITHIN] or counts[UNKNOWN]):
        return 2
    if counts[SLOWER]:
        return 1
    return 3 if counts[UNKNOWN] and options.undecided != "pass" else 0


def told(
    found: Sequence[Figure], rows: Sequence[Row], contents: Sequence[Contents], sources: Sequence[str], compared: bool,
    style: str,
) -> list[str]:  # fmt: skip
    """The texts for people: of figures by themselves, or compared; and of the machine, where sources are."""
    from bench.cli.rooflines import roofline  # noqa: PLC0415
    from reports.topics.compare.text import versus_text  # noqa: PLC0415
    from reports.topics.overview.text import overview_text  # noqa: PLC0415
    from reports.topics.pace.figures import is_one_machine  # noqa: PLC0415

    every = {id: environment for part in contents for id, environment in part.environments.items()}
    shown = {id: every[id] for id in dict.fromkeys(figure.environment for figure in found) if id in every}
    if not compared:
        return [overview_text(rows, shown, style, found), roofline(found, contents, style)]
    pace = pace_text(found, sources) if sources and is_one_machine(every.values()) else ""
    return [pace, versus_text(rows, shown, style)]


def short(paths: Sequence[Path]) -> list[str]:
    """The ends of the paths, as short as they can be told apart."""
    for parts in range(1, 1 + max(len(path.parts) for path in paths)):
        names = [str(Path(*path.parts[-parts:])) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def pace_text(found: Sequence[Figure], names: Sequence[str]) -> str:
    """Whether the machine itself differed between the sources."""
    from reports.topics.pace.text import compared_text  # noqa: PLC0415 - imports numpy

    base, *heads = ([figure for figure in found if figure.source == name] for name in names)
    told = (compared_text(base, head, (names[0], name)) for head, name in zip(heads, names[1:], strict=True))
    return "\n".join(text for text in told if text)


def sides(frame: pd.DataFrame, by: str) -> list[str]:
    """The values of `by` in order of appearance, the base first. Raises UsageError when there is but one."""
    values = [str(value) for value in frame[by].unique() if value != ""]
    if by == "mode" and "eager" in values:
        values.sort(key=lambda value: value != "eager")
    if len(values) < 2:
        only = f"only {values[0]!r}" if values else "nothing known"
        raise UsageError(f"--by {by} needs two or more values to compare, and the sources have {only}")
    return values


def jsonable(row: Row) -> dict[str, Any]:
    """A row as JSON, where infinity (a break-even that never comes) becomes null with its verdict 'never'."""
    values = {name: getattr(row, name) for name in row.__dataclass_fields__}
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()
    }
