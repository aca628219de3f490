"""`torchpace compare`: the report of one run, or of two against each other."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.quantities import FORMATS
from bench.records.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from reports.read.frames import Figure
    from reports.read.rows import Row

BY = ("device", "mode", "dtype", "torch", "commit")


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
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print the comparison. It reports and does not judge: the exit code is 0 whatever it finds."""
    import pandas as pd  # noqa: PLC0415 - half a second that --help does not need

    from bench.cli.rooflines import roofline  # noqa: PLC0415
    from reports.read.frames import figures, frame_of  # noqa: PLC0415
    from reports.read.rows import table  # noqa: PLC0415
    from reports.read.sources import load_one  # noqa: PLC0415
    from reports.topics.compare.figures import versus  # noqa: PLC0415
    from reports.topics.compare.text import versus_text  # noqa: PLC0415
    from reports.topics.overview.figures import overview  # noqa: PLC0415
    from reports.topics.overview.text import overview_text  # noqa: PLC0415
    from reports.topics.pace.figures import is_one_machine  # noqa: PLC0415

    paths = [path for path in (options.base, options.head) if path]
    contents = [load_one(path) for path in paths]
    environments = {id: environment for part in contents for id, environment in part.environments.items()}
    names = short(paths) if len(set(paths)) == len(paths) else ["A", "B"]
    frame = pd.concat([frame_of(part, name) for part, name in zip(contents, names, strict=True)], ignore_index=True)
    by = options.by or ("source" if options.head else None)
    rows = versus(frame, by, sides(frame, by), environments) if by else overview(figures(frame))
    if options.format == "json":
        print(json.dumps([jsonable(row) for row in rows], indent=2, allow_nan=False))
    elif options.format == "csv":
        print(table(rows).to_csv(index=False), end="")
    else:
        found = figures(frame)
        if by == "source" and is_one_machine(environments.values()) and (pace := pace_text(found, names)):
            print(f"{pace}\n")
        alone = None if by else overview_text(rows, environments, options.format, found)
        print(alone or versus_text(rows, environments, options.format))
        if not by and (bounds := roofline(found, contents, options.format)):
            print(f"\n{bounds}")
    for part in contents:
        for warning in part.warnings:
            print(f"torchpace: warning: {warning}", file=sys.stderr)
    return 0


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
    from dataclasses import asdict  # noqa: PLC0415

    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(row).items()
    }
