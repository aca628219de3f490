"""What each usual optimization of the primer's digit training gains: one change a rung, the same samples on every rung.

Every rung keeps the model, the loss, the optimizer's rule and the samples; only how the loop is run differs, and the
batch where the rung says so.
"""

from __future__ import annotations

import contextlib
import math
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset

from workloads.base import Setup, Step, WrongAnswer, workload
from workloads.mnist_cnn import PASS_LOSS, TEST_DIGITS, Padded, accuracy
from workloads.shared import mnist_data
from workloads.shared.rungs import Rung, bottom_rung, climb, no_compiler, points

SAMPLES = 1024  # per step: 16 batches of 64, or 4 of 256
TRAINED_SAMPLES = 8192  # for the outcome
# The primer's 0.001 needs some ten passes over all digits; a rate costs no time, so all rungs learn faster.
LEARNING_RATE, LEARNING_BATCH = 0.05, 64
SLOW_BF16_VARIABLE = "TORCHPACE_SLOW_BF16"
BF16_FLAGS = ("avx512_bf16", "amx_bf16", "bf16")  # in /proc/cpuinfo: x86, x86, Arm


@dataclass(frozen=True, slots=True)
class Loop:
    """How a pass over the digits is run; the defaults are the primer's loop.

    waits: the loss is read with item() after every step. update: arguments of SGD that choose its implementation.
    compiled: the mode of torch.compile, empty for none. autocast: the dtype of products and convolutions.
    """

    in_memory: bool = False
    waits: bool = True
    batch: int = 64
    channels_last: bool = False
    update: Mapping[str, bool] | None = None
    autocast: torch.dtype | None = None
    compiled: str = ""


def has_bf16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware, by the flags that Linux lists."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.machine() == "arm64"  # Apple's have them from the M2 on; an M1 is taken for one of these
    lines = (line for line in info.read_text().splitlines() if line.startswith(("flags", "Features")))
    return bool(set(next(lines, "").split()) & set(BF16_FLAGS))


def slow_bf16(device: str) -> str:
    """Why autocast is left out on this CPU; empty where it has bfloat16 or the user asked for it all the same."""
    if device != "cpu" or has_bf16() or os.environ.get(SLOW_BF16_VARIABLE):
        return ""
    return (
        "this CPU has no bfloat16 instructions (AMX or AVX512-BF16), so that products in it are slow (`torchpace "
        f"ceilings` says how slow); {SLOW_BF16_VARIABLE}=1 measures them all the same"
    )


# Common to all devices, in the usual order of advice.
LOWEST: tuple[Rung[Loop], ...] = (
    bottom_rung("primer"),
    Rung("in_memory", "primer", lambda loop: replace(loop, in_memory=True)),
    Rung("no_synchronize", "in_memory", lambda loop: replace(loop, waits=False)),
)


def batch_256(loop: Loop) -> Loop:
    """Four times the batch at twice the learning rate, by the rule of the square root (Krizhevsky, 2014).

    The linear rule (Goyal et al., 2017) would give 0.2, which without a warm-up of the rate learned less: 63 % against
    78 % of the test digits after 8192 samples.
    """
    return replace(loop, batch=256)


# What each gained on two shared x86 cores, torch 2.14, one thread: docs/what-pays.md.
CPU: tuple[Rung[Loop], ...] = (
    *LOWEST,
    # A leaf: next to nothing for a fifth of the accuracy, which more samples would have to buy back.
    Rung("batch_256", "no_synchronize", batch_256),
    Rung("channels_last", "no_synchronize", lambda loop: replace(loop, channels_last=True)),
    # A leaf: on the CPU it goes tensor by tensor all the same.
    Rung("foreach", "channels_last", lambda loop: replace(loop, update={"foreach": True})),
    # A percent at most: one pass over weights, gradients and momentum in place of three, and little beside the rest.
    Rung("fused", "channels_last", lambda loop: replace(loop, update={"fused": True})),
    Rung("autocast", "fused", lambda loop: replace(loop, autocast=torch.bfloat16), slow_bf16),
    # A leaf: half as fast; `torchpace compile` names the kernels of max pooling's backward pass.
    Rung("compile", "fused", lambda loop: replace(loop, compiled="default"), no_compiler),
)

# The usual order of advice; which of these pay was not measured on a GPU, so each stands on the one before.
CUDA: tuple[Rung[Loop], ...] = (
    *LOWEST,
    Rung("batch_256", "no_synchronize", batch_256),
    Rung("channels_last", "batch_256", lambda loop: replace(loop, channels_last=True)),
    Rung("fused", "channels_last", lambda loop: replace(loop, update={"fused": True})),
    Rung("autocast", "fused", lambda loop: replace(loop, autocast=torch.float16)),
    Rung("compile", "autocast", lambda loop: replace(loop, compiled="default")),
    Rung("cuda_graphs", "compile", lambda loop: replace(loop, compiled="reduce-overhead")),
)

