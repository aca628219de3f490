"""Apple GPUs through torch.mps. Work is queued, so every reading of the clock waits for the queue."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity

from bench.counts.torch_profiler import profiled_calls
from bench.devices.base import Account, Peak


class Mps:
    """The GPU of an Apple machine."""

    name = "mps"
    start_method = "spawn"  # Metal does not survive a fork
    has_float64 = False
    turns_are_safe = False  # as on CUDA, what two processes do to each other's turns is unknown
    memory_in_traces: int | None = None  # the profiler has no activity for it

    def unavailable_reason(self) -> str:
        if not torch.backends.mps.is_built():
            return f"torch {torch.__version__} is built without MPS, which exists on macOS only"
        if not torch.backends.mps.is_available():
            return "torch finds no Metal device (macOS 14 or newer on an Apple GPU is needed)"
        return ""

    def torch_device(self) -> torch.device:
        return torch.device("mps")

    def synchronize(self) -> None:
        torch.mps.synchronize()

    def clock(self) -> float:
        torch.mps.synchronize()
        return time.perf_counter()

    def peak_memory(self, build: Callable[[], Callable[[], object]], warm_up_steps: int) -> Peak:
        # torch.mps itself counts current bytes only; newer torch counts peaks through torch.accelerator.
        reset = getattr(torch.accelerator, "reset_peak_memory_stats", None)
        peak = getattr(torch.accelerator, "max_memory_allocated", None)
        missing = Peak(None, reason=f"torch {torch.__version__} counts no peak memory on MPS")
        if reset is None or peak is None:
            return missing
        run = build()
        for _ in range(warm_up_steps):
            run()
        torch.mps.synchronize()
        try:
            reset()
            run()
            torch.mps.synchronize()
            allocated = int(peak())
        except (RuntimeError, NotImplementedError):
            return missing
        return Peak(allocated) if allocated > 0 else missing

    def account(self, build: Callable[[], Callable[[], object]], warm_up_steps: int) -> Account:
        run = build()
        peak = self.peak_memory(lambda: run, warm_up_steps)
        step = profiled_calls(run, torch.mps.synchronize, self.activities())
        return Account(
            peak,
            step.operators,
            kernels_reason="torch's profiler does not see what runs on MPS",
            allocated_reason=f"torch {torch.__version__} does not add up allocations on MPS",
        )

    def convolution_tolerance(self, dtype: str) -> float | None:
        return None

    def activities(self) -> list[ProfilerActivity]:
        return [ProfilerActivity.CPU]

    def facts(self) -> dict[str, str | int | None]:
        return {
            "gpu": f"Apple GPU of {platform.processor() or platform.machine()}",
            "gpu_memory_bytes": int(torch.mps.recommended_max_memory()),
            "driver": platform.mac_ver()[0] or None,
        }
