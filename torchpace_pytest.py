"""pytest's plugin: the fixture `torchpace`, and `pytest --torchpace MODULE`, which runs a module's workloads as tests.

Every pytest run of an environment loads this file, so it imports nothing of ours before that is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bench.api.in_tests import Judge, Tested
    from bench.api.suite_items import Measured
    from bench.records.record import Case

JUDGE = pytest.StashKey["Judge"]()
LAUNCHES = 8  # of fewer, no interval between two runs is narrow enough to decide much


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of their own group, each with the project's name."""
    group = parser.getgroup("torchpace", "how long steps take (torchpace)")
    add = group.addoption
    add("--torchpace", metavar="MODULE", help="run the workloads of this module, and no other tests")
    add("--torchpace-launches", type=int, default=LAUNCHES, metavar="N",
        help=f"with --torchpace: fresh processes of every case (default {LAUNCHES})")  # fmt: skip
    add("--torchpace-output", type=Path, metavar="FILE.jsonl", help="where records go (default results/TIME.jsonl)")
    add("--torchpace-compare", type=Path, metavar="FILE",
        help="fail what is slower than it was in this file of records")  # fmt: skip
    add("--torchpace-slower-than", default="5%", metavar="SHARE", help="by more than this (default 5%%)")
    add("--torchpace-undecided", choices=("fail", "pass"), default="fail",
        help="what becomes of a test that cannot be decided (default: it fails)")  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Refuse what would time cases beside each other."""
    if config.getoption("--torchpace") and config.getoption("numprocesses", default=None):
        raise pytest.UsageError("torchpace: with --torchpace, leave -n out: what is timed is not to run beside others")


def judge_of(config: pytest.Config) -> Judge:
    """The session's judge, made when it is first asked for. Raises pytest.UsageError."""
    if JUDGE not in config.stash:
        import torchpace_first  # noqa: F401, PLC0415 - puts our packages before all others of their names
        from bench.api.in_tests import Judge  # noqa: PLC0415
        from bench.records.errors import UsageError  # noqa: PLC0415

        try:
            config.stash[JUDGE] = Judge.of({name: config.getoption(f"--torchpace-{name}") for name in (
                "output", "compare", "slower-than", "undecided"
            )})  # fmt: skip
        except UsageError as error:
            raise pytest.UsageError(f"torchpace: {error}") from error
    return config.stash[JUDGE]


class CaseItem(pytest.Item):
    """A case: passed, skipped where it is not available, failed where it is broken, or slower than before."""

    def __init__(self, *, case: Case, measured: Measured, **more: Any) -> None:
        super().__init__(**more)
        self.case, self.measured = case, measured

    def runtest(self) -> None:
        """Tell what came of the case; the bar of the run is seen though pytest keeps what tests print."""
        from bench.api.suite_items import absence  # noqa: PLC0415

        chosen = [each.case for each in self.session.items if isinstance(each, CaseItem)]
        capture = self.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            records = self.measured.of(self.case, chosen)
        if reason := absence(records):
            pytest.skip(reason)
        self.add_report_section("call", "torchpace", self.measured.told(self.name, records))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The reason alone: where in our files it was raised is nobody's concern."""
        if isinstance(excinfo.value, AssertionError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Which case it is."""
        return self.path, None, self.name


@pytest.fixture
def torchpace(request: pytest.FixtureRequest) -> Iterator[Tested]:
    """Measures functions: `torchpace.measure(step, at_most="2ms")`, `torchpace.compare(before=f, after=g)`."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        pytest.skip("what is timed is not to run beside other tests: run it without -n")
    judge = judge_of(request.config)  # before all imports of ours
    from bench.api.in_tests import Tested  # noqa: PLC0415

    tested = Tested(judge, request.node.nodeid)
    yield tested
    if said := tested.said:
        request.node.add_report_section("call", "torchpace", said)


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    """With --torchpace, nothing else is collected."""
    return True if config.getoption("--torchpace") else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --torchpace, the workloads' cases are the tests; -k and the like then choose among them."""
    module = config.getoption("--torchpace")
    if not module:
        return
    judge = judge_of(config)
    from bench.api.suite_items import Measured, cases_of  # noqa: PLC0415
    from bench.records.errors import UsageError  # noqa: PLC0415

    launches = config.getoption("--torchpace-launches")
    try:
        measured = Measured(judge, module, launches)
        items[:] = [
            CaseItem.from_parent(session, name=name, nodeid=name, case=case, measured=measured)
            for name, case in cases_of(module, launches).items()
        ]
    except UsageError as error:
        raise pytest.UsageError(f"torchpace: {error}") from error


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say where the records are, and what was measured."""
    if JUDGE in config.stash and (told := config.stash[JUDGE].summary()):
        terminalreporter.section("torchpace")
        terminalreporter.write_line(told)
