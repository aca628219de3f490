"""The command as people run it, with its exit codes and its words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.cli import main
from bench.records.files import read
from bench.records.record import Record
from tests.bench.conftest import Call
from tests.conftest import ROOT
from workloads.base import load_suite

USERS_MODULE = '''
"""Workloads of a user's own package."""
import torch
from workloads import Step, near, workload

@workload("my_model.forward", item="sample", batch=(1, 8))
def forward(setup, batch):
    """Inference of my model."""
    model = setup.place(torch.nn.Linear(4, 2)).requires_grad_(False)
    x = setup.randn(batch, 4)
    compiled = setup.compile(model)
    return Step(lambda: compiled(x), items=batch, check=near(lambda: x @ model.weight.T + model.bias))
'''


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "bench.cli", *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def torchpace(folder: Path, *arguments: str) -> str:
    """What `torchpace` prints when it is started in a folder."""
    done = subprocess.run(
        command(*arguments), cwd=folder, env=environment(), capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    return done.stdout


def test_list_shows_every_workload_with_its_axes(call: Call) -> None:
    listed = json.loads(call("list", "--json")[1])
    assert len(listed) == len(load_suite())
    by_name = {workload["name"]: workload for workload in listed}
    assert by_name["mnist_cnn.inference"]["axes"] == {"model": ["padded", "dropout"], "batch": [1, 64, 512]}
    text = call("list")[1]
    assert all(name in text for name in by_name)


def test_doctor_says_what_works_and_what_does_not(call: Call, fork_server: None) -> None:
    *lines, last = call("doctor")[1].splitlines()
    assert last == "Whether figures taken here are true: torchpace prove"
    states = {line[:22].strip(): line[23:].split()[0] for line in lines if line.strip()}
    assert states["torch"] == "works"
    assert states["device cpu"] == "works"
    assert set(states.values()) <= {"works", "n/a"}
    assert any(line.startswith("device mps") for line in lines)


def test_a_run_stores_records_and_prints_tables(tmp_path: Path) -> None:
    output = torchpace(tmp_path, "run", "modules.linear", "--quick", "--launches", "1", "-o", "a.jsonl")
    contents = read(tmp_path / "a.jsonl")
    measured = {record.metric for record in contents.records if record.status == "measured"}
    counted = {"flops", "arithmetic", "algorithmic_bytes", "touched_bytes", "dispatches"}
    assert measured == {"step_time", "first_call", "peak_memory"} | counted
    (environment_of_run,) = {record.environment for record in contents.records if record.case.device == "cpu"}
    facts = dict(contents.environments[environment_of_run].facts)
    assert {"torch", "cpu", "affinity", "governor", "commit", "dirty", "fingerprint", "malloc"} <= set(facts)
    assert "linear" in output
    assert "Not measured" in output  # at least one of CUDA and MPS is missing on every machine
    assert "sample/s" in output


def test_a_users_own_workloads_are_measured(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, vector_instructions: None
) -> None:
    package = tmp_path / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "perf.py").write_text(USERS_MODULE)
    monkeypatch.chdir(tmp_path)
    listed = json.loads(call("list", "--json", "--workloads", "my_package.perf")[1])
    assert [workload["name"] for workload in listed] == ["my_model.forward"]
    arguments = ("--workloads", "my_package.perf", "--device", "cpu", "--mode", "eager,compile", "--axis", "batch=8")
    output = torchpace(tmp_path, "run", *arguments, "--quick", "--launches", "2", "-o", "mine.jsonl")
    cases = {(record.case.label, record.case.mode, record.status) for record in read(tmp_path / "mine.jsonl").records}
    assert ("my_model.forward(batch=8)", "eager", "measured") in cases
    assert ("my_model.forward(batch=8)", "compile", "measured") in cases
    assert "speedup" in output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "linear_regression.trainstep"], "did you mean linear_regression.train_step"),
        (["run", "--device", "tpu"], "device 'tpu' unknown; choose from cpu, cuda, mps"),
        (["run", "--mode", "fast"], "mode 'fast' unknown; choose from eager, compile"),
        (["run", "--dtype", "int3"], "dtype 'int3' unknown; choose from float32, bfloat16, float16"),
        (["run", "--threads", "0"], "'0' is not a whole number of at least 1"),
        (["run", "--axis", "batch"], "'batch' is not of the form AXIS=VALUE"),
        (["run", "--axis", "bach=1"], "no selected workload has an axis 'bach'; did you mean batch"),
        (["run", "--timeout", "never"], "'never' is not a time above 0"),
        (["run", "--data", "/nowhere", "mnist_cnn.*"], "--data /nowhere holds no MNIST"),
        (["run", "modules.hooks", "-o", "/proc/none/a.jsonl"], "cannot write /proc/none/a.jsonl"),
        (["run", "--workloads", "no_such_module"], "--workloads no_such_module does not import"),
        (["run", "--workloads", "json"], "--workloads json defines no workload"),
        (["report"], "give either FILEs and FOLDERs to report on, or --diff BEFORE AFTER"),
        (["reprot"], "invalid choice: 'reprot'"),
    ],
)
def test_bad_input_is_a_clear_error_and_exit_2(arguments: list[str], expected: str, call: Call) -> None:
    code, _, errors = call(*arguments)
    assert code == 2
    assert expected in errors


def test_a_run_in_which_nothing_can_be_measured_exits_with_2(tmp_path: Path, call: Call) -> None:
    code, output, errors = call("run", "tensor_ops.transfer", "--device", "cpu", "-o", str(tmp_path / "t.jsonl"))
    assert code == 2
    assert "a transfer between host and device needs a device other than the CPU" in output
    assert "nothing could be measured" in errors


def test_one_broken_case_leaves_the_others(tmp_path: Path, call: Call) -> None:
    globs = ("planted.raises", "planted.steady", "planted.killed", "planted.wrong")
    arguments = ("--workloads", "tests.planted", "--device", "cpu", "--quick", "--launches", "1")
    arguments = (*arguments, "-o", str(tmp_path / "p.jsonl"))
    code, output, _ = call("run", *globs, *arguments)
    assert code == 0
    statuses = {
        record.case.workload: record.status
        for record in read(tmp_path / "p.jsonl").records
        if record.metric == "step_time"
    }
    assert statuses == {
        "planted.raises": "broken", "planted.steady": "measured", "planted.killed": "broken", "planted.wrong": "broken",
    }  # fmt: skip
    assert "planted: no more steps" in output


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_run_that_is_stopped_keeps_what_it_measured(
    tmp_path: Path, number: signal.Signals, code: int, call: Call
) -> None:
    path = tmp_path / "k.jsonl"
    arguments = ("--workloads", "tests.planted", "--device", "cpu", "--quick", "-o", str(path))
    run = subprocess.Popen(
        command("run", "planted.steady", "--launches", "100000", *arguments),  # it has not ended when it is stopped
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # What a shell starts in the background ignores the signal, and so does all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - takes no lock
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and not (path.exists() and path.read_text().count("planted.steady") >= 4):
            assert run.poll() is None, run.communicate()
            time.sleep(0.05)
        os.killpg(run.pid, number) if number == signal.SIGINT else run.kill()
        output, errors = run.communicate(timeout=280)
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
    assert run.returncode == code
    measured = {record.case.workload for record in read(path).records if record.status == "measured"}
    assert "planted.steady" in measured
    assert "steady" in call("compare", str(path))[1]
    if number == signal.SIGINT:
        assert "everything measured so far is kept" in errors
        assert "steady" in output


@pytest.mark.parametrize(
    ("name", "measure", "said"),
    [
        ("run", "bench.runs.pursuit.pursue", "interrupted before anything was measured"),
        ("compile", "bench.runs.compile_study.investigate", "interrupted; nothing was measured before"),
    ],
)
def test_an_interruption_before_the_first_record_is_130_and_said(
    tmp_path: Path, name: str, measure: str, said: str,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def interrupted(*arguments: object) -> Iterator[Record]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(measure, interrupted)
    assert main([name, "modules.linear", "--device", "cpu", "-o", str(tmp_path / "a.jsonl")]) == 130
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"torchpace: {said}\n"


def test_downloading_without_a_network_says_what_to_do(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A proxy that refuses connections stands in for a machine without a network.
    for name in ("https_proxy", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    code, _, errors = call("data", "mnist", "--data", str(tmp_path))
    assert code == 2
    assert "MNIST could not be downloaded" in errors
