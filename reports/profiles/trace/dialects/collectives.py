"""Collectives of whatever library: how their operators begin, and words in the names of their kernels."""

from __future__ import annotations

from reports.profiles.trace.dialects.base import Dialect

DIALECT = Dialect(
    collectives=("c10d::", "_c10d_functional::", "nccl:", "record_param_comms", "symm_mem::"),
    communication=(
        "all_reduce", "allreduce", "all_gather", "allgather", "reduce_scatter", "reducescatter", "all_to_all",
        "alltoall", "cross_device_reduce", "quickreduce", "nvshmem", "symm_mem", "multimem", "deep_ep",
    ),
)  # fmt: skip
