"""Do the ceilings repeat, and do steps that should reach a roof reach it? `python -m tests.perf.ceilings`.

Measures the ceilings of the CPU twice, and a large product, a large copy and a chain of tiny additions against the
first; prints the ratios and what they should be on a quiet machine. Exit code 1 when one is not so.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.measure.task import Task
from bench.measure.timer import Budget
from bench.records.files import Contents, Writer
from bench.records.record import Case, Environment, Record
from bench.runs.ceilings import Prober, measure_ceilings, probes
from bench.runs.fresh import Launcher
from bench.runs.run import measured
from reports.read.frames import figures, frame_of
from reports.topics.ceilings.figures import Roof, roofs
from reports.topics.ceilings.text import roof_name, roof_value
from reports.topics.roofline.figures import Bound, bounds

BUDGET_S = 3.0
REPEATS_WITHIN = 0.10
REACHES = 0.80
LAUNCHES = 3


def main() -> int:
    """Measure and print; 1 when something is not as it should be."""
    prober = Prober("perf", BUDGET_S)
    environment = prober.environment("cpu")
    first, second = (ceilings(prober, environment) for _ in range(2))
    good = all([*repeats(first, second)])
    records = [*figures_of(environment)]
    contents = Contents(tuple(records), {environment.id: environment})
    found = bounds(figures(frame_of(contents)), contents.environments, first)
    return 0 if all([*reached(found)]) and good else 1


def ceilings(prober: Prober, environment: Environment) -> list[Roof]:
    """One measurement of all float32 roofs."""
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder) / "ceilings.jsonl")
        found = [*measure_ceilings(prober, environment, probes("cpu", ["float32"], 1), writer)]
        writer.close()
    return [roof for roof in roofs([Contents(tuple(found), {environment.id: environment})]) if roof.value]


def repeats(first: list[Roof], second: list[Roof]) -> Iterator[bool]:
    """Whether each roof came out the same twice."""
    for a, b in zip(first, second, strict=True):
        assert a.value
        assert b.value
        ratio = b.value / a.value
        good = abs(ratio - 1) <= REPEATS_WITHIN
        print(f"{roof_name(a):20} {roof_value(a.value, a):>18} {roof_value(b.value, b):>18}  ratio {ratio:.3f}", end="")
        print("" if good else f"  (should be within {REPEATS_WITHIN:.0%})")
        yield good


def cases() -> list[Case]:
    """A product and a copy that are large, and an addition of one element.

    The copy works on 512 MiB, whose roof is memory's alone; between 64 and 512 MiB it would be held against the roof of
    64 MiB, of which a large cache holds a part.
    """
    return [
        Case("tensor_ops.matmul", 1, (("shape", "1024x1024x1024"),), "cpu", "float32", "eager", 1),
        Case("tensor_ops.copy", 1, (("layout", "contiguous"), ("side", 8192)), "cpu", "float32", "eager", 1),
        Case("tensor_ops.elementwise", 1, (("size", 1),), "cpu", "float32", "eager", 1),
    ]


def figures_of(environment: Environment) -> Iterator[Record]:
    """The cases' step times in several processes each, and their work."""
    launcher = Launcher(120.0)
    for launch in range(LAUNCHES):
        for case in cases():
            for measure in ("time", "work") if launch == 0 else ("time",):
                found = measured(launcher, Task(case, measure, launch, Budget(sample_s=1.0)))
                yield from (replace(record, run="perf", environment=environment.id) for record in found)


def reached(found: list[Bound]) -> Iterator[bool]:
    """Whether each case is bound by what it should be, and the large ones come near."""
    for bound, kind in zip(found, ("compute", "memory", "overhead"), strict=True):
        enough = kind == "overhead" or (bound.fraction or 0.0) >= REACHES
        good = bound.bound == kind and enough
        print(f"{bound.figure.workload}({bound.figure.point}): {bound.bound}-bound, {bound.fraction or 0:.0%}", end="")
        print("" if good else f"  (should be {kind}-bound" + ("" if enough else f", {REACHES:.0%} or more") + ")")
        yield good


if __name__ == "__main__":
    sys.exit(main())
