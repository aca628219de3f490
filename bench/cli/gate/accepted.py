"""Changes that were meant: a file that is reviewed with them, and trailers of commits. Read by the gate.

A line counts while it is new: once the base has it, the base has the change, too, and the line can go.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.quantities import growth
from bench.cli.settings import TABLE
from bench.records.errors import UsageError
from bench.records.git import git

if TYPE_CHECKING:
    from bench.gate.revisions import Side
    from bench.records.record import Case
    from reports.topics.gate.figures import Limit

STEP_TIME = "step_time"
TRAILER = "Torchpace-Accept"
# Such as 'mnist_cnn.inference(*):step_time +8% because the new layer needs it'.
LINE = re.compile(r"(?P<what>.+?)\s+\+(?P<up_to>\d+(?:\.\d+)?)\s*%\s+because\s+(?P<because>.+)")


@dataclass(frozen=True, slots=True)
class Accepted:
    """One accepted change. case: a label, or a glob of labels. source: the file or the commit that says it.

    up_to: the share by which a time may be longer, or a count more. at_most: the value that a counted figure may have.
    One of them is None.
    """

    case: str
    metric: str
    because: str
    up_to: float | None = None
    at_most: float | None = None
    source: str = ""

    def covers(self, case: Case, metric: str) -> bool:
        """Whether it is of this figure of a case."""
        return metric == self.metric and (self.case == case.label or fnmatchcase(case.label, self.case))

    def allows(self, base: float, head: float) -> bool:
        """Whether a counted figure is within what was accepted."""
        return head <= (base * (1 + self.up_to) if self.up_to is not None else self.at_most or 0.0)

    def as_toml(self) -> str:
        """The lines of a file."""
        limit = f'up-to = "{100 * self.up_to:.6g}%"' if self.up_to is not None else f"at-most = {self.at_most:.17g}"
        texts = {"case": self.case, "metric": self.metric, "because": self.because}
        return "\n".join([
            "[[accepted]]", *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in texts.items()),
            limit, "",
        ])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What is accepted between base and head, and what a reader of the gate should know of the rest."""

    lines: tuple[Accepted, ...] = ()
    notes: tuple[str, ...] = ()

    def of(self, case: Case, metric: str) -> Accepted | None:
        """The last line that covers a figure."""
        return next((line for line in reversed(self.lines) if line.covers(case, metric)), None)


def in_file(path: Path, source: str) -> list[Accepted]:
    """The lines of a file; none where there is no file. Raises UsageError naming it and the line's number."""
    try:
        body = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return []
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{source} cannot be read: {error}") from error
    entries = body.get("accepted", [])
    if set(body) - {"accepted"} or not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise UsageError(f"{source}: it holds [[accepted]] tables only; `torchpace gate --accept` writes them")
    return [line_of(entry, f"{source}, entry {number}") for number, entry in enumerate(entries, 1)]


def line_of(entry: Mapping[str, Any], source: str) -> Accepted:
    """One entry. Raises UsageError."""
    known = {"case", "metric", "because", "up-to", "at-most"}
    texts = [entry.get("case"), entry.get("metric", STEP_TIME), entry.get("because")]
    if unknown := set(entry) - known:
        raise UsageError(f"{source}: {min(unknown)!r} is none of {', '.join(sorted(known))}")
    if not all(isinstance(each, str) and each for each in texts):
        raise UsageError(f"{source}: it needs the texts case and because")
    if ("up-to" in entry) == ("at-most" in entry):
        raise UsageError(f"{source}: it needs up-to, such as '8%', for a time, or at-most for what is counted")
    case, metric, because = (str(each) for each in texts)
    if "at-most" in entry:
        return Accepted(case, metric, because, at_most=number(entry["at-most"], source), source=source)
    try:
        return Accepted(case, metric, because, up_to=growth(str(entry["up-to"])), source=source)
    except Exception as error:  # argparse's own
        raise UsageError(f"{source}: up-to: {error}") from error


def number(value: Any, source: str) -> float:
    """A finite number. Raises UsageError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < float("inf"):
        raise UsageError(f"{source}: at-most = {value!r} is no number")
    return float(value)


def in_commits(folder: Path, base: str, head: str) -> list[Accepted]:
    """What trailers of the commits after base up to head accept. Raises UsageError for one that cannot be read."""
    form = f"%h%x00%(trailers:key={TRAILER},valueonly,unfold)%x01"
    found = []
    for commit in git(folder, "log", "--reverse", f"--format={form}", f"{base}..{head}").split("\x01"):
        name, _, values = commit.strip().partition("\x00")
        for value in filter(None, map(str.strip, values.splitlines())):
            match = LINE.fullmatch(value)
            if match is None:
                raise UsageError(f"commit {name}: {TRAILER}: {value}: write CASE +8% because …")
            case, metric = case_and_metric(match["what"])
            found.append(Accepted(case, metric, match["because"], float(match["up_to"]) / 100, source=f"commit {name}"))
    return found


def case_and_metric(what: str) -> tuple[str, str]:
    """'mnist_cnn.inference(batch=1):peak_memory' in its parts; a metric is one that there is."""
    from bench.records.metrics import METRICS  # noqa: PLC0415

    case, _, metric = what.rpartition(":")
    return (case, metric) if case and metric in METRICS else (what, STEP_TIME)


def said(path: Path, sides: Mapping[str, Side], folder: Path) -> Said:
    """What head accepts and base does not yet, from the file as either has it, and from the commits between."""
    from os.path import relpath  # noqa: PLC0415 - Path.relative_to goes up from Python 3.12 on only

    name = relpath(path, folder)
    base, head = (in_file(sides[side].root / name, name) for side in ("base", "head"))
    old = {(line.case, line.metric, line.because, line.up_to, line.at_most) for line in base}
    lines, notes = [], []
    for line in head:
        if (line.case, line.metric, line.because, line.up_to, line.at_most) in old:
            notes.append(f"expired: {line.source} accepts a change of {line.case} that base has by now; it can go")
        else:
            lines.append(line)
    return Said((*lines, *in_commits(folder, sides["base"].commit, sides["head"].commit)), tuple(notes))


def limits_of(cases: Sequence[Case], globs: Mapping[str, float], accepted: Said) -> dict[Case, Limit]:
    """The limits of cases that have their own: of the last glob that names one, or accepted; the larger of the two."""
    from bench.runs.plan import matches  # noqa: PLC0415 - imports torch
    from reports.topics.gate.figures import Limit  # noqa: PLC0415

    found: dict[Case, Limit] = {}
    for case in cases:
        own = [
            Limit(limit, f"may be {100 * limit:g} % slower ({TABLE} limits)")
            for glob, limit in globs.items()
            if matches(case, glob)
        ]
        line = accepted.of(case, STEP_TIME)
        if line is not None and line.up_to is not None and (not own or line.up_to > own[-1].share):
            own.append(Limit(line.up_to, f"accepted up to +{100 * line.up_to:.3g} %: {line.because} ({line.source})"))
        if own:
            found[case] = own[-1]
    return found


def unused(accepted: Said, cases: Iterable[Case]) -> list[str]:
    """A note for each line that names no case of the gate."""
    cases = list(cases)
    return [
        f"{line.source} accepts a change of {line.case}, which names no case of this gate"
        for line in accepted.lines
        if not any(line.covers(case, line.metric) for case in cases)
    ]
