"""What the ruler asks of a device. Knows no device by name."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch.profiler import ProfilerActivity

from bench.counts.torch_profiler import profiled_calls


@dataclass(frozen=True, slots=True)
class Peak:
    """Peak memory during one step, bytes: of live tensors, and of what the allocator held for them.

    requested_bytes: of live tensors as they asked for them, where an allocator rounds that up.
    Unknown is None; `reason` then says why.
    """

    allocated_bytes: int | None
    reserved_bytes: int | None = None
    requested_bytes: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Account:
    """What one step does, counted: the same in every process that runs the same code.

    operators, kernels: calls by name. allocated_bytes: the sum of all tensor allocations, freed again or not.
    Unknown is None; the reason beside it then says why.
    """

    peak: Peak
    operators: Mapping[str, int]
    kernels: Mapping[str, int] | None = None
    kernels_reason: str = ""
    allocated_bytes: int | None = None
    allocated_reason: str = ""


class Device(ABC):
    """A place where steps run. What has an honest answer for a device of which nothing else is known has it here.

    name: as given to --device, and torch's name for its type. start_method: how a fresh process for it is started,
    "forkserver" where a process that has imported torch, and not touched the device, may be forked, "spawn" where it
    may not. may_be_spoilt: whether a process cannot use it that was forked from one which had. has_float64: whether it
    computes in double precision. turns_are_safe: whether two processes may be alive on it and take turns, without the
    idle one slowing the other down. memory_in_traces: the number by which the profiler's traces tell its allocations;
    None where they have none.
    """

    name: str
    start_method: str = "spawn"  # what a driver holds open seldom survives a fork
    has_float64: bool = True
    turns_are_safe: bool = False  # until somebody has measured it
    may_be_spoilt: bool = False
    memory_in_traces: int | None = None

    @abstractmethod
    def unavailable_reason(self) -> str:
        """Why nothing can run on this device here; empty when something can."""

    def is_spoilt(self) -> bool:
        """Whether this process was forked from one that had touched the device, and cannot use it therefore."""
        return False

    def is_in_use(self) -> bool:
        """Whether its queue may hold work of this process. Asking does not touch the device."""
        return not self.unavailable_reason()

    def allocations(self) -> int | None:
        """How many tensors this process has had made on it so far; None where nobody counts."""
        return None

    @abstractmethod
    def synchronize(self) -> None:
        """Wait until the device has finished all that was enqueued."""

    def synchronize_all(self) -> None:
        """Likewise, of all devices of this kind that this process has used."""
        self.synchronize()

    def torch_device(self) -> torch.device:
        """The torch device that steps are built on."""
        return torch.device(self.name)

    def clock(self) -> float:
        """Seconds since some fixed moment, read when all enqueued work has finished."""
        self.synchronize()
        return time.perf_counter()

    def peak_memory(self, build: Callable[[], Callable[[], object]], warm_up_steps: int) -> Peak:
        """Peak memory during one step of what `build` makes, after `warm_up_steps` others."""
        return Peak(None, reason=f"peak memory is not counted on {self.name}")

    def account(self, build: Callable[[], Callable[[], object]], warm_up_steps: int) -> Account:
        """What one step of what `build` makes does, after `warm_up_steps` others; the peak as `peak_memory` gives it.

        Kernels are those that the device runs; on the CPU, those that torch.compile generated for it.
        """
        run = build()
        for _ in range(warm_up_steps):
            run()
        return Account(
            self.peak_memory(lambda: run, warm_up_steps=0),
            profiled_calls(run, self.synchronize, self.activities()).operators,
            kernels_reason=f"torch's profiler does not see what runs on {self.name}",
            allocated_reason=f"allocations are not added up on {self.name}",
        )

    def convolution_tolerance(self, dtype: str) -> float | None:
        """The relative error that rounding what convolutions are given explains; None where the dtype's own does."""
        return None

    def precision_of(self, dtype: str, is_convolution: bool) -> str:
        """In which precision products and convolutions of a dtype are computed; empty where that is not known."""
        return dtype if dtype != "float32" or torch.get_float32_matmul_precision() != "medium" else ""

    def readings(self) -> dict[str, float]:
        """What the device says of itself at this moment, by name; taken in microseconds, so that turns may be marked.

        clock_mhz: of what computes. power_w, temperature_c: of the whole device. throttled: 1 where power or heat holds
        its clock down, else 0. What it does not tell is left out.
        """
        return {}

    def activities(self) -> list[ProfilerActivity]:
        """What the profiler can record of work on this device."""
        return [ProfilerActivity.CPU]

    def facts(self) -> dict[str, str | int | None]:
        """What this device is: model, driver, memory, as far as it can be known."""
        return {"gpu": self.name}
