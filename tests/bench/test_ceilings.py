"""Ceilings: sizes that fit a budget, probes that fail, what is kept, and what a step is counted to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.cli import main
from bench.records.ceilings import cached, cached_for, ceilings_file, only_ceilings
from bench.records.files import Contents, Writer, read
from bench.records.machines import fingerprint_of
from bench.records.record import Case, Environment, Record
from bench.runs.ceilings import (
    HANGS,
    LAUNCHES,
    LEAST_S,
    PRODUCTS,
    Choice,
    Prober,
    climb,
    measure_ceilings,
    measured_whole,
    probes,
    too_large,
)  # fmt: skip
from bench.runs.plan import Selection, cases
from tests.fakes import FakeDevice
from workloads.base import Point, Setup, load_suite

SIZES = [{"size": size} for size in (128, 256, 512, 1024)]
HERE = Environment((("cpu", "A CPU"), ("memory_bytes", 2**30), ("torch", "2.15.0+cpu")))


def climbing(device: FakeDevice, allowed_s: float, seconds: Callable[[int], float]) -> tuple[Choice, list[int]]:
    """What `climb` chooses when a product of `size` takes so many seconds, and which sizes it built."""
    built: list[int] = []

    def build(point: Point) -> tuple[Callable[[], object], int]:
        size = int(point["size"])
        built.append(size)
        return lambda: device.enqueue(seconds(size)), 2 * size**3

    return climb(SIZES, build, device.clock, allowed_s), built


def test_the_fastest_size_is_chosen() -> None:
    choice, built = climbing(FakeDevice(), 10.0, lambda size: 2 * size**3 / 1e9 + (5.0 if size == 1024 else 0.001))
    assert choice.point == {"size": 512}
    assert built == [128, 256, 512, 1024]


def test_a_size_that_would_take_too_long_is_not_even_built() -> None:
    choice, built = climbing(FakeDevice(), 0.1, lambda size: 2 * size**3 / 1e9 + 0.001)  # 256 takes 0.034 s, 512 0.27 s
    assert choice.point == {"size": 256}
    assert built == [128, 256]


def test_a_type_too_slow_for_its_smallest_size_says_so() -> None:
    device = FakeDevice()
    choice, built = climbing(device, 0.1, lambda size: 75.0)
    assert (choice.point, built) == (None, [128])
    assert choice.reason == "a trial at size=128 took 75 s, too long for the budget (--budget)"
    assert device.now_s == pytest.approx(75.0)  # tried once, no more


@pytest.mark.parametrize(("allowed_s", "first_s"), [(0.1, 0.5), (2e-3, 0.13)])
def test_a_first_call_that_readies_a_library_is_not_the_size_s_time(allowed_s: float, first_s: float) -> None:
    device = FakeDevice()
    calls = iter([first_s, *[allowed_s / 100] * 100])
    choice, built = climbing(device, allowed_s, lambda size: next(calls))
    assert (choice.point, built[0]) == ({"size": 1024}, 128)


def test_candidates_are_tried_in_a_process_of_their_own(fork_server: None) -> None:
    products, *_ = (found for found in probes("cpu", ["float32"], 1) if len(found) > 1)
    prober = Prober("now", budget_s=1e5)  # no machine is too slow for the smallest
    assert prober.scouted(products[:1]) == Choice(dict(products[0].point))
    assert prober.scouted([replace(products[0], dtype="no such type")]).reason


def test_a_working_set_larger_than_a_quarter_of_memory_is_left_out() -> None:
    def case(working_set: int) -> Case:
        return Case("ceilings.copy", 1, (("working_set", working_set),), "cpu", "float32", "eager", 1)

    assert too_large(case(2**28), HERE) == ""
    assert "more than a quarter" in too_large(case(2**29), HERE)


def test_only_products_have_types_and_candidates() -> None:
    planned = probes("cpu", ["float32", "bfloat16"], 2)
    products = [found for found in planned if found[0].workload == "ceilings.matmul"]
    assert [found[0].dtype for found in products] == ["float32", "bfloat16"]
    assert all(len(found) > 3 for found in products)
    assert all(len(found) == 1 for found in planned if found[0].workload not in PRODUCTS)
    assert {case.threads for found in planned for case in found} == {2}


def test_ceilings_are_measured_only_when_asked_for() -> None:
    suite = load_suite()
    assert not [case for case in cases(suite, Selection()) if case.workload.startswith("ceilings.")]
    assert cases(suite, Selection(globs=["ceilings.copy"]))


@pytest.mark.parametrize("name", ["ceilings.matmul", "ceilings.copy", "ceilings.triad", "ceilings.dispatch"])
def test_every_probe_gives_a_right_answer(name: str) -> None:
    workload = load_suite()[name]
    step = workload.build(Setup(torch.device("cpu")), **workload.points[0])
    assert step.check is not None
    step.check(step.run())


def test_probes_take_turns_in_fresh_processes_and_one_that_cannot_be_measured_says_why(
    fork_server: None, tmp_path: Path
) -> None:
    names = ("ceilings.copy(working_set=262144)", "ceilings.launch", "ceilings.dispatch")
    planned = [found for found in probes("cpu", [], 1) if found[0].label in names]
    writer = Writer(tmp_path / "a.jsonl")
    records = [*measure_ceilings(Prober("now", budget_s=0.06), HERE, planned, writer)]
    writer.close()
    assert read(tmp_path / "a.jsonl").records == tuple(records)
    assert [(record.case.label, record.launch, record.items) for record in records if record.status == "measured"] == [
        (name, launch, items) for launch in range(3) for name, items in ((names[0], 262144), (names[2], 1000))
    ]
    (missing,) = (record for record in records if record.status != "measured")
    assert (missing.status, missing.reason[:30]) == ("unavailable", "nothing is launched on the CPU")
    assert measured_whole(records) == {found[0] for found in planned}
    assert measured_whole(records[:-1]) == {found[0] for found in planned if found[0].label != names[2]}


def test_ceilings_are_kept_by_machine_torch_device_and_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = ceilings_file(HERE, "cpu", 2)
    assert path is not None
    assert path.parent == tmp_path / "torchpace" / "ceilings"
    assert path.name == f"{fingerprint_of(HERE)}-torch2.15.0+cpu-cpu-2threads.jsonl"
    runner = Environment((*HERE.facts, ("hostname", "another-every-time")))
    assert ceilings_file(runner, "cpu", 2) == path
    assert cached(HERE, "cpu", 2) is None
    case = Case("ceilings.dispatch", 1, (), "cpu", "float32", "eager", 2)
    record = Record("r", HERE.id, case, "step_time", values=(1e-3,), items=1000, item="operator")
    writer = Writer(path)
    writer.add(HERE, [record])
    writer.close()
    source = Contents((record,), {HERE.id: HERE})
    assert cached_for([source]).records == (record,)
    other = Environment((("cpu", "Other CPU"), ("torch", "2.15.0+cpu")))
    assert cached_for([Contents((record,), {HERE.id: other})]).records == ()
    path.write_text("no records")
    assert cached(HERE, "cpu", 2) is None


def test_the_command_measures_once_prints_every_roof_and_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # Which product fits a budget depends on the machine; the smallest is measured within any.
    monkeypatch.setattr(Prober, "scouted", lambda self, candidates: Choice(dict(candidates[0].point)))
    arguments = ["ceilings", "--device", "cpu", "--dtype", "float32", "--budget", "0.06"]
    assert main([*arguments, "-o", str(tmp_path / "mine.jsonl")]) == 0
    first = capsys.readouterr().out
    for words in ("matmul float32", "FLOP/s", "copy in 256 KiB", "B/s", "dispatch", "/operator", "because nothing is"):
        assert words in first
    (kept,) = (tmp_path / "cache" / "torchpace" / "ceilings").iterdir()
    assert read(tmp_path / "mine.jsonl").records == read(kept).records
    assert main(arguments) == 0  # from the cache: the very same figures
    assert capsys.readouterr().out == first


def test_what_was_measured_before_ctrl_c_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(Prober, "scouted", lambda self, candidates: Choice(dict(candidates[0].point)))
    right, done = Prober.launch, []

    def interrupted(self: Prober, case: Case, environment: Environment, number: int) -> Record:
        done.append(case)
        if len(done) > 1:
            raise KeyboardInterrupt
        return right(self, case, environment, number)

    monkeypatch.setattr(Prober, "launch", interrupted)
    assert main(["ceilings", "--device", "cpu", "--dtype", "float32", "--budget", "0.06"]) == 130
    assert "matmul float32" in capsys.readouterr().out


def test_an_unknown_type_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ceilings", "--device", "cpu", "--dtype", "int4"]) == 2
    assert "dtype 'int4' unknown; choose from float64" in capsys.readouterr().err


@pytest.mark.parametrize(("whole_s", "each_s"), [(60.0, 6.0 - LAUNCHES * 0.5), (0.1, LEAST_S)])
def test_the_budget_is_shared_by_all_probes_with_the_starts_of_their_processes(whole_s: float, each_s: float) -> None:
    prober = Prober("now")
    prober.start_s = 0.5
    prober.divide(whole_s, probes=10)
    assert prober.budget_s == pytest.approx(each_s)
    assert prober.launcher.timeout_s > HANGS * each_s


def test_a_ceiling_whose_cost_was_measured_like_any_step_s_is_a_run_of_its_own() -> None:
    """As `torchpace scale ceilings.matmul` has it; a report draws it, beside other files, too."""
    case = Case("ceilings.matmul", 1, (("size", 128),), "cpu", "float32", "eager", 1)
    times = [Record("r", HERE.id, case, "step_time", values=(1.0,))]
    memory = [Record("r", HERE.id, case, "peak_memory", values=(4096.0,))]
    other = [Record("r", HERE.id, replace(case, workload="tensor_ops.matmul"), "step_time", values=(1.0,))]
    found = [only_ceilings(Contents(tuple(each), {})) for each in (times, times + memory, times + other)]
    assert found == [True, False, False]
