"""What is claimed of the ruler: what was planted, what was measured, and whether that is within what it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from bench.measure.task import Task
    from bench.records.record import Case, Record

OK, WRONG, UNDECIDED, NOT_AVAILABLE = "ok", "WRONG", "undecided", "n/a"
MODULE = "bench.cli.prove.planted"
TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Claim:
    """One row. verdict: OK, WRONG, UNDECIDED where the machine was too busy to tell, NOT_AVAILABLE with the reason."""

    what: str
    planted: str
    measured: str
    within: str
    verdict: str
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def not_available(what: str, reason: str) -> Claim:
    """A row of what cannot be planted here."""
    return Claim(what, "", "", "", NOT_AVAILABLE, reason)


def exactly(what: str, planted: float, measured: float | None, unit: str = "") -> Claim:
    """A count, which is right or wrong on any machine."""
    verdict = OK if measured == planted else WRONG
    said = "nothing" if measured is None else f"{measured:,.0f}{unit}"
    return Claim(what, f"{planted:,.0f}{unit}", said, "exactly", verdict)


Perform = Callable[["Task"], "list[Record]"]


@dataclass(slots=True)
class Bench:
    """Where claims are tried: the device, a folder for what they write, and how a task becomes records.

    call: gives what a function gives in a fresh process. left_s: seconds of the budget that are left.
    """

    device: str
    folder: Path
    perform: Perform
    call: Callable[..., Any]
    left_s: Callable[[], float]

    def case(self, name: str, mode: str = "eager", **point: float | str) -> Case:
        """A planted case."""
        from bench.records.record import Case  # noqa: PLC0415 - a module without torch, but commands start lightly

        return Case(f"prove.{name}", 1, tuple(point.items()), self.device, "float32", mode, 1)

    def records(self, name: str, measure: str, mode: str = "eager", **options: Any) -> dict[str, Record]:
        """The records of a pass of a planted case by metric; options: of the task, or of the case where it has them."""
        from bench.measure.task import Task  # noqa: PLC0415 - imports torch

        own = {key: options.pop(key) for key in list(options) if key in ("cache", "cold", "launch")}
        task = Task(self.case(name, mode, **options), measure, module=MODULE, **own)
        return {record.metric: record for record in self.perform(task)}


Claims = Callable[[Bench], Iterator[Claim]]


def value(records: dict[str, Record], metric: str) -> float | None:
    """The value of a metric; None where it was not measured."""
    record = records.get(metric)
    return record.values[0] if record is not None and record.values else None


def why(records: dict[str, Record]) -> str:
    """Why there are no values, in the words of the first record that says so."""
    return next((record.reason for record in records.values() if record.reason), "it gave nothing")
