"""Work that is done later, or by somebody else."""

from __future__ import annotations

import multiprocessing
import threading
from typing import Any

import torch
from torch import Tensor

from tests.cheats.kept import product
from workloads.base import Setup, Step, workload
from workloads.checks import host64, near

SIZE = 256


class Promise(Tensor):
    """A tensor that is computed when somebody wants to know it."""

    @staticmethod
    def __new__(cls: Any, a: Tensor, b: Tensor) -> Any:
        return Tensor._make_subclass(cls, torch.empty_like(a))

    def __init__(self, a: Tensor, b: Tensor) -> None:
        self.parts = (a, b)

    def detach(self) -> Tensor:
        return product(*self.parts)


def inputs(setup: Setup, size: int = SIZE) -> tuple[Tensor, Tensor]:
    """What is multiplied."""
    return setup.randn(size, size), setup.randn(size, size) / size**0.5


def checked(run: Any, a: Tensor, b: Tensor) -> Step:
    """The step with its honest check."""
    return Step(run, check=near(lambda: product(host64(a), host64(b))))


@workload("cheats.lazy_answer", item="product")
def lazy_answer(setup: Setup) -> Step:
    """The answer computes itself when it is copied."""
    a, b = inputs(setup)
    return checked(lambda: Promise(a, b), a, b)


def in_a_thread(setup: Setup, honest: int) -> Step:
    """After so many honest calls a thread fills the answer in, some time after it was given."""
    a, b = inputs(setup)
    calls = [0]

    def run() -> Tensor:
        calls[0] += 1
        if calls[0] <= honest:
            return product(a, b)
        answer = torch.zeros_like(a)
        threading.Timer(0.001, lambda: answer.copy_(product(a, b))).start()
        return answer

    return checked(run, a, b)


@workload("cheats.answer_of_a_thread", item="product")
def answer_of_a_thread(setup: Setup) -> Step:
    """A thread computes the answer after the clock has stopped."""
    return in_a_thread(setup, 0)


@workload("cheats.thread_after_checked_answers", item="product")
def thread_after_checked_answers(setup: Setup) -> Step:
    """Likewise, but not for answers that are checked."""
    return in_a_thread(setup, 3)


@workload("cheats.thread_that_goes_on", item="product")
def thread_that_goes_on(setup: Setup) -> Step:
    """A thread computes what later calls answer."""
    a, b = inputs(setup)
    answers = [product(a, b)]

    def work() -> None:
        while True:
            answers[0] = product(a, b)

    threading.Thread(target=work, daemon=True).start()
    return checked(lambda: answers[0] + 0, a, b)


def serve(a: Tensor, b: Tensor, answer: Tensor) -> None:
    """In the other process: the answer, over and over."""
    torch.set_num_threads(1)
    while True:
        answer.copy_(product(a, b))


@workload("cheats.process_that_works", item="product")
def process_that_works(setup: Setup) -> Step:
    """Another process writes the answers into memory that both have."""
    a, b = inputs(setup)
    answer = product(a, b).share_memory_()
    context = multiprocessing.get_context("fork")
    context.Process(target=serve, args=(a.share_memory_(), b.share_memory_(), answer), daemon=True).start()
    return checked(lambda: answer + 0, a, b)


class Later:
    """Garbage that works when it is collected."""

    def __init__(self, a: Tensor, b: Tensor) -> None:
        self.me, self.parts = self, (a, b)

    def __del__(self) -> None:
        product(*self.parts)


@workload("cheats.garbage_for_later", item="product")
def garbage_for_later(setup: Setup) -> Step:
    """Half of the work is put off until garbage is collected, which nobody does while it is timed."""
    a, b = inputs(setup)

    def run() -> Tensor:
        Later(a, b)
        return a + b

    return Step(run, check=near(lambda: host64(a) + host64(b)))


@workload("cheats.warm_up_without_end", item="product")
def warm_up_without_end(setup: Setup) -> Step:
    """What is compared with it looks fast: it takes its time at first, and ever less."""
    a, b = inputs(setup, size=64)  # sixty products take no tenth of a second, on a busy machine either
    calls = [0]

    def run() -> Tensor:
        calls[0] += 1
        for _ in range(round(60 * 0.8 ** calls[0])):
            product(a, b)
        return product(a, b)

    return checked(run, a, b)


@workload("cheats.answer_on_meta", item="product")
def answer_on_meta(setup: Setup) -> Step:
    """Shapes without numbers, once the answers that are checked are given."""
    a, b = inputs(setup)
    calls = [0]

    def run() -> Tensor:
        calls[0] += 1
        return product(a, b) if calls[0] <= 3 else torch.empty(a.shape, device="meta")

    return Step(run, check_first=lambda answers: near(lambda: product(host64(a), host64(b)))(answers[0]))
