"""Where in the code a part of a step comes from, and whether the change between two revisions touches it. Pure."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from bench.records.record import OUTSIDE
from reports.topics.gate.cause import Cause, Part

Lines = Callable[[str], list[str]]
"""The lines of a file of a side by its path; none for one that it does not have."""

Stack = tuple[str, ...]
Calls = Mapping[str, float]
"""Calls by what an `operator_places` record calls them: part, module and stack, with tabs between."""


@dataclass(frozen=True, slots=True)
class Place:
    """The module's name in its model, empty for none, and the stack: 'file.py:31 function', the innermost first."""

    module: str
    stack: Stack

    def __str__(self) -> str:
        within = f" in {self.module}" if self.module else ""
        return (self.stack[0].partition(" ")[0] if self.stack else "code of others") + within


class Diff:
    """What changed between base's files and head's, asked file by file."""

    def __init__(self, base: Lines, head: Lines) -> None:
        self.base, self.head = base, head
        self._blocks: dict[str, list[tuple[int, int, int]]] = {}

    def blocks(self, path: str) -> list[tuple[int, int, int]]:
        """The runs of lines that are alike: first in base, first in head, how many; from 0."""
        if path not in self._blocks:
            matcher = SequenceMatcher(None, self.base(path), self.head(path), autojunk=False)
            self._blocks[path] = [(one.a, one.b, one.size) for one in matcher.get_matching_blocks()]
        return self._blocks[path]

    def line_on_head(self, path: str, line: int) -> int | None:
        """Where a line of base, counted from 1, is on head; None for one that head does not have."""
        for base, head, size in self.blocks(path):
            if base < line <= base + size:
                return line - base + head
        return None

    def is_new(self, path: str, line: int) -> bool:
        """Whether a line of head is not base's; not of a file that head does not have."""
        return line <= len(self.head(path)) and not any(
            head < line <= head + size for _, head, size in self.blocks(path)
        )

    def touches(self, stack: Stack) -> bool:
        """Whether a line of a stack on head is new."""
        return any(self.is_new(path, line) for path, line, _ in map(parted, stack))

    def touches_function(self, path: str, name: str) -> bool:
        """Whether head's function of this name has a line that base's does not, or has lost one."""
        return bodies(self.base(path), name) != bodies(self.head(path), name)

    def on_head(self, stack: Stack) -> Stack:
        """A stack of base with its lines as they are on head; a line that is gone is like no line of head."""
        return tuple(
            f"{path}:{self.line_on_head(path, line) or -line} {name}" for path, line, name in map(parted, stack)
        )


def parted(frame: str) -> tuple[str, int, str]:
    """File, line and function of 'file.py:31 function'."""
    place, _, name = frame.rpartition(" ")
    path, _, line = place.rpartition(":")
    return path, int(line), name


def bodies(lines: list[str], name: str) -> list[str]:
    """The functions of this qualified name in a file, such as 'Net.forward', as they are written."""
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError:
        return lines
    path = [part for part in name.split(".") if not part.startswith("<")]  # without comprehensions in it
    return ["\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in defined(tree, path) if path]


def defined(tree: ast.AST, path: Sequence[str]) -> Iterator[ast.stmt]:
    """The functions and classes of this path below a node, whatever else they are in."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield from defined(node, path)
        elif path and node.name == path[0]:
            if len(path) == 1:
                yield node
            else:
                yield from defined(node, path[1:])


def places_of(calls: Calls, parts: frozenset[str]) -> Iterator[tuple[Place, float]]:
    """The places that any of these parts comes from, with its calls there."""
    for name, count in calls.items():
        part, module, *stack = name.split("\t")
        if part in parts:
            yield Place(module, tuple(stack)), count


def where(base: Calls, head: Calls, parts: frozenset[str], diff: Diff, is_slower: bool) -> str:
    """In words, from which line these parts come: one that calls them more often (less often, for what became
    faster), else one that the change touches, else the only one; empty where the evidence does not single one out.
    """
    before: Counter[Place] = Counter()
    for place, count in places_of(base, parts):
        before[Place(place.module, diff.on_head(place.stack))] += count  # type: ignore[assignment]  # of calls a step
    after: Counter[Place] = Counter()
    for place, count in places_of(head, parts):
        after[place] += count  # type: ignore[assignment]
    if not is_slower:
        gone = [place for place in before if before[place] > after[place]]
        return f"from {alive(gone[0])}" if len(gone) == 1 else ""
    grown = [place for place in after if after[place] > before[place]]
    touched = [place for place in grown or after if diff.touches(place.stack)]
    found = touched or grown or list(after)
    lines = sorted({str(place) for place in found})
    if not lines or (len(lines) > 1 and not touched):
        return ""
    more = f" and {len(lines) - 1} other place{'s' if len(lines) > 2 else ''}" if len(lines) > 1 else ""
    return f"from {lines[0]}{more}{', which this change touches' if touched else ''}"


@dataclass(frozen=True, slots=True)
class Location:
    """Knows where in the code parts come from: both sides' places, what changed of Python's functions, and the diff."""

    base: Calls
    head: Calls
    functions: Cause | None
    diff: Diff
    is_slower: bool

    def of(self, part: Part) -> str:
        """In words; empty where that is not known."""
        if part.name == OUTSIDE:
            return self.function()
        return where(self.base, self.head, part.made_of, self.diff, self.is_slower)

    def touches(self, part: Part) -> bool:
        """Whether the change touches a line that a part comes from."""
        if part.name == OUTSIDE:
            return bool(self.changed_functions()) and self.touches_function(self.changed_functions()[0])
        return any(self.diff.touches(place.stack) for place, _ in places_of(self.head, part.made_of))

    def changed_functions(self) -> list[Part]:
        """Python's functions whose own time surely changed, those that the change touches first."""
        return self.functions.named(self.is_slower, self.touches_function) if self.functions else []

    def touches_function(self, function: Part) -> bool:
        """Whether the change touches a function of Python."""
        path, _, name = function.name.rpartition(" ")
        return self.diff.touches_function(path, name)

    def function(self) -> str:
        """The function of Python whose own time surely changed most, in words."""
        if not (named := self.changed_functions()):
            return ""
        path, _, name = named[0].name.rpartition(" ")
        return (
            f"most of it in {name} ({path}){', which this change touches' if self.touches_function(named[0]) else ''}"
        )


def alive(place: Place) -> str:
    """A place of base whose line may be gone."""
    if place.stack and ":-" in place.stack[0]:
        path, line, name = parted(place.stack[0])
        return f"{path}, where line {-line} was ({name})"
    return str(place)
