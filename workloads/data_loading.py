"""Data loading: from samples to batches on the device. One step is one pass over the samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from workloads.base import Setup, Step, Unavailable, WrongAnswer, workload
from workloads.shared import mnist_data

NO_COMPUTE = "data loading runs in Python and in worker processes, outside of what torch.compile sees"
FEATURES = 64  # float32 numbers per made-up sample


def one_pass(setup: Setup, batches: Iterable[Any], labels: Tensor, last: Tensor, data: str = "") -> Step:
    """A step that moves every batch (inputs, labels) to the device.

    It answers with [samples seen, sum of the labels seen, last input], and is checked against the labels of all samples
    and those inputs that may be the last.
    """
    samples = len(labels)

    def run() -> Tensor:
        seen, label_sum = 0, torch.zeros((), dtype=torch.int64, device=setup.device)
        for inputs, targets in batches:
            moved = inputs.to(setup.device, setup.dtype, non_blocking=True)
            label_sum += targets.to(setup.device, non_blocking=True).sum()
            seen += len(targets)
        return torch.stack([torch.full_like(label_sum, seen), label_sum, moved.flatten()[-1].long()])

    def check(answer: Tensor) -> None:
        *got, end = answer.tolist()
        right, ends = [samples, int(labels.sum())], set(last.long().tolist())
        if got != right or end not in ends:
            raise WrongAnswer(f"a pass gave {got} (samples, sum of labels), expected {right}; its last input was {end}")

    return Step(run, items=samples, check=check, data=data)


def made_up(samples: int) -> TensorDataset:
    """`samples` random inputs [FEATURES] with labels 0..9."""
    return TensorDataset(torch.randn(samples, FEATURES), torch.arange(samples) % 10)


@workload("data_loading.tensor_dataset", item="sample", not_compiled=NO_COMPUTE, samples=(1024,))
def tensor_dataset(setup: Setup, samples: int) -> Step:
    """Every sample of a TensorDataset, fetched one by one and stacked into batches by hand."""
    data = made_up(samples)

    class Batches:
        def __iter__(self) -> Any:
            for start in range(0, samples, 64):
                rows = [data[index] for index in range(start, min(start + 64, samples))]
                yield torch.stack([row[0] for row in rows]), torch.stack([row[1] for row in rows])

    return one_pass(setup, Batches(), data.tensors[1], data.tensors[0][-1, -1:])


@workload(
    "data_loading.data_loader",
    item="sample",
    not_compiled=NO_COMPUTE,
    points=[
        {"batch": 64, "shuffle": False, "workers": 0, "pinned": False},
        {"batch": 512, "shuffle": False, "workers": 0, "pinned": False},
        {"batch": 64, "shuffle": True, "workers": 0, "pinned": False},
        {"batch": 64, "shuffle": False, "workers": 2, "pinned": False},
        {"batch": 64, "shuffle": False, "workers": 0, "pinned": True},
    ],
)
def data_loader(setup: Setup, batch: int, shuffle: bool, workers: int, pinned: bool) -> Step:
    """One pass of a DataLoader over 4096 samples; workers live on from pass to pass."""
    if pinned and setup.device.type == "cpu":
        raise Unavailable("pinned memory speeds up copies to a device other than the CPU")
    if pinned and setup.device.type == "mps":
        raise Unavailable("torch pins no memory for MPS, whatever DataLoader is asked for")
    data = made_up(4096)
    loader = DataLoader(
        data, batch, shuffle=shuffle, num_workers=workers, pin_memory=pinned, persistent_workers=workers > 0
    )
    last = data.tensors[0][:, -1] if shuffle else data.tensors[0][-1, -1:]
    return one_pass(setup, loader, data.tensors[1], last)


class InMemory(Dataset[tuple[Tensor, Tensor]]):
    """Batches cut from tensors that hold all the samples."""

    def __init__(self, images: Tensor, labels: Tensor, batch: int) -> None:
        self.images, self.labels, self.batch = images, labels, batch

    def __iter__(self) -> Any:
        return zip(self.images.split(self.batch), self.labels.split(self.batch), strict=True)


@workload(
    "data_loading.mnist",
    item="sample",
    not_compiled=NO_COMPUTE,
    data="mnist",
    source=("transformed", "in_memory"),
    samples=(1024,),
)
def mnist(setup: Setup, source: str, samples: int) -> Step:
    """Digits in batches of 64: as PIL images through ToTensor and Normalize, or from tensors made beforehand."""
    name = mnist_data.prepare()
    images, labels = mnist_data.tensors(train=True, count=samples)
    batches: dict[str, Callable[[], Iterable[Any]]] = {
        "transformed": lambda: DataLoader(Subset(mnist_data.dataset(train=True), range(samples)), 64),
        "in_memory": lambda: InMemory(images, labels, 64),
    }
    return one_pass(setup, batches[source](), labels, images.flatten()[-1:], data=name)
