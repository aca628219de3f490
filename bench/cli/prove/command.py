"""`torchpace prove`: known things are planted on this machine, and the ruler has to find them. A table to paste."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.options import choose_devices
from bench.cli.prove import counted, gated, timed
from bench.cli.prove.claims import NOT_AVAILABLE, OK, TIMEOUT_S, UNDECIDED, WRONG, Bench, Claim, Claims
from bench.cli.quantities import duration
from bench.records.errors import UsageError

if TYPE_CHECKING:
    from bench.measure.task import Task
    from bench.records.record import Record

FORMATS = ("table", "markdown", "json")
HEADERS = ("", "planted", "measured", "within", "")
# In the order of the table, what takes longest last.
CLAIMS: tuple[Claims, ...] = (
    timed.known_times, timed.waits, timed.graphs, counted.memory, counted.work, counted.profiled, counted.believed,
    timed.ceilings, timed.beside, counted.compiled, timed.under_load, gated.gates,
)  # fmt: skip
# Seconds that they need at least; with less left they are not begun.
LEAST_S = 1.0
NEED_S: dict[Claims, float] = {counted.compiled: 20.0, timed.under_load: 5.0, gated.gates: 30.0}


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "prove",
        help="plant what is known on this machine, and see whether the ruler finds it",
        description="Exit code 1 when a claim is wrong; undecided is what the machine was too busy for.",
    )
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1 or mps")
    parser.add_argument("--budget", type=duration, default=300.0, help="time for all of it (default 5m)")
    parser.add_argument("--format", choices=FORMATS, default="table")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it here, too")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Try every claim, and print what came of it with the facts of the machine."""
    from bench.devices import DEVICES  # noqa: PLC0415 - imports torch
    from bench.measure.environment import capture  # noqa: PLC0415
    from bench.runs.fresh import Launcher  # noqa: PLC0415

    (name,) = choose_devices([options.device])
    device = DEVICES[name]
    if reason := device.unavailable_reason():
        raise UsageError(f"{options.device} is not available: {reason}")
    until_s = time.monotonic() + options.budget
    launcher = Launcher(TIMEOUT_S)
    facts = launcher.call(device.start_method, capture, name).facts
    with tempfile.TemporaryDirectory(prefix="torchpace-prove-") as folder:
        bench = Bench(
            name, Path(folder), measured_by(launcher),
            lambda function, *given: launcher.call(device.start_method, function, *given),
            lambda: max(0.0, until_s - time.monotonic()),
        )  # fmt: skip
        found: list[Claim] = []
        try:
            for claim in shown(bench, CLAIMS):
                found.append(claim)
        finally:  # Ctrl-C, too, leaves what was found so far
            text = written(found, dict(facts), options.format)
            print(text)
            if options.output:
                options.output.write_text(text + "\n")
    return int(any(claim.verdict == WRONG for claim in found))


def measured_by(launcher: Any) -> Callable[[Task], list[Record]]:
    """How a task becomes records: in a fresh process."""
    from bench.runs.run import measured  # noqa: PLC0415 - as above

    return lambda task: measured(launcher, task)


def shown(bench: Bench, claims: Sequence[Claims]) -> Iterator[Claim]:
    """Every claim; on a terminal, what is being tried is shown meanwhile."""
    for number, each in enumerate(claims, 1):
        if sys.stderr.isatty():
            print(f"\r{number} of {len(claims)}: {each.__name__.replace('_', ' ')}".ljust(60), end="", file=sys.stderr)
        if bench.left_s() < NEED_S.get(each, LEAST_S):
            yield Claim((each.__doc__ or "").splitlines()[0], "", "", "", UNDECIDED, "no time was left for it")
            continue
        yield from each(bench)
    if sys.stderr.isatty():
        print("\r".ljust(61), end="\r", file=sys.stderr)


def written(found: Sequence[Claim], facts: Mapping[str, Any], style: str) -> str:
    """The table with what it is of; as JSON, all facts."""
    from reports.format.tables import grid  # noqa: PLC0415

    if style == "json":
        body = {"facts": facts, "claims": [claim.as_json() for claim in found]}
        return json.dumps(body, indent=2, allow_nan=False, default=str)
    rows = [[each.what, each.planted, each.measured, each.within, each.verdict] for each in found]
    notes = [f"- {each.what}: {each.reason}" for each in found if each.reason]
    counts = {name: sum(each.verdict == name for each in found) for name in (OK, UNDECIDED, NOT_AVAILABLE, WRONG)}
    answer = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    machine = facts.get("gpu") or facts.get("cpu")
    of = f"{machine}, torch {facts.get('torch')}, torchpace {facts.get('torchpace')} (ruler {facts.get('ruler')})"
    parts = [f"Of {len(found)} claims on {of}: {answer}.", grid(list(HEADERS), rows, style, 1), "\n".join(notes)]
    return "\n\n".join(part for part in parts if part)
