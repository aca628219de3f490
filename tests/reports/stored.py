"""Small made-up records for the tests of reports: two runs whose differences are known."""

from __future__ import annotations

from pathlib import Path

from bench.records.files import Writer
from bench.records.record import Case, Environment, Record

FACTS = {
    "torch": "2.15.0", "python": "3.11.7", "cpu": "Example CPU", "cores": 2, "memory_bytes": 8 * 2**30,
    "os": "Linux 6", "commit": "0123456789abcdef", "dirty": False, "fingerprint": "one", "governor": "performance",
}  # fmt: skip


def case(workload: str, mode: str = "eager", device: str = "cpu", threads: int = 1, version: int = 1) -> Case:
    return Case(workload, version, (("batch", 64),), device, "float32", mode, threads)


def record(case: Case, metric: str, *launches: tuple[float, ...], **fields: object) -> list[Record]:
    items = {"items": 64, "item": "sample"} | fields
    return [
        Record("run", "", case, metric, values=values, launch=number, **items)  # type: ignore[arg-type]
        for number, values in enumerate(launches)
    ]


def missing(case: Case, reason: str, status: str = "unavailable") -> list[Record]:
    return [Record("run", "", case, "step_time", status=status, reason=reason, item="sample")]  # type: ignore[arg-type]


def times(level: float, jitter: float = 0.004) -> tuple[tuple[float, ...], ...]:
    """Three launches of four values around `level`, differing by about `jitter`."""
    return tuple(
        tuple(level * (1 + jitter * (launch - 1) + jitter * 0.2 * value) for value in range(4)) for launch in range(3)
    )


def first_run() -> list[Record]:
    step, infer = case("mnist.train"), case("mnist.infer")
    return [
        *record(step, "step_time", *times(20e-3), data="stand-in digits 1"),
        *record(step, "first_call", (30e-3,), (31e-3,), (30e-3,)),
        *record(step, "peak_memory", (50_000_000.0,)),
        *record(step, "flops", (4.58e9,)),
        *record(case("mnist.train", "compile"), "step_time", *times(10e-3)),
        *record(case("mnist.train", "compile"), "first_call", (12.0,)),
        *record(case("mnist.train", "compile"), "graph_breaks", (0.0,)),
        *record(infer, "step_time", *times(2e-3)),
        *record(infer, "first_call", (5e-3,), (5e-3,), (5e-3,)),
        *record(infer, "peak_memory", (1_000_000.0,)),
        *record(case("mnist.infer", "compile"), "step_time", *times(4e-3)),
        *record(case("mnist.infer", "compile"), "first_call", (10.0,)),
        *record(case("choice.rate"), "accuracy", (0.94,), data="stand-in digits 1"),
        *record(case("choice.rate"), "final_loss", (0.216,), data="stand-in digits 1"),
        *missing(case("mnist.train", device="cuda"), "torch finds no CUDA device"),
        *missing(case("mnist.infer", device="cuda"), "torch finds no CUDA device"),
        *missing(case("data.load"), "ValueError: oops at perf.py:3", "broken"),
    ]


def second_run() -> list[Record]:
    return [
        *record(case("mnist.train"), "step_time", *times(24e-3), data="stand-in digits 1"),
        *record(case("mnist.train"), "peak_memory", (60_000_000.0,)),
        *record(case("mnist.infer", threads=2), "step_time", *times(2e-3)),
        *record(case("mnist.infer"), "peak_memory", (1_000_000.0,)),
        *record(case("new.case"), "step_time", *times(1e-3)),
    ]


def store(path: Path, records: list[Record], **facts: object) -> Path:
    environment = Environment(tuple(sorted({**FACTS, **facts}.items())))  # type: ignore[arg-type]
    from dataclasses import replace

    writer = Writer(path)
    writer.add(environment, [replace(record, environment=environment.id) for record in records])
    writer.close()
    return path
