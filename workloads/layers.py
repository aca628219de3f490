"""Layers that are cheap to compute and costly in memory: embeddings and normalizations."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.base import FLOAT_DTYPES, Setup, Step, workload
from workloads.checks import host64, losses_near, near, sgd_losses

WIDTH = 128
TOKENS = 4096
LR = 400.0  # of a loss that is the mean over so many tokens: a fifth of the way in a step


@workload("embedding.lookup", item="token", dtypes=FLOAT_DTYPES, default=False, rows=(1000, 100_000))
def lookup(setup: Setup, rows: int) -> Step:
    """4096 rows of a table [rows, 128], drawn at random."""
    table, tokens = setup.randn(rows, WIDTH), setup.randint(rows, TOKENS)
    find = setup.compile(F.embedding)
    return Step(lambda: find(tokens, table), items=TOKENS, check=near(lambda: host64(table)[tokens.cpu()]))


@workload(
    "embedding.train_step", item="token", default=False, rows=(1000, 100_000), sparse=(False, True),
    not_compiled="a sparse gradient is not compiled, and a dense one takes its time in the optimizer",
)  # fmt: skip
def embedding_train_step(setup: Setup, rows: int, sparse: bool) -> Step:
    """A step of SGD on a table [rows, 128] of which 4096 rows are used; its gradient is the table's size, or sparse."""
    table = setup.place(nn.Embedding(rows, WIDTH, sparse=sparse))
    tokens, wanted = setup.randint(rows, TOKENS), setup.randn(TOKENS, WIDTH)
    optimizer = torch.optim.SGD(table.parameters(), lr=LR)
    start = nn.Embedding.from_pretrained(host64(table.weight), freeze=False)  # the update by hand is of whole tables

    def train() -> Tensor:
        optimizer.zero_grad()
        loss = F.mse_loss(table(tokens), wanted, reduction="sum") / TOKENS
        loss.backward()
        optimizer.step()
        return loss.detach()

    def right(count: int) -> Tensor:
        same, want = tokens.cpu(), host64(wanted)
        return sgd_losses(start, lambda table: F.mse_loss(table(same), want, reduction="sum") / TOKENS, count, lr=LR)

    return Step(train, items=TOKENS, check_first=losses_near(right))


def norm_of(kind: str, channels: int) -> nn.Module:
    """A layer that normalizes [batch, channels, 16, 16]; of the last dimension, for the two that transformers have."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    if kind == "group":
        return nn.GroupNorm(8, channels)
    return nn.LayerNorm([channels, 16, 16]) if kind == "layer" else nn.RMSNorm([channels, 16, 16])


@workload("normalization.train", item="image", default=False, kind=("batch", "group", "layer", "rms"), channels=(64,))
def normalization(setup: Setup, kind: str, channels: int) -> Step:
    """Forward and backward through a normalization of [16, channels, 16, 16]; answers with the input's gradient."""
    norm = setup.place(norm_of(kind, channels)).train()
    x, along = setup.randn(16, channels, 16, 16).requires_grad_(), setup.randn(16, channels, 16, 16)
    normalize = setup.compile(norm)

    def gradient(apply: Callable[[Tensor], Tensor], x: Tensor, along: Tensor) -> Tensor:
        (found,) = torch.autograd.grad(apply(x), x, along)
        return found

    return Step(
        lambda: gradient(normalize, x, along),
        items=16,
        check=near(lambda: gradient(host64(norm), host64(x).requires_grad_(), host64(along))),
    )
