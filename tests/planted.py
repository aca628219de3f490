"""Workloads with known behaviour, good and bad, for tests of the ruler; used as a user's own module."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from tests import planted_processes, planted_times  # noqa: F401 - register the rest of what is planted
from workloads import Setup, Step, Unavailable, near, workload
from workloads.base import leave_as_is


@workload("planted.steady", item="call")
def steady(setup: Setup) -> Step:
    """A small addition, with the right answer."""
    x = setup.randn(16)
    add = setup.compile(torch.add)
    return Step(lambda: add(x, x), check=near(lambda: 2 * x))


@workload("planted.raises", item="call")
def raises(setup: Setup) -> Step:
    """Raises in its second step."""
    steps = iter([torch.zeros(())])

    def run() -> Tensor:
        for answer in steps:
            return answer
        raise ValueError("planted: no more steps")

    return Step(run)


@workload("planted.does_not_build", item="call")
def does_not_build(setup: Setup) -> Step:
    """Raises before there is a step."""
    raise KeyError("planted: no such thing")


@workload("planted.waits_for_long", item="call")
def waits_for_long(setup: Setup) -> Step:
    """Nobody would wait for its end."""

    def run() -> Tensor:
        time.sleep(60)
        return torch.zeros(())

    return Step(run)


@workload("planted.learns_in_its_mode", item="call")
def learns_in_its_mode(setup: Setup) -> Step:
    """Comes to another accuracy in another mode than eager."""
    accuracy = 0.5 if setup.compile is leave_as_is else 0.75
    return Step(lambda: torch.zeros(1), outcome=lambda: {"accuracy": accuracy})


@workload("planted.unavailable", item="call")
def unavailable(setup: Setup) -> Step:
    """Cannot exist here."""
    raise Unavailable("it was planted so")


@workload("planted.wrong", item="call")
def wrong(setup: Setup) -> Step:
    """Answers wrongly, and is fast."""
    return Step(lambda: torch.ones(3), check=near(lambda: torch.zeros(3) + 2))


@workload("planted.wrong_when_compiled", item="call")
def wrong_when_compiled(setup: Setup) -> Step:
    """Answers rightly in eager mode only."""
    x = setup.randn(16)

    def double(x: Tensor) -> Tensor:
        return x + x + 1 if torch.compiler.is_compiling() else x + x

    compiled = setup.compile(double)
    return Step(lambda: compiled(x), check=None)


@workload("planted.graph_break", item="call")
def graph_break(setup: Setup) -> Step:
    """Has exactly one graph break."""
    x = setup.randn(16)

    def broken(x: Tensor) -> Tensor:
        y = x + 1
        torch._dynamo.graph_break()
        return y * 2

    compiled = setup.compile(broken)
    return Step(lambda: compiled(x))


@workload("planted.recompiles", item="call")
def recompiles(setup: Setup) -> Step:
    """Is compiled three times: for each of three constants."""
    x, calls = setup.randn(16), iter(range(10**9))
    compiled = setup.compile(lambda x, factor: x * factor if isinstance(factor, str) else x * len(factor))
    factors = [(1,), (1, 2), (1, 2, 3)]
    return Step(lambda: compiled(x, factors[next(calls) % 3]))


@workload("planted.recompiles_module", item="call")
def recompiles_module(setup: Setup) -> Step:
    """Compiles a module of torch's own, twice: once more for its second batch."""
    batches = [setup.randn(2, 1), setup.randn(3, 1)]
    calls, compiled = iter(range(10**9)), setup.compile(setup.place(torch.nn.Linear(1, 1)))
    return Step(lambda: compiled(batches[next(calls) % 2]).detach())


@workload("planted.nothing_to_compile", item="call")
def nothing_to_compile(setup: Setup) -> Step:
    """Does not hand anything to the compiler."""
    x = setup.randn(16)
    return Step(lambda: x + x)


