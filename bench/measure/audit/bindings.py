"""What measuring calls, as it was before any workload was imported: whoever replaces it is found out."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import torch

from bench import devices
from bench.devices import base, cpu, cuda, mps
from bench.measure import answers, task, timer
from workloads import base as definitions
from workloads import checks

NAMES: dict[Any, tuple[str, ...]] = {
    time: ("perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "time", "process_time"),
    statistics: ("median", "mean"),
    gc: ("collect", "disable", "enable"),
    torch.cuda: ("synchronize", "max_memory_allocated", "reset_peak_memory_stats"),
    torch.mps: ("synchronize",),
    torch.Tensor: ("clone", "cpu", "detach", "double", "norm", "isfinite", "__float__", "__sub__", "__rsub__"),
}
OURS = (answers, task, timer, checks, definitions, devices, base, cpu, cuda, mps)


def guarded() -> Iterator[tuple[str, Any, str]]:
    """What may not change: a name to call it by, whose attribute it is, and which."""
    for owner, names in NAMES.items():
        yield from ((f"{getattr(owner, '__qualname__', owner.__name__)}.{name}", owner, name) for name in names)
    for module in OURS:
        for name, thing in vars(module).items():
            if isinstance(thing, type) and thing.__module__ == module.__name__:
                yield from ((f"{name}.{own}", thing, own) for own, value in vars(thing).items() if callable(value))
            if callable(thing) and not isinstance(thing, ModuleType):
                yield f"{module.__name__}.{name}", module, name


ORIGINAL = [(label, owner, name, getattr(owner, name)) for label, owner, name in guarded()]


def replaced() -> str:
    """The first of them that is another now; empty where none is."""
    for label, owner, name, original in ORIGINAL:
        found = getattr(owner, name, None)
        if found is not original and found != original:  # methods of a class are made anew when they are asked for
            return label
    return ""
