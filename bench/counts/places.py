"""From which lines of the measured code a step calls its operators, and where in its Python its time goes.

Lines are those of files under the folder that is measured: what torch and torchpace do between them is left out.
"""

from __future__ import annotations

import cProfile
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bench.counts.modules import called_modules, names_in_model
from bench.records.record import BUILT_IN

MOST_FRAMES = 5  # of a stack, the innermost
MOST_SHAPES = 4  # of an operator's inputs that are named
RULER = str(Path(__file__).resolve().parents[1])
LINE = re.compile(r'File "(.+)", line (\d+), in (\S+)')
FOREIGN = "site-packages"

Stack = tuple[str, ...]
"""Places as 'folder/file.py:31 function', the innermost first."""


def shaped(shapes: Iterable[object]) -> str:
    """The shapes of an operator's inputs as ' 64x512 512x512'; empty where it has none."""
    known = [shape for shape in shapes or () if isinstance(shape, (list, tuple)) and shape]
    texts = ["x".join(map(str, shape)) for shape in known if all(isinstance(size, int) for size in shape)]
    more = " …" if len(texts) > MOST_SHAPES else ""
    return "".join(f" {text}" for text in texts[:MOST_SHAPES]) + more


def own(path: str, root: Path) -> str | None:
    """A file's path in the measured folder; None for one of torch's, torchpace's or anybody else's."""
    if not path.startswith(f"{root}/") or path.startswith(f"{RULER}/") or FOREIGN in path:
        return None
    return path[len(str(root)) + 1 :]


def lines_of_frames(frame: FrameType | None) -> Iterator[tuple[str, int, str]]:
    """File, line and function of a frame and of those around it."""
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name
        frame = frame.f_back


def lines_of_node(node: Any) -> Iterator[tuple[str, int, str]]:
    """Likewise, of the forward call that made a node of autograd's graph, as anomaly detection kept it."""
    for text in reversed(node.metadata.get("traceback_") or []):
        if found := LINE.search(text):
            yield found[1], int(found[2]), found[3]


class Calls(TorchDispatchMode):
    """Counts the calls of operators by name with shapes, and by the module and the stack that they come from."""

    def __init__(self, root: Path, around: list[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.root, self.around = root, around
        self.found: Counter[tuple[str, str, Stack]] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        inputs = [*args, *(kwargs or {}).values()]
        shapes = [list(each.shape) for each in inputs if isinstance(each, Tensor)]
        node = torch._C._current_autograd_node()
        lines = lines_of_frames(sys._getframe(1)) if node is None else lines_of_node(node)
        stack = [f"{path}:{line} {name}" for file, line, name in lines if (path := own(file, self.root))]
        operator = func.name().partition(".")[0] + shaped(shapes)
        self.found[operator, "/".join(self.around) if node is None else "", tuple(stack[:MOST_FRAMES])] += 1
        return func(*args, **(kwargs or {}))


def calls_by_place(run: Callable[[], object], root: Path) -> dict[tuple[str, str, Stack], int]:
    """Calls in a step by operator with shapes, the module's name in its model (empty for none), and the stack.

    Operators of a backward pass have the stack of the forward call that they are the backward of.
    """
    names = called_modules()
    torch.autograd.set_detect_anomaly(True, check_nan=False)
    try:
        with names as called, Calls(root, names.around) as counted:
            run()
    finally:
        torch.autograd.set_detect_anomaly(False)
    in_model = names_in_model(called)
    found: Counter[tuple[str, str, Stack]] = Counter()
    for (operator, path, stack), calls in counted.found.items():
        found[operator, in_model.get(path, ""), stack] += calls
    return dict(found)


def by_name(blocks: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Of each function what every block says of it."""
    names = dict.fromkeys(name for block in blocks for name in block)
    return {name: [block.get(name, 0.0) for block in blocks] for name in names}


def middle_of_each(parts: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Each part's seconds, from those that it took in every step or block: its usual share of the usual whole.

    Both are means of the middle half, so that what interrupts a step is in none; and how fast the machine was during it
    is in no share.
    """
    wholes = [sum(each) for each in zip(*parts.values(), strict=True)]
    kept = [number for number, whole in enumerate(wholes) if whole > 0]
    if not kept:
        return dict.fromkeys(parts, 0.0)
    usual = middle([wholes[number] for number in kept])
    return {name: usual * middle([own[number] / wholes[number] for number in kept]) for name, own in parts.items()}


def block_of_python(run: Callable[[], object], steps: int, root: Path) -> dict[str, float]:
    """Seconds per step of Python's functions themselves, without those that they call, as 'file.py function'.

    Built-in functions, among them torch's operators, are one part. The profiler makes calls slower, and loops not.
    """
    profiler = cProfile.Profile(builtins=True)
    profiler.enable()
    for _ in range(steps):
        run()
    profiler.disable()
    found: dict[str, float] = {}
    for entry in profiler.getstats():
        name = BUILT_IN
        if isinstance(entry.code, CodeType):
            file, function = entry.code.co_filename, entry.code.co_qualname.replace("<locals>.", "")
            name = f"{own(file, root) or short(file)} {function}"
        found[name] = found.get(name, 0.0) + entry.inlinetime / steps
    return found


def middle(values: Sequence[float]) -> float:
    """The mean of the middle half."""
    quarter = len(values) // 4
    kept = sorted(values)[quarter : len(values) - quarter]
    return sum(kept) / len(kept)


def short(path: str) -> str:
    """A file of others, from its package on; of Python itself with its folder, wherever that is installed."""
    _, found, inside = path.rpartition(f"{FOREIGN}/")
    return inside if found else "/".join(path.split("/")[-2:])