@workload("planted.first_version", item="sample", batch=(4,))
def first_version(setup: Setup, batch: int) -> Step:
    """A workload as the first version of the seam lets one write it: every name here must go on working."""
    x = torch.randn(batch, 2, generator=torch.Generator().manual_seed(setup.seed)).to(setup.device, setup.dtype)
    model = setup.compile(torch.nn.Linear(2, 1).to(setup.device, setup.dtype))

    def check(answer: Tensor) -> None:
        assert answer.shape == (batch, 1)

    return Step(run=lambda: model(x).detach(), items=batch, check=check)


@workload("planted.counted", item="call", change=("none", "keeps", "one_more", "another", "learns"))
def counted(setup: Setup, change: str) -> Step:
    """Two operations on 1 KiB, or, changed by one thing, what a careless commit might make of them."""
    x, kept = setup.randn(256), []
    weights = torch.ones(3, requires_grad=True) if change == "learns" else None

    def run() -> Tensor:
        if change == "keeps":
            kept.append(torch.empty(256))  # 1 KiB more after every step
        if change == "another":
            return torch.addcmul(x, x, x)
        y = x * x + x
        return y.neg() if change == "one_more" else y

    run.weights = weights  # type: ignore[attr-defined]  # alive as long as the step is
    return Step(run)


@workload("planted.fused", item="call", fused=(True, False))
def fused(setup: Setup, fused: bool) -> Step:
    """Two operations that torch.compile makes one kernel of, unless a product comes between them."""
    x, unit = setup.randn(16, 16), torch.eye(16)
    compiled = setup.compile(lambda x: x.sin().cos() if fused else (x.sin() @ unit).cos())
    return Step(lambda: compiled(x))


@workload("planted.breaks", item="call", how=("item", "branch", "twice"))
def breaks(setup: Setup, how: str) -> Step:
    """Breaks its graph in a way that is easily written."""
    x = setup.randn(16)

    def item(x: Tensor) -> Tensor:
        largest = x.max().item()  # planted: item
        return x / largest

    def branch(x: Tensor) -> Tensor:
        if x.sum() > 100:  # planted: branch
            x = x * 2
        return x + 1

    compiled = setup.compile({"item": item, "branch": branch, "twice": lambda x: item(item(x) + 1)}[how])
    return Step(lambda: compiled(x))


@workload("planted.recompiles_training", item="call")
def recompiles_training(setup: Setup) -> Step:
    """Is compiled twice, each time with a backward graph of its own."""
    x, calls = setup.randn(16).requires_grad_(), iter(range(10**9))
    compiled = setup.compile(lambda x, factor: (x * len(factor)).sum())
    factors = [(1,), (1, 2)]
    return Step(lambda: torch.autograd.grad(compiled(x, factors[next(calls) % 2]), x)[0])


@workload("planted.unsupported", item="call", how=("operator", "branch"))
def unsupported(setup: Setup, how: str) -> Step:
    """Cannot be compiled whole: it asks for that, and breaks the graph or branches on data."""
    x = setup.randn(16)

    def operator(x: Tensor) -> Tensor:
        torch._dynamo.graph_break()
        return x + 1

    def branch(x: Tensor) -> Tensor:
        return x + 1 if x.sum() > 100 else x - 1

    whole = {"operator": operator, "branch": branch}[how]
    # What a user writes who wants no graph break to pass unseen.
    compiled = torch.compile(whole, fullgraph=True) if setup.compile is not leave_as_is else whole
    return Step(lambda: compiled(x))


@workload("planted.always_new", item="call")
def always_new(setup: Setup) -> Step:
    """Is compiled at every call, until torch gives up."""
    x, calls = setup.randn(16), iter(range(10**9))
    compiled = setup.compile(lambda x, name: x + len(name))  # a text is a constant to the compiler
    return Step(lambda: compiled(x, f"call {next(calls)}"))


@workload("planted.resized", item="sample")
def resized(setup: Setup) -> Step:
    """A function whose batch may have any size."""
    double = setup.compile(lambda x: x + x)
    x = setup.randn(16)

    def other(size: int) -> Callable[[], Tensor]:
        y = setup.randn(size)
        return lambda: double(y)

    return Step(lambda: double(x), check=near(lambda: 2 * x), resized=other)
