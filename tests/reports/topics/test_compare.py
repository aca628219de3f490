"""`torchpace compare`: tables, JSON and warnings from stored records."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from bench.records.metrics import VARIES
from reports.topics.compare.section import tables
from tests.conftest import ROOT
from tests.reports import stored
from tests.reports.asked import material_of
from tests.reports.golden import kept

REQUIRED = (
    "workload", "point", "device", "dtype", "mode", "metric", "unit", "base", "head", "ratio", "ratio_low",
    "ratio_high", "verdict", "warnings",
)  # fmt: skip


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["compare", *arguments]) == 0
    return capsys.readouterr().out


def rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[tuple[str, str, str], dict[str, Any]]:
    found = json.loads(output(capsys, *arguments, "--format", "json"))
    return {(row["workload"], row["mode"], row["metric"]): row for row in found if row["device"] == "cpu"}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("overview", ["a.jsonl"]),
        ("overview_markdown", ["a.jsonl", "--format", "markdown"]),
        ("two_runs", ["a.jsonl", "b.jsonl"]),
        ("by_mode", ["a.jsonl", "--by", "mode"]),
    ],
)
def test_golden_tables(folder: Path, capsys: pytest.CaptureFixture[str], name: str, arguments: list[str]) -> None:
    text = output(capsys, *arguments)
    assert text == kept(name, text)


def test_every_json_row_has_what_it_must(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["a.jsonl"], ["a.jsonl", "b.jsonl"], ["a.jsonl", "--by", "mode"], ["a.jsonl", "--by", "device"]):
        found = json.loads(output(capsys, *arguments, "--format", "json"))
        assert found
        assert all(set(REQUIRED) <= set(row) for row in found)


def test_derived_figures_are_right(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, "a.jsonl")
    assert found["mnist.train", "eager", "step_time"]["base"] == pytest.approx(20e-3, rel=0.01)
    assert found["mnist.train", "eager", "throughput"]["base"] == pytest.approx(64 / 20e-3, rel=0.01)
    gained = found["mnist.train", "compile", "speedup"]
    assert gained["ratio"] == pytest.approx(2.0, rel=0.01)
    assert gained["ratio_low"] < 2 < gained["ratio_high"]
    assert gained["verdict"] == "faster"
    steps = found["mnist.train", "compile", "break_even_steps"]
    assert steps["head"] == pytest.approx((12 - 0.030) / 10e-3, rel=0.02)
    never = found["mnist.infer", "compile", "break_even_steps"]
    assert (never["head"], never["verdict"]) == (None, "never")
    assert found["mnist.infer", "compile", "speedup"]["verdict"] == "slower"


def test_two_runs_are_told_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, "a.jsonl", "b.jsonl")
    slower = found["mnist.train", "eager", "step_time"]
    assert slower["verdict"] == "slower"
    assert slower["ratio_low"] < 1.2 < slower["ratio_high"]
    assert found["mnist.train", "eager", "throughput"]["ratio"] == pytest.approx(1 / 1.2, rel=0.01)
    assert found["mnist.infer", "eager", "step_time"]["verdict"] == "same"
    assert found["mnist.train", "eager", "peak_memory"]["verdict"] == "worse"
    assert found["mnist.infer", "eager", "peak_memory"]["verdict"] == "same"
    assert found["new.case", "eager", "step_time"]["verdict"] == "missing"
    assert found["data.load", "eager", "step_time"]["verdict"] == "broken"


def test_what_differs_besides_is_a_warning(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, "a.jsonl", "b.jsonl")
    assert "torch differs: 2.15.0 and 2.16.0" in found["mnist.train", "eager", "step_time"]["warnings"]
    assert "threads differ: 1 and 2" in found["mnist.infer", "eager", "step_time"]["warnings"]
    merged = Path("ab.jsonl")
    merged.write_text(Path("a.jsonl").read_text() + Path("b.jsonl").read_text())
    by_torch = rows(capsys, "ab.jsonl", "--by", "torch")
    assert not any("torch differs" in w for w in by_torch["mnist.train", "eager", "step_time"]["warnings"])
    assert by_torch["mnist.train", "eager", "step_time"]["verdict"] == "slower"


def test_only_what_differs_is_marked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    once = stored.record(stored.case("mnist.train"), "step_time", (20e-3, 21e-3, 20e-3))
    stored.store(Path("c.jsonl"), once)
    stored.store(Path("d.jsonl"), once)
    alike = output(capsys, "c.jsonl", "d.jsonl")
    assert "undecided" in alike
    assert "each side needs two processes or more" in alike
    assert "(!)" not in alike
    stored.store(Path("d.jsonl"), once, governor="powersave")
    differing = output(capsys, "c.jsonl", "d.jsonl")
    assert "Something else differs in all of them" in differing
    assert "(!)" not in differing  # a mark on everything says nothing


def test_another_version_of_a_workload_is_not_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = stored.record(stored.case("mnist.train", version=2), "step_time", *stored.times(24e-3))
    stored.store(Path("c.jsonl"), changed)
    row = rows(capsys, "a.jsonl", "c.jsonl")["mnist.train", "eager", "step_time"]
    assert row["ratio"] is None
    assert "changed from version 1 to 2" in row["reason"]


def test_csv_has_the_same_rows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = list(csv.DictReader(io.StringIO(output(capsys, "a.jsonl", "--format", "csv"))))
    assert len(table) == len(json.loads(output(capsys, "a.jsonl", "--format", "json")))
    assert float(table[0]["base"]) == pytest.approx(20e-3, rel=0.01)


def test_cells_hold_a_ratio_or_a_reason(folder: Path) -> None:
    runs, modes, devices = tables(material_of("a.jsonl", "b.jsonl"))
    cells = {line.name: line.cells for line in runs.lines}
    slower = cells["mnist.train(batch=64)"][0]
    assert slower
    assert (slower.verdict, slower.figures) == ("slower", "20.0 ms → 24.0 ms")
    assert slower.low < 1.2 < slower.high
    missing = cells["new.case(batch=64)"][0]
    assert missing
    assert (missing.ratio, missing.reason) == (None, "a.jsonl: not measured")
    assert "torch differs: 2.15.0 and 2.16.0" in runs.everywhere
    assert [cell.verdict for line in modes.lines for cell in line.cells if cell] == ["faster", "slower"]
    assert devices.absent == "cuda: torch finds no CUDA device; mps: no figure here was taken there"


def test_devices_stand_side_by_side_where_there_are_several(folder: Path) -> None:
    cuda = stored.record(stored.case("mnist.train", device="cuda"), "step_time", *stored.times(2e-3))
    stored.store(Path("gpu.jsonl"), [*stored.first_run()[:3], *cuda])
    devices = tables(material_of("gpu.jsonl"))[2]
    assert devices.columns == ("cuda · eager",)
    (cell,) = devices.lines[0].cells
    assert cell
    assert (cell.verdict, cell.figures) == ("faster", "20.0 ms → 2.00 ms")
    assert devices.absent == "mps: no figure here was taken there"


def test_a_device_of_another_name_stands_beside_the_known_ones_or_says_why_not(folder: Path) -> None:
    measured = stored.record(stored.case("mnist.train", device="npu"), "step_time", *stored.times(2e-3))
    lacking = replace(measured[0], case=stored.case("mnist.train", device="tpu"), status="unavailable", reason="no tpu")
    stored.store(Path("others.jsonl"), [*stored.first_run()[:3], *measured, replace(lacking, values=())])
    devices = tables(material_of("others.jsonl"))[2]
    assert devices.columns == ("npu · eager",)
    assert devices.absent == "cuda, mps: no figure here was taken there; tpu: no tpu"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["missing.jsonl"], "cannot read missing.jsonl: No such file"),
        (["a.jsonl", "--by", "torch"], "--by torch needs two or more values to compare, and the sources have only"),
        (["empty.jsonl"], "empty.jsonl is empty"),
        (["newer.jsonl"], "newer.jsonl:1: schema 99, written by a newer torchpace"),
        (["foreign.json"], "neither pytest-benchmark's nor asv's nor records"),
        (["broken.json"], "broken.json is not JSON"),
        (["nothing"], "nothing holds no results of torchpace, asv or pytest-benchmark; nothing/empty.jsonl is empty"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_2(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    (folder / "empty.jsonl").write_text("")
    (folder / "newer.jsonl").write_text('{"schema": 99}\n')
    (folder / "foreign.json").write_text("{}")
    (folder / "nothing").mkdir()
    (folder / "nothing" / "empty.jsonl").write_text("")
    if "broken.json" in arguments:
        (folder / "broken.json").write_text("{")
    assert main(["compare", *arguments]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


def test_a_cut_off_file_is_compared_with_a_warning(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.jsonl").write_bytes(Path("a.jsonl").read_bytes()[:-40])
    for style in ("table", "json"):
        assert main(["compare", "a.jsonl", "--format", style]) == 0
        assert "a.jsonl:30: cut off in the middle" in capsys.readouterr().err


WITHOUT_TORCH = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is blocked")
sys.meta_path.insert(0, Block())
from bench.cli import main
from bench.records.metrics import VARIES
from reports.topics.compare.section import tables
sys.exit(main(["compare", "a.jsonl"]))
"""


def test_reports_never_import_torch(folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "20.0 ms" in done.stdout


def test_a_peak_that_differs_from_run_to_run_is_not_compared_for_equality(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    cases = {name: stored.case(name) for name in ("data.alone", "data.workers")}
    for path, peak in (("a.jsonl", 1.000e6), ("b.jsonl", 1.015e6)):
        alone, workers = (stored.record(case, "peak_memory", (peak,)) for case in cases.values())
        stored.store(Path(path), [*alone, *(replace(record, warnings=(VARIES,)) for record in workers)])
    found = rows(capsys, "a.jsonl", "b.jsonl")
    assert found["data.alone", "eager", "peak_memory"]["verdict"] == "worse"
    assert found["data.workers", "eager", "peak_memory"]["verdict"] == "undecided"
    assert VARIES in found["data.workers", "eager", "peak_memory"]["warnings"]
