"""Time to accuracy: a process per seed, the target's look is the end, and what never gets there is said."""

from __future__ import annotations

from bench.measure.passes import Task, training_pass
from bench.records.files import Contents
from bench.records.record import Case, Record
from bench.runs.run import Plan, passes, rounds
from reports.read.frames import figures, frame_of
from reports.topics.training.text import training_text
from tests.fakes import FakeDevice
from workloads.base import Setup, Step, Workload, load_suite

SUITE = load_suite()
SEEDED = Case("mnist_cnn.time_to_accuracy", 1, (("rung", "top"),), "cpu", "float32", "eager", 1)
TIMED = Case("mnist_cnn.ladder", 1, (("rung", "top"),), "cpu", "float32", "eager", 1)


def climbing(device: FakeDevice, cap: int) -> Workload:
    """Steps of 2 s whose accuracies are 0.5, 0.6, ... and, for an odd seed, stay at 0.5."""
    import torch

    def build(setup: Setup) -> Step:
        answers = iter(0.5 + 0.1 * number * (setup.seed % 2 == 0) for number in range(cap))

        def run() -> torch.Tensor:
            device.enqueue(2.0)
            return torch.tensor(next(answers), dtype=torch.float64)

        return Step(run, target=0.79, cap=cap)

    return Workload("toy.climbing", build, ({},), "sample", seeds=4)


def take(seed: int) -> Record:
    device = FakeDevice()
    case = Case("toy.climbing", 1, (), "cpu", "float32", "eager", 1)
    blank = Record("", "", case, "time_to_accuracy", launch=seed)
    (record,) = training_pass(Task(case, "training", seed), climbing(device, 5), device, blank)  # type: ignore[arg-type]
    return record


def test_the_clock_stops_at_the_first_look_that_reaches_the_target() -> None:
    record = take(0)
    assert record.status == "measured"
    assert 8 <= record.values[0] < 8.1  # looks at 0.5, 0.6, 0.7 and 0.8


def test_a_seed_that_never_gets_there_is_counted_and_has_no_value() -> None:
    records = (take(0), take(1), take(2), take(3))
    assert (records[1].status, records[1].values) == ("unavailable", ())
    assert records[1].reason == "never reached 0.79 within 5 steps: seed 1, whose best was 0.5"
    text = training_text(figures(frame_of(Contents(records, {}))))
    (line,) = [line for line in text.splitlines() if line.startswith("toy.climbing")]
    assert line.split()[-2:] == ["4", "2"]
    assert "8.00 s" in line


def test_no_seed_getting_there_is_a_row_of_dashes() -> None:
    text = training_text(figures(frame_of(Contents((take(1), take(3)), {}))))
    (line,) = [line for line in text.splitlines() if line.startswith("toy.climbing")]
    assert "—" in line
    assert line.split()[-2:] == ["2", "2"]


def test_a_workload_with_seeds_has_a_process_for_each_and_others_as_before() -> None:
    assert SUITE["mnist_cnn.time_to_accuracy"].seeds == 10
    plan = Plan("run", [SEEDED, TIMED], launches=3)
    assert rounds(plan) == 10
    assert [passes(plan, SEEDED, launch) for launch in (0, 9, 10)] == [("training",), ("training",), ()]
    assert [passes(plan, TIMED, launch) for launch in (0, 2, 3)] == [("time", "memory", "work"), ("time",), ()]
    few = Plan("run", [SEEDED], seeds=2)
    assert rounds(few) == 2