# As on CUDA, without what not every device has: on MPS, GradScaler's fused update, and graphs that are played back.
OTHERS: tuple[Rung[Loop], ...] = (
    *LOWEST,
    Rung("batch_256", "no_synchronize", batch_256),
    Rung("channels_last", "batch_256", lambda loop: replace(loop, channels_last=True)),
)

LADDERS = {"cpu": CPU, "cuda": CUDA}


def ladder_of(device: str) -> tuple[Rung[Loop], ...]:
    """The rungs of a device, the lowest first."""
    return LADDERS.get(device, OTHERS)


Batches = Callable[[], Iterator[tuple[Tensor, Tensor]]]


def loaded(setup: Setup, count: int, batch: int) -> Batches:
    """The primer's batches of the first `count` digits: a shuffling DataLoader of PIL images through transforms."""
    loader = DataLoader(Subset(mnist_data.dataset(train=True), range(count)), batch, shuffle=True)
    return lambda: ((images.to(setup.device), labels.to(setup.device)) for images, labels in loader)


def indexed(setup: Setup, count: int, batch: int) -> Batches:
    """The same batches from tensors on the device that were normalized beforehand, shuffled by index."""
    images, labels = (tensor.to(setup.device) for tensor in mnist_data.tensors(train=True, count=count))

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for chosen in torch.randperm(count, device=setup.device).split(batch):
            yield images[chosen], labels[chosen]

    return batches


def trainer(setup: Setup, loop: Loop, network: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """One step of SGD with momentum 0.9 on a batch, run as the loop says; gives back the loss."""
    rate = LEARNING_RATE * math.sqrt(loop.batch / LEARNING_BATCH)
    optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9, **(loop.update or {}))

    def objective(images: Tensor, labels: Tensor) -> Tensor:
        # Within what is compiled, so that the casts are fused, too.
        with torch.autocast(setup.device.type, loop.autocast) if loop.autocast else contextlib.nullcontext():
            loss: Tensor = F.cross_entropy(network(images), labels)
        return loss

    run: Any = torch.compile(objective, mode=loop.compiled) if loop.compiled else objective

    def train(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = run(images, labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    if loop.autocast is not torch.float16:
        return train
    scaler = torch.amp.GradScaler(setup.device.type)  # small gradients are below float16's smallest numbers

    def train_scaled(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = run(images, labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss.detach()

    return train_scaled


def pass_over(setup: Setup, loop: Loop, network: nn.Module, count: int) -> Callable[[], Tensor]:
    """One pass of training over the first `count` digits; answers with the mean loss of its batches."""
    batches = (indexed if loop.in_memory else loaded)(setup, count, loop.batch)
    train = trainer(setup, loop, network)

    def waiting() -> Tensor:
        total = 0.0
        for images, labels in batches():
            total += train(images, labels).item() * len(labels)
        return torch.tensor(total / count)

    def enqueuing() -> Tensor:
        total = torch.zeros((), device=setup.device)
        for images, labels in batches():
            total += train(images, labels) * len(labels)  # a graph that is played back overwrites its loss
        return total / count

    return waiting if loop.waits else enqueuing


def build_network(setup: Setup, loop: Loop) -> nn.Module:
    """An untrained network, laid out as the loop says."""
    network = setup.place(Padded())
    return network.to(memory_format=torch.channels_last) if loop.channels_last else network


def falling(answers: Sequence[Tensor]) -> None:
    """Check the mean losses of the first passes: an untrained classifier's at first, then smaller ones."""
    losses = [float(answer) for answer in answers]
    low, high = PASS_LOSS
    if not low <= losses[0] <= high:
        raise WrongAnswer(f"the first pass has a mean loss of {losses[0]:.4g}, expected between {low:g} and {high:g}")
    if not all(loss < losses[0] for loss in losses[1:]):  # NaN is not smaller, either
        raise WrongAnswer(f"the mean losses of the first passes, {losses}, do not fall: nothing was trained")


@workload(
    "mnist_cnn.ladder",
    item="sample",
    not_compiled="its rungs choose by themselves what is compiled",
    data="mnist",
    default=False,
    compiles=True,
    points=points([*LADDERS.values(), OTHERS], samples=SAMPLES),
)
def ladder(setup: Setup, rung: str, on: str, samples: int) -> Step:
    """A pass of training over `samples` digits: the primer's loop, and one change more on every rung."""
    loop = climb(ladder_of(setup.device.type), Loop(), rung, on, setup.device.type)
    if samples % loop.batch:
        raise ValueError(f"samples={samples} is not a multiple of the batch, {loop.batch}")
    name = mnist_data.prepare()

    def outcome() -> Mapping[str, float]:
        torch.manual_seed(setup.seed)
        network = build_network(setup, loop)
        pass_over(setup, loop, network, TRAINED_SAMPLES)()
        return {"accuracy": accuracy(network, setup, TEST_DIGITS)}

    network = build_network(setup, loop)
    return Step(
        pass_over(setup, loop, network, samples), samples, check_first=falling, outcome=outcome, data=name,
        tested=TEST_DIGITS,
    )  # fmt: skip
