"""Instructions as Valgrind counts them: its requests, its files, and what is said where it cannot be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.counts import callgrind
from bench.counts.instructions import NoCounter
from bench.gate import valgrind
from bench.gate.lanes import Gate
from bench.gate.revisions import Side
from bench.records.record import Case, Record
from tests.conftest import ROOT

CASE = Case("toy.loops", 1, (), "cpu", "float32", "eager", 1)
COUNTING = """
import bench.preload.watched
from bench.counts.callgrind import CallgrindCounter

counter = CallgrindCounter()


def loop(turns):
    def run():
        for _ in range(turns):
            pass
    return run


for turns in (1000, 1000, 2000, 3000):
    loop(turns)()
    print(counter.count(loop(turns), 3))
print(counter.count(lambda: None, 0))
"""


def can_count() -> str:
    """Why Valgrind cannot count here; empty where it can."""
    try:
        callgrind.command(Path())
    except NoCounter as why:
        return str(why)
    return ""


@pytest.mark.skipif(bool(can_count()), reason=can_count())
def test_what_is_counted_grows_with_what_is_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [*callgrind.command(tmp_path), sys.executable, "-S", "-c", COUNTING],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", callgrind.FOLDER: str(tmp_path)},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    one, again, two, three, nothing = map(int, done.stdout.split())
    assert again == pytest.approx(one, rel=0.003)
    assert three - two == pytest.approx(two - one, rel=0.01)
    assert two - one > 3 * 1000  # a turn of a loop takes some instructions
    assert nothing < 0.01 * one
    assert not [path for path in tmp_path.iterdir() if path.stat().st_size > 0 and "." in path.name]  # read and removed


def test_a_process_that_valgrind_does_not_run_has_no_counter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(NoCounter, match="does not run under Valgrind"):
        callgrind.CallgrindCounter()
    if sys.platform == "linux" and os.uname().machine == "x86_64":
        monkeypatch.setenv(callgrind.FOLDER, str(tmp_path))  # told so, and yet not: the requests are harmless
        with pytest.raises(NoCounter, match="does not run under Valgrind"):
            callgrind.CallgrindCounter()


@pytest.mark.parametrize(("text", "why"), [("", "without a total"), (None, "wrote no count")])
def test_a_file_without_a_count_is_no_count(tmp_path: Path, text: str | None, why: str) -> None:
    path = tmp_path / "12.1"
    if text is not None:
        path.write_text(text)
    with pytest.raises(NoCounter, match=why):
        callgrind.total(path)
    path.write_text("version: 1\nevents: Ir\n\ntotals: 12345\n")
    assert callgrind.total(path) == 12345
    assert not path.exists()


def test_without_valgrind_every_case_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    side = Side("base", "base", "", "", tmp_path, sys.executable, tmp_path)
    gate = Gate("gate", {"base": side, "head": replace(side, name="head")})
    kept: list[Record] = []
    cases = {name: [CASE, replace(CASE, device="cuda"), replace(CASE, mode="compile"), replace(CASE, threads=2)]
             for name in gate.sides}  # fmt: skip
    valgrind.count_instructions(gate, cases, lambda name, case, records: kept.extend(records))
    assert len(kept) == 8
    assert {record.status for record in kept} == {"unavailable"}
    reasons = {(record.case.device, record.case.mode, record.case.threads): record.reason for record in kept}
    assert "device" in reasons["cuda", "eager", 1]
    assert "minutes" in reasons["cpu", "compile", 1]
    assert "threads" in reasons["cpu", "eager", 2]
    assert "Valgrind" in reasons["cpu", "eager", 1] or "valgrind is not installed" in reasons["cpu", "eager", 1]
