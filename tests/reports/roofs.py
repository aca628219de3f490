"""A machine whose roofs are known, and steps that are held against them."""

from __future__ import annotations

from bench.records.files import Contents
from bench.records.record import Case, Environment, Record
from reports.read.frames import figures, frame_of
from reports.topics.ceilings.figures import roofs
from reports.topics.roofline.figures import Bound, bounds
from tests.reports.stored import FACTS

MIB = 2**20
HERE = Environment(tuple(sorted(FACTS.items())))


def ceiling(name: str, step_s: float, items: int, item: str, dtype: str = "float32", **point: int) -> list[Record]:
    case = Case(f"ceilings.{name}", 1, tuple(point.items()), "cpu", dtype, "eager", 1)
    # The fastest block of any process counts; the second process had a neighbour.
    return [
        Record("c", HERE.id, case, "step_time", values=(slower * step_s, 2 * step_s), launch=n, items=items, item=item)
        for n, slower in enumerate((1.0, 1.25, 1.0))
    ]


def ceilings() -> list[Record]:
    """100 GFLOP/s; 50 GB/s up to 4 MiB and 10 GB/s at 64 MiB; 2 µs per call."""
    return [
        *ceiling("matmul", 1.0, 100 * 10**9, "FLOP", size=1024),
        *ceiling("copy", 1.0, 40 * 10**9, "B", working_set=4 * MIB),
        *ceiling("triad", 1.0, 50 * 10**9, "B", working_set=4 * MIB),
        *ceiling("copy", 1.0, 10 * 10**9, "B", working_set=64 * MIB),
        *ceiling("dispatch", 2e-3, 1000, "operator"),
    ]


def step(step_s: float, mode: str = "eager", dtype: str = "float32", **figures: float) -> list[Record]:
    case = Case("toy.step", 1, (), "cpu", dtype, mode, 1)
    values = {"step_time": step_s, **figures}
    return [Record("r", HERE.id, case, metric, values=(value,)) for metric, value in values.items()]


def judged(records: list[Record], ceilings: list[Record]) -> Bound:
    """One case against the roofs."""
    contents = Contents((*records, *ceilings), {HERE.id: HERE})
    (found,) = bounds(figures(frame_of(contents)), contents.environments, roofs([contents]))
    return found
