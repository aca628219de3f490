"""AMD's GPUs, as Kineto hears of them from roctracer."""

from __future__ import annotations

from reports.profiles.trace.dialects.base import Dialect

DIALECT = Dialect(
    categories={"hip_runtime": "cuda_runtime"},
    devices={6: "HIP"},
    waits=(
        "hipDeviceSynchronize",
        "hipStreamSynchronize",
        "hipEventSynchronize",
        "hipMemcpy",
        "hipMemcpyWithStream",
    ),
    communication=("rccl",),
)
