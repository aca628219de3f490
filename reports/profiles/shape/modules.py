"""The tree of modules: forward and backward time, FLOPs and memory of each. Times are taken with stacks on.

The profiler names a module's call 'nn.Module: Conv2d_0': its class, and a number in the order of first calls. A
backward node belongs to the module whose forward call made it: both carry the same sequence number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from reports.profiles.shape.breakdown import BACKWARD
from reports.profiles.shape.nesting import NONE, Nest, ancestor, nest
from reports.profiles.shape.windows import Steps
from reports.profiles.trace.columns import ABSENT, of_category, texts, where
from reports.profiles.trace.reading import Trace

MODULE = "nn.Module: "


@dataclass(slots=True)
class Module:
    """One module at its place in the tree; seconds and bytes per step, what is inside included.

    kind: the class and number ('Conv2d_0'); path: with those around it ('Padded_0/Conv2d_0'); name: where the profile
    knows it, its name in the model ('conv1').
    allocated_bytes: allocated by its forward calls, whether freed again or not; None where not recorded.
    """

    kind: str
    path: str = ""
    name: str = ""
    calls: float = 0.0
    forward_s: float = 0.0
    backward_s: float = 0.0
    flops: float | None = None
    allocated_bytes: float | None = None
    inside: dict[str, Module] = field(default_factory=dict)

    def walk(self) -> Iterator[tuple[int, Module]]:
        """This and all modules inside with their depths, in the order of first calls."""
        waiting: list[tuple[int, Module]] = [(0, self)]
        while waiting:
            depth, module = waiting.pop()
            yield depth, module
            waiting += [(depth + 1, inner) for inner in reversed(module.inside.values())]


@dataclass(frozen=True, slots=True)
class ModuleTree:
    """The step as the root, with the modules called in it. root.forward_s + root.backward_s + outside_s is the step."""

    root: Module
    step_s: float
    outside_s: float  # of the step: neither in a module's forward nor in backward of what a module did


def module_tree(trace: Trace, steps: Steps, nested: Nest, names: Mapping[str, str]) -> ModuleTree | None:
    """The tree of what is nested, or None when no module was called or the trace has no stacks."""
    events = trace.events
    is_module = where(events["name"], lambda name: name.startswith(MODULE)) & of_category(events, "python_function")
    if not (is_module & steps.within(events["start_ns"].to_numpy())).any():
        return None
    owner = ancestor(nested.parent, is_module[nested.rows])
    inside_steps = steps.within(events["start_ns"].to_numpy()[nested.rows])
    root = Module("step")
    at = grow(events, nested, owner, inside_steps, root, len(steps.names), names)
    backward_ns = add_backward(events, nested, owner, inside_steps, at, len(steps.names))
    step_s = float((steps.high - steps.low).mean()) / 1e9
    root.calls = 1.0
    root.forward_s = sum(module.forward_s for module in root.inside.values())
    root.backward_s = backward_ns / 1e9 / len(steps.names)
    return ModuleTree(root, step_s, step_s - root.forward_s - root.backward_s)


def grow(
    events: pd.DataFrame, nested: Nest, owner: np.ndarray, inside: np.ndarray, root: Module, steps: int,
    names: Mapping[str, str],
) -> dict[int, list[Module]]:  # fmt: skip
    """Add every module call to the tree; for each call its module and those around it, outermost first."""
    lengths = (events["end_ns"] - events["start_ns"]).to_numpy()[nested.rows]
    labels = texts(events["name"], nested.rows)
    at: dict[int, list[Module]] = {}
    for position in np.flatnonzero(owner == np.arange(len(owner))).tolist():
        if not inside[position]:
            continue
        above = int(nested.parent[position])
        line = at.get(int(owner[above]), []) if above != NONE and owner[above] != NONE else []
        kind = labels[position].removeprefix(MODULE)
        path = f"{line[-1].path}/{kind}" if line else kind
        module = (line[-1] if line else root).inside.setdefault(kind, Module(kind, path, names.get(path, "")))
        module.calls += 1 / steps
        module.forward_s += lengths[position] / 1e9 / steps
        at[position] = [*line, module]
    return at


def add_backward(
    events: pd.DataFrame, nested: Nest, owner: np.ndarray, inside: np.ndarray, at: Mapping[int, list[Module]],
    steps: int,
) -> float:  # fmt: skip
    """Add each backward node's time to the module that made it and those around it; the sum, in nanoseconds."""
    sequence = events["sequence"].to_numpy()[nested.rows]
    is_node = where(events["name"], lambda name: name.startswith(BACKWARD))[nested.rows]
    forward_thread = events["forward_thread"].to_numpy()[nested.rows]
    lengths = (events["end_ns"] - events["start_ns"]).to_numpy()[nested.rows]
    # The last operator with a number made the node: those before it only saw the number that would come next.
    made = np.flatnonzero((sequence != ABSENT) & ~is_node & (forward_thread <= 0))
    maker = dict(zip(sequence[made].tolist(), owner[made].tolist(), strict=True))
    node = ancestor(nested.parent, is_node)
    outer = np.where(nested.parent == NONE, NONE, node[nested.parent])
    own = lengths.astype(float)
    for position in at:  # checkpointing calls modules again within a node: that time is in their forward already
        above = int(nested.parent[position])
        if above != NONE and node[above] != NONE and owner[above] in (NONE, owner[node[above]]):
            own[node[above]] -= lengths[position]
    total = 0.0
    for position in np.flatnonzero(is_node & inside & (outer == NONE)).tolist():
        line = at.get(maker.get(int(sequence[position]), NONE), [])
        total += float(own[position]) if line else 0.0
        for module in line:
            module.backward_s += own[position] / 1e9 / steps
    return total


def add_flops(tree: ModuleTree, flops: Mapping[str, int]) -> None:
    """Enter the FLOPs of each module for which they are known, by its path."""
    for _, module in tree.root.walk():
        if module.path in flops:
            module.flops = float(flops[module.path])


def add_memory(tree: ModuleTree, trace: Trace, steps: Steps) -> None:
    """Enter what the forward calls of each module allocated, from a trace with allocations and stacks."""
    events = trace.events
    is_module = where(events["name"], lambda name: name.startswith(MODULE)) & of_category(events, "python_function")
    if trace.memory.empty or not is_module.any():
        return
    nested = nest(events, is_module & steps.within(events["start_ns"].to_numpy()))
    labels = texts(events["name"], nested.rows)
    at: dict[int, Module] = {}
    for position, above in enumerate(nested.parent.tolist()):
        around = tree.root if above == NONE else at.get(above)
        inner = around.inside.get(labels[position].removeprefix(MODULE)) if around else None
        if inner is not None:
            at[position] = inner
    starts, ends = events["start_ns"].to_numpy(), events["end_ns"].to_numpy()
    changes = trace.memory[trace.memory["bytes"] > 0]
    times, sizes = changes["time_ns"].to_numpy(), changes["bytes"].to_numpy()
    summed = np.concatenate([[0], np.cumsum(sizes)])
    for position, module in at.items():
        row = nested.rows[position]
        first, last = np.searchsorted(times, [starts[row], ends[row]])
        module.allocated_bytes = (module.allocated_bytes or 0.0) + float(summed[last] - summed[first]) / len(
            steps.names
        )
