"""NVIDIA and AMD GPUs through torch.cuda. Work is queued, so every reading of the clock waits for the queue."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity

from bench.counts import nvml
from bench.counts.torch_profiler import profiled_calls
from bench.devices.base import Account, Device, Peak

# cuDNN's convolutions in float32 round what they are given to TF32's 10 bits of fraction, unless told not to: relative
# errors of 2.4e-4 to 2.9e-4 on an H200, where float32 itself gives 3e-7.
TF32_TOLERANCE = 2e-3
TF32_SINCE = (8, 0)  # compute capability


class Cuda(Device):
    """The current CUDA (or ROCm) device."""

    name = "cuda"
    start_method = "forkserver"  # 0.6 s on an H200, of which importing torch anew would take another 10
    may_be_spoilt = True
    turns_are_safe = True  # an idle process cost the other 0.2 to 0.5 % on an H200 (docs/devices.md)
    memory_in_traces = 1

    def unavailable_reason(self) -> str:
        if torch.version.cuda is None and torch.version.hip is None:
            return f"torch {torch.__version__} is built without CUDA"
        if not torch.cuda.is_available():
            return "torch finds no CUDA device (no GPU, no driver, or a driver too old for this torch)"
        return ""

    def is_spoilt(self) -> bool:
        return bool(torch.cuda._is_in_bad_fork())

    def is_in_use(self) -> bool:
        return bool(torch.cuda.is_initialized())

    def allocations(self) -> int | None:
        return sum(made_on(number) for number in range(torch.cuda.device_count()))

    def synchronize_all(self) -> None:
        for number in range(torch.cuda.device_count()):
            if number == torch.cuda.current_device() or made_on(number):
                torch.cuda.synchronize(number)

    def torch_device(self) -> torch.device:
        return torch.device("cuda", torch.cuda.current_device())

    def synchronize(self) -> None:
        torch.cuda.synchronize()

    def peak_memory(self, build: Callable[[], Callable[[], object]], warm_up_steps: int) -> Peak:
        run = build()
        for _ in range(warm_up_steps):
            run()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        run()
        torch.cuda.synchronize()
        allocated, reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
        requested = torch.cuda.memory_stats().get("requested_bytes.all.peak")  # before rounding up to 512 bytes
        workspace = workspace_bytes()
        return Peak(allocated - workspace, reserved, None if requested is None else int(requested) - workspace)

    def account(self, build: Callable[[], Callable[[], object]], warm_up_steps: int) -> Account:
        run = build()
        peak = self.peak_memory(lambda: run, warm_up_steps)
        run()  # what peak_memory made cuBLAS give up is taken again
        before = allocated_bytes()
        run()
        torch.cuda.synchronize()
        allocated = allocated_bytes() - before
        step = profiled_calls(run, torch.cuda.synchronize, self.activities())
        return Account(peak, step.operators, step.launched, allocated_bytes=allocated)

    def convolution_tolerance(self, dtype: str) -> float | None:
        return TF32_TOLERANCE if self.precision_of(dtype, is_convolution=True) == "tf32" else None

    def precision_of(self, dtype: str, is_convolution: bool) -> str:
        if dtype != "float32" or torch.version.hip or torch.cuda.get_device_capability() < TF32_SINCE:
            return dtype
        flags = torch.backends.cudnn if is_convolution else torch.backends.cuda.matmul
        return "tf32" if flags.allow_tf32 else dtype

    def readings(self) -> dict[str, float]:
        return nvml.readings()

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
            "driver": nvml.driver_version() or proc_driver_version(),
            "cudnn_tf32": torch.backends.cudnn.allow_tf32,
            "fp16_reduction": bool(torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction),
            "bf16_reduction": bool(torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction),
            **nvml.limits(),
        }


DEVICE = Cuda()


def made_on(number: int) -> int:
    """How many tensors this process has had made on one of several GPUs."""
    return int(torch.cuda.memory_stats(number).get("allocation.all.allocated", 0))


def workspace_bytes() -> int:
    """Bytes that cuBLAS holds for itself from the first product on (32 MiB on an H200), and gives up here.

    torch counts them as allocated although no tensor has them, so that a step's peak depended on what ran before it.
    """
    clear = getattr(torch._C, "_cuda_clearCublasWorkspaces", None)
    if clear is None:
        return 0
    before = torch.cuda.memory_allocated()
    clear()
    return before - torch.cuda.memory_allocated()


def allocated_bytes() -> int:
    """Bytes that tensors have asked of torch's allocator so far, given back or not."""
    return int(torch.cuda.memory_stats()["allocated_bytes.all.allocated"])


def proc_driver_version() -> str | None:
    """The NVIDIA kernel module's version from /proc; None where there is none."""
    try:
        with open("/proc/driver/nvidia/version") as file:
            words = file.readline().split()
    except OSError:
        return None
    return next((word for word in words if word[0].isdigit() and "." in word), None)
