"""Cases with ranks: what they measure, and that whoever fails says so and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch.distributed as dist

from bench.measure.passes import perform
from bench.measure.task import NO_RANKS, Task
from bench.measure.timer import SHORT
from bench.measure.turn_passes import groups
from bench.modes.variables import OPENMP_SETTINGS
from bench.ranks.joined import settings
from bench.ranks.launch_folder import LAUNCH
from bench.records.files import read
from bench.records.record import RANKS, Case, Record
from bench.runs.fresh import Launcher
from bench.runs.resume import is_finished
from bench.runs.run import measured
from bench.runs.world import cause, measured_by_ranks
from reports.topics.overview.known import distance_of
from tests.conftest import ROOT

MODULE = "tests.planted_ranks"  # not imported here: its workloads would be among the suite's in other tests
SLOW_S = 0.02  # as there
pytestmark = [
    pytest.mark.skipif(not dist.is_available(), reason="this torch has no torch.distributed"),
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks processes up in /proc"),
]


def case(what: str, ranks: int = 2) -> Case:
    return Case("planted.ranks", 1, (("ranks", ranks), ("what", what)), "cpu", "float32", "eager", 1)


def task(what: str, ranks: int = 2) -> Task:
    return Task(case(what, ranks), "time", 0, SHORT, module=MODULE)


def of_ranks() -> dict[int, str]:
    """Processes that serve ranks, by what they were started as."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_text().replace("\0", " ")
        except OSError:
            continue
        if "bench/ranks/" in line:
            found[int(path.parent.name)] = line
    return found


@pytest.fixture
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for what is temporary; afterwards there is nothing in it, and no process of a rank."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = set(of_ranks())
    yield tmp_path
    left = {pid: line for pid, line in of_ranks().items() if pid not in before and str(tmp_path) in line}
    assert not left
    assert not list(tmp_path.glob("torchpace-ranks-*"))


def test_cases_in_ranks_take_turns_and_a_step_takes_what_its_slowest_rank_does(nothing_left: Path) -> None:
    tasks = [task("slow", ranks) for ranks in (1, 2)]
    assert len(groups([each.case for each in tasks])) == 1
    records = measured(Launcher(60.0), *tasks)
    alone, both = (record for record in records if record.metric == "step_time")
    assert (alone.turns, both.turns) == (RANKS, RANKS)
    assert len(alone.values) == len(both.values)
    for record in (alone, both):
        assert min(record.values) >= SLOW_S
        assert statistics.median(record.values) < 1.5 * SLOW_S
        assert record.case.ranks == record.items == len(record.readings)
    by_rank = dict(both.readings)
    assert both.values == tuple(map(max, zip(*by_rank.values(), strict=True)))
    assert [record.metric for record in records].count("first_call") == 2


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("wrong", "rank 0: wrong answer: relative error"),
        ("raises", "rank 1: ValueError: planted in a rank"),
        ("dies", "rank 1: its process was ended by SIGKILL"),
        ("hangs", "did not finish within 3 s (--timeout); rank 1 is at"),
    ],
)
def test_a_rank_that_fails_says_why(what: str, said: str, nothing_left: Path) -> None:
    (record,) = measured_by_ranks([task(what)], 3.0)
    assert record.status == "broken"
    assert said in record.reason
    if what == "hangs":
        assert "planted_ranks.py" in record.reason
    if what == "dies":
        assert "last words of a rank" in record.reason


def test_of_cases_in_turns_the_sound_one_is_measured_alone(nothing_left: Path) -> None:
    records = measured_by_ranks([task("fine", 1), task("raises", 2)], 20.0)
    assert {(record.case.ranks, record.status) for record in records} == {(1, "measured"), (2, "broken")}


def test_what_is_not_available_takes_no_turns_from_the_others(nothing_left: Path) -> None:
    records = measured_by_ranks([task("absent"), task("fine", 1), task("fine", 2)], 20.0)
    absent, *fine = [record for record in records if record.metric == "step_time"]
    assert (absent.status, absent.reason) == ("unavailable", "planted")
    assert [(record.status, record.turns) for record in fine] == [("measured", RANKS)] * 2


def test_nothing_else_measures_ranks() -> None:
    point = (("ranks", 2), ("size", 1 << 14))
    (record,) = perform(Task(Case("distributed.all_reduce", 1, point, "cpu", "float32", "eager", 1), "time"))
    assert (record.status, record.reason) == ("unavailable", NO_RANKS)


