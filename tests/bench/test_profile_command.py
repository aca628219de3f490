"""`torchpace profile` and the files it leaves: a report, traces that TensorBoard opens, and notes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from torch_tb_profiler.consts import WORKER_PATTERN
from torch_tb_profiler.profiler.data import RunProfileData

from bench.cli import main
from bench.records.files import StoringError
from bench.records.profile_notes import FILE, Notes, read_notes, write_notes
from bench.records.record import Case


def test_notes_survive_the_way_to_the_file_and_back(tmp_path: Path) -> None:
    case = Case("toy.step", 1, (("batch", 64),), "cpu", "float32", "eager", 1)
    notes = Notes(case, {"torch": "2"}, "torchpace profile x", (0.1, 0.2), 64, flops={"aten::mm": 3}, graphs=1,
                  graph_breaks=("a at b:1",), missing={"stacks": "why"})  # fmt: skip
    write_notes(tmp_path, notes)
    assert read_notes(tmp_path) == notes


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 99}', '{"schema": 1}', '{"schema": 1, "case": 3}'])
def test_damaged_notes_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(StoringError, match=FILE):
        read_notes(tmp_path)


def test_the_command_writes_a_report_the_traces_and_what_tensorboard_opens(
    called_here: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    names = ("planted.slow_loader", "planted.unavailable")
    code = main(["profile", *names, "--workloads", "tests.planted", "-o", str(out), "--device", "cpu"])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert f"for TensorBoard: tensorboard --logdir {out / 'tensorboard'}\n" in said.err
    assert said.out.strip() == str(out / "report.html")
    assert "planted so" in said.err
    (trace,) = (out / "tensorboard").glob("*/*.pt.trace.json.gz")
    assert json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
    assert WORKER_PATTERN.match(trace.name)
    opened = RunProfileData.parse("torchpace", None, str(trace), str(tmp_path))
    assert len(opened.steps_names) >= 1
    assert "aten::linear" in {row.name for row in opened.op_list_groupby_name}
    page = (out / "report.html").read_text()
    assert "planted.slow_loader" in page
    assert "planted so" in page
    assert (out / "planted.slow_loader-cpu-eager" / "trace.json.gz").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "give either"),
        (["tensor_ops.copy", "--trace", "x.json"], "give either"),
        (["no_such_workload"], "no_such_workload"),
        (["--trace", "missing.json"], "missing.json"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["profile", "-o", str(tmp_path / "o"), *arguments]) == 2
    errors = capsys.readouterr().err
    assert says in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "o" / "report.html").exists()
