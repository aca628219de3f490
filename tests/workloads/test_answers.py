"""Every check lets the right answer pass, and refuses the right answer with a small wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
import torch

from bench.records.record import Case
from bench.runs.fresh import Launcher
from bench.runs.plan import Selection, cases
from tests.workloads.planned import WORKLOADS, is_expected, is_on_ladder, name_of
from tests.workloads.test_distributed import OWN
from tests.workloads.wrongs import LAX, complaints, complaints_of
from workloads.base import Point, Setup, Step, Unavailable, WrongAnswer
from workloads.checks import between, near

# 640 epochs are as good as the 1000 of the suite: what is left of the start is as small as what is allowed.
AXES = {"samples": [256], "epochs": [640], "spacing": [256]}
LARGEST = {"ceilings.matmul": ("size", 1024), "ceilings.copy": ("working_set", 1 << 26)}
LARGEST["ceilings.triad"], LARGEST["ceilings.matmul_tf32"] = LARGEST["ceilings.copy"], LARGEST["ceilings.matmul"]
# What compiles takes minutes, and is checked as the rungs below it.
COMPILING = ("compile", "compiled_step", "one_graph")


def is_cheap(case: Case) -> bool:
    axis, largest = LARGEST.get(case.workload, ("", 0))
    point = dict(case.point)
    return is_on_ladder(case) and point.get("rung") not in COMPILING and (not axis or int(point[axis]) <= largest)


# In ranks, and in other frameworks' processes, answers are looked at elsewhere: test_distributed, test_frameworks.
ALONE = {name: each for name, each in WORKLOADS.items() if not {"ranks", "framework"} & each.axes.keys()}
CHEAP = list(filter(is_cheap, cases(ALONE, Selection(["*"], modes=["eager"], axes=AXES))))


@pytest.fixture(scope="session")
def launcher(fork_server: None) -> Launcher:
    return Launcher(timeout_s=300)


@pytest.mark.parametrize("case", CHEAP, ids=name_of)
def test_a_check_tells_the_right_answer_from_a_small_wrong(launcher: Launcher, data_folder: Path, case: Case) -> None:
    found = launcher.call("forkserver", complaints_of, case)
    if isinstance(found, str):
        assert is_expected(found, case.device), found
    else:
        assert found == []


def test_every_workload_is_among_them() -> None:
    in_ranks = {name for name in set(WORKLOADS) - set(ALONE) if "ranks" in WORKLOADS[name].axes}
    assert {case.workload for case in CHEAP} == set(ALONE)
    assert in_ranks == set(OWN)


def test_what_is_listed_as_lax_exists() -> None:
    for glob in LAX:
        assert any(fnmatchcase(case.label, glob) for case in CHEAP), glob


def refuses_everything(answer: torch.Tensor) -> None:
    raise WrongAnswer("no")


def knows_no_shape(answer: torch.Tensor) -> None:
    len(answer)


@pytest.mark.parametrize(
    ("check", "complaint"),
    [
        (between(0, 100, "the answer"), "a scale of 1.01 in answer 1: right"),
        (near(lambda: torch.tensor(1.0), tolerance=0.02), "a scale of 1.01 in answer 1: right"),
        (refuses_everything, "the right answer is wrong"),
        (knows_no_shape, "the right answer is TypeError"),
        (None, "there is no check"),
    ],
)
def test_a_check_that_cannot_tell_is_complained_of(
    check: Callable[[torch.Tensor], None] | None, complaint: str
) -> None:
    step = Step(lambda: torch.tensor(1.0), check=check)
    assert any(complaint in found for found in complaints("planted.one", step))


def test_a_check_listed_as_lax_that_is_not_is_complained_of() -> None:
    step = Step(lambda: torch.tensor(0.5), check=near(lambda: torch.tensor(0.5)))
    label = "mnist_cnn.time_to_accuracy(rung=primer)"
    assert complaints(label, step) == ["it is listed as lax, and refuses all that is wrong"]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Threads that wait for each other would make float64 slow on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


TRAINING: dict[str, Point] = {
    "linear_regression.train_step": {},
    "mnist_cnn.train_step": {},
    "mnist_cnn.train_epoch": {"samples": 128},
    "mnist_cnn.phase": {"phase": "optimizer"},
    "training_choices.learning_rate": {},
    "training_choices.regularization": {},
}


@pytest.mark.parametrize("name", TRAINING)
def test_a_step_that_does_not_train_is_a_wrong_answer(
    data_folder: Path, name: str, monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> None:
    monkeypatch.setattr(torch.optim.SGD, "step", lambda optimizer: None)
    for point in WORKLOADS[name].points:
        cheat = WORKLOADS[name].build(Setup(torch.device("cpu")), **{**point, **TRAINING[name]})
        assert cheat.check_first is not None
        with pytest.raises(WrongAnswer):
            cheat.check_first([cheat.run().clone() for _ in range(3)])


def test_a_long_epoch_of_the_primers_is_checked_by_its_range(data_folder: Path) -> None:
    """Its mean loss lies below that of an untrained classifier: 1.35 over all 60,000 digits."""
    step = WORKLOADS["mnist_cnn.train_epoch"].build(Setup(torch.device("cpu")), model="padded", samples=1024)
    assert step.check_first is not None
    step.run()
    step.check_first([torch.tensor(1.35)])
    with pytest.raises(WrongAnswer, match="expected between"):
        step.check_first([torch.tensor(0.1)])


def test_what_was_never_cast_is_a_wrong_answer() -> None:
    step = WORKLOADS["tensor_ops.cast"].build(Setup(torch.device("cpu")), to="float64", size=64)
    assert step.check is not None
    with pytest.raises(WrongAnswer, match=r"torch\.float32 are not those of float32, rounded to torch\.float64"):
        step.check(step.run().float())


def test_a_device_without_float64_is_a_reason() -> None:
    setup = Setup(torch.device("cpu"), dtype=torch.float64, has_float64=False)
    with pytest.raises(Unavailable, match="has no float64"):
        WORKLOADS["tensor_ops.cast"].build(setup, to="float64", size=64)
    with pytest.raises(Unavailable, match="has no float64"):
        WORKLOADS["ceilings.matmul"].build(setup, size=64)
