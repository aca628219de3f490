"""What a step's checks say of its right answers, and of the same with a small wrong in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from bench.devices import DEVICES
from bench.measure.answers import ANSWERS, kept
from bench.measure.task import build
from bench.records.record import Case
from workloads.base import Step, Unavailable, WrongAnswer, load_suite

Answers = list[Tensor]
Check = Callable[[Answers], None]

UNORDERED = "tensor_ops.create(fill=rand*"  # random numbers are as random when two of them are swapped


def losses_beyond(answers: Answers) -> Iterator[Answers]:
    """Losses that are no untrained classifier's, or not finite."""
    yield [2 * answers[0], *answers[1:]]
    yield [*answers[:-1], answers[-1] * float("nan")]


def losses_that_stay(answers: Answers) -> Iterator[Answers]:
    """Those, and losses that do not fall."""
    yield from losses_beyond(answers)
    yield [*answers[:-1], answers[0]]


def no_accuracies(answers: Answers) -> Iterator[Answers]:
    """Shares of more than all, of none, and of nothing."""
    for wrong in (answers[0] + 1, answers[0] * 0, answers[0] * float("nan")):
        yield [wrong, *answers[1:]]


DROPOUT = "dropout draws other masks in float64 and when compiled, so that only a range is known"
# Checks that let a small wrong pass by design: why, and answers outside of what they promise.
LAX: dict[str, tuple[str, Callable[[Answers], Iterator[Answers]]]] = {
    "mnist_cnn.train_step(model=dropout,*": (DROPOUT, losses_beyond),
    "mnist_cnn.train_epoch(model=dropout,*": (DROPOUT, losses_beyond),
    "mnist_cnn.phase(model=dropout,phase=forward)": (DROPOUT, losses_beyond),
    "training_choices.regularization(kind=dropout)": (DROPOUT, losses_beyond),
    "mixed_precision.train_step(precision=bfloat16,*": ("bfloat16 rounds losses by up to 3 %", losses_beyond),
    "mnist_cnn.ladder(*": ("rungs differ in order, batch and precision, and must learn alike only", losses_that_stay),
    "mnist_cnn.time_to_accuracy(*": ("on the way to its target an accuracy may be any", no_accuracies),
}


def spoiled(answer: Tensor) -> dict[str, Tensor]:
    """The answer with a small wrong in it, by what is wrong; without those that make no difference to it."""
    element, rows = answer.clone(), answer.clone()
    element.view(-1)[answer.numel() // 2] += answer.abs().max() if bool(answer.any()) else 1
    if answer.dim() and len(answer) > 1:
        far = int((answer - answer[0]).double().reshape(len(answer), -1).abs().sum(1).argmax())
        rows[[0, far]] = rows[[far, 0]]
    scaled = (answer.double() * 1.01).to(answer.dtype)
    found = {"one element changed": element, "a scale of 1.01": scaled, "two rows swapped": rows}
    return {name: wrong for name, wrong in found.items() if not torch.equal(wrong, answer)}


def with_a_small_wrong(answers: Answers) -> Iterator[tuple[str, Answers]]:
    """The answers with one of them spoiled, or two of them swapped."""
    for index, answer in enumerate(answers):
        for name, wrong in spoiled(answer).items():
            yield f"{name} in answer {index + 1}", [*answers[:index], wrong, *answers[index + 1 :]]
    for index in range(1, len(answers)):
        if not torch.equal(answers[0], answers[index]):
            swapped = list(answers)
            swapped[0], swapped[index] = swapped[index], swapped[0]
            yield f"answers 1 and {index + 1} swapped", swapped


def verdict(check: Check, answers: Answers) -> str:
    """What the check says of the answers: "right", "wrong", or how it failed to judge."""
    try:
        check(answers)
    except WrongAnswer:
        return "wrong"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "right"


def checks_of(step: Step) -> list[tuple[Check, int]]:
    """The step's checks, each with how many answers it is given."""
    found: list[tuple[Check, int]] = []
    if (check := step.check) is not None:
        found.append((lambda answers: check(answers[0]), 1))
    if (check_first := step.check_first) is not None:
        found.append((check_first, ANSWERS))
    return found


def complaints(label: str, step: Step) -> list[str]:
    """What is wrong with the step's checks; nothing when they tell its right answers from wrong ones."""
    checks = checks_of(step)
    found = [] if checks else ["there is no check"]
    every = [kept(step.run()) for _ in range(ANSWERS)]
    lax = next((beyond for glob, (_, beyond) in LAX.items() if fnmatchcase(label, glob)), None)
    for check, count in checks:
        answers = every[:count]
        if (said := verdict(check, answers)) != "right":
            found.append(f"the right answer is {said}")
        small = [
            (name, verdict(check, wrong))
            for name, wrong in with_a_small_wrong(answers)
            if not ("swapped" in name and fnmatchcase(label, UNORDERED))
        ]
        if lax is None:
            found += [f"{name}: {said}" for name, said in small if said != "wrong"]
        elif all(said == "wrong" for _, said in small):
            found.append("it is listed as lax, and refuses all that is wrong")
        else:
            gross = [verdict(check, wrong) for wrong in lax(answers)]
            found += [f"out of range: {said}" for said in gross if said != "wrong"]
    return found


def complaints_of(case: Case) -> list[str] | str:
    """In a fresh process: the complaints about a case's checks, or why the case is n/a."""
    torch.set_num_threads(case.threads)
    try:
        step = build(load_suite()[case.workload], case, DEVICES[case.device])
    except Unavailable as why:
        return str(why)
    return complaints(case.label, step)
