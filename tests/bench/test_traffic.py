"""What a step moves and computes, against counts made by hand."""

from __future__ import annotations

import torch
from torch import nn

from bench.counts.traffic import Work, work_of

N = 1000


def test_an_addition_reads_two_and_writes_one() -> None:
    x, y = torch.ones(N), torch.ones(N)
    assert work_of(lambda: x + y) == Work(8 * N, 4 * N, 12 * N, N, 1, frozenset({"aten::add"}))


def test_a_product_moves_three_matrices() -> None:
    a, b = torch.ones(32, 32), torch.ones(32, 32)
    work = work_of(lambda: a @ b)
    assert (work.algorithmic_bytes, work.elementwise, work.dispatches) == (3 * 4 * 32 * 32, 0, 1)


def test_what_does_not_outlive_the_step_is_touched_and_not_compulsory() -> None:
    x = torch.ones(N)
    work = work_of(lambda: (x + 1).mul(2).relu())
    assert (work.algorithmic_bytes, work.touched_bytes) == (8 * N, 16 * N)
    assert (work.elementwise, work.dispatches) == (3 * N, 3)


def test_a_tensor_read_twice_counts_once_and_one_changed_in_place_twice() -> None:
    x = torch.ones(N)
    assert work_of(lambda: x * x).algorithmic_bytes == 8 * N
    assert work_of(lambda: x.add_(1)).algorithmic_bytes == 8 * N
    assert work_of(lambda: x.fill_(1)).algorithmic_bytes == 4 * N


def test_views_and_expanded_dimensions_move_nothing() -> None:
    x, column = torch.ones(N), torch.ones(10, 1)
    assert work_of(lambda: x.view(10, 100).t()).algorithmic_bytes == 0
    assert work_of(lambda: column.expand(10, 100) + x.view(10, 100)).algorithmic_bytes == 4 * (10 + N + N)
    assert work_of(lambda: x[:10] + 1).algorithmic_bytes == 80


def test_a_reduction_counts_what_it_is_given_and_a_gather_what_it_gives() -> None:
    x, rows = torch.ones(N, 4), torch.arange(10)
    assert work_of(x.sum).elementwise == 4 * N
    assert work_of(lambda: x[rows]).algorithmic_bytes == 2 * 10 * 4 * 4 + 80


def test_a_training_step_counts_its_backward_pass_and_its_update() -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(8, 1, bias=False), torch.ones(4, 8)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, foreach=False)

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        loss = layer(x).sum()
        loss.backward()
        optimizer.step()
        return loss.detach()

    step()
    work = work_of(step)
    # Reads x and the weight; writes the weight, its gradient and the loss.
    assert work.algorithmic_bytes == 4 * (32 + 8 + 8 + 8 + 1)
    assert work.dispatches >= 5
