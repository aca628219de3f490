"""Modes: how a step's compilable part is wrapped, and what torch.compile did with it.

With inference.py the only file that touches torch's private compiler names.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from bench.modes import compilations, inference
from workloads.base import Unavailable, leave_as_is

Compiler = Callable[[Any], Any]

CUDA_GRAPHS = "compile-reduce-overhead"
MODES: dict[str, Compiler] = {
    "eager": leave_as_is,
    "compile": torch.compile,
    CUDA_GRAPHS: partial(torch.compile, mode="reduce-overhead"),
    "compile-max-autotune": partial(torch.compile, mode="max-autotune"),
    "aot": inference.AheadOfTime,
    "int8": inference.quantized,
}

FALLBACK_RANDOM = "compiled with eager's random numbers (fallback_random), so that the answers can be compared"


CACHE_FOLDER = "TORCHINDUCTOR_CACHE_DIR"
PROBE_BYTES = 1 << 16  # written and removed again, to see whether a cache folder takes anything

import_s: float | None = None  # what importing the compiler took this process, or the one that it was forked from
expects_compiled = False  # whether what first calls need was done before: they are then not a fresh process's

NOTHING_COMPILED = "the step gave torch.compile nothing to compile"
NOTHING_CONVERTED = "the step gave this mode no module to make a program of"

# Why Inductor's kernels for the CPU cannot be made to report themselves here; empty where they can.
UNNAMED_KERNELS = (
    "" if sys.platform in ("linux", "win32") else f"torch.compile's kernels do not report themselves on {sys.platform}"
)


def changed(mode: str) -> bool:
    """Whether the mode is another than eager, so that its answers are compared with eager's."""
    return MODES[mode] is not leave_as_is


def compiled(mode: str) -> bool:
    """Whether the mode is one of torch.compile's."""
    return mode.startswith("compile")


def first_calls(mode: str) -> int:
    """How many calls it takes until the mode has made what later calls use: of CUDA graphs the second records."""
    return 2 if mode == CUDA_GRAPHS else 1


def generates(mode: str) -> bool:
    """Whether Inductor makes kernels in the mode: it needs a compiler and a cache folder."""
    return compiled(mode) or mode == "aot"


def has_headers(mode: str, device: str) -> bool:
    """Whether what the mode makes for the device includes headers that are precompiled once on a machine."""
    return generates(mode) and device == "cpu"


def check_used(mode: str) -> None:
    """After a first call: raise Unavailable when the step had nothing for the mode to change."""
    if compiled(mode) and compilations.counts().graphs == 0:
        why = compilations.why_none()
        raise Unavailable(f"{NOTHING_COMPILED}: {why}" if why else NOTHING_COMPILED)
    if changed(mode) and not compiled(mode) and not inference.made:
        raise Unavailable(NOTHING_CONVERTED)


def load() -> float:
    """Import the compiler, as the first torch.compile of a process does; seconds that it took, or had taken before."""
    global import_s
    if import_s is None:
        begun_s = perf_counter()
        torch.compile(leave_as_is)
        import_s = perf_counter() - begun_s
    return import_s


def end_workers() -> None:
    """End the processes that compile beside this one, now that nothing is left for them to do.

    Where Triton's kernels are made there is one for every core, and the first of them imports torch for seconds after
    everything was found in the cache: beside steps that are timed. Whatever is compiled later starts them again.
    """
    compiling = sys.modules.get("torch._inductor.async_compile")
    pools = list(getattr(compiling, "_pool_set", ()))
    for pool in pools:
        process = getattr(pool, "process", None)
        if process is not None and not has_children(process.pid):  # asked to end, it would import all of torch first
            process.kill()
    if pools:
        compiling.shutdown_compile_workers()  # type: ignore[union-attr]


def has_children(pid: int) -> bool:
    """Whether a process has started others; so it is taken to have where the system does not say."""
    try:
        return any(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    except OSError:
        return True


def use_cache(folder: Path) -> None:
    """Keep what compilers produce in `folder`; must come before the first compilation of the process.

    Raises Unavailable when nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(PROBE_BYTES))
            probe.flush()
    except OSError as error:
        raise Unavailable(
            f"the compilers' cache folder {folder} cannot be written ({error.strerror}); make room or set TMPDIR"
        ) from error
    os.environ[CACHE_FOLDER] = str(folder / "inductor")
    os.environ["TRITON_CACHE_DIR"] = str(folder / "triton")


def use_eager_random() -> None:
    """Make compiled code draw the same random numbers as eager code, for answers to be comparable."""
    import torch._inductor.config as inductor  # noqa: PLC0415 - a second of import that eager cases do not need

    inductor.fallback_random = True


def use_named_kernels() -> None:
    """Make Inductor's kernels for the CPU report themselves by name; must come before the first compilation."""
    import torch._inductor.config as inductor  # noqa: PLC0415 - as above

    inductor.cpp.enable_kernel_profile = True


def expect_compiled() -> None:
    """Do beforehand what finding a program in the caches takes, and leave out what only compiling it does.

    That is hashing torch's sources and preprocessing a header, which a compiler is started for. A program that is not
    found is compiled without it, which takes longer and makes the same. Raises AttributeError where this torch names
    it otherwise.
    """
    global expects_compiled
    from torch._inductor import codecache  # noqa: PLC0415 - as above

    codecache.torch_key()
    codecache.triton_key()
    expects_compiled = True
    if hasattr(codecache, "_precompile_header"):
        codecache._precompile_header = no_header  # type: ignore[assignment]


def no_header(*given: Any, **named: Any) -> None:
    """Instead of one that is precompiled."""


def not_on(mode: str, device: str) -> str:
    """Why the mode is none of its own on the device; empty where it is."""
    if mode == CUDA_GRAPHS and device != "cuda":
        return f"reduce-overhead is CUDA graphs, which {device} has not: there it is what --mode compile is"
    return ""


def missing_compiler(device: str) -> str:
    """Why nothing can be compiled for the device here; empty when something may be."""
    if device == "cuda":
        return missing_for_triton()
    if device != "cpu":
        return ""
    if named := os.environ.get("CXX"):  # then torch looks for no other
        return "" if shutil.which(named) else f"torch.compile needs a C++ compiler for the CPU, and CXX={named} is none"
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        return "torch.compile needs a C++ compiler for the CPU, and none of g++, clang++, c++ is on the PATH"
    return ""


def missing_for_triton() -> str:
    """Why Triton can make no kernels here: it needs itself, and a C compiler for what launches them."""
    if importlib.util.find_spec("triton") is None:
        return "torch.compile needs Triton for a GPU, and it is not installed"
    named = os.environ.get("CC")
    if named and not shutil.which(named):
        return f"torch.compile needs a C compiler for a GPU, and CC={named} is none"
    if not named and not any(shutil.which(name) for name in ("gcc", "clang", "cc")):
        return "torch.compile needs a C compiler for a GPU, and none of gcc, clang, cc is on the PATH"
    return ""


def forget() -> None:
    """Leave this process as if nothing had been compiled in it."""
    from torch._dynamo.utils import clear_compilation_metrics  # noqa: PLC0415 - as above

    torch.compiler.reset()
    clear_compilation_metrics()


DYNAMIC: dict[str, bool | None] = {"static": False, "automatic": None, "dynamic": True}


def guarding(variant: str) -> Compiler:
    """A compiler that stops after Dynamo, whose guards decide what is compiled again; shapes as `variant` says."""
    return partial(torch.compile, backend="aot_eager", dynamic=DYNAMIC[variant])
