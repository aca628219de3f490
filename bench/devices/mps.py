"""Apple GPUs through torch.mps. Work is queued, so every reading of the clock waits for the queue."""

from __future__ import annotations

import platform
from collections.abc import Callable

import torch

from bench.devices.base import Device, Peak


class Mps(Device):
    """The GPU of an Apple machine."""

    name = "mps"
    has_float64 = False

    def unavailable_reason(self) -> str:
        if not torch.backends.mps.is_built():
            return f"torch {torch.__version__} is built without MPS, which exists on macOS only"
        if not torch.backends.mps.is_available():
            return "torch finds no Metal device (macOS 14 or newer on an Apple GPU is needed)"
        return ""

    def synchronize(self) -> None:
        torch.mps.synchronize()

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

    def facts(self) -> dict[str, str | int | None]:
        return {
            "gpu": f"Apple GPU of {platform.processor() or platform.machine()}",
            "gpu_memory_bytes": int(torch.mps.recommended_max_memory()),
            "driver": platform.mac_ver()[0] or None,
        }


DEVICE = Mps()
