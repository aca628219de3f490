"""How long training takes until it names test digits well enough: the primer's loop, and the top of the ladder."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from workloads.base import Setup, Step, Unavailable, workload
from workloads.checks import between
from workloads.ladders.mnist import Loop, build_network, indexed, ladder_of, loaded, trainer
from workloads.mnist_cnn import TEST_DIGITS, accuracy
from workloads.shared import mnist_data
from workloads.shared.rungs import climb

DIGITS = 60_000
SPACING = 4096  # samples between two evaluations
CAP_SAMPLES = 5 * DIGITS  # a seed that has not reached its target by then never will, for this purpose
TOP = {"cpu": "fused"}  # whose rungs above are leaves; elsewhere the last is the top


@workload(
    "mnist_cnn.time_to_accuracy",
    item="sample",
    not_compiled="its rungs choose by themselves what is compiled",
    data="mnist",
    default=False,
    compiles=True,
    seeds=10,
    rung=("primer", "top"),
    target=(0.97, 0.99),
    spacing=(SPACING,),
)
def time_to_accuracy(setup: Setup, rung: str, target: float, spacing: int) -> Step:
    """Training on all digits until 2000 test digits are named well enough; a step is the samples between two looks."""
    name = mnist_data.prepare()
    if target > 0.97 and name != "MNIST":
        raise Unavailable(f"an accuracy of {target:g} is a target for MNIST itself, not for {name}")
    device = setup.device.type
    rungs = ladder_of(device)
    chosen = TOP.get(device, rungs[-1].name) if rung == "top" else rung
    on = next((other.on for other in rungs if other.name == chosen), "")
    loop = climb(rungs, Loop(), chosen, on, device)
    network = build_network(setup, loop)
    train = trainer(setup, loop, network)
    fresh = (indexed if loop.in_memory else loaded)(setup, DIGITS, loop.batch)
    batches = itertools.chain.from_iterable(fresh() for _ in itertools.count())

    def run() -> Tensor:
        for images, labels in itertools.islice(batches, spacing // loop.batch):
            loss = train(images, labels)
            if loop.waits:
                loss.item()
        return torch.tensor(accuracy(network, setup, TEST_DIGITS))

    return Step(
        run, spacing, check=between(0.02, 1, "the accuracy"), data=name, target=target, cap=CAP_SAMPLES // spacing
    )
