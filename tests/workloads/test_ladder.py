"""The ladders: every rung trains the same, rungs stand on each other, and none is in the default suite."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch

from bench.runs.plan import Selection, cases
from reports.topics.ladder.figures import GROUND, WORDS
from workloads.base import Setup, Step, Unavailable, WrongAnswer, load_suite
from workloads.ladders import line, mnist
from workloads.ladders.mnist import CPU, LADDERS, OTHERS, Loop, build_network, falling, ladder_of, pass_over
from workloads.shared.rungs import Rung, climb

SUITE = load_suite()
SETUP = Setup(torch.device("cpu"))
ALL = {**LADDERS, "some_other": OTHERS}


def same(loop: Loop) -> Loop:
    return loop


def loop_of(name: str, device: str = "cpu") -> Loop:
    on = next(rung.on for rung in ladder_of(device) if rung.name == name)
    return climb(ladder_of(device), Loop(), name, on, device)


def test_every_rung_stands_on_one_before_it() -> None:
    for rungs in ALL.values():
        seen = {GROUND}
        for rung in rungs:
            assert rung.on in seen, rung.name
            seen.add(rung.name)


def test_the_bottom_changes_nothing_and_every_other_rung_something() -> None:
    assert loop_of("primer") == Loop()
    for device, rungs in ALL.items():
        for rung in rungs:
            if rung.on != GROUND and not rung.missing(device):
                assert loop_of(rung.name, device) != loop_of(rung.on, device)


def test_a_side_rung_is_not_inherited() -> None:
    assert loop_of("channels_last").batch == loop_of("primer").batch == 64
    assert loop_of("channels_last", "cuda").batch == 256  # there, the batch is no side rung


def test_a_rung_of_another_device_is_unavailable_with_the_reason() -> None:
    with pytest.raises(Unavailable, match="on cpu, channels_last stands on no_synchronize, not on batch_256"):
        climb(CPU, Loop(), "channels_last", "batch_256", "cpu")
    with pytest.raises(Unavailable, match="the ladder of cpu has no rung 'cuda_graphs'"):
        climb(CPU, Loop(), "cuda_graphs", "compile", "cpu")


def test_a_rung_above_one_that_cannot_be_built_cannot_be_built() -> None:
    rungs = (
        Rung("a", GROUND, same, lambda device: "no such instruction"),
        Rung("b", "a", same),
    )
    with pytest.raises(Unavailable, match="no such instruction"):
        climb(rungs, Loop(), "b", "a", "cpu")


def test_bfloat16_is_left_out_where_the_cpu_has_none_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "has_bf16", lambda: False)
    monkeypatch.delenv(mnist.SLOW_BF16_VARIABLE, raising=False)
    with pytest.raises(Unavailable, match=r"no bfloat16 instructions .* TORCHPACE_SLOW_BF16=1"):
        loop_of("autocast")
    monkeypatch.setenv(mnist.SLOW_BF16_VARIABLE, "1")
    assert loop_of("autocast").autocast is torch.bfloat16


def test_every_rung_of_the_suite_has_words_in_the_report() -> None:
    on_ladders = {p["rung"] for w in SUITE.values() for p in w.points if {"rung", "on"} <= set(p)}
    assert on_ladders
    assert on_ladders <= set(WORDS)


def test_the_default_suite_has_no_ladder_but_a_glob_does() -> None:
    assert not [case for case in cases(SUITE, Selection()) if "ladder" in case.workload]
    found = cases(SUITE, Selection(globs=["*.ladder"]))
    assert {case.workload for case in found} == {"mnist_cnn.ladder", "linear_regression.ladder"}


def test_rungs_with_the_same_batch_learn_the_same(data_folder: Path) -> None:
    """The order of samples differs between DataLoader and index, so what is equal is the level, not the number."""
    losses = {}
    for name in ("primer", "in_memory", "no_synchronize", "channels_last", "fused"):
        torch.manual_seed(0)
        loop = loop_of(name)
        losses[name] = float(pass_over(SETUP, loop, build_network(SETUP, loop), 512)())
    in_memory = losses.pop("in_memory")
    assert losses.pop("primer") == pytest.approx(in_memory, rel=0.1)
    assert list(losses.values()) == pytest.approx([in_memory] * len(losses), rel=1e-3)


def test_a_ladder_that_does_not_train_is_a_wrong_answer(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.optim.SGD, "step", lambda optimizer: None)
    step: Step = SUITE["mnist_cnn.ladder"].build(SETUP, rung="in_memory", on="primer", samples=64)
    assert step.check_first is not None
    with pytest.raises(WrongAnswer):
        step.check_first([step.run() for _ in range(3)])


def test_losses_that_are_not_finite_do_not_fall() -> None:
    falling([torch.tensor(2.0), torch.tensor(1.0), torch.tensor(0.5)])
    with pytest.raises(WrongAnswer, match="do not fall"):
        falling([torch.tensor(2.0), torch.tensor(float("nan")), torch.tensor(0.5)])
    with pytest.raises(WrongAnswer, match="expected between"):
        falling([torch.tensor(float("nan"))] * 3)


def test_the_names_of_rungs_are_texts_that_survive_a_point() -> None:
    for rung in (rung for rungs in ALL.values() for rung in rungs):
        assert rung.name.isidentifier()
        with pytest.raises(ValueError, match="malformed"):
            ast.literal_eval(rung.name)


def test_a_step_written_by_hand_is_autograds_step() -> None:
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0])
    weight, bias = (torch.tensor(value, requires_grad=True) for value in (0.3, -0.2))
    optimizer = torch.optim.SGD([weight, bias], lr=line.RATE)
    torch.nn.functional.mse_loss(weight * x + bias, y).backward()
    by_hand = line.stepped((weight.detach().clone(), bias.detach().clone()), x, y)
    optimizer.step()
    assert torch.allclose(torch.stack(by_hand), torch.stack([weight.detach(), bias.detach()]))


def test_many_steps_in_one_graph_are_the_steps_one_by_one() -> None:
    x = torch.arange(1.0, 6.0).repeat(line.GRAPH_EPOCHS, 1)
    known = one = (torch.tensor(0.3), torch.tensor(-0.2))
    for row in x:
        for chosen in row.split(line.BATCH):
            one = line.stepped(one, chosen, 2 * chosen)
    assert torch.allclose(torch.stack(line.many_stepped(known, x, 2 * x)), torch.stack(one))


def test_a_line_that_was_not_learned_is_a_wrong_answer() -> None:
    step = SUITE["linear_regression.ladder"].build(SETUP, rung="functional", on="no_synchronize", epochs=1000)
    assert step.check is not None
    with pytest.raises(WrongAnswer, match="expected 2 x"):
        step.check(torch.tensor([1.5, 0.3]))
