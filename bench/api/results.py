"""What measuring functions came to: it shows itself in a terminal and in a notebook, as pandas, and can be saved."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.records.files import Writer
from bench.records.record import Environment, Record
from reports.topics.inline.figures import Line, lines_of, table
from reports.topics.inline.fragment import inline_html
from reports.topics.inline.text import inline_text

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False, eq=False)
class Result:
    """Measured functions; `records` hold every raw value, in seconds per call.

    Of one function: `seconds`, `low` and `high` (its 95 % interval), `throughput`. Of several: `result["name"]` is the
    line of one, with its `ratio` to the first and the `verdict`.
    """

    records: tuple[Record, ...]
    environment: Environment

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is known of each function, in the order given."""
        return lines_of(self.records)

    def __getitem__(self, name: str) -> Line:
        """The line of a function. Raises KeyError, which says which there are."""
        found = {line.name: line for line in self.lines}
        if name not in found:
            raise KeyError(f"{name!r}; there are {', '.join(found)}")
        return found[name]

    @property
    def line(self) -> Line:
        """The line of the only function. Raises ValueError of several."""
        first, *others = self.lines
        if others:
            raise ValueError(f"{1 + len(others)} functions were measured: take one, as result[{first.name!r}]")
        return first

    @property
    def seconds(self) -> float:
        """Of the only function, seconds per call."""
        return self.line.step.estimate

    @property
    def low(self) -> float | None:
        """Where the 95 % interval of its seconds begins; None where nothing tells."""
        return self.line.step.low

    @property
    def high(self) -> float | None:
        """Where it ends."""
        return self.line.step.high

    @property
    def throughput(self) -> float:
        """Items per second."""
        return self.line.throughput

    def to_frame(self) -> pd.DataFrame:
        """A pandas table with a row per function: seconds per call, items per second."""
        return table(self.lines)

    def save(self, path: str | Path) -> Path:
        """Append the records to a file that `torchpace compare`, `report` and `history` read. Raises StoringError."""
        with closing(Writer(Path(path))) as writer:
            writer.add(self.environment, self.records)
        return Path(path)

    def __repr__(self) -> str:
        return inline_text(self.lines, self.records, self.environment)

    def _repr_html_(self) -> str:
        return inline_html(self.lines, self.records, self.environment)


def result_of(records: Sequence[Record], environment: Environment, run: str) -> Result:
    """The records as a result, named after their run and environment."""
    return Result(tuple(replace(each, run=run, environment=environment.id) for each in records), environment)
