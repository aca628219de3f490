"""NVIDIA and AMD GPUs through torch.cuda. Work is queued, so every reading of the clock waits for the queue."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity

from bench.counts.torch_profiler import profiled_calls
from bench.devices.base import Account, Peak


class Cuda:
    """The current CUDA (or ROCm) device."""

    name = "cuda"
    start_method = "spawn"  # a CUDA context does not survive a fork
    has_float64 = True
    turns_are_safe = False  # two contexts share a GPU by time slices; what that does to a turn is unknown
    memory_in_traces: int | None = 1

    def unavailable_reason(self) -> str:
        if torch.version.cuda is None and torch.version.hip is None:
            return f"torch {torch.__version__} is built without CUDA"
        if not torch.cuda.is_available():
            return "torch finds no CUDA device (no GPU, no driver, or a driver too old for this torch)"
        return ""

    def torch_device(self) -> torch.device:
        return torch.device("cuda", torch.cuda.current_device())

    def synchronize(self) -> None:
        torch.cuda.synchronize()

    def clock(self) -> float:
        torch.cuda.synchronize()
        return time.perf_counter()

    def peak_memory(self, build: Callable[[], Callable[[], object]], warm_up_steps: int) -> Peak:
        run = build()
        for _ in range(warm_up_steps):
            run()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        run()
        torch.cuda.synchronize()
        return Peak(torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved())

    def account(self, build: Callable[[], Callable[[], object]], warm_up_steps: int) -> Account:
        run = build()
        peak = self.peak_memory(lambda: run, warm_up_steps)
        before = allocations()
        run()
        torch.cuda.synchronize()
        allocated = allocations() - before
        step = profiled_calls(run, torch.cuda.synchronize, self.activities())
        return Account(peak, step.operators, step.launched, allocated_bytes=allocated)

    def activities(self) -> list[ProfilerActivity]:
        return [ProfilerActivity.CPU, ProfilerActivity.CUDA]

    def facts(self) -> dict[str, str | int | None]:
        properties = torch.cuda.get_device_properties(torch.cuda.current_device())
        return {
            "gpu": properties.name,
            "gpu_memory_bytes": properties.total_memory,
            "gpu_count": torch.cuda.device_count(),
            "gpu_capability": ".".join(str(part) for part in torch.cuda.get_device_capability()),
            "cuda": torch.version.cuda or torch.version.hip,
            "cudnn": torch.backends.cudnn.version(),
            "driver": driver_version(),
        }


def allocations() -> int:
    """Bytes that tensors have asked of torch's allocator so far, given back or not."""
    return int(torch.cuda.memory_stats()["allocated_bytes.all.allocated"])


def driver_version() -> str | None:
    """The GPU driver's version from NVML, where torch has its Python binding; None otherwise."""
    try:
        import pynvml  # noqa: PLC0415 - optional

        pynvml.nvmlInit()
        version = pynvml.nvmlSystemGetDriverVersion()
    except Exception:  # NVML is optional, and fails in as many ways as there are drivers
        return proc_driver_version()
    return version.decode() if isinstance(version, bytes) else str(version)


def proc_driver_version() -> str | None:
    """The NVIDIA kernel module's version from /proc; None where there is none."""
    try:
        with open("/proc/driver/nvidia/version") as file:
            words = file.readline().split()
    except OSError:
        return None
    return next((word for word in words if word[0].isdigit() and "." in word), None)
