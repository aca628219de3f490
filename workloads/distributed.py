"""Steps of several ranks: collectives by size, and a network trained by all of them. Each rank checks its own answers.

What a collective moves over its bus is its bytes times what NVIDIA's nccl-tests say (doc/PERFORMANCE.md there).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.base import Point, Setup, Step, Unavailable, workload
from workloads.checks import host64, losses_near, near, sgd_losses
from workloads.mnist_cnn import BATCH, Padded

SIZES = (1 << 14, 1 << 20)  # float32 numbers: 64 KiB, and 4 MiB as a larger gradient has
BYTES = 4
LR, MOMENTUM = 0.01, 0.9
WIDE = 1024
# Under the names that they have since torch 2.14, else those of before.
GATHER: Any = getattr(dist, "all_gather_single", None) or getattr(dist, "all_gather_into_tensor", None)
SCATTER: Any = getattr(dist, "reduce_scatter_single", None) or getattr(dist, "reduce_scatter_tensor", None)


def drawn(rank: int, count: int, device: torch.device) -> Tensor:
    """What a rank has to give: numbers that every other rank can draw, too."""
    return torch.randn(count, generator=torch.Generator().manual_seed(rank)).to(device)


def collective(
    setup: Setup, ranks: int, size: int, call: Callable[[Tensor, Any], Tensor], right: Callable[[list[Tensor]], Tensor]
) -> Step:
    """A step that calls a collective on `size` numbers in all; `right` makes its answer of what all ranks give."""
    count = size // ranks if call is gathered else size
    own = drawn(dist.get_rank(setup.group), count, setup.device)

    def run() -> Tensor:
        return call(own, setup.group)

    return Step(
        run, items=size * BYTES, check=near(lambda: right([drawn(rank, count, own.device) for rank in range(ranks)]))
    )


def summed(own: Tensor, group: Any) -> Tensor:
    """All ranks' sum, in a copy: what is given stays as it is from step to step."""
    answer = own.clone()
    dist.all_reduce(answer, group=group)
    return answer


def gathered(own: Tensor, group: Any) -> Tensor:
    """All ranks' numbers, one after the other."""
    answer = own.new_empty(own.numel() * dist.get_world_size(group))
    GATHER(answer, own, group=group)
    return answer


