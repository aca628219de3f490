"""FLOPs by formula against counts by hand, and what is said of operators that nobody counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench.counts import flops
from bench.devices import DEVICES
from bench.measure.exact import work_records
from bench.records.metrics import ELEMENTWISE
from bench.records.record import Case, Record

TIME, BATCH, FEATURES, HIDDEN = 8, 16, 32, 64
LSTM = 2 * TIME * BATCH * 4 * HIDDEN * (FEATURES + HIDDEN)  # two products a gate and number
BLANK = Record("", "", Case("planted.counted", 1, (), "cpu", "float32", "eager", 1), "flops")
Run = Callable[[], Tensor]


def numbers(*shape: int) -> Tensor:
    return torch.randn(*shape)


def trained(module: nn.Module, *inputs: Tensor) -> Run:
    def run() -> Tensor:
        answer = module(*inputs)
        (answer[0] if isinstance(answer, tuple) else answer).sum().backward()
        return torch.zeros(1)

    return run


def inferred(module: nn.Module, *inputs: Tensor) -> Run:
    return lambda: torch.no_grad()(module)(*inputs)  # type: ignore[no-any-return]


SEQUENCE = numbers(TIME, BATCH, FEATURES)
HEADS = numbers(2, 4, 16, 8)
COUNTED = {
    "LSTM": (inferred(nn.LSTM(FEATURES, HIDDEN), SEQUENCE), LSTM),
    "LSTM of two layers": (
        inferred(nn.LSTM(FEATURES, HIDDEN, 2), SEQUENCE), LSTM + 2 * TIME * BATCH * 4 * HIDDEN * 2 * HIDDEN,
    ),
    "LSTM in both directions": (inferred(nn.LSTM(FEATURES, HIDDEN, bidirectional=True), SEQUENCE), 2 * LSTM),
    "LSTM, trained": (trained(nn.LSTM(FEATURES, HIDDEN), SEQUENCE), 3 * LSTM),
    "GRU": (inferred(nn.GRU(FEATURES, HIDDEN), SEQUENCE), 3 * LSTM // 4),
    "bilinear": (inferred(nn.Bilinear(32, 24, 5), numbers(9, 32), numbers(9, 24)), 2 * 9 * 5 * 24 * (32 + 1)),
    "attention": (lambda: F.scaled_dot_product_attention(HEADS, HEADS, HEADS), 2 * 2 * 2 * 4 * 16 * 16 * 8),
    "matrix and vector": (lambda: numbers(16, 32) @ numbers(32), 2 * 16 * 32),
    "dot product": (lambda: torch.dot(numbers(32), numbers(32)), 2 * 32),
    "real transform": (lambda: torch.fft.rfft(numbers(8, 64)), 2.5 * 8 * 64 * 6),
    "and back": (lambda: torch.fft.irfft(torch.ones(8, 33, dtype=torch.complex64)), 2.5 * 8 * 64 * 6),
    "complex transform": (lambda: torch.fft.fft2(torch.ones(8, 16, 32, dtype=torch.complex64)), 5 * 8 * 512 * 9),
    "distances": (lambda: torch.cdist(numbers(8, 16, 32), numbers(8, 24, 32)), 3 * 8 * 16 * 24 * 32),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTED)
def test_flops_are_those_by_hand(name: str) -> None:
    run, right = COUNTED[name]
    (record, *rest) = work_records(run, BLANK, DEVICES["cpu"], is_fused=False)
    assert record.metric == "flops"
    assert record.values == (right,)
    assert record.warnings == ()
    assert {each.metric: each.status for each in rest}["arithmetic"] == "measured"


def test_the_precision_of_products_is_that_in_which_they_are_computed() -> None:
    a = numbers(8, 16)

    def run() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            lower = a @ a.T
        return lower.float() + a @ a.T

    _, *rest = work_records(run, BLANK, DEVICES["cpu"], is_fused=False)
    (arithmetic,) = (each for each in rest if each.metric == "arithmetic")
    product = 2.0 * 8 * 8 * 16
    assert dict(arithmetic.parts) == {"bfloat16": product, "float32": product, ELEMENTWISE: 64.0}
    assert arithmetic.values == (2 * product + 64,)


def test_complex_numbers_are_computed_in_their_real_type() -> None:
    _, *rest = work_records(COUNTED["complex transform"][0], BLANK, DEVICES["cpu"], is_fused=False)
    (arithmetic,) = (each for each in rest if each.metric == "arithmetic")
    assert dict(arithmetic.parts)["float32"] == COUNTED["complex transform"][1]


def test_what_is_not_counted_is_named_and_kept_out_of_the_roofline() -> None:
    a = numbers(8, 8)
    record, *rest = work_records(lambda: torch.linalg.inv(a) @ a, BLANK, DEVICES["cpu"], is_fused=False)
    assert record.values == (2 * 8**3,)
    (warning,) = record.warnings
    assert warning == "at least: what aten::linalg_inv_ex computes is not counted"
    (arithmetic,) = (each for each in rest if each.metric == "arithmetic")
    assert (arithmetic.status, arithmetic.reason) == ("unavailable", warning)
    nothing, *_ = work_records(lambda: torch.linalg.inv(a), BLANK, DEVICES["cpu"], is_fused=False)
    assert (nothing.status, nothing.reason) == ("unavailable", warning)


def test_operators_of_others_are_not_counted() -> None:
    assert flops.uncounted(["aten::add", "mylib::fast_thing", "aten::linalg_vector_norm", "aten::cholesky"]) == (
        "aten::cholesky", "mylib::fast_thing",
    )  # fmt: skip
