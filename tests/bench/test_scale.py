"""A run along an axis, by processes that measure nothing and a clock that stands still; and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bench.cli import main
from bench.cli.courses import Asked, asked
from bench.measure.task import Task
from bench.records.points import Value
from bench.records.record import Case, Environment, Record
from bench.runs import pursuit
from bench.runs.along import doubling
from bench.runs.along.doubling import Along, Run
from bench.runs.along.sizes import Limits, Seen, compiled_at, expected, why_not
from bench.runs.run import Plan

GIB = 2**30
EAGER = Case("made.grows", 1, (("size", 1), ("kind", "plain")), "cpu", "float32", "eager", 1)
COMPILED = replace(EAGER, mode="compile")
CHAIN = "tensor_ops.elementwise_chain"
FACTS = Environment((("memory_bytes", 2 * GIB),))


class FakeSession:
    """Stands for the processes of a run: a step takes `cost_s`, and holds a kilobyte for each unit of size."""

    def __init__(self, cost_s: Callable[[float], float], process_s: float = 0.1, most: float = 1e18) -> None:
        self.cost_s, self.process_s, self.most = cost_s, process_s, most
        self.dice, self.now_s, self.layout = np.random.default_rng(1), 0.0, 0
        self.launcher = self
        self.caches = Path("nowhere")
        self.passes: list[tuple[str, Case]] = []

    def __enter__(self) -> FakeSession:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def monotonic(self) -> float:
        return self.now_s

    def environment_of(self, device: str) -> Environment:
        return FACTS

    def lay_out(self, cases: Sequence[Case], is_first: bool = True) -> None:
        self.layout += 1
        self.now_s += 1.0

    def stored(self, records: list[Record]) -> list[Record]:
        return [replace(record, run="run", environment=FACTS.id) for record in records]

    def of(self, case: Case, name: str, launch: int) -> Record:
        """What a pass of a case gives, after the time that it takes."""
        size = float(dict(case.point)["size"])
        metric = {"time": "step_time", "memory": "peak_memory", "work": "flops", "cold": "first_call"}[name]
        self.passes.append((name, case))
        self.now_s += self.process_s + (3.0 if name == "cold" else 10 * self.cost_s(size))
        if size > self.most and name == "time":
            return Record("", "", case, metric, status="broken", reason="planted: out of memory", launch=launch)
        noise = 1 + 0.003 * self.dice.normal()
        value = {"memory": 1024 * size, "time": self.cost_s(size) * noise}.get(name, 1.0)
        return Record("", "", case, metric, values=(value,) * 3, launch=launch, layout=self.layout)

    def attempt(self, cases: Sequence[Case], name: str, launch: int, number: int) -> list[Record]:
        turns = {case: other.mode for case in cases for other in cases if other is not case}
        return [replace(self.of(case, name, launch), turns=turns.get(case, "")) for case in cases]

    def measure(self, cases: Sequence[Case], name: str, launch: int, number: int) -> list[Record]:
        return self.stored(self.attempt(cases, name, launch, number))


def ran(
    monkeypatch: pytest.MonkeyPatch, session: FakeSession, *cases: Case, sizes: Sequence[Value] = (64,),
    limit_s: float = 60.0, is_chosen: bool = False, last: Value | None = None,
) -> tuple[Run, list[Record]]:  # fmt: skip
    """A whole run along `size`: what it says of its end, and its records."""

    def measured(launcher: FakeSession, task: Task) -> list[Record]:
        return [session.of(task.case, task.measure, task.launch)]

    for module in (doubling, pursuit):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=session.monotonic))
    monkeypatch.setattr(doubling, "Session", lambda *given: session)
    monkeypatch.setattr(doubling, "measured", measured)
    run = Run(Plan("run", (), limit_s=limit_s), Along(cases, "size", sizes, is_chosen, last))
    return run, list(run.measure(SimpleNamespace(), lambda found: 0.5, show_progress=False))  # type: ignore[arg-type]


def sizes_of(records: Sequence[Record], metric: str = "step_time", mode: str = "eager") -> list[float]:
    found = {
        record.case for record in records if record.metric == metric and record.case.mode == mode and record.values
    }
    return sorted(float(dict(case.point)["size"]) for case in found)


def test_sizes_double_until_a_step_would_take_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeSession(lambda n: 1e-9 * n**2)
    run, records = ran(monkeypatch, session, EAGER, limit_s=2000.0)
    assert sizes_of(records) == [64.0 * 2**power for power in range(11)]
    assert "a step at 131072 would take about 17 s" in run.ended
    counted = [case for name, case in session.passes if name == "memory"]
    assert len(counted) == len(set(counted))
    assert {name for name, _ in session.passes} == {"memory", "time"}
    assert all(dict(record.case.point)["kind"] == "plain" for record in records)


def test_sizes_end_with_the_time_and_all_of_them_are_measured_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeSession(lambda n: 1e-9 * n**2, process_s=0.3)
    run, records = ran(monkeypatch, session, EAGER, limit_s=30.0)
    assert "(--budget)" in run.ended
    assert len(sizes_of(records)) >= 6
    launches = [record.launch for record in records if dict(record.case.point)["size"] == 64]
    assert max(launches) >= 3
    assert session.now_s <= 31.0


def test_sizes_end_before_the_memory_does(monkeypatch: pytest.MonkeyPatch) -> None:
    run, records = ran(monkeypatch, FakeSession(lambda n: 1e-6), EAGER, sizes=(2**16,))
    assert sizes_of(records)[-1] == 2**20
    assert "a step at 2097152 would hold about 2 GiB, and the 1 GiB that it may have are less" in run.ended


def test_a_size_that_fails_is_recorded_and_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    run, records = ran(monkeypatch, FakeSession(lambda n: 1e-6, most=500), EAGER)
    assert sizes_of(records) == [64, 128, 256]
    assert [dict(record.case.point)["size"] for record in records if record.status == "broken"] == [512]
    assert run.ended == "at 512: planted: out of memory"


def test_the_last_size_is_the_one_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    run, records = ran(monkeypatch, FakeSession(lambda n: 1e-6), EAGER, last=300)
    assert sizes_of(records) == [64, 128, 256]
    assert run.ended == "512 would be beyond 300"


def test_chosen_sizes_are_measured_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    run, records = ran(monkeypatch, FakeSession(lambda n: 1e-6), EAGER, COMPILED, sizes=(7, 70, 700), is_chosen=True)
    assert sizes_of(records) == sizes_of(records, mode="compile") == [7, 70, 700]
    assert not run.ended


def test_what_compiles_is_measured_at_as_many_sizes_as_there_is_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeSession(lambda n: 1e-9 * n)
    _, records = ran(monkeypatch, session, EAGER, COMPILED, limit_s=60.0)
    eager, compiled = sizes_of(records), sizes_of(records, mode="compile")
    assert 3 <= len(compiled) < len(eager)
    assert (compiled[0], compiled[-1]) == (eager[0], eager[-1])
    assert sum(name == "cold" and dict(case.point)["size"] == 64 for name, case in session.passes) == 1
    assert {record.turns for record in records if record.values and record.case.mode == "compile"} >= {"eager"}


def test_a_cost_is_expected_to_go_on_as_its_last_two_sizes_say() -> None:
    assert expected([(10, 1.0)], 20) == pytest.approx(4.0)  # of one size, the worse is expected
    assert expected([(5, 9.0), (10, 1.0), (20, 3.0)], 40) == pytest.approx(9.0)
    assert expected([(10, 3.0), (20, 1.0)], 40) == pytest.approx(1.0)


def test_few_sizes_are_all_compiled() -> None:
    limits = Limits(None, 1000.0, None, 1, 1, 5.0, 1.0)
    tried = [Seen(size, 1e-3, 0.2, None) for size in (1, 2, 4, 8)]
    assert compiled_at(tried, limits) == [1, 2, 4, 8]
    assert compiled_at(tried, replace(limits, left_s=1.0)) == [1, 4, 8]
    assert compiled_at(tried[:1], replace(limits, left_s=1.0)) == [1]
    assert compiled_at(tried, replace(limits, compiled=0)) == []
    assert why_not(tried, 16, limits) == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("size", Asked("size", (), True)),
        ("size=64:", Asked("size", (64,), True)),
        ("size=0.5:8", Asked("size", (0.5,), True, 8)),
        ("size=64,128,64", Asked("size", (64, 128))),
        ("model=a:b", Asked("model", ("a:b",))),
    ],
)
def test_what_is_asked_of_an_axis(text: str, found: Asked) -> None:
    assert asked(text) == found


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["tensor_ops.elementwise_chan", "--axis", "size"], "did you mean tensor_ops.elementwise_chain"),
        (["tensor_ops.softmax", "--axis", "size"], "axis 'size' unknown; choose from side"),
        (["tensor_ops.matmul", "--axis", "shape"], "shape=64x64x64 of tensor_ops.matmul is no number above 0"),
        ([CHAIN, "--axis", "size=64"], "give one axis to measure along, such as --axis size"),
        ([CHAIN], "give one axis to measure along, such as --axis size"),
        ([CHAIN, "--axis", "size=0,8"], "size=0 of tensor_ops.elementwise_chain is no number"),
        ([CHAIN, "--axis", "size=-4,8"], "size=-4 of tensor_ops.elementwise_chain is no number"),
        ([CHAIN, "--axis", "size=8,-4"], "size=-4 of tensor_ops.elementwise_chain is no number"),
        ([CHAIN, "--axis", "size", "--axis", "size=8"], "axis size is given twice"),
        ([CHAIN, "--axis", "size", "--device", "cpu,cuda"], "one device; run it once for each"),
        (["distributed.all_reduce", "--axis", "ranks"], "`torchpace run` measures it"),
        ([CHAIN, "--axis", "size", "--mode", "fast"], "mode 'fast' unknown"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_said(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["scale", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["size=-4:", "size=0:", "size=:64", "size=4:-8", "size=", "=4", "size=True:"])
def test_a_range_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["scale", CHAIN, "--axis", text])
    assert end.value.code == 2
    assert repr(text) in capsys.readouterr().err


class Interrupted(Run):
    """Measures one step, and is then interrupted."""

    def measure(self, writer: object, distance: object, show_progress: bool = True):  # type: ignore[no-untyped-def,override]
        for size in (64, 128, 256, 512):
            (case,) = self.along.at(size)
            for launch in range(3):
                record = Record(self.plan.run, FACTS.id, case, "step_time", values=(1e-6 * size,), launch=launch)
                writer.add(FACTS, [record])  # type: ignore[attr-defined]
                yield record
        raise KeyboardInterrupt


def test_what_was_measured_before_an_interruption_is_kept_and_fitted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(doubling, "Run", Interrupted)
    path = tmp_path / "grown.jsonl"
    command = ["scale", "tensor_ops.elementwise_chain", "--axis", "size=64:", "--mode", "eager", "--device", "cpu"]
    assert main([*command, "-o", str(path)]) == 130
    printed = capsys.readouterr()
    assert "1.00 [1.00, 1.00]" in printed.out
    assert "interrupted; everything measured so far is kept" in printed.err
    assert main([*command, "-o", str(tmp_path / "again.jsonl"), "--format", "json"]) == 130
    (course,) = json.loads(capsys.readouterr().out)
    assert course["modes"][0]["step_time"]["pieces"][0]["exponent"]["value"] == pytest.approx(1.0)
