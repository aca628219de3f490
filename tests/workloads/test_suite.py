"""Every workload is built, run and checked: eager at every point, compiled where it compiles."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.devices import DEVICES
from bench.measure.passes import perform
from bench.measure.task import Task, build
from bench.measure.timer import Budget
from bench.modes import compilations
from bench.records.record import Case, Record
from bench.runs.fresh import Launcher
from tests.workloads.planned import ABSENCES, ANYWHERE, WORKLOADS, every, is_expected, name_of
from workloads.base import Workload

ONCE = Budget(warm_up_s=0.0, sample_s=0.0, min_values=1, max_values=1)

# What the primer's chapters have; others may be added without a word here.
PRIMER = {
    "tensor_ops": "create elementwise elementwise_chain broadcast reduce softmax matmul conv2d max_pool gather copy "
    "cast transfer numpy_round_trip",
    "autograd": "forward backward_deep backward_wide double_backward custom_function gradient_accumulation "
    "checkpointing",
    "modules": "nested_call hooks linear mlp conv_block",
    "data_loading": "tensor_dataset data_loader mnist",
    "linear_regression": "loop train_step ladder",
    "mnist_cnn": "train_step train_epoch inference phase ladder time_to_accuracy",
    "training_choices": "learning_rate regularization",
    "attention": "sdpa",
    "transformer": "block train_step decode",
    "embedding": "lookup train_step",
    "normalization": "train",
    "optimizers": "step",
    "resnet": "inference train_step",
    "explain": "saliency integrated_gradients",
    "mixed_precision": "train_step",
    "ceilings": "matmul matmul_tf32 copy triad dispatch launch transfer",
}


@pytest.fixture(scope="session")
def launcher(fork_server: None) -> Launcher:
    return Launcher(timeout_s=300)


def test_the_suite_has_every_workload_of_the_primer() -> None:
    expected = {f"{subject}.{name}" for subject, text in PRIMER.items() for name in text.split()}
    assert expected <= set(WORKLOADS)


def judge(record: Record) -> None:
    """Fail unless the record is measured, or n/a for a reason that its device may have."""
    if record.status == "unavailable":
        assert is_expected(record.reason, record.case.device), record.reason
    else:
        assert record.status == "measured", record.reason
        assert all(value > 0 for value in record.values)


@pytest.mark.parametrize("case", every(list(DEVICES)), ids=name_of)
def test_every_case_runs_eager_and_answers_rightly(launcher: Launcher, data_folder: Path, case: Case) -> None:
    device = DEVICES[case.device]
    if reason := device.unavailable_reason():
        pytest.skip(f"{case.device}: {reason}")
    records = launcher.call(device.start_method, perform, Task(case, "time", budget=ONCE))
    assert records[0].metric == "step_time"
    for record in records:
        judge(record)


@pytest.mark.parametrize("device", [*DEVICES, "some_other"])
def test_a_reason_that_the_device_does_not_have_is_a_failure(device: str) -> None:
    case = Case("tensor_ops.cast", 1, (), device, "float32", "eager", 1)
    blank = Record(run="", environment="", case=case, metric="step_time", launch=0, status="unavailable")
    others = [reason for name, reasons in ABSENCES.items() if name not in (device, ANYWHERE) for reason in reasons]
    for reason in ("the dog ate it", f"the ladder of {device} has no rung 'fused'", *others):
        with pytest.raises(AssertionError):
            judge(replace(blank, reason=reason))
    for reason in (*ABSENCES[ANYWHERE], *ABSENCES.get(device, ())):
        judge(replace(blank, reason=reason))


LOW_PRECISION = [
    case
    for dtype in ("bfloat16", "float16")
    for case in every(["cpu"], dtype=dtype, first_point=True)
    if dtype in WORKLOADS[case.workload].dtypes
]


@pytest.mark.parametrize("case", LOW_PRECISION, ids=name_of)
def test_every_workload_runs_in_the_dtypes_it_names(launcher: Launcher, data_folder: Path, case: Case) -> None:
    records = launcher.call("forkserver", perform, Task(case, "time", budget=ONCE))
    assert records[0].metric == "step_time"
    for record in records:
        judge(record)


COMPILED = [
    case for case in every(["cpu"], mode="compile", first_point=True) if not WORKLOADS[case.workload].not_compiled
]


@pytest.mark.parametrize("case", COMPILED, ids=name_of)
def test_every_workload_that_compiles_gives_eagers_answer(
    launcher: Launcher, data_folder: Path, compiled_code: str, case: Case
) -> None:
    task = Task(case, "time", budget=ONCE, cache=compiled_code)
    records = {record.metric: record for record in launcher.call("forkserver", perform, task)}
    if "C++ compiler" in records["step_time"].reason:
        pytest.skip(records["step_time"].reason)
    assert records["step_time"].status == "measured", records["step_time"].reason
    assert records["graphs"].values[0] >= 1


def compiled_by_building(case: Case) -> int:
    """In a fresh process: how many graphs are compiled before the step's first call."""
    build(WORKLOADS[case.workload], case, DEVICES[case.device])
    return compilations.graphs()


