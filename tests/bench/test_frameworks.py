"""Frameworks side by side: what is measured of them, and that whoever is unfair, fails or is absent says so."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cli import main
from bench.frameworks.judged import SPARE_THREADS, too_busy
from bench.frameworks.messages import Turn
from bench.frameworks.process import FILES
from bench.frameworks.side_by_side import Frameworks
from bench.measure.passes import perform
from bench.measure.task import Task
from bench.measure.turn_passes import groups, title
from bench.records.files import read
from bench.records.lines import parse_line, record_line
from bench.records.record import FRAMEWORKS, Case, Record
from bench.runs.resume import is_finished
from tests.conftest import ROOT
from workloads.frameworks.registered import ELSEWHERE

PLANTED = str(ROOT / "tests" / "planted_frameworks.py")
SIZE = 128
pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")


@pytest.fixture
def frameworks() -> Iterator[Frameworks]:
    found = Frameworks(timeout_s=60.0)
    yield found
    found.close()
    assert all(host.process.poll() is not None for host in found.hosts)


def case(framework: str, how: str = "eager", workload: str = "matmul", **changes: object) -> Case:
    axis = ("size", SIZE) if workload == "matmul" else ("rows", 64)
    point = (axis, ("framework", framework), ("how", how))
    return replace(Case(f"frameworks.{workload}", 1, point, "cpu", "float32", "eager", 1), **changes)  # type: ignore[arg-type]


def measured(frameworks: Frameworks, *cases: Case) -> list[Record]:
    """The records of step times."""
    tasks = [Task(each, "time") for each in cases]
    return [record for record in frameworks.measured(tasks) if record.metric == "step_time"]


def test_frameworks_take_turns_each_in_a_process_of_its_own(frameworks: Frameworks) -> None:
    cases = [case("torch"), case("numpy")]
    assert len(groups(cases)) == 1
    assert title(cases).startswith("frameworks.matmul: 2 in turns")
    records = frameworks.measured([Task(each, "time", launch=3) for each in cases])
    assert [record.metric for record in records] == ["step_time", "first_call", "process_memory"] * 2
    torch, numpy = records[0], records[3]
    assert torch.turns == numpy.turns == FRAMEWORKS
    assert len(torch.values) == len(numpy.values) >= 5
    assert (dict(torch.facts)["precision"], dict(numpy.facts)["precision"]) == ("float32", "float32")
    assert "layout" not in dict(torch.facts)  # a product has no images
    assert records[2].values[0] > 2 * records[5].values[0]  # torch itself is in its process, and not in NumPy's
    assert {(record.launch, record.items) for record in records} == {(3, SIZE * SIZE)}
    for record in records:
        assert parse_line(record_line(replace(record, run="r", environment="e"))) == replace(
            record, run="r", environment="e"
        )


def test_no_two_launches_of_a_case_are_of_one_generation(frameworks: Frameworks) -> None:
    measured(frameworks, case("numpy"))
    first = frameworks.hosts[0].process.pid
    measured(frameworks, case("numpy", workload="softmax"))
    assert [host.process.pid for host in frameworks.hosts] == [first]
    measured(frameworks, case("numpy"))
    assert first not in [host.process.pid for host in frameworks.hosts]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("one_more_thread", r"not believed: it kept [12]\.\d threads busy where 1 was given"),
        ("bfloat16", "wrong answer: relative error 0.00"),
        ("tf32", "wrong answer: relative error 0.000"),
        ("cached", "not believed: given other numbers, the answer stayed the same"),
        ("cached_by_batch", "not believed: with numbers that it had not seen a step took .* times as long"),
        ("raises", "ValueError: planted in a framework at planted_frameworks.py"),
        ("dies", "its process was ended by SIGKILL.*; its last words: .*last words of a framework"),
    ],
)
def test_what_is_not_fair_is_found_and_the_others_go_on(frameworks: Frameworks, how: str, said: str) -> None:
    size = (("size", 512),)  # large enough for a second thread to be seen
    cases = [replace(each, point=size + each.point[1:]) for each in (case("numpy"), case(PLANTED, how))]
    fair, unfair = measured(frameworks, *cases)
    assert (fair.status, fair.reason) == ("measured", "")
    assert unfair.status == "broken"
    assert re.search(said, unfair.reason), unfair.reason


def test_the_same_file_without_anything_unfair_is_measured(frameworks: Frameworks) -> None:
    fair, again = measured(frameworks, case("numpy"), case(PLANTED, "fair"))
    assert [fair.status, again.status] == ["measured"] * 2, again.reason


def test_who_hangs_is_ended() -> None:
    frameworks = Frameworks(timeout_s=5.0)
    (record,) = measured(frameworks, case(PLANTED, "hangs"))
    assert (record.status, record.reason) == ("broken", "did not answer within 5 s (--timeout)")
    frameworks.close()


def test_what_is_not_there_says_why(frameworks: Frameworks, tmp_path: Path) -> None:
    absent = tmp_path / "absent.py"
    shutil.copy(PLANTED, absent)
    (record,) = measured(frameworks, case(str(absent), "fair"))
    assert (record.status, record.reason) == (
        "unavailable", "surely_not_there is not installed: pip install 'torchpace[frameworks]'",
    )  # fmt: skip
    other, none, mode, dtype = measured(
        frameworks, case("numpy", "jit"), case("onnxruntime", "session"),
        case("numpy", mode="compile"), case("numpy", dtype="bfloat16"),
    )  # fmt: skip
    assert (other.status, other.reason) == ("unavailable", "numpy is used in these ways: eager; not jit")
    assert none.status == "unavailable"
    assert mode.reason == "frameworks are compared with mode eager"
    assert dtype.reason == "frameworks are compared with dtype float32"
    (broken,) = measured(frameworks, case(str(tmp_path / "none.py"), "fair"))
    assert broken.status == "broken"


def test_threads_that_wait_count_where_a_busy_machine_hides_them() -> None:
    alone, handed = Turn(1.0, 1.0, 1.0), Turn(1.0, 1.0, 1.0 + SPARE_THREADS)
    assert not too_busy([alone, handed], 1)
    assert too_busy([Turn(1.0, 1.9, 2.0)] * 5, 1) == "not believed: it kept 2.0 threads busy where 1 was given"
    assert too_busy([Turn(1.0, 1.0, 2.0)] * 5, 1)
    assert not too_busy([Turn(1.0, 1.9, 2.0)] * 5, 2)


def test_nothing_else_measures_them() -> None:
    (record,) = perform(Task(case("torch"), "time"))
    assert (record.status, record.reason) == ("unavailable", ELSEWHERE)
    timed = [Record("r", "e", case("torch"), "step_time", values=(1.0,), launch=launch) for launch in range(2)]
    assert is_finished(timed, 2)
    own = replace(case("torch"), workload="mine.matmul")
    assert (own.framework, own.is_apart) == ("", False)  # somebody's own axes


def test_a_run_stores_them_and_compare_shows_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(tmp_path / "found.jsonl")
    chosen = ("frameworks.matmul(*framework=[nt][ue][mn]*", "frameworks.matmul(*framework=[tn][ou][rm]*how=eager)")
    assert main(["run", *chosen, "--device", "cpu", "--launches", "2", "-o", path]) == 0
    capsys.readouterr()
    records = read(Path(path)).records
    assert {record.case.framework for record in records if record.status == "measured"} >= {"torch", "numpy"}
    for record in records:
        if record.status != "measured":
            assert importlib.util.find_spec("tensorflow") is None
            assert record.reason == "tensorflow is not installed: pip install 'torchpace[frameworks]'"
    assert main(["compare", path, "--by", "framework"]) == 0
    said = capsys.readouterr().out
    for words in ("/ torch eager [95 %]", "first call", "process memory", "busy threads", "frameworks.matmul"):
        assert words in said
    assert main(["compare", path, "--by", "framework", "--fail-slower", "5%"]) == 2
    assert main(["compare", path, "--by", "framework", "--format", "json"]) == 0


def test_every_framework_has_its_file() -> None:
    folder = ROOT / "workloads" / "frameworks"
    assert {f"{name}.py" for name in FILES.values()} == {path.name for path in folder.glob("with_*.py")}


def served() -> dict[int, int]:
    """Processes of frameworks, and those that they forked, each with the process that started it."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if "frameworks/served.py" in path.read_text().replace("\0", " "):
                status = (path.parent / "status").read_text()
                found[int(path.parent.name)] = int(status.partition("PPid:")[2].split()[0])
    return found


def started_by(process: int) -> set[int]:
    """Those that a process started, and those that these did: other tests have some of their own."""
    now = served()
    own = {child for child, parent in now.items() if parent == process}
    return own | {child for child, parent in now.items() if parent in own}


def test_a_run_that_is_killed_leaves_nothing() -> None:
    program = (
        "from tests.bench.test_frameworks import *; found = Frameworks(60.0)\n"
        "print('begun', flush=True); measured(found, case('torch'), case(PLANTED, 'hangs'))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    until_s = time.monotonic() + 30.0
    while time.monotonic() < until_s and len(started_by(process.pid)) < 4:  # two that imported, and a step of each
        time.sleep(0.1)
    mine = started_by(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    while time.monotonic() < until_s and served().keys() & mine:
        time.sleep(0.1)
    assert len(mine) >= 4
    assert not served().keys() & mine
