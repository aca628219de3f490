"""The workloads of a module as tests: all are measured in one run; each case is a test that tells what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from bench.api.in_tests import Judge
from bench.cli.options import load
from bench.devices import DEVICES
from bench.measure.passes import MAIN_METRIC
from bench.records.errors import UsageError
from bench.records.files import Writer, read
from bench.records.record import Case, Environment, Record
from bench.runs.plan import Selection, cases
from bench.runs.run import SEEDED, TIMED, Plan, execute
from reports.format import units
from reports.topics.inline.figures import summary_by_layout

TOLD = (MAIN_METRIC[TIMED], MAIN_METRIC[SEEDED[0]])  # metrics whose failure is the test's


class Broken(AssertionError):
    """A case that answers wrongly, raises, or whose process died."""


@dataclass(slots=True)
class Measured:
    """The one run of all cases that are tests of a session, made when the first of them is asked for."""

    judge: Judge
    module: str
    launches: int
    records: dict[Case, list[Record]] = field(default_factory=dict)
    environments: Mapping[str, Environment] = field(default_factory=dict)

    def of(self, case: Case, chosen: Sequence[Case]) -> list[Record]:
        """The records of a case, once all that were chosen are measured."""
        if not self.environments:
            plan = Plan(self.judge.run, list(chosen), self.launches, module=self.module)
            with closing(Writer(self.judge.output)) as writer:
                for record in execute(plan, writer):
                    self.records.setdefault(record.case, []).append(record)
            self.environments = read(self.judge.output).environments
        return self.records.get(case, [])

    def told(self, name: str, records: Sequence[Record]) -> str:
        """What came of a case that is available, in words. Raises Broken and TooSlow."""
        for record in records:
            if record.status == "broken":
                raise Broken(f"{record.metric}: {record.reason}")
        timed = [record for record in records if record.metric in TOLD and record.values]
        if not timed:
            raise Broken("it was not measured")
        self.judge.lines.append(f"{name}: {units.quantity(summary_by_layout(timed).estimate, 's')}")
        return self.judge.hold(self.environments, timed)


def absence(records: Sequence[Record]) -> str:
    """Why a case is not available here; empty where it is."""
    absent = (record.reason for record in records if record.status == "unavailable" and record.metric in TOLD)
    return next(absent, "")


def cases_of(module: str, launches: int) -> dict[str, Case]:
    """Every case of the module's workloads by the name of its test, on the devices there are. Raises UsageError."""
    if launches < 1:
        raise UsageError(f"--torchpace-launches {launches}: a case needs one at least")
    there = [name for name, device in DEVICES.items() if not device.unavailable_reason()]
    return {f"{case.label} {case.device} {case.mode}": case for case in cases(load(module), Selection(devices=there))}