@pytest.mark.parametrize("case", COMPILED, ids=name_of)
def test_nothing_is_compiled_before_the_first_call(launcher: Launcher, data_folder: Path, case: Case) -> None:
    assert launcher.call("forkserver", compiled_by_building, case) == 0


@pytest.mark.parametrize(
    "workload", [w for w in WORKLOADS.values() if w.not_compiled and w.default], ids=lambda w: w.name
)
def test_what_does_not_compile_says_why(launcher: Launcher, workload: Workload) -> None:
    case = next(case for case in every(["cpu"], mode="compile") if case.workload == workload.name)
    (record,) = perform(Task(case, "time"))
    assert (record.status, record.reason) == ("unavailable", workload.not_compiled)


def test_training_with_a_higher_rate_learns_more(launcher: Launcher, data_folder: Path) -> None:
    accuracy = {}
    for case in every(["cpu"]):
        if case.workload == "training_choices.learning_rate":
            records = launcher.call("forkserver", perform, Task(case, "work"))
            accuracy[dict(case.point)["lr"]] = next(r.values[0] for r in records if r.metric == "accuracy")
    assert 0.1 < accuracy[0.001] < accuracy[0.01] < accuracy[0.1] <= 1


def test_flops_of_the_dropout_network_are_4_58_g(launcher: Launcher, data_folder: Path) -> None:
    case = Case("mnist_cnn.train_step", 1, (("model", "dropout"), ("batch", 64)), "cpu", "float32", "eager", 1)
    record, *_ = launcher.call("forkserver", perform, Task(case, "work"))
    # By hand: 2 x multiply-adds of each layer; the backward pass does as much again for the weights and, but for
    # the first convolution, whose input needs no gradient, for the inputs.
    conv1, conv2 = 26 * 26 * 32 * 9, 24 * 24 * 64 * 32 * 9
    fc1, fc2 = 9216 * 128, 128 * 10
    by_hand = 2 * 64 * (2 * conv1 + 3 * (conv2 + fc1 + fc2))
    assert record.values[0] == pytest.approx(by_hand, rel=1e-3)
    assert record.values[0] == pytest.approx(4.58e9, rel=1e-3)


THREADS = "import os, torch; {}; print(len(os.listdir('/proc/self/task')))"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc, which Linux has")
@pytest.mark.parametrize(
    ("does", "one_thread"), [("import bench.preload.suite", True), ("torch.ones(1 << 20).exp()", False)]
)
def test_importing_the_ruler_runs_no_tensor_operation(does: str, one_thread: bool) -> None:
    """A forked process hangs if its parent has started torch's threads."""
    # NumPy's OpenBLAS starts its threads when imported, and stops them around a fork by itself.
    settings = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", THREADS.format(does)], env=settings, capture_output=True, text=True, check=True
    )
    assert (int(done.stdout) == 1) is one_thread
