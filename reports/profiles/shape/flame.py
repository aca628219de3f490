"""The flame graph: Python's functions and the operators they called, merged by path. Times are taken with stacks on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reports.profiles.shape.breakdown import on_main_thread
from reports.profiles.shape.nesting import NONE, Nest, nest
from reports.profiles.shape.windows import Steps
from reports.profiles.trace.columns import of_category, texts
from reports.profiles.trace.dialects import MARK, ON_CPU
from reports.profiles.trace.reading import Trace

THINNEST = 0.002  # of the whole: a narrower frame could not be seen, and is left out with all above it
DEEPEST = 100  # rows that are drawn; deeper recursion would make the page endless
# Frames of torch that say nothing: what they call takes their place.
WRAPPERS = (": _call_impl", ": _wrapped_call_impl", ": _fn", ": inner", ": wrapper", ": __getattr__")


@dataclass(slots=True)
class Frame:
    """One path of calls: its seconds per step, calls per step, and the frames it called."""

    name: str
    total_s: float = 0.0
    calls: float = 0.0
    category: str = ""
    inside: dict[str, Frame] = field(default_factory=dict)

    @property
    def self_s(self) -> float:
        """The time in no frame that it called."""
        return self.total_s - sum(frame.total_s for frame in self.inside.values())


@dataclass(frozen=True, slots=True)
class Box:
    """A drawn frame: its row from the top, its left edge and width as percentages."""

    frame: Frame
    depth: int
    left: float
    width: float


def nest_all(trace: Trace) -> Nest:
    """Everything that threads of the CPU did, inside each other."""
    return nest(trace.events, of_category(trace.events, *ON_CPU, MARK))


def flame_of(trace: Trace, steps: Steps, nested: Nest) -> Frame:
    """The tree of what the stepping thread did within the steps; its root is the step."""
    events = trace.events
    inside = (on_main_thread(events) & steps.within(events["start_ns"].to_numpy()))[nested.rows].tolist()
    names, categories = texts(events["name"], nested.rows), texts(events["category"], nested.rows)
    lengths = ((events["end_ns"] - events["start_ns"]).to_numpy()[nested.rows] / 1e9 / len(steps.names)).tolist()
    root = Frame("step", float((steps.high - steps.low).sum()) / 1e9 / len(steps.names), 1.0)
    frames: list[Frame] = []
    columns = (inside, names.tolist(), categories.tolist(), lengths, nested.parent.tolist())
    for is_inside, name, kind, length, above in zip(*columns, strict=True):
        around = root if above == NONE else frames[above]
        if not is_inside or kind == MARK or (kind == "python_function" and name.endswith(WRAPPERS)):
            frames.append(around)
            continue
        frame = around.inside.get(name)
        if frame is None:
            frame = around.inside[name] = Frame(name, category=kind)
        frame.total_s += length
        frame.calls += 1 / len(steps.names)
        frames.append(frame)
    return root


def boxes(root: Frame) -> Sequence[Box]:
    """Where each frame that is wide enough is drawn; the longest first.

    Recording stacks leaves some events that overlap without being inside each other. Where these add up to more than
    the frame around them, they are drawn narrower, to fit into it; the seconds in their titles are as recorded.
    """
    drawn: list[Box] = []
    waiting = [(root, 0, 0.0, 1.0)]
    while waiting:
        frame, depth, left, width = waiting.pop()
        if width < THINNEST or depth >= DEEPEST:
            continue
        drawn.append(Box(frame, depth, round(100 * left, 3), round(100 * width, 3)))
        within = sum(inner.total_s for inner in frame.inside.values())
        scale = width / max(frame.total_s, within, 1e-12)
        at = left + within * scale
        for inner in sorted(
            frame.inside.values(), key=lambda inner: inner.total_s
        ):  # taken from the end: longest first
            at -= inner.total_s * scale
            waiting.append((inner, depth + 1, at, inner.total_s * scale))
    return drawn
