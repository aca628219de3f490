"""A device made of numbers: a queue of pending seconds, and a clock that moves only when the queue is drained."""

from __future__ import annotations

from collections.abc import Callable

import torch

from bench.devices.base import Account, Device, Peak


class FakeDevice(Device):
    """`enqueue(s)` adds work; `synchronize` does it; `host_clock` is what a forgotten synchronize would read."""

    name = "fake"
    start_method = "forkserver"
    turns_are_safe = True

    def __init__(self, launch_s: float = 1e-6) -> None:
        self.now_s = 0.0
        self.pending_s = 0.0
        self.launch_s = launch_s
        self.synchronizations = 0

    def enqueue(self, seconds: float) -> torch.Tensor:
        """One step of so many seconds on the device; enqueueing it takes the host `launch_s`."""
        self.now_s += self.launch_s
        self.pending_s += seconds - self.launch_s
        return torch.zeros(())

    def unavailable_reason(self) -> str:
        return ""

    def torch_device(self) -> torch.device:
        return torch.device("cpu")

    def synchronize(self) -> None:
        self.synchronizations += 1
        self.now_s += self.pending_s
        self.pending_s = 0.0

    def clock(self) -> float:
        self.synchronize()
        return self.now_s

    def host_clock(self) -> float:
        return self.now_s

    def peak_memory(self, build: Callable[[], Callable[[], object]], warm_up_steps: int) -> Peak:
        run = build()
        for _ in range(warm_up_steps + 1):
            run()
        return Peak(1)

    def account(self, build: Callable[[], Callable[[], object]], warm_up_steps: int) -> Account:
        return Account(
            self.peak_memory(build, warm_up_steps), operators={"fake::step": 1}, kernels={}, allocated_bytes=1
        )
