"""Results that others' tools wrote, and several environments in one file: read as theirs, and all of them shown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from reports.read.sources import load, load_one
from tests.conftest import ROOT

DATA = ROOT / "tests" / "data" / "foreign"


def table(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["compare", *arguments]) == 0
    return capsys.readouterr().out


def rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(table(capsys, *arguments, "--format", "json"))
    return found


def test_benchmarks_whose_names_are_like_ours_are_read_as_theirs() -> None:
    records = load_one(DATA / "asv_same_method_names").records
    assert {record.case.workload for record in records} == {
        "bench_filter.Scaling.track_peak_memory", "bench_model.Serve.track_latency", "bench_model.Train.track_accuracy",
    }  # fmt: skip
    assert {record.metric for record in records} == {"tracked"}
    accuracy = {r.case.point: r.values for r in records if r.case.workload.endswith("accuracy")}
    assert accuracy == {
        (("param1", "resnet18"), ("param2", 16)): (0.91,), (("param1", "vit"), ("param2", 16)): (0.92,)
    }  # fmt: skip


def test_a_file_that_was_cut_off_is_passed_over_and_named() -> None:
    contents = load_one(DATA / "asv_one_cut_off")
    assert [record.values for record in contents.records] == [(0.00025,), (0.0003,)]
    (warning,) = contents.warnings
    assert "bbbbbbbb-virtualenv-py3.12.json is not JSON: Unterminated string" in warning


def test_infinity_is_not_measured() -> None:
    first, second = load_one(DATA / "asv_own_infinite").records
    assert (first.status, first.reason) == (
        "unavailable",
        "asv stored a value that is not finite, or a time or memory below 0",
    )
    assert second.values == (0.0002,)


def test_every_environment_of_a_file_is_in_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    for name, settings in (
        ("two_runs.jsonl", ("torch 2.8.0", "torch 2.9.0")),
        ("asv_two_environments", ("torch 2.8", "torch 2.9")),
        ("asv_own_two_commits", ("commit aaaaaaaaaa", "commit bbbbbbbbbb")),
    ):
        text = table(capsys, str(DATA / name))
        steps = text.partition("Steps\n=====")[2]
        assert all(steps.count(setting) >= 1 for setting in settings), text
        found = [row for row in rows(capsys, str(DATA / name)) if row["metric"] == "step_time"]
        assert {row["setting"] for row in found} == set(settings)
        assert len({(row["torch"], row["commit"]) for row in found}) == 2
        assert len({row["environment"] for row in found}) == 2


def test_modes_are_compared_within_each_environment(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, str(DATA / "asv_two_environments"), "--by", "mode")
    assert [(row["setting"], round(row["ratio"], 3)) for row in found] == [("torch 2.8", 1.2), ("torch 2.9", 0.6)]
    assert {row["confidence"] for row in found} == {0.95}


def test_two_files_compared_by_mode_are_two_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (DATA / "two_runs.jsonl").read_text().splitlines()
    (tmp_path / "eager.jsonl").write_text("\n".join(line for line in lines if "093db689d690" in line))
    compiled = [line.replace('"eager"', '"compile"') for line in lines if "093db689d691" in line]
    (tmp_path / "compiled.jsonl").write_text("\n".join(compiled))
    found = rows(capsys, str(tmp_path / "eager.jsonl"), str(tmp_path / "compiled.jsonl"), "--by", "mode")
    (step,) = (row for row in found if row["metric"] == "step_time")
    assert step["confidence"] == 0.99


def test_many_environments_leave_the_newest_and_a_line_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (source,) = (DATA / "asv_two_environments").glob("*/*2.8.json")
    for number in range(6):
        text = (
            source.read_text().replace("b" * 40, f"{number}" * 40).replace("1786894813000", f"{1786894813000 + number}")
        )
        (tmp_path / f"{5 - number}.json").write_text(text)
    text = table(capsys, str(tmp_path))
    assert "Measured in 6 settings, of which the newest 4 are shown (commit 2222222222; " in text
    assert "commit 1111111111" not in text
    assert len({row["commit"] for row in rows(capsys, str(tmp_path))}) == 6
    other = shutil.copytree(DATA / "asv_two_environments", tmp_path / "other")
    assert "other: measured in 2 settings (torch 2.8; torch 2.9); those that the other side has" in table(
        capsys, str(source), str(other)
    )


def test_a_mode_that_is_not_the_usual_one_is_a_column(capsys: pytest.CaptureFixture[str]) -> None:
    steps = table(capsys, str(DATA / "only_compiled.jsonl")).partition("Steps\n=====")[2]
    lines = [line for line in steps.splitlines() if line.startswith(("changing", "unsupported"))]
    assert len(lines) == 2
    assert all(" compile " in line for line in lines)


def test_any_file_of_pytest_benchmark_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    params = load_one(DATA / "pytest_params.json").records
    assert [(record.case.workload, dict(record.case.point)) for record in params] == [
        ("tests/test_a.py::test_norm", {"impl": name, "dtype": "float32"}) for name in ("A", "B")
    ]
    (text,) = load_one(DATA / "pytest_case_is_text.json").records
    assert (text.case.workload, text.values) == ("tests/test_a.py::test_encode[10]", (0.0014,))
    assert text.data == "case=encode/10, impl=fast, params={'n': 10}"
    assert "impl=fast" in table(capsys, str(DATA / "pytest_case_is_text.json"))
    (none,) = load_one(DATA / "pytest_no_machine.json").records
    assert none.case.workload == "tests/test_a.py::test_a"
    (own,) = load_one(DATA / "pytest_own.json").records
    assert (own.case.label, own.case.device, own.items) == ("modules.mlp(batch=64)", "cpu", 64)


def test_the_page_does_not_call_somebodys_benchmarks_compiled(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert main(["report", str(DATA / "pytest_params.json"), "-o", str(page)]) == 0
    text = page.read_text()
    assert "no compiled case was measured" in text
    assert "2 cases measured." in text


def test_a_file_against_itself_differs_in_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(DATA / "pytest_own.json")
    text = table(capsys, path, path)
    assert "(!)" not in text
    assert "differs" not in text


def test_facts_that_somebody_wrote_into_a_file_are_those_of_its_records() -> None:
    contents = load_one(DATA / "two_runs.jsonl")
    assert {record.environment for record in contents.records} == set(contents.environments)


@pytest.mark.parametrize("metric", ["", "process_memory"])
def test_a_folder_of_old_results_is_a_history(tmp_path: Path, capsys: pytest.CaptureFixture[str], metric: str) -> None:
    """The first version of asv's format: values alone or in tables; benchmarks.json says what they are."""
    described = {
        "suite.time_sort": {"type": "time", "unit": "seconds", "param_names": ["n"]},
        "suite.odd_name": {"type": "peakmemory", "unit": "bytes"}, "version": 1,
    }  # fmt: skip
    (tmp_path / "benchmarks.json").write_text(json.dumps(described))
    for number in range(10):
        slow = 2.0 if number >= 5 else 1.0
        wander = 1 + 0.001 * (number * 7 % 5)
        body = {
            "version": 1, "commit_hash": f"{number:040x}", "date": 1_700_000_000_000 + 1000 * number, "python": "2.7",
            "params": {"machine": f"runner{number}", "cpu": "A CPU", "num_cpu": "2", "ram": "8000000"},
            "requirements": {}, "results": {
                "suite.time_sort": {"params": [["10", "20"]], "result": [1e-3 * slow * wander, None]},
                "suite.peakmem_sort": 1e6 * slow * wander,
            },
        }  # fmt: skip
        (tmp_path / f"{number}.json").write_text(json.dumps(body))
    arguments = ["--metric", metric] if metric else []
    assert main(["history", str(tmp_path), *arguments, "--format", "json"]) == 0
    found = {case["workload"]: case for case in json.loads(capsys.readouterr().out) if not case["too_few"]}
    (case,) = found.values()
    assert case["workload"] == ("suite.peakmem_sort" if metric else "suite.time_sort")
    (change,) = case["changes"]
    assert change["after"] == f"{5:040x}"
    assert change["ratio"] == pytest.approx(2, rel=0.01)


def test_sources_of_every_kind_stand_beside_each_other() -> None:
    names = ("asv_own_two_commits", "pytest_params.json", "two_runs.jsonl")
    contents = load([DATA / name for name in names])
    assert {record.run for record in contents.records} == {
        "asv", "2026-01-01T00:00:00", "2026-01-02T00:00:00",
    }  # fmt: skip
