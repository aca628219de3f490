"""What tests do with figures: they are stored, held against limits, and against those of an earlier run.

The rules are those of `torchpace compare --fail-slower`: surely slower fails; what cannot be decided does, too, unless
that is to pass.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from bench.api.functions import Function
from bench.api.measuring import compare, measure
from bench.api.results import Result
from bench.cli.quantities import duration, growth
from bench.records.errors import UsageError
from bench.records.files import Contents, Writer
from bench.records.record import Environment, Record
from reports.format import units
from reports.read.frames import frame_of
from reports.read.sources import load_one
from reports.stats.intervals import ONE_LAUNCH
from reports.topics.compare.figures import versus
from reports.topics.compare.refusal import SLOWER, UNDECIDED, judged, refusal

BEFORE, NOW = "before", "now"
MORE = "measured in one process; with fresh=True it is measured in several, which can decide"


class TooSlow(AssertionError):
    """A time that is surely longer than it may be, or of which that cannot be told."""


@dataclass(slots=True)
class Judge:
    """What all tests of a session share: where records go, and what they are held against.

    before: of an earlier run; None where nothing is compared. allowed: the share by which a time may be longer.
    """

    output: Path
    before: Contents | None
    allowed: float
    fails_undecided: bool
    run: str = field(default_factory=lambda: datetime.now().strftime("%Y%m%d-%H%M%S"))
    lines: list[str] = field(default_factory=list)
    kept: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Judge:
        """As the options say. Raises UsageError."""
        try:
            allowed = growth(options["slower-than"])
        except argparse.ArgumentTypeError as error:
            raise UsageError(f"--torchpace-slower-than {error}") from error
        before = load_one(options["compare"]) if options["compare"] else None
        judge = cls(Path(), before, allowed, options["undecided"] == "fail")
        judge.output = options["output"] or Path("results") / f"{judge.run}.jsonl"
        return judge

    def keep(self, environment: Environment, records: Sequence[Record]) -> list[Record]:
        """Store the records of a test as those of the session's run; of one that is run again, as those of another."""
        label = records[0].case.label
        again = f"-{self.kept[label]}" if self.kept[label] else ""
        self.kept[label] += 1
        named = [replace(record, run=f"{self.run}{again}", environment=environment.id) for record in records]
        with closing(Writer(self.output)) as writer:
            writer.add(environment, named)
        return named

    def hold(self, known: Mapping[str, Environment], records: Sequence[Record]) -> str:
        """Hold times against the earlier run's; what came of it, in words. Raises TooSlow."""
        if self.before is None:
            return ""
        now = Contents(tuple(records), dict(known))
        environments = {**self.before.environments, **known}
        frame = pd.concat([frame_of(self.before, BEFORE), frame_of(now, NOW)], ignore_index=True)
        cases = {(record.case.label, record.case.mode) for record in records}
        rows = [
            row for row in versus(frame[frame["workload"].isin({record.case.workload for record in records})],
                                  "source", [BEFORE, NOW], environments)
            if (labelled(row.workload, row.point), row.mode) in cases
        ]  # fmt: skip
        counts, sentence = refusal(rows, self.allowed)
        if counts[SLOWER]:
            raise TooSlow(sentence)
        undecided = [row for row in rows if judged(row, self.allowed) == UNDECIDED]
        if counts[UNDECIDED] and self.fails_undecided:
            alone = any(ONE_LAUNCH in row.warnings for row in undecided)
            raise TooSlow(f"{sentence}\n{MORE}" if alone else sentence)
        return sentence

    def summary(self) -> str:
        """What was measured, and where it is."""
        if not self.lines:
            return ""
        return "\n".join([*self.lines, f"records: {self.output}; `torchpace compare {self.output}` shows them"])


def labelled(workload: str, point: str) -> str:
    """A case's label from a row's workload and point."""
    return f"{workload}({point.replace(', ', ',')})" if point else workload


@dataclass(slots=True)
class Tested:
    """What the fixture gives to a test."""

    judge: Judge
    test: str
    said: str = ""
    named: set[str] = field(default_factory=set)

    def measure(
        self, function: Function, *, at_most: str | float | None = None, name: str = "", **options: Any
    ) -> Result:
        """As `torchpace.measure`, under the test's name. at_most: seconds, or such as '2ms', that a call may take.

        Raises TooSlow when it surely takes longer than that, or than in the run that is compared with.
        """
        limit_s = seconds(at_most) if at_most is not None else None
        result = self._kept(measure(function, name=self._named(name), **options))
        if limit_s is not None:
            self._limit(result, limit_s)
        self._add(self.judge.hold({result.environment.id: result.environment}, result.records))
        return result

    def compare(self, functions: Mapping[str, Function] | None = None, /, *, name: str = "", **more: Any) -> Result:
        """As `torchpace.compare`, under the test's name. What it finds is for the test to judge."""
        return self._kept(compare(functions, name=self._named(name), **more))

    def _named(self, name: str) -> str:
        label = f"{self.test}:{name}" if name else self.test
        if label in self.named:
            raise UsageError(f"{label} is measured twice; give each a name of its own: measure(f, name='first')")
        self.named.add(label)
        return label

    def _kept(self, result: Result) -> Result:
        result = Result(tuple(self.judge.keep(result.environment, result.records)), result.environment)
        self._add(repr(result))
        self.judge.lines += [
            f"{self.test} {line.name if len(result.lines) > 1 else ''}: {units.quantity(line.step.estimate, 's')}"
            for line in result.lines
        ]
        return result

    def _limit(self, result: Result, limit_s: float) -> None:
        took = f"a call takes {units.quantity(result.seconds, 's')}"
        if result.low is None or result.high is None:
            raise TooSlow(f"{took}; {ONE_LAUNCH}")
        within = f"[{units.quantity(result.low, 's')}, {units.quantity(result.high, 's')}]"
        if result.low > limit_s:
            raise TooSlow(f"{took} {within}, which is surely more than {units.quantity(limit_s, 's')}")
        if result.high > limit_s and self.judge.fails_undecided:
            raise TooSlow(f"{took} {within}: whether that is more than {units.quantity(limit_s, 's')} cannot be told")

    def _add(self, text: str) -> None:
        self.said = "\n\n".join(part for part in (self.said, text) if part)


SMALLER = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def seconds(text: str | float) -> float:
    """'2ms', '150us' or a number of seconds. Raises UsageError."""
    if not isinstance(text, str):
        return float(text)
    try:
        for unit, factor in SMALLER.items():
            if text.endswith(unit):
                return duration(text.removesuffix(unit).strip()) * factor
        return duration(text.strip())
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"at_most={text!r} is not a time, such as '2ms', '150us' or 0.002") from error
