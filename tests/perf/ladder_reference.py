"""The top rungs against the best loops written by hand: `python -m tests.perf.ladder_reference [LAUNCHES]`.

In every launch, a fresh process, the top rung of each ladder and a plain loop for the same arithmetic take turns; the
ratio, by hand over rung, is above 1 where the rung is faster. The loops below use torch and nothing of this project.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

ROUNDS = {"mnist_cnn": 5, "linear_regression": 20}
TOPS = {
    "mnist_cnn": {"rung": "fused", "on": "channels_last", "samples": 1024},
    "linear_regression": {"rung": "one_graph", "on": "drawn_ahead", "epochs": 1000},
}
Run = Callable[[], object]


def mnist_by_hand(network: Any, images: torch.Tensor, labels: torch.Tensor) -> Run:
    """A pass over the digits in shuffled batches of 64: forward, backward, and SGD with momentum written out."""
    network = network.to(memory_format=torch.channels_last)
    weights = list(network.parameters())
    speeds = [torch.zeros_like(weight) for weight in weights]

    def run() -> object:
        order = torch.randperm(len(labels))
        total = torch.zeros(())
        for start in range(0, len(labels), 64):
            chosen = order[start : start + 64]
            loss = F.cross_entropy(network(images[chosen]), labels[chosen])
            gradients = torch.autograd.grad(loss, weights)
            with torch.no_grad():
                for weight, speed, gradient in zip(weights, speeds, gradients, strict=True):
                    speed.mul_(0.9).add_(gradient)
                    weight.add_(speed, alpha=-0.05)
            total += loss.detach()
        return total

    return run


def line_by_hand() -> Run:
    """1000 epochs of the five samples in shuffled batches of two, twelve steps of SGD to a graph."""
    x = torch.arange(1.0, 6.0)
    y = 2 * x

    @torch.compile(fullgraph=True)
    def four_epochs(weight: Any, bias: Any, xs: torch.Tensor, ys: torch.Tensor) -> Any:
        for row in range(4):
            for first, last in ((0, 2), (2, 4), (4, 5)):
                error = weight * xs[row, first:last] + bias - ys[row, first:last]
                step = (error * xs[row, first:last]).mean(), error.mean()
                weight, bias = weight - 0.02 * step[0], bias - 0.02 * step[1]
        return weight, bias

    def run() -> object:
        weight, bias = torch.tensor(0.1), torch.tensor(0.1)
        orders = torch.rand(1000, 5).argsort(dim=1)
        for start in range(0, 1000, 4):
            chosen = orders[start : start + 4]
            weight, bias = four_epochs(weight, bias, x[chosen], y[chosen])
        return weight, bias

    return run


def by_hand(name: str) -> Run:
    """The loop of a ladder, with the digits and the network that the rung has."""
    if name == "linear_regression":
        return line_by_hand()
    from workloads.mnist_cnn import Padded
    from workloads.shared.mnist_data import tensors

    torch.manual_seed(0)
    return mnist_by_hand(Padded(), *tensors(train=True, count=1024))


def launch(name: str, number: int) -> float:
    """Median time by hand over median time of the top rung, taken in turns in this process.

    Which is built first changes from launch to launch, since what is built second gets other memory.
    """
    from bench.modes.steady import steady
    from workloads.base import Setup, load_suite

    torch.set_num_threads(1)
    builders: dict[str, Callable[[], Run]] = {
        "hand": lambda: by_hand(name),
        "rung": lambda: load_suite()[f"{name}.ladder"].build(Setup(torch.device("cpu")), **TOPS[name]).run,
    }
    sides = {side: builders[side]() for side in sorted(builders, reverse=bool(number % 2))}
    times: dict[str, list[float]] = {side: [] for side in sides}
    with steady():  # as whatever this project times; without, blocks given back to the system cost both sides at random
        for turn in range(ROUNDS[name] + 1):
            for side in sorted(sides, reverse=bool(turn % 2)):
                start = time.perf_counter()
                sides[side]()
                times[side].append(time.perf_counter() - start)
    hand, own = (statistics.median(times[side][1:]) for side in ("hand", "rung"))  # the first compiles
    return hand / own


def main(launches: int) -> None:
    """Every ladder's ratio with its 95 % interval over launches."""
    from reports.stats.intervals import summarize

    for name in TOPS:
        command = [sys.executable, "-m", "tests.perf.ladder_reference", "--launch", name]
        ratios = [
            float(subprocess.run([*command, str(number)], check=True, capture_output=True, text=True).stdout)
            for number in range(launches)
        ]
        found = summarize([[ratio] for ratio in ratios])
        sure = f"[{found.low:.3f}, {found.high:.3f}]" if found.low and found.high else "(one launch: no interval)"
        print(f"{name}: by hand / top rung = {found.estimate:.3f} {sure} over {launches} launches", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--launch"]:
        print(launch(sys.argv[2], int(sys.argv[3])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
