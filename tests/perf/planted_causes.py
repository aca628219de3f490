"""A network of twelve layers in which something costs more in one place, for `python -m tests.perf.causes`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from workloads import Setup, Step, workload

LAYERS, WIDTH, BATCH = 12, 192, 64


def some(x: Tensor) -> Tensor:
    return x


def python(x: Tensor) -> Tensor:
    for _ in range(3000):
        pass
    return x


def scanned(x: Tensor) -> Tensor:
    sum([number * number for number in range(1200)])
    return x


def copied(x: Tensor) -> Tensor:
    return x.clone().t().contiguous().t().contiguous()


def waited(x: Tensor) -> Tensor:
    return x * (1.0 if x.sum().item() > -1e30 else 0.0)


def doubled(x: Tensor) -> Tensor:
    return x.double().sin().float()


# What it does to a layer's answer, and how the parts begin that are a right answer.
KINDS: dict[str, tuple[Callable[[Tensor], Tensor], tuple[str, ...]]] = {
    "an operator more": (lambda x: x.tanh() + x, ("aten::tanh", "aten::add")),
    "another activation": (nn.functional.gelu, ("aten::gelu",)),
    "a copy": (copied, ("aten::copy_", "aten::clone")),
    "a wait for a number": (waited, ("aten::sum", "aten::mul", "aten::_local_scalar_dense")),
    "a slower function": (python, ("outside",)),
    "a slower comprehension": (scanned, ("outside",)),
    "another dtype": (doubled, ("aten::copy_", "aten::_to_copy", "aten::sin")),
    "a sort": (lambda x: x + 0 * x[:, :24].sort(dim=1).values.sum(), ("aten::sort",)),
    "a softmax": (lambda x: x.softmax(dim=1), ("aten::_softmax",)),
    "a larger shape": (some, ("aten::addmm",)),
    "called twice": (some, ("aten::addmm", "aten::relu", "aten::clamp_min")),
    "a norm": (lambda x: nn.functional.layer_norm(x, (WIDTH,)), ("aten::native_layer_norm",)),
}


@workload("causes.network", item="sample", kind=("", *KINDS), where=tuple(range(LAYERS)), default=False)
def network(setup: Setup, kind: str, where: int) -> Step:
    """Layers one after the other; one of them is planted something, or none."""
    wide = WIDTH * 3 // 2 if kind == "a larger shape" else WIDTH
    sizes = [
        (WIDTH, wide) if layer == where else (wide, WIDTH) if layer == where + 1 else (WIDTH, WIDTH)
        for layer in range(LAYERS)
    ]
    layers = [setup.place(nn.Linear(*size)) for size in sizes]
    more = KINDS[kind][0] if kind else some
    x = setup.randn(BATCH, WIDTH)

    def run() -> Tensor:
        answer = x
        with torch.no_grad():
            for number, layer in enumerate(layers):
                answer = layer(answer).relu()
                if number == where:
                    answer = more(answer)
                    if kind == "called twice":
                        answer = layer(answer).relu()
        return answer

    return Step(run, items=BATCH)
