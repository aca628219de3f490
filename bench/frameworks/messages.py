"""What the processes of frameworks are asked and answer. Plain data; imports no framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SECOND_SEED = 1  # of the numbers that are given after the turns
FRESH_STEPS, FRESH_ENOUGH_S = 20, 0.2  # so many, or as many as take so long, each with numbers of its own
CHECKED_ANSWERS = 3  # the first, of which each is checked: losses change from step to step


@dataclass(frozen=True, slots=True)
class Request:
    """A step to be built: its workload's name without the subject, and its point."""

    workload: str
    how: str
    point: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Begun:
    """A step that was called. imported: packages of frameworks that its process has imported."""

    first_call_s: float
    answers: list[Any]
    facts: dict[str, str]
    imported: set[str]


@dataclass(frozen=True, slots=True)
class Turn:
    """A block of steps. running: threads that ran at a time, on average; busy: that ran or waited for a core."""

    step_s: float
    running: float
    busy: float


@dataclass(frozen=True, slots=True)
class Ended:
    """What is asked after the turns.

    peak_bytes: the most memory of the process until then, if known. answers: the first for other numbers. fresh_s: of
    single steps with numbers that it has not seen, the fastest, in seconds.
    """

    peak_bytes: float | None
    threads: int
    answers: list[Any]
    fresh_s: float


@dataclass(frozen=True, slots=True)
class Profile:
    """Where a step's time goes, by the framework's own profiler: seconds per step by operator. reason: why none."""

    parts: Mapping[str, float]
    reason: str = ""
