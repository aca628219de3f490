"""`torchpace gate --accept CASE --because TEXT`: write down that a change was meant, as large as it was last seen."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from bench.cli.gate.accepted import STEP_TIME, Accepted, case_and_metric, in_file
from bench.cli.settings import settings
from bench.gate.revisions import FOLDER
from bench.records.errors import UsageError
from bench.records.lines import case_from

TIMES, COUNTS = "last-times.json", "last-counts.json"  # what the last gate of either kind said
FINEST = 0.001  # an accepted share is rounded up to this


def run(options: argparse.Namespace) -> int:
    """Append the lines to the project's file, and print them. Raises UsageError where there is nothing to accept."""
    if not options.because or not options.because.strip():
        raise UsageError("--accept needs --because TEXT: whoever reviews the change reads it")
    path = settings(Path.cwd()).accepted
    in_file(path, str(path))  # one that cannot be read is not written to
    lines = list(lines_for(options.accept, options.because.strip(), options.up_to))
    with path.open("a") as file:
        for line in lines:
            file.write(("\n" if file.tell() else "") + line.as_toml())
    for line in lines:
        print(line.as_toml())
    print(f"written to {path}; commit it with the change")
    return 0


def lines_for(what: str, because: str, up_to: float | None) -> Iterator[Accepted]:
    """What is accepted of the last gate: every case that the label or glob names and that was found to be slower."""
    case, metric = case_and_metric(what)
    if up_to is not None:
        if metric != STEP_TIME:
            raise UsageError(f"--up-to is of times; {metric} is accepted as the last gate --exact counted it")
        yield Accepted(case, metric, because, up_to=up_to)
        return
    try:
        found = dict(worse(case, metric))
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"what the last gate said in {FOLDER}/ is damaged ({error}); run it again") from error
    if not found:
        kind = "" if metric == STEP_TIME else " --exact"
        raise UsageError(
            f"the last gate{kind} here found no {metric} of {case!r} that is {'slower' if not kind else 'worse'}; "
            "run it first, or name the size with --up-to 8%"
        )
    for label, size in found.items():
        if metric == STEP_TIME:
            yield Accepted(label, metric, because, up_to=math.ceil(size / FINEST) * FINEST)
        else:
            yield Accepted(label, metric, because, at_most=size)


def worse(case: str, metric: str) -> Iterator[tuple[str, float]]:
    """Cases of the last gate whose figure is worse: labels, with the share that is surely enough, or the count."""
    from reports.stats.sequential import LIKELY  # noqa: PLC0415 - imports scipy

    is_time = metric == STEP_TIME
    for row in last(TIMES if is_time else COUNTS).get("cases" if is_time else "figures", ()):
        label = case_from(row["case"]).label
        if label != case and not fnmatchcase(label, case):
            continue
        if is_time and row["verdict"] in ("slower", LIKELY):
            # The change, and twice what it may be more: another gate, which is as unsure, is to see it below.
            yield label, float(row["high"]) ** 2 / float(row["ratio"]) - 1
        elif not is_time and row["metric"] == metric and row["verdict"] == "worse":
            yield label, float(row["head"])


def last(name: str) -> Mapping[str, Any]:
    """What the last gate of a kind said; nothing where there was none."""
    try:
        body: Mapping[str, Any] = json.loads((FOLDER / name).read_text())
    except (OSError, ValueError):
        return {}
    return body
