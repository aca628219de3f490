"""Why one framework's step is faster or slower than PyTorch's: in which operators, by the profiles of both. Pure.

Frameworks name operators in their own ways, so that times are compared by kind of operator. A profiler takes time of
its own: what it says is brought to the time of a step without it, and not believed where that is far away.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from bench.records.record import OUTSIDE
from reports.topics.frameworks.figures import Comparison, Member

OTHERS = "other operators"
# Kinds by what frameworks call their operators: aten::mkldnn_convolution, _MklNativeConv2D, convolution.
KINDS = (
    ("convolution", re.compile(r"conv(?!ert)", re.IGNORECASE)),
    ("pooling", re.compile(r"pool|reduce-window|select-and-scatter", re.IGNORECASE)),
    ("matrix product", re.compile(r"matmul|gemm|einsum|linear|(^|[:_.])(addmm|b?mm|dot)($|[_.])", re.IGNORECASE)),
    ("fused operators", re.compile(r"fusion|fused|Torch-Compiled|CompiledFx", re.IGNORECASE)),
)
LONGER = 1.5  # times as long as without a profiler a step may take under it, to be believed
MOST_OF_IT = 0.5  # the share of a difference that one kind has to have, and that all against it must not reach
NAMED = 2  # operators that are named, those that took longest


@dataclass(frozen=True, slots=True)
class Cause:
    """In what a step differs from PyTorch's: seconds, more or less.

    kind: of the operators that most of it is in; empty where none stands out. in_kind_s: how much of it. own, base: the
    longest operators of that kind, or of all where there are none, in this framework and in PyTorch, with seconds.
    """

    name: str
    more_s: float
    kind: str
    in_kind_s: float
    own: tuple[tuple[str, float], ...]
    base: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Why:
    """Of one step. disturbed: those whose steps a profiler makes too long to be believed."""

    causes: tuple[Cause, ...]
    disturbed: tuple[str, ...]


def why(found: Comparison) -> Why:
    """Of every framework that is known to be faster or slower than PyTorch's eager step, where both have a profile."""
    base = next((member for member in found.members if member.is_base), None)
    others = [member for member in found.members if is_another(member) and member.operators]
    if base is None or not base.operators or not others:
        return Why((), ())
    right = [member for member in others if not is_disturbed(member)]
    if is_disturbed(base):
        return Why((), (base.name,))
    causes = tuple(cause(member, base) for member in right)
    return Why(causes, tuple(member.name for member in others if member not in right))


def is_another(member: Member) -> bool:
    """Whether its time is known not to be PyTorch's."""
    ratio = member.ratio
    return ratio is not None and ratio.low is not None and ratio.high is not None and not ratio.low <= 1 <= ratio.high


def is_disturbed(member: Member) -> bool:
    """Whether its profile is of a much longer step."""
    return sum(member.operators.values()) > LONGER * member.time.estimate


def kind_of(name: str) -> str:
    """The kind of an operator."""
    return OUTSIDE if name == OUTSIDE else next((kind for kind, names in KINDS if names.search(name)), OTHERS)


def in_step(member: Member, step_s: float) -> dict[str, float]:
    """Seconds per step by operator, brought to what the step takes without a profiler."""
    whole_s = sum(member.operators.values())
    return {name: seconds * step_s / whole_s for name, seconds in member.operators.items()}


def cause(member: Member, base: Member) -> Cause:
    """What makes the difference, whose size is that of the turns: medians of launches may differ in the other way."""
    assert member.ratio
    base_s = base.time.estimate
    own, other = in_step(member, member.ratio.value * base_s), in_step(base, base_s)
    more: dict[str, float] = defaultdict(float)
    for parts, sign in ((own, 1), (other, -1)):
        for name, seconds in parts.items():
            more[kind_of(name)] += sign * seconds
    whole_s = (member.ratio.value - 1) * base_s
    kind = max(more, key=lambda each: more[each] / whole_s)
    against = sum(seconds for seconds in more.values() if seconds * whole_s < 0)
    if more[kind] / whole_s < MOST_OF_IT or -against / whole_s >= MOST_OF_IT:
        kind = ""
    named = [longest(parts, kind) or longest(parts, "") for parts in (own, other)]
    return Cause(member.name, whole_s, kind, more[kind] if kind else 0.0, *named)


def longest(parts: Mapping[str, float], kind: str) -> tuple[tuple[str, float], ...]:
    """The operators of a kind, or of all where it is empty, that took longest."""
    found = [(name, seconds) for name, seconds in parts.items() if seconds > 0 and kind in ("", kind_of(name))]
    return tuple(sorted(found, key=lambda each: -each[1])[:NAMED])
