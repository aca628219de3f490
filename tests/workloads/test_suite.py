"""Every workload is built, run and checked: eager at every point, compiled where it compiles."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest
import torch

from bench.devices import DEVICES
from bench.measure.fresh import Launcher
from bench.measure.passes import perform
from bench.measure.task import Task
from bench.measure.timer import Budget
from bench.records.record import Case
from bench.runs.plan import Selection, cases
from workloads.base import Workload, load_suite

WORKLOADS = load_suite()
ONCE = Budget(warm_up_s=0.0, sample_s=0.0, min_values=1, max_values=1)

EXPECTED = {
    "tensor_ops": "create elementwise elementwise_chain broadcast reduce softmax matmul conv2d max_pool gather copy "
    "cast transfer numpy_round_trip",
    "autograd": "forward backward_deep backward_wide double_backward custom_function gradient_accumulation "
    "checkpointing",
    "modules": "nested_call hooks linear mlp conv_block",
    "data_loading": "tensor_dataset data_loader mnist",
    "linear_regression": "loop train_step ladder",
    "mnist_cnn": "train_step train_epoch inference phase ladder time_to_accuracy",
    "training_choices": "learning_rate regularization",
    "ceilings": "matmul copy triad dispatch launch transfer",
}
LADDERS = [name for name, workload in WORKLOADS.items() if "rung" in workload.axes]
SMALL = {"samples": [256], "epochs": [100], "spacing": [256]}  # one batch of the largest

# Reasons for which a case may be n/a on a CPU; any other is a failure.
NOT_ON_CPU = (
    "a transfer between host and device",
    "pinned memory speeds up copies",
    "on cpu, ",  # a rung stands elsewhere than on other devices
    "the ladder of cpu has no rung",
    "this CPU has no bfloat16 instructions",
    "an accuracy of 0.99 is a target for MNIST itself",
)


@pytest.fixture(scope="session")
def launcher(fork_server: None) -> Launcher:
    return Launcher(timeout_s=300)


def test_the_suite_has_every_workload_of_the_primer() -> None:
    expected = {f"{subject}.{name}" for subject, text in EXPECTED.items() for name in text.split()}
    assert set(WORKLOADS) == expected


def every(devices: list[str], dtype: str = "float32", mode: str = "eager", first_point: bool = False) -> list[Case]:
    found = cases(WORKLOADS, Selection(devices=devices, dtypes=[dtype], modes=[mode]))
    found += cases(WORKLOADS, Selection(LADDERS, devices, [dtype], [mode], axes=SMALL))
    if first_point:
        found = list({case.workload: case for case in reversed(found)}.values())
    return found


def name_of(case: Case) -> str:
    return f"{case.label}-{case.device}-{case.dtype}-{case.mode}"


@pytest.mark.parametrize("case", every(list(DEVICES)), ids=name_of)
def test_every_case_runs_eager_and_answers_rightly(launcher: Launcher, data_folder: Path, case: Case) -> None:
    device = DEVICES[case.device]
    if reason := device.unavailable_reason():
        pytest.skip(f"{case.device}: {reason}")
    records = launcher.call(device.start_method, perform, Task(case, "time", budget=ONCE))
    for record in records:
        if record.status == "unavailable" and case.device == "cpu":
            assert record.reason.startswith(NOT_ON_CPU)
        else:
            assert record.status == "measured", record.reason
            assert all(value > 0 for value in record.values)


LOW_PRECISION = [
    case
    for dtype in ("bfloat16", "float16")
    for case in every(["cpu"], dtype=dtype, first_point=True)
    if dtype in WORKLOADS[case.workload].dtypes
]


@pytest.mark.parametrize("case", LOW_PRECISION, ids=name_of)
def test_every_workload_runs_in_the_dtypes_it_names(launcher: Launcher, data_folder: Path, case: Case) -> None:
    records = launcher.call("forkserver", perform, Task(case, "time", budget=ONCE))
    for record in records:
        assert record.status == "measured" or record.reason.startswith(NOT_ON_CPU), record.reason


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


@pytest.mark.parametrize(
    "workload", [w for w in WORKLOADS.values() if w.not_compiled and w.default], ids=lambda w: w.name
)
def test_what_does_not_compile_says_why(launcher: Launcher, workload: Workload) -> None:
    case = next(case for case in every(["cpu"], mode="compile") if case.workload == workload.name)
    (record,) = perform(Task(case, "time"))
    assert (record.status, record.reason) == ("unavailable", workload.not_compiled)


def test_every_workload_checks_its_answer(data_folder: Path) -> None:
    from workloads.base import Setup, Unavailable

    setup = Setup(torch.device("cpu"))
    for workload in WORKLOADS.values():
        for point in workload.points:
            try:
                step = workload.build(setup, **point)
            except Unavailable:
                continue
            assert step.check or step.check_first, workload.name
            wrong = torch.full((3,), float("nan"))
            with pytest.raises(Exception, match=r".+"):
                step.check(wrong) if step.check else step.check_first([wrong] * 3)  # type: ignore[misc]
            break


TRAINING = ("linear_regression.train_step", "mnist_cnn.train_step", "training_choices.learning_rate")


@pytest.mark.parametrize("name", TRAINING)
def test_a_step_that_does_not_train_is_a_wrong_answer(
    data_folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workloads.base import Setup, WrongAnswer

    for point in WORKLOADS[name].points:
        right = WORKLOADS[name].build(Setup(torch.device("cpu")), **point)
        assert right.check_first is not None
        right.check_first([right.run().clone() for _ in range(3)])
        with monkeypatch.context() as patched:
            patched.setattr(torch.optim.SGD, "step", lambda optimizer: None)
            cheat = WORKLOADS[name].build(Setup(torch.device("cpu")), **point)
            assert cheat.check_first is not None
            with pytest.raises(WrongAnswer):
                cheat.check_first([cheat.run().clone() for _ in range(3)])


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


def test_importing_the_ruler_runs_no_tensor_operation() -> None:
    """A forked process hangs if its parent has started torch's threads."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(threads_after_import) <= 1 + threads_of_blas()


def threads_after_import() -> int:
    import bench.measure.preload  # noqa: F401

    return len(list(Path("/proc/self/task").iterdir())) if Path("/proc").exists() else 1


def threads_of_blas() -> int:
    """NumPy's OpenBLAS starts its threads when imported, and stops them around a fork by itself."""
    import os

    return 2 * (os.cpu_count() or 1)
