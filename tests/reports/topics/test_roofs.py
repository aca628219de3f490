"""A roof is of a precision, and of bandwidth without latency: what each part of a step is held against."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.records.files import Contents
from bench.records.metrics import ELEMENTWISE
from bench.records.record import Record
from reports.topics.ceilings.figures import roofs
from reports.topics.ceilings.text import roofs_text
from tests.reports.roofs import HERE, MIB, ceiling, ceilings, judged, step


def in_parts(step_s: float, **parts: float) -> list[Record]:
    named = tuple((ELEMENTWISE if name == "rest" else name, value) for name, value in parts.items())
    return [
        replace(record, parts=named) if record.metric == "arithmetic" else record
        for record in step(step_s, arithmetic=sum(parts.values()), flops=1.0)
    ]


def test_each_part_is_held_against_the_roof_of_its_precision() -> None:
    lower = ceiling("matmul", 1.0, 400 * 10**9, "FLOP", dtype="bfloat16", size=1024)
    tf32 = ceiling("matmul_tf32", 1.0, 800 * 10**9, "FLOP", size=1024)
    every = [*ceilings(), *lower, *tf32]
    found = judged(in_parts(20e-3, bfloat16=4e9, tf32=1.6e9, float32=0.1e9, rest=0.1e9), every)
    assert found.compute_s == pytest.approx(10e-3 + 2e-3 + 1e-3 + 1e-3)
    # Of one that was not measured nothing is said, rather than something of another.
    assert judged(in_parts(20e-3, bfloat16=4e9, rest=0.1e9), ceilings()).compute_s is None
    assert "matmul tf32" in roofs_text(roofs([Contents(tuple(every), {HERE.id: HERE})]))


def a_gpu() -> list[Record]:
    """2.9 µs a call; 2.5 TB/s within the cache and 1.35 TB/s beyond it."""
    taken_s = {256 * 1024: 3.0e-6, 4 * MIB: 4.57e-6, 64 * MIB: 52.6e-6}
    return [record for size, s in taken_s.items() for record in ceiling("copy", s, size, "B", working_set=size)]


def test_a_small_step_is_held_against_latency_and_bandwidth_apart() -> None:
    small = step(4e-6, algorithmic_bytes=3 * MIB, touched_bytes=3 * MIB)
    found = judged(small, a_gpu())
    assert found.memory_s == pytest.approx(2.9e-6 + 3 * MIB / 2.5e12, rel=0.01)  # as one: 36 µs, 9 times the step
    compiled = judged([replace(r, case=replace(r.case, mode="compile")) for r in small], a_gpu())
    assert compiled.memory_s == pytest.approx(3 * MIB / 2.5e12, rel=0.02)
    large = judged(step(1e-3, algorithmic_bytes=1e9, touched_bytes=1e9), a_gpu())
    assert large.memory_s == pytest.approx(2.9e-6 + 1e9 / 1.35e12, rel=0.01)


def test_a_working_set_that_is_all_latency_says_nothing_of_bandwidth() -> None:
    flat = [
        *ceiling("copy", 4e-6, 256 * 1024, "B", working_set=256 * 1024),
        *ceiling("copy", 4e-6, 4 * MIB, "B", working_set=4 * MIB),
    ]
    large = ceiling("copy", 54e-6, 64 * MIB, "B", working_set=64 * MIB)
    found = judged(step(5e-6, algorithmic_bytes=MIB, touched_bytes=MIB), [*flat, *large])
    assert found.memory_s == pytest.approx(4e-6 + MIB / (64 * MIB / 50e-6))


def test_a_cache_that_is_faster_has_no_latency() -> None:
    found = judged(step(1e-3, algorithmic_bytes=1e6, touched_bytes=5e6), ceilings())
    assert found.memory_s == pytest.approx(1e6 / 50e9)