def scattered(own: Tensor, group: Any) -> Tensor:
    """This rank's part of all ranks' sum."""
    answer = own.new_empty(own.numel() // dist.get_world_size(group))
    SCATTER(answer, own, group=group)
    return answer


def from_first(own: Tensor, group: Any) -> Tensor:
    """The first rank's numbers."""
    answer = own.clone()
    dist.broadcast(answer, group_src=0, group=group)
    return answer


@workload("distributed.all_reduce", item="byte", not_compiled="one collective has nothing to fuse", default=False,
          ranks=(1, 2), size=SIZES)  # fmt: skip
def all_reduce(setup: Setup, ranks: int, size: int) -> Step:
    """The sum of all ranks' numbers, on all of them."""
    return collective(setup, ranks, size, summed, lambda given: torch.stack(given).sum(0))


@workload("distributed.all_gather", item="byte", not_compiled="one collective has nothing to fuse", default=False,
          ranks=(1, 2), size=SIZES)  # fmt: skip
def all_gather(setup: Setup, ranks: int, size: int) -> Step:
    """All ranks' numbers, on all of them; `size` is that of the answer."""
    return collective(setup, ranks, size, gathered, torch.cat)


@workload("distributed.reduce_scatter", item="byte", not_compiled="one collective has nothing to fuse", default=False,
          ranks=(1, 2), size=SIZES)  # fmt: skip
def reduce_scatter(setup: Setup, ranks: int, size: int) -> Step:
    """A part of the sum of all ranks' numbers on each; `size` is that of what each gives."""
    own = dist.get_rank(setup.group)
    return collective(
        setup, ranks, size, scattered, lambda given: torch.stack(given).sum(0).chunk(ranks)[own].contiguous()
    )


@workload("distributed.broadcast", item="byte", not_compiled="one collective has nothing to fuse", default=False,
          ranks=(1, 2), size=SIZES)  # fmt: skip
def broadcast(setup: Setup, ranks: int, size: int) -> Step:
    """The first rank's numbers, on all of them."""
    return collective(setup, ranks, size, from_first, lambda given: given[0])


class Wide(nn.Module):
    """Three linear layers of 1024, on images as rows: 3 million weights, 12 MB of gradients for little work."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(784, WIDE), nn.ReLU(), nn.Linear(WIDE, WIDE), nn.ReLU(), nn.Linear(WIDE, 10)
        )

    def forward(self, x: Tensor) -> Tensor:
        answer: Tensor = self.layers(x)
        return answer


# As it is; with the backward pass of a step that accumulates, and talks to nobody; with more, smaller all-reduces.
DDP = ("ddp", "ddp_no_sync", "ddp_small_buckets")
SMALL_BUCKET_MB = 0.25
MODELS: dict[str, type[nn.Module]] = {"padded": Padded, "wide": Wide}


def wrapped(setup: Setup, model: nn.Module, wrap: str) -> nn.Module:
    """The model as one of several ranks. Raises Unavailable where this torch has no such thing for the device."""
    if wrap == "none":
        return model
    if wrap in DDP:
        options: dict[str, Any] = {"bucket_cap_mb": SMALL_BUCKET_MB} if wrap == "ddp_small_buckets" else {}
        return nn.parallel.DistributedDataParallel(model, process_group=setup.group, **options)
    from torch.distributed.device_mesh import DeviceMesh  # noqa: PLC0415 - imports much
    from torch.distributed.fsdp import fully_shard  # noqa: PLC0415

    try:
        fully_shard(model, mesh=DeviceMesh.from_group(setup.group, setup.device.type))
    except (RuntimeError, NotImplementedError) as error:
        raise Unavailable(f"FSDP2 does not run here: {error}") from error
    return model


def points(models: Sequence[str]) -> list[Point]:
    """Strong scaling has the same batch in all ranks together, weak the same in each."""
    alone: list[Point] = [{"ranks": 1, "wrap": "none"}, {"ranks": 1, "wrap": "ddp"}]
    several: list[Point] = [{"ranks": 2, "wrap": wrap} for wrap in (*DDP, "fsdp")]
    return [
        {"model": model, "scaling": scaling, **point, "batch": BATCH}
        for model in models for scaling in ("strong", "weak") for point in alone + several
    ]  # fmt: skip


@workload("distributed.train_step", item="sample", not_compiled="", default=False, points=points(tuple(MODELS)))
def train_step(setup: Setup, model: str, scaling: str, ranks: int, wrap: str, batch: int) -> Step:
    """A training step of SGD on each rank's own part of the batch; answers with the rank's own loss."""
    whole = batch if scaling == "strong" else batch * ranks
    if whole % ranks:
        raise Unavailable(f"a batch of {whole} is not divided among {ranks} ranks")
    network = setup.place(MODELS[model]())
    start = host64(network)
    all_images, all_labels = setup.randn(whole, 1, 28, 28), setup.randint(10, whole)
    rank, share = dist.get_rank(setup.group), whole // ranks
    own = slice(rank * share, (rank + 1) * share)
    images, labels = all_images[own].clone(), all_labels[own].clone()
    parallel = setup.compile(wrapped(setup, network, wrap))
    optimizer = torch.optim.SGD(parallel.parameters(), lr=LR, momentum=MOMENTUM)

    alone = wrap == "ddp_no_sync"
    quiet = parallel.no_sync if alone else contextlib.nullcontext

    def run() -> Tensor:
        optimizer.zero_grad()
        with quiet():
            loss = F.cross_entropy(parallel(images), labels)
            loss.backward()
        optimizer.step()
        return loss.detach()

    def right(count: int) -> Tensor:
        """The losses of this rank's part, where one process trains on all of it; or, alone, on that part."""
        losses: list[Tensor] = []

        def loss(model: nn.Module) -> Tensor:
            answers = model(host64(all_images))
            losses.append(F.cross_entropy(answers[own], all_labels[own].cpu()).detach())
            trained = own if alone else slice(None)
            return F.cross_entropy(answers[trained], all_labels[trained].cpu())

        sgd_losses(start, loss, count, lr=LR, momentum=MOMENTUM)
        return torch.stack(losses)

    return Step(run, items=whole, check_first=losses_near(right))
