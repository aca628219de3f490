"""NVIDIA's GPUs, as Kineto hears of them from CUPTI."""

from __future__ import annotations

from reports.profiles.trace.dialects.base import Dialect

DIALECT = Dialect(
    categories={"cuda_driver": "cuda_runtime"},  # Triton and cuBLAS launch by the driver
    devices={1: "CUDA"},
    waits=(
        "cudaStreamSynchronize",
        "cudaDeviceSynchronize",
        "cudaEventSynchronize",
        "cuStreamSynchronize",
        "cuCtxSynchronize",
        "cuEventSynchronize",
        "cudaMemcpy",
    ),
    communication=("nccl",),
)
