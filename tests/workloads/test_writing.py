"""What somebody who writes a workload meets: Setup's numbers, the decorator, and what checks say of wrong answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from bench.devices import DEVICES
from bench.measure.answers import ANSWERS, check_begun, check_last
from bench.measure.passes import latency_pass, timing_pass
from bench.measure.task import Task
from bench.measure.timer import Budget
from bench.records.record import UNCHECKED, Case, Record
from workloads import WORKLOADS, Setup, Step, Workload, WrongAnswer, host64, losses_near, near, sgd_losses, workload

CPU = Setup(torch.device("cpu"))
PRESENT = [name for name, device in DEVICES.items() if not device.unavailable_reason()]


def said(check: Callable[[], None]) -> str:
    with pytest.raises(WrongAnswer) as caught:
        check()
    return str(caught.value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", PRESENT)
def test_whole_numbers_are_the_same_on_every_device_and_in_every_dtype(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    expected = torch.randint(10, (64, 3))
    torch.manual_seed(0)
    tokens = Setup(DEVICES[name].torch_device(), dtype).randint(10, 64, 3)
    assert (tokens.device.type, tokens.dtype) == (name, torch.int64)
    assert torch.equal(tokens.cpu(), expected)
    assert set(tokens.unique().tolist()) == set(range(10))


def test_a_copy_in_float64_leaves_the_model_as_it_is() -> None:
    model = nn.Linear(2, 2)
    copied = host64(model)
    assert (copied.weight.dtype, model.weight.dtype) == (torch.float64, torch.float32)
    assert torch.equal(copied.weight.float(), model.weight)


def step(run: Callable[[], Tensor], check: bool = True) -> Step:
    return Step(run, check=near(lambda: torch.ones(3)) if check else None)


def test_a_wrong_first_answer_is_said_to_be_the_first() -> None:
    wrong = torch.ones(3) * 2
    assert said(lambda: check_begun(step(lambda: wrong), [wrong])) == (
        "relative error 1 where at most 0.0001 is rounding (the first answer)"
    )


def test_a_wrong_last_answer_names_the_check_for_steps_that_train() -> None:
    changing = step(lambda: torch.ones(3) * 2)
    check_begun(changing, [torch.ones(3)])
    assert said(lambda: check_last(changing)) == (
        "relative error 1 where at most 0.0001 is rounding (the last answer; a step whose answers change as it trains "
        "needs check_first instead of check)"
    )


@pytest.mark.parametrize("index", range(ANSWERS))
def test_the_first_loss_that_is_wrong_is_named(index: int) -> None:
    losses = [torch.tensor(float(4 - number)) for number in range(ANSWERS)]
    check = losses_near(lambda count: torch.tensor([4.0, 3.0, 2.0][:count], dtype=torch.float64))
    check(losses)
    losses[index] = losses[index] * 1.01
    assert said(lambda: check(losses)).endswith(f"(loss {index + 1} of the first {ANSWERS})")


def test_what_is_not_a_number_is_said_instead_of_an_infinite_error() -> None:
    nan = torch.tensor([1.0, float("nan"), float("inf")])
    assert said(lambda: near(lambda: torch.ones(3))(nan)) == "NaN or infinity in 2 of 3 numbers of the answer"
    assert (
        said(lambda: near(lambda: nan)(nan)) == "NaN or infinity in 2 numbers of the answer and in 2 of the right one"
    )


def test_an_axis_may_be_called_name() -> None:
    @workload("mine.named", item="row", name=("a", "b"))
    def named(setup: Setup, name: str) -> Step:
        return Step(lambda: torch.ones(len(name)), items=1)

    own = WORKLOADS.pop("mine.named")
    assert [dict(point) for point in own.points] == [{"name": "a"}, {"name": "b"}]
    assert own.build(CPU, name="a").items == 1


def test_losses_by_hand_are_those_of_torch_and_leave_the_model_alone() -> None:
    model, x, y = nn.Linear(3, 1), torch.randn(8, 3, dtype=torch.float64), torch.randn(8, 1, dtype=torch.float64)
    before = model.weight.detach().clone()

    def loss_of(model: nn.Module) -> Tensor:
        return nn.functional.mse_loss(model(x), y)

    by_hand = sgd_losses(model, loss_of, 3, lr=0.1)
    twin = host64(model)
    optimizer, losses = torch.optim.SGD(twin.parameters(), lr=0.1), []
    for _ in range(3):
        optimizer.zero_grad()
        loss = loss_of(twin)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    assert torch.allclose(by_hand, torch.stack(losses), rtol=1e-12)
    assert torch.equal(model.weight, before)


def falls(answers: Sequence[Tensor]) -> None:
    assert [float(answer.sum()) for answer in answers] == ANSWERS * [3.0]


@pytest.mark.parametrize(
    ("made", "warnings"),
    [
        (step(lambda: torch.ones(3), check=False), (UNCHECKED,)),
        (step(lambda: torch.ones(3)), ()),
        (Step(lambda: torch.ones(3), check_first=falls), ()),
    ],
)
def test_a_step_that_nobody_checks_is_measured_with_a_warning(made: Step, warnings: tuple[str, ...]) -> None:
    own = Workload("own.step", lambda setup: made, ({},), "call")
    case = Case("own.step", 1, (), "cpu", "float32", "eager", 1)
    once = Budget(warm_up_s=0.0, sample_s=0.0, min_values=1, max_values=1, calls_s=0.0, min_calls=1)
    for measure, metric in ((timing_pass, "step_time"), (latency_pass, "latency")):
        blank = Record(run="", environment="", case=case, metric=metric)
        found = measure(Task(case, "time", budget=once), own, DEVICES["cpu"], blank)
        assert [record.warnings for record in found if record.metric == metric] == [warnings]


@pytest.mark.parametrize("values", [64, "relu"])
def test_an_axis_that_is_no_list_says_how_to_write_one(values: object) -> None:
    with pytest.raises(ValueError, match=r"give a tuple: batch=\((64|'relu'),\)"):
        workload("own.axis", item="call", batch=values)  # type: ignore[arg-type]
