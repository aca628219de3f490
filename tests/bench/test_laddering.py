"""Rungs in turns: what they gain is told in spite of a machine that changes, and one that fails costs no other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from torch import Tensor

from bench.devices import DEVICES
from bench.measure.exact import FUSED
from bench.measure.first_call import Begun
from bench.measure.task import Task
from bench.measure.timer import Budget
from bench.measure.turn_passes import FEWEST_ROUNDS, MOST_ROUNDS, groups, rounds, turns
from bench.modes.torch_compile import missing_compiler
from bench.records.files import Contents, Writer
from bench.records.record import RUNGS, Case, Record
from bench.runs.fresh import Launcher
from bench.runs.plan import Selection, cases
from bench.runs.run import Plan, execute, measured
from reports.read.frames import figures, frame_of
from reports.topics.ladder.figures import Tread, ladders
from tests.fakes import FakeDevice
from workloads.base import Step, Workload, load_suite

MODULE = "tests.planted_ladder"
BELOW = {"bottom": "ground", "same": "bottom", "half": "same"}  # what each rung of planted.ladder stands on


def planted() -> dict[str, Workload]:
    from bench.cli.options import load

    return load(MODULE)


@pytest.fixture(scope="module")
def all_records(fork_server: None, tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """All planted ladders, in as few launches as say what is asked."""
    writer = Writer(tmp_path_factory.mktemp("ladders") / "run.jsonl")
    records: list[Record] = []
    for names, launches in ((["planted.ladder", "planted.falling_ladder"], 2), (["planted.deadly_ladder"], 3)):
        plan = Plan("run", cases(planted(), Selection(names)), launches, Budget(sample_s=0.05), module=MODULE)
        records += execute(plan, writer, show_progress=False)
    writer.close()
    return records


def of(records: list[Record], name: str) -> list[Record]:
    return [record for record in records if record.case.workload == f"planted.{name}"]


def times(records: list[Record], rung: str) -> list[Record]:
    return [r for r in records if r.metric == "step_time" and dict(r.case.point)["rung"] == rung]


def treads(records: list[Record]) -> dict[str, Tread]:
    (found,) = ladders(figures(frame_of(Contents(tuple(records), {}))))
    return {tread.rung: tread for tread in found.treads}


def test_rungs_take_turns_in_every_launch(all_records: list[Record]) -> None:
    records = of(all_records, "ladder")
    taken = [times(records, rung) for rung in ("bottom", "same", "half")]
    assert [[(r.turns, r.launch) for r in own] for own in taken] == [[(RUNGS, n) for n in range(2)]] * 3
    assert len({len(r.values) for own in taken for r in own}) == 1
    assert len(taken[0][0].values) >= FEWEST_ROUNDS
    found = treads(records)
    assert all(found[rung].gain is not None for rung in ("same", "half"))


def launched(monkeypatch: pytest.MonkeyPatch, number: int) -> list[Record]:
    """The rungs of planted.ladder in turns, on a machine that has another pace in every launch and slows down."""
    device = FakeDevice()
    monkeypatch.setitem(DEVICES, "cpu", device)

    def rung(name: str, seconds: float) -> tuple[Task, Begun]:
        def run() -> Tensor:
            return device.enqueue(seconds * (1 + number) * (1 + device.now_s / 100))

        point = (("rung", name), ("on", BELOW[name]), ("samples", 8))
        case = Case("planted.ladder", 1, point, "cpu", "float32", "eager", 1)
        task = Task(case, "time", number, Budget(sample_s=1.0))
        return task, Begun(Step(run, items=8), "eager", 0.0, [], None, False)

    rungs = dict(rung(name, 0.01 if name == "half" else 0.02) for name in BELOW)
    taken = turns([*rungs], {task.case: begun for task, begun in rungs.items()})
    return [
        Record("run", "here", case, "step_time", values=found.values, steps_per_value=found.steps_per_value, items=8,
               item="sample", launch=number, turns=RUNGS)
        for case, found in taken.items()
    ]  # fmt: skip


def test_a_gain_is_told_though_every_process_has_another_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [record for number in range(3) for record in launched(monkeypatch, number)]
    found = treads(records)
    for rung, gain in (("same", 1), ("half", 2)):
        told = found[rung].gain
        assert told is not None
        assert told.low is not None
        assert told.high is not None
        assert told.value == pytest.approx(gain, rel=0.02)
        assert told.high / told.low < 1.1
    alone = treads([replace(record, turns="") for record in records])["half"].gain  # means over launches tell nothing
    assert alone is not None
    assert alone.low is not None
    assert alone.low < 1


def test_a_rung_that_cannot_be_built_says_why_once(all_records: list[Record]) -> None:
    (absent,) = times(of(all_records, "ladder"), "absent")
    assert (absent.status, absent.reason) == ("unavailable", "planted: not here")


def test_a_rung_that_fails_in_its_turn_or_is_wrong_costs_no_other(all_records: list[Record]) -> None:
    records = of(all_records, "falling_ladder")
    (falls,), (wrong,) = times(records, "falls"), times(records, "wrong")
    assert falls.status == wrong.status == "broken"
    assert "planted: it fell" in falls.reason
    assert "planted_ladder.py" in falls.reason
    assert "planted: never right" in wrong.reason
    assert [r.turns for r in times(records, "half")] == [RUNGS] * 2


def test_where_a_rung_ends_the_process_each_is_measured_alone_and_later_in_turns(all_records: list[Record]) -> None:
    records = of(all_records, "deadly_ladder")
    (dies,) = times(records, "dies")
    assert dies.status == "broken"
    assert "SIGKILL" in dies.reason
    assert [r.turns for r in times(records, "half")] == ["", RUNGS, RUNGS]
    gain = treads(records)["half"].gain  # of the launches that can be paired
    assert gain is not None
    assert gain.low is not None


def test_only_rungs_of_the_same_ladder_are_measured_together() -> None:
    chosen = cases(
        load_suite(), Selection(["mnist_cnn.ladder", "linear_regression.ladder", "tensor_ops.softmax"], modes=["eager"])
    )
    found = [[case.workload for case in group] for group in groups(chosen)]
    assert sorted({tuple(dict.fromkeys(names)) for names in found}) == [
        ("linear_regression.ladder",), ("mnist_cnn.ladder",), ("tensor_ops.softmax",),
    ]  # fmt: skip
    assert sum(map(len, found)) == len(chosen)
    case = Case("w", 1, (("rung", "a"), ("on", "b"), ("samples", 1)), "cpu", "float32", "eager", 1)
    other = Case("w", 1, (("rung", "a"), ("on", "b"), ("samples", 2)), "cpu", "float32", "eager", 1)
    assert groups([case, other]) == [[case], [other]]


def test_rounds_fill_the_time_and_are_neither_few_nor_many() -> None:
    budget = Budget(sample_s=0.2)
    assert rounds(budget, 8, 6.0) == FEWEST_ROUNDS
    assert rounds(budget, 8, 0.2) == 8
    assert rounds(budget, 8, 1e-3) == MOST_ROUNDS


@pytest.mark.skipif(bool(missing_compiler("cpu")), reason="needs a C++ compiler")
def test_how_much_a_rung_that_compiles_dispatches_is_not_known(fork_server: None, compiled_code: str) -> None:
    def dispatches(rung: str, on: str) -> Record:
        point = (("rung", rung), ("on", on), ("epochs", 4))
        case = Case("linear_regression.ladder", 1, point, "cpu", "float32", "eager", 1)
        records = measured(Launcher(120), Task(case, "work", cache=compiled_code))
        assert {"arithmetic", "algorithmic_bytes"} <= {r.metric for r in records if r.status == "measured"}
        (found,) = (record for record in records if record.metric == "dispatches")
        return found

    assert dispatches("functional", "no_synchronize").values[0] > 4 * 3 * 8  # epochs, batches, operators of a step
    for rung, on in (("compiled_step", "functional"), ("one_graph", "drawn_ahead")):
        found = dispatches(rung, on)
        assert (found.status, found.reason) == ("unavailable", FUSED)
