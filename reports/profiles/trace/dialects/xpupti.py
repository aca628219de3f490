"""Intel's GPUs, as Kineto hears of them from PTI."""

from __future__ import annotations

from reports.profiles.trace.dialects.base import Dialect

DIALECT = Dialect(
    categories={"xpu_runtime": "cuda_runtime", "xpu_driver": "cuda_runtime"}, devices={12: "XPU"},
    communication=("oneccl",),
)  # fmt: skip
