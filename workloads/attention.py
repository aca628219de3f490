"""Attention as torch's own function computes it, by each of its backends."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from workloads.base import FLOAT_DTYPES, Setup, Step, Unavailable, workload
from workloads.checks import host64, near

BATCH, HEADS, WIDTH = 4, 8, 64  # of what is attended to: [BATCH, HEADS, length, WIDTH]
NONE_FOUND = ("No available kernel", "No viable backend")  # what torch says of a backend that cannot do it
BACKENDS = {
    "math": SDPBackend.MATH, "flash": SDPBackend.FLASH_ATTENTION, "efficient": SDPBackend.EFFICIENT_ATTENTION,
    "cudnn": SDPBackend.CUDNN_ATTENTION,
}  # fmt: skip


def attended(q: Tensor, k: Tensor, v: Tensor, causal: bool) -> Tensor:
    """softmax(q k' / sqrt(width)) v, written out; where it is causal, nothing attends to what comes later."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if causal:
        later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, -math.inf)
    return scores.softmax(-1) @ v


@workload(
    "attention.sdpa", item="token", dtypes=FLOAT_DTYPES, default=False,
    points=[
        {"length": length, "causal": causal, "backend": backend}
        for backend, causal, length in (
            ("auto", True, 128), ("auto", False, 128), ("auto", True, 512), ("math", True, 512), ("flash", True, 512),
            ("efficient", True, 512), ("cudnn", True, 512),
        )
    ],
)  # fmt: skip
def sdpa(setup: Setup, length: int, causal: bool, backend: str) -> Step:
    """scaled_dot_product_attention over [4, 8, length, 64]; a named backend is chosen anew in every step, in 5 µs."""
    q, k, v = (setup.randn(BATCH, HEADS, length, WIDTH) for _ in range(3))
    attend = setup.compile(F.scaled_dot_product_attention)

    def run(attend: Callable[..., Tensor] = attend) -> Tensor:
        with contextlib.nullcontext() if backend == "auto" else sdpa_kernel(BACKENDS[backend]):
            return attend(q, k, v, is_causal=causal)

    try:
        run(F.scaled_dot_product_attention)  # uncompiled: the first call of what is measured is still to come
    except RuntimeError as error:
        if not any(words in str(error) for words in NONE_FOUND):
            raise
        raise Unavailable(f"{setup.device.type} has no {backend} attention for {setup.dtype}") from error
    return Step(
        run, items=BATCH * length, check=near(lambda: attended(host64(q), host64(k), host64(v), causal))
    )  # fmt: skip
