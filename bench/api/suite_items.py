"""The workloads of a module as tests: all are measured in one run; each case is a test that tells what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

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
    """The one run of all cases that are tests of a session, made when the first is asked for."""

    judge: Judge
    module: str
    launches: int
    records: dict[Case, list[Record]] = field(default_factory=dict)
    environments: Mapping[str, Environment] = field(default_factory=dict)

    def of(self, item: CaseItem) -> list[Record]:
        """The records of an item's case."""
        if not self.environments:
            self.measure([each.case for each in item.session.items if isinstance(each, CaseItem)], item.config)
        return self.records.get(item.case, [])

    def measure(self, chosen: list[Case], config: pytest.Config) -> None:
        """Measure all, with a bar that is seen though pytest keeps what tests print."""
        capture = config.pluginmanager.getplugin("capturemanager")
        plan = Plan(self.judge.run, chosen, self.launches, module=self.module)
        with (
            capture.global_and_fixture_disabled() if capture else nullcontext(),
            closing(Writer(self.judge.output)) as writer,
        ):
            for record in execute(plan, writer):
                self.records.setdefault(record.case, []).append(record)
        self.environments = read(self.judge.output).environments


class CaseItem(pytest.Item):
    """A case: passed, skipped where it is not available, failed where it is broken, or slower than before."""

    def __init__(self, *, case: Case, measured: Measured, **more: Any) -> None:
        super().__init__(**more)
        self.case, self.measured = case, measured

    def runtest(self) -> None:
        """Tell what came of the case."""
        records = self.measured.of(self)
        for record in records:
            if record.status == "broken":
                raise Broken(f"{record.metric}: {record.reason}")
            if record.status == "unavailable" and record.metric in TOLD:
                pytest.skip(record.reason)
        timed = [record for record in records if record.metric in TOLD]
        if not timed:
            raise Broken("it was not measured")
        judge = self.measured.judge
        judge.lines.append(f"{self.name}: {units.quantity(summary_by_layout(timed).estimate, 's')}")
        self.add_report_section("call", "torchpace", judge.hold(self.measured.environments, timed))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The reason alone: where in our files it was raised is nobody's concern."""
        if isinstance(excinfo.value, AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Which case it is."""
        return self.path, None, self.name


def items_of(session: pytest.Session, judge: Judge, module: str, launches: int) -> list[pytest.Item]:
    """A test for every case of the module's workloads. Raises UsageError."""
    if launches < 1:
        raise UsageError(f"--torchpace-launches {launches}: a case needs one at least")
    there = [name for name, device in DEVICES.items() if not device.unavailable_reason()]
    chosen = cases(load(module), Selection(devices=there))
    measured = Measured(judge, module, launches)
    return [
        CaseItem.from_parent(session, name=name, nodeid=name, case=case, measured=measured)
        for case in chosen
        for name in [f"{case.label} {case.device} {case.mode}"]
    ]
