"""The CPU. Work is done when the call returns, so there is nothing to synchronize."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

from bench.counts import memory
from bench.counts.torch_profiler import profiled_step
from bench.devices.base import Account, Device, Peak
from bench.modes import torch_compile


class Cpu(Device):
    """The host's processor, with as many threads as the case says."""

    name = "cpu"
    start_method = "forkserver"
    turns_are_safe = True
    memory_in_traces = 0

    def unavailable_reason(self) -> str:
        return ""

    def synchronize(self) -> None:
        pass

    def clock(self) -> float:
        return time.perf_counter()

    def peak_memory(self, build: Callable[[], Callable[[], object]], warm_up_steps: int) -> Peak:
        return Peak(memory.peak_of_live_bytes(build, warm_up_steps))

    def account(self, build: Callable[[], Callable[[], object]], warm_up_steps: int) -> Account:
        step = profiled_step(build, warm_up_steps)
        events = step.changes, step.mark
        return Account(
            peak=Peak(memory.peak_within_mark(events)),
            operators=step.operators,
            kernels=None if torch_compile.UNNAMED_KERNELS else step.generated,
            kernels_reason=torch_compile.UNNAMED_KERNELS,
            allocated_bytes=memory.allocated_within_mark(events),
        )

    def facts(self) -> dict[str, str | int | None]:
        return {
            "cpu": cpu_model(),
            "cores": os.cpu_count(),
            "affinity": affinity(),
            "governor": read_first("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            "memory_bytes": memory_bytes(),
            **cache_bytes(CACHES),
        }


DEVICE = Cpu()
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")  # where Linux describes those of the first processor
KILO = {"K": 1 << 10, "M": 1 << 20}


def read_first(path: str) -> str | None:
    """The first line of a file of the system's, or None where there is no such file."""
    try:
        return Path(path).read_text().split("\n", 1)[0].strip() or None
    except OSError:
        return None


def cpu_model() -> str | None:
    """The processor's name as the system gives it; of an ARM processor its maker's and its own number."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if name := facts.get("model name"):
        return name
    numbers = [facts.get("CPU implementer"), facts.get("CPU part")]
    known = [platform.processor() or platform.machine(), *(number for number in numbers if number)]
    return " ".join(part for part in known if part) or None


def affinity() -> str | None:
    """The cores this process may run on, such as '0,1'; None where the system does not say."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    return ",".join(str(core) for core in sorted(os.sched_getaffinity(0)))


def memory_bytes() -> int | None:
    """The machine's memory; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def cache_bytes(folder: Path) -> dict[str, int]:
    """The sizes of a processor's caches for data, such as {"cache_2_bytes": 1048576}; empty where nobody says."""
    found = {}
    for each in sorted(folder.glob("index*")):
        level, kind, size = (read_first(str(each / name)) for name in ("level", "type", "size"))
        if level and size and kind != "Instruction" and size[:-1].isdecimal() and size[-1] in KILO:
            found[f"cache_{level}_bytes"] = int(size[:-1]) * KILO[size[-1]]
    return found
