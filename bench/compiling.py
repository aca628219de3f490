"""Modes: how a step's compilable part is wrapped, and what torch.compile did with it.

The only file that touches torch's private compiler names.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workloads.base import leave_as_is

Compiler = Callable[[Any], Any]

MODES: dict[str, Compiler] = {
    "eager": leave_as_is,
    "compile": torch.compile,
    "compile-reduce-overhead": partial(torch.compile, mode="reduce-overhead"),
    "compile-max-autotune": partial(torch.compile, mode="max-autotune"),
}

FALLBACK_RANDOM = "compiled with eager's random numbers (fallback_random), so that the answers can be compared"


NOTHING_COMPILED = "the step gave torch.compile nothing to compile"

# Why Inductor's kernels for the CPU cannot be made to report themselves here; empty where they can.
UNNAMED_KERNELS = (
    "" if sys.platform in ("linux", "win32") else f"torch.compile's kernels do not report themselves on {sys.platform}"
)

# What differs from process to process in the compiler's texts: addresses, and the identities of objects.
IDENTITY = re.compile(r"0x[0-9a-f]+|\b\d{9,}\b")


@dataclass(frozen=True, slots=True)
class Compilation:
    """What torch.compile has done in this process so far.

    graphs: how many it made. breaks, recompilations: in order, each with its reason and the place in the user's code.
    """

    graphs: int
    breaks: tuple[str, ...]
    recompilations: tuple[str, ...]

    @property
    def graph_breaks(self) -> int:
        """How many graph breaks there were."""
        return len(self.breaks)

    @property
    def recompiles(self) -> int:
        """How often code was compiled that had been compiled before."""
        return len(self.recompilations)


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
    from torch._dynamo.utils import counters, get_compilation_metrics, graph_break_reasons  # noqa: PLC0415

    # counters["graph_break"] leaves out the breaks at branches that depend on data; the list of reasons has them.
    breaks = [located(why.reason, *place_of(why.user_stack)) for why in graph_break_reasons]
    again = [metrics for metrics in get_compilation_metrics() if compiled_again(metrics)]
    return Compilation(
        graphs=counters["stats"]["unique_graphs"],
        breaks=tuple(breaks),
        recompilations=tuple(located(guard_of(m.recompile_reason), m.co_filename, m.co_firstlineno) for m in again),
    )


def compiled_again(metrics: Any) -> bool:
    """Whether a compilation was of code that had been compiled before; its backward graph is part of it."""
    # A compile id reads frame/attempt: attempts after 0 compiled the same code again.
    attempt = str(metrics.compile_id).split("/")[-1].split("_")[0]
    return attempt not in ("0", "None") and metrics.is_forward is not False


def guard_of(recompile_reason: str | None) -> str:
    """The check that failed, from '2/0: len(x) == 1   # the source line  # file:line in function'."""
    first_line = (recompile_reason or "reason unknown").partition("\n")[0]
    return re.sub(r"^\d+/\d+: ", "", first_line).partition("  #")[0].strip()


def place_of(stack: Sequence[Any]) -> tuple[str | None, int | None]:
    """The file and line of the innermost frame of the user's code."""
    return (stack[-1].filename, stack[-1].lineno) if stack else (None, None)


def located(reason: str, filename: str | None, line: int | None) -> str:
    """The first line of a reason, with where in the user's code; the same in every process and every checkout."""
    text = IDENTITY.sub("…", reason.partition("\n")[0].strip())
    return f"{text} at {module_path(filename)}:{line}" if filename else text


def module_path(filename: str) -> str:
    """A file's path from the package that it is in: 'workloads/modules.py', wherever that was checked out."""
    path = Path(filename)
    folder = path.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return path.relative_to(folder).as_posix()


def use_named_kernels() -> None:
    """Make Inductor's kernels for the CPU report themselves by name; must come before the first compilation."""
    import torch._inductor.config as inductor  # noqa: PLC0415 - as above

    inductor.cpp.enable_kernel_profile = True


def is_fake(tensor: Tensor) -> bool:
    """Whether the tensor is one of the compiler's stand-ins, which hold no numbers."""
    from torch._subclasses.fake_tensor import FakeTensor  # noqa: PLC0415 - as above

    return isinstance(tensor, FakeTensor)


def missing_compiler(device: str) -> str:
    """Why nothing can be compiled for the device here; empty when something may be."""
    if device == "cpu" and not any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "clang++", "c++")):
        return "torch.compile needs a C++ compiler for the CPU, and none of g++, clang++, c++ is on the PATH"
    return ""
