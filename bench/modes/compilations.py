"""What torch.compile did in this process: graphs, breaks, recompilations with their places, time by phase.

With torch_compile.py and inference.py the only file that touches torch's private compiler names.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

# Exclusive phases of a first call: each the cumulative field of the compiler's own metrics that it begins with, less
# the next one, which lies within it. Dynamo's covers forward graphs; a backward graph compiled apart has its own.
DYNAMO, AOT_AUTOGRAD, INDUCTOR, CODE = "Dynamo", "AOT autograd", "Inductor", "code generation"
IMPORT, REST = "import", "run"  # of the compiler, before it is called; and all that is no other phase

# What differs from process to process in the compiler's texts: addresses, and the identities of objects.
IDENTITY = re.compile(r"0x[0-9a-f]+|\b\d{9,}\b")

TORCH = Path(torch.__file__).parent
FRAME = re.compile(r"Line: (?P<line>\d+), Name: .*, Filename: (?P<file>.+)")  # as the compiler's metrics write one


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


def counts() -> Compilation:
    """What has been compiled in this process."""
    from torch._dynamo.utils import counters, get_compilation_metrics, graph_break_reasons  # noqa: PLC0415

    # counters["graph_break"] leaves out the breaks at branches that depend on data; the list of reasons has them.
    breaks = [located(why.reason, *place_of(why.user_stack)) for why in graph_break_reasons]
    again = [metrics for metrics in get_compilation_metrics() if compiled_again(metrics)]
    return Compilation(
        graphs=counters["stats"]["unique_graphs"],
        breaks=tuple(breaks),
        recompilations=tuple(located(guard_of(m.recompile_reason), *recompiled_at(m)) for m in again),
    )


def why_none() -> str:
    """What Dynamo says of code of which it made no graph, and what to do about it; empty where it says nothing."""
    from torch._dynamo.utils import counters  # noqa: PLC0415 - as above

    for text in counters["unimplemented"]:
        first, *others = (line.strip() for line in text.splitlines())
        told = [line.partition(": ")[2] for line in others if line.startswith(("Explanation: ", "Hint: Set "))]
        return " ".join([f"{first.rstrip('.')}.", *told])
    return ""


def skipped_graphs() -> int:
    """How many CUDA graphs were not made that should have been: their code runs as it is compiled."""
    from torch._dynamo.utils import counters  # noqa: PLC0415 - as above

    return int(counters["inductor"]["cudagraph_skips"])


def graphs() -> int:
    """How many graphs have been made in this process; 0, and quickly so, where the compiler was not even imported."""
    return counts().graphs if "torch._dynamo" in sys.modules else 0


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


def recompiled_at(metrics: Any) -> tuple[str | None, int | None]:
    """The file and first line of the code that was compiled or, where that is torch's own, of the call that led to it.

    A compiled torch.nn.Linear is such code: what Dynamo then names is a wrapper of its own.
    """
    if torch_owns(metrics.co_filename):
        for frame in reversed(getattr(metrics, "stack_trace", None) or ()):
            found = FRAME.fullmatch(frame)
            if found and not torch_owns(found["file"]):
                return found["file"], int(found["line"])
    return metrics.co_filename, metrics.co_firstlineno


def torch_owns(filename: str | None) -> bool:
    """Whether a source file is torch's."""
    return bool(filename) and Path(str(filename)).is_relative_to(TORCH)


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


def is_fake(tensor: Tensor) -> bool:
    """Whether the tensor is one of the compiler's stand-ins, which hold no numbers."""
    from torch._subclasses.fake_tensor import FakeTensor  # noqa: PLC0415 - as above

    return isinstance(tensor, FakeTensor)


def phases(first_call_s: float, import_s: float) -> dict[str, float]:
    """Seconds of a process's first compiled call by phase; they sum to it. `import_s` of them imported the compiler.

    Fields that this torch does not have count as no time, which is then part of the phase around it.
    """
    from torch._dynamo.utils import get_compilation_metrics  # noqa: PLC0415 - as above

    found = dict.fromkeys((DYNAMO, AOT_AUTOGRAD, INDUCTOR, CODE), 0.0)
    for metrics in get_compilation_metrics():

        def seconds(phase: str, metrics: Any = metrics) -> float:
            return (getattr(metrics, f"{phase}_cumulative_compile_time_us", None) or 0) * 1e-6

        code, inductor, aot = seconds("inductor_code_gen"), seconds("inductor"), seconds("aot_autograd")
        backward, dynamo = seconds("backward"), seconds("dynamo")
        around = max(aot, backward)  # AOT autograd compiles a backward graph when it is first called for
        found[CODE] += code
        found[INDUCTOR] += max(0.0, inductor - code)
        found[AOT_AUTOGRAD] += max(0.0, around - inductor)
        found[DYNAMO] += max(0.0, dynamo - aot)
    taken = sum(found.values())
    call_s = first_call_s - import_s
    if taken > call_s:  # clocks of their own: shares of the whole are what is known
        found = {name: seconds * call_s / taken for name, seconds in found.items()}
    return {IMPORT: import_s, **found, REST: max(0.0, call_s - taken)}


def recompile_limit() -> int | None:
    """How often one piece of code is compiled before torch leaves it uncompiled; None where torch does not say."""
    import torch._dynamo.config as dynamo  # noqa: PLC0415 - as above

    return getattr(dynamo, "recompile_limit", getattr(dynamo, "cache_size_limit", None))


def limit_warning() -> str:
    """That some code was compiled as often as torch allows, so that it may have run uncompiled since; else empty."""
    from torch._dynamo.utils import get_compilation_metrics  # noqa: PLC0415 - as above

    limit = recompile_limit()
    times: dict[str, set[str]] = {}
    for metrics in get_compilation_metrics():
        frame, _, attempt = str(metrics.compile_id).rpartition("/")
        times.setdefault(frame, set()).add(attempt.partition("_")[0])
    if limit is None or max(map(len, times.values()), default=0) < limit:
        return ""
    return f"compiled {limit} times, which is torch's limit: what is new after that runs uncompiled"
