"""Modes: how a step's compilable part is wrapped, and what torch.compile did with it.

The only file that touches torch's private compiler names.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from workloads.base import leave_as_is

Compiler = Callable[[Any], Any]

MODES: dict[str, Compiler] = {
    "eager": leave_as_is,
    "compile": torch.compile,
    "compile-reduce-overhead": partial(torch.compile, mode="reduce-overhead"),
    "compile-max-autotune": partial(torch.compile, mode="max-autotune"),
}

FALLBACK_RANDOM = "compiled with eager's random numbers (fallback_random), so that the answers can be compared"


@dataclass(frozen=True, slots=True)
class Compilation:
    """What torch.compile has done in this process so far: counts, each 0 or more."""

    graphs: int
    graph_breaks: int
    recompiles: int


def compiled(mode: str) -> bool:
    """Whether the mode compiles anything."""
    return MODES[mode] is not leave_as_is


def use_cache(folder: Path) -> None:
    """Keep what compilers produce in `folder`; must come before the first compilation of the process."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "inductor")
    os.environ["TRITON_CACHE_DIR"] = str(folder / "triton")


def use_eager_random() -> None:
    """Make compiled code draw the same random numbers as eager code, for answers to be comparable."""
    import torch._inductor.config as inductor  # noqa: PLC0415 - a second of import that eager cases do not need

    inductor.fallback_random = True


def counts() -> Compilation:
    """What has been compiled in this process."""
    from torch._dynamo.utils import counters, get_compilation_metrics  # noqa: PLC0415

    # A compile id reads frame/attempt: attempts after 0 compiled the same code again.
    attempts = [str(metrics.compile_id).split("/")[-1].split("_")[0] for metrics in get_compilation_metrics()]
    return Compilation(
        graphs=counters["stats"]["unique_graphs"],
        graph_breaks=sum(counters["graph_break"].values()),
        recompiles=sum(attempt not in ("0", "None") for attempt in attempts),
    )


def missing_compiler(device: str) -> str:
    """Why nothing can be compiled for the device here; empty when something may be."""
    if device == "cpu" and not any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "clang++", "c++")):
        return "torch.compile needs a C++ compiler for the CPU, and none of g++, clang++, c++ is on the PATH"
    return ""