@pytest.mark.parametrize("after_s", [0.5, 3.0, 5.0])
def test_a_run_that_is_killed_leaves_nothing(after_s: float, nothing_left: Path) -> None:
    program = (
        "from bench.runs.world import measured_by_ranks; from tests.bench.test_ranks import task\n"
        "print('begun', flush=True); measured_by_ranks([task('hangs')], 60.0)"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    time.sleep(after_s)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    until_s = time.monotonic() + 20.0
    while time.monotonic() < until_s and (
        list(nothing_left.glob("torchpace-ranks-*")) or any(str(nothing_left) in line for line in of_ranks().values())
    ):
        time.sleep(0.1)


def test_ranks_that_somebody_else_started_are_used(nothing_left: Path, tmp_path: Path) -> None:
    found = tmp_path / "found.jsonl"
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "bench.cli",
            "run", "planted.ranks", "--workloads", MODULE, "--axis", "what=fine,dies", "--axis", "ranks=2,4",
            "--device", "cpu", "--launches", "1", "-o", str(found),
        ],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    records = {dict(record.case.point)["what"]: [] for record in read(found).records}
    for record in read(found).records:
        if record.metric == "step_time":
            records[dict(record.case.point)["what"]].append((record.case.ranks, record.status, record.reason))
    assert (2, "measured", "") in records["fine"]
    assert (4, "unavailable", "it has 4 ranks, and 2 were started") in records["fine"]
    ((_, _, reason),) = [each for each in records["dies"] if each[0] == 2]
    assert reason.startswith("rank 1: its process was ended by SIGKILL")
    assert reason.endswith("its last words: last words of a rank")
    assert done.stdout.count("records in") == 1  # the first rank's alone


def test_who_was_the_cause_is_told_from_who_lost_it() -> None:
    lost = ("broken", "gloo: connection closed", True)
    said = {0: lost, 1: ("broken", "ValueError: mine", False)}
    found = cause(said, {0: 1, 1: 1}, lambda number, code: "")  # type: ignore[arg-type]
    assert str(found) == "rank 1: ValueError: mine"
    found = cause({0: lost, 1: None}, {0: 1, 1: -9}, lambda number, code: f"ended with {code}")  # type: ignore[dict-item]
    assert str(found) == "rank 1: ended with -9"
    assert str(cause({0: lost}, {0: 1}, lambda number, code: "")) == "rank 0: gloo: connection closed"  # type: ignore[dict-item]
    assert cause({}, {}, lambda number, code: "") is None


def test_records_of_ranks_can_be_read_again(tmp_path: Path) -> None:
    from bench.records.lines import parse_line, record_line

    record = Record(
        "r", "e", case("fine"), "step_time", values=(1.0, 2.0), turns=RANKS, readings=(("rank 0 s", (1.0, 2.0)),)
    )
    assert parse_line(record_line(record)) == record


def test_a_case_with_ranks_is_finished_without_what_is_not_counted_of_it() -> None:
    timed = [Record("r", "e", case("fine"), "step_time", values=(1.0,), launch=launch) for launch in range(2)]
    assert is_finished(timed, 2)
    assert not is_finished(timed[:1], 2)
    alone = replace(case("fine"), point=(("what", "fine"),))
    assert not is_finished([replace(record, case=alone) for record in timed], 2)


def test_cases_in_ranks_are_no_modes_of_each_other() -> None:
    """Launches of one case, and others that are known: no pair of modes is asked whether it is decided."""
    values = {("eager", 1): 1.0, ("eager", 2): 3.0, ("compile", 2): 2.0}
    records = [
        Record(
            "r", "e", replace(case("fine", ranks), mode=mode), "step_time", launch=launch, turns=RANKS,
            values=(seconds * (1 + 0.001 * launch),) * 2,
        )
        for (mode, ranks), seconds in values.items() for launch in range(8)
    ]  # fmt: skip
    own = [[record for record in records if record.case == each] for each in dict.fromkeys(r.case for r in records)]
    assert distance_of(records, 0.05) == max(distance_of(found, 0.05) for found in own)


def test_ranks_of_somebody_else_are_all_told_the_same() -> None:
    told = settings({"RANK": "1", "OMP_WAIT_POLICY": "ACTIVE"}, 3)
    assert told == {"RANK": "1", **OPENMP_SETTINGS, LAUNCH: "3"}


def test_a_torch_without_ranks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dist, "is_available", lambda: False)
    (record,) = measured_by_ranks([task("fine")], 1.0)
    assert (record.status, record.reason) == ("unavailable", "this torch is built without torch.distributed")
