"""What several environments, versions and machines in one place must not become: one figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from reports.format import units
from reports.read.sources import load, load_one
from tests.conftest import ROOT

COMMITS = 10
PYTEST = json.loads((ROOT / "tests" / "data" / "foreign" / "pytest_params.json").read_text())


def asv(folder: Path, commit: int, results: dict[str, Any], name: str = "e", **fields: Any) -> None:
    """A commit's results as asv stores them, in its second version of the format."""
    body = {
        "commit_hash": f"{commit:040x}", "date": 1_700_000_000_000 + 1000 * commit, "env_name": name, "python": "3.12",
        "params": {"machine": "box", "cpu": "A CPU", "num_cpu": "8", "ram": "16000000"}, "requirements": {},
        "env_vars": {}, "result_columns": ["result", "params", "version"], "results": results, "version": 2, **fields,
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / f"{commit}-{name}.json").write_text(json.dumps(body))


def timed(seconds: float, version: str = "v1") -> dict[str, Any]:
    return {"b.time_x": [[seconds], [], version]}


def shown(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def rows(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shown(capsys, *arguments, "--format", "json"))
    return found


def test_environments_of_another_name_are_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seconds in (("venv-torch28", 1.0), ("venv-torch29", 3.0)):
        asv(tmp_path / "r", 1, timed(seconds), name)
    found = rows(capsys, "compare", tmp_path / "r")
    assert [(row["setting"], row["base"]) for row in found] == [
        ("environment venv-torch28", 1.0), ("environment venv-torch29", 3.0),
    ]  # fmt: skip


def test_another_version_of_a_benchmark_is_in_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asv(tmp_path / "r", 1, timed(1.0, "v1"))
    asv(tmp_path / "r", 2, timed(5.0, "v2"))
    steps = shown(capsys, "compare", tmp_path / "r").partition("Steps\n=====")[2]
    assert "1.00 s" in steps
    assert "5.00 s" in steps


def test_environments_side_by_side_are_series_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for commit in range(COMMITS):
        wander = 1 + 0.001 * (commit * 7 % 5)
        asv(tmp_path / "r", commit, timed(1.0 * wander), "a", python="3.11")
        if commit < COMMITS // 2:
            asv(tmp_path / "r", commit, timed(3.0 * wander), "b", python="3.12")
    found = rows(capsys, "history", tmp_path / "r")
    assert sorted((series["torch"], len(series["points"])) for series in found) == [
        ("Python 3.11", COMMITS), ("Python 3.12", COMMITS // 2),
    ]  # fmt: skip
    assert all(series["changes"] == [] for series in found)


def test_of_what_is_tracked_it_is_not_known_which_way_is_better(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "benchmarks.json").write_text(json.dumps({"b.track_s": {"type": "track", "unit": "s"}}))
    for commit in range(COMMITS):
        value = (2.0 if commit >= COMMITS // 2 else 1.0) * (1 + 0.001 * (commit * 7 % 5))
        asv(tmp_path / "r", commit, {"b.track_s": [[value], [], "v1"], "b.track_loss": [[-value], [], "v1"]})
    (series,) = rows(capsys, "history", tmp_path / "r", "--metric", "tracked [s]")
    assert [change["verdict"] for change in series["changes"]] == ["changed"]
    assert "n/a: not above 0" in shown(capsys, "history", tmp_path / "r", "--metric", "tracked")


def test_requirements_of_pip_are_packages_and_names_belong_to_as_many_parameters(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    described = {"b.time_x": {"type": "time", "param_names": ["device", "n"]}}
    (tmp_path / "r" / "benchmarks.json").write_text(json.dumps(described))
    asv(tmp_path / "r", 1, {"b.time_x": [[1.0], [["100"]], "v1"]}, requirements={"pip+torch": "2.8"})
    contents = load_one(tmp_path / "r")
    (environment,) = contents.environments.values()
    assert environment.get("torch") == "2.8"
    assert dict(contents.records[0].case.point) == {"param1": 100}


def test_runs_outside_of_a_repository_and_of_uncommitted_changes_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, commit in enumerate(("unversioned", "unversioned")):
        body = {**PYTEST, "datetime": f"2026-01-0{number + 1}T00:00:00", "commit_info": {"id": commit, "dirty": False}}
        (tmp_path / f"{number}.json").write_text(json.dumps(body))
    contents = load_one(tmp_path)
    assert len(contents.environments) == 2
    assert all(environment.get("commit") is None for environment in contents.environments.values())
    assert len({row["setting"] for row in rows(capsys, "compare", tmp_path)}) == 2


def test_an_object_in_a_parameter_is_the_same_in_every_run(tmp_path: Path) -> None:
    cases = []
    for number, address in enumerate(("0x7f01", "0x7f02")):
        body = json.loads(json.dumps(PYTEST))
        body["benchmarks"][0]["params"] = {"f": f"UNSERIALIZABLE[<function f at {address}>]"}
        (tmp_path / f"{number}.json").write_text(json.dumps(body))
        cases.append(load([tmp_path / f"{number}.json"]).records[0].case)
    assert cases[0] == cases[1]
    assert cases[0].workload == "tests/test_a.py::test_norm[A-float32]"


def test_parameters_that_read_alike_are_two_cases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = json.loads(json.dumps(PYTEST))
    body["benchmarks"] = [
        {**body["benchmarks"][0], "fullname": f"t.py::test_v[{id}]", "params": {"v": value}}
        for id, value in (
            ("1", 1),
            ("True", True),
            ("1.0", 1.0),
            ("s", "1"),
            ("None", None),
            ("n", "None"),
            ("t", [1, 2]),
        )
    ]
    (tmp_path / "p.json").write_text(json.dumps(body))
    assert len({row["workload"] + row["point"] for row in rows(capsys, "compare", tmp_path / "p.json")}) == 7
    asv(tmp_path / "r", 1, {"b.time_x": [[1.0, 2.0], [["1", "'1'"]], "v1"]})
    found = rows(capsys, "compare", tmp_path / "r")
    assert [row["point"] for row in found] == ["param1=1", "param1='1'"]


def test_machines_of_both_sides_are_compared_with_themselves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for side, slower in (("a", 1.0), ("b", 2.0)):
        for cpu, seconds in (("One", 1.0 * slower), ("Two", 5.0)):
            machine = {"machine": cpu, "cpu": cpu, "num_cpu": "8", "ram": "16000000"}
            asv(tmp_path / side, 1, timed(seconds), cpu, params=machine)
    found = rows(capsys, "compare", tmp_path / "a", tmp_path / "b")
    assert sorted(row["ratio"] for row in found) == [1.0, 2.0]


def test_an_empty_result_says_so_instead_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asv(tmp_path / "r", 1, {"b.time_x": [[float("nan")], [], "v1"]})
    assert "asv has no value for it: not selected, skipped" in shown(capsys, "compare", tmp_path / "r")
    asv(tmp_path / "s", 1, {})
    assert main(["compare", str(tmp_path / "s")]) == 2
    assert "holds no result that was measured" in capsys.readouterr().err


@pytest.mark.parametrize(("unit", "text"), [("ms", "5.00 ms"), ("%", "5.00 %"), ("MB", "5.00 MB"), ("m", "5.00 m")])
def test_a_unit_that_has_a_prefix_takes_no_other(unit: str, text: str) -> None:
    assert units.quantity(5.0, unit) == text


def test_values_that_nobody_kept_by_process_ask_for_no_more_launches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = json.loads(json.dumps(PYTEST))
    for benchmark in body["benchmarks"]:
        benchmark["stats"]["data"] = [1.0, 1.5, 1.0, 1.6, 1.0, 1.4, 1.7, 1.1, 1.0, 1.3]
    (tmp_path / "p.json").write_text(json.dumps(body))
    text = shown(capsys, "compare", tmp_path / "p.json")
    assert "launches" not in text
    assert "its values were not kept process by process" in text
