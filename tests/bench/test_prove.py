"""`torchpace prove`: true rows on a sound ruler, and of a ruler with a fault exactly the row that it is in is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch.utils.flop_counter import FlopCounterMode

from bench.cli import main
from bench.cli.prove import command, counted, gated, timed
from bench.cli.prove.claims import NOT_AVAILABLE, OK, UNDECIDED, WRONG, Bench, Claim
from bench.counts import memory, traffic
from bench.measure import passes, timer
from bench.measure.audit import auditing
from bench.measure.task import Task
from bench.measure.timer import Budget
from bench.records.record import Environment, Record
from bench.runs.fresh import Launcher
from reports.profiles import profile

HERE = (timed.known_times, counted.memory, counted.work, counted.profiled, counted.believed)
SHORT = Budget(warm_up_s=0.01, sample_s=0.03)


def bench_in(folder: Path, perform: Callable[[Task], list[Record]], device: str = "cpu", **given: Any) -> Bench:
    def call(function: Callable[..., Any], *arguments: Any) -> Any:
        return given[function.__name__] if function.__name__ in given else function(*arguments)

    return Bench(device, folder, perform, call, lambda: 60.0)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, str]]:
    """Verdicts of the claims that need no process of their own, by what they are of."""
    monkeypatch.setattr(auditing, "replaced", lambda: "")  # faults are planted as cheats would be

    def tried() -> dict[str, str]:
        bench = bench_in(tmp_path, lambda task: passes.perform(replace(task, budget=SHORT)))
        return {claim.what: claim.verdict for each in HERE for claim in each(bench)}

    return tried


def longer(monkeypatch: pytest.MonkeyPatch) -> None:
    right = timer.block_time
    monkeypatch.setattr(timer, "block_time", lambda run, steps, clock: 1.03 * right(run, steps, clock))


def one_tensor_more(monkeypatch: pytest.MonkeyPatch) -> None:
    right = memory.peak_of_live_bytes
    monkeypatch.setattr(memory, "peak_of_live_bytes", lambda build, warm: right(build, warm) + 4 * 256**2)


def twice_the_flops(monkeypatch: pytest.MonkeyPatch) -> None:
    right = FlopCounterMode.get_total_flops
    monkeypatch.setattr(FlopCounterMode, "get_total_flops", lambda counter: 2 * right(counter))


def an_operator_more(monkeypatch: pytest.MonkeyPatch) -> None:
    right = traffic.Traffic.work
    monkeypatch.setattr(
        traffic.Traffic, "work", lambda self: replace(right(self), dispatches=right(self).dispatches + 1)
    )


def nothing_written(monkeypatch: pytest.MonkeyPatch) -> None:
    right = traffic.Traffic.work
    monkeypatch.setattr(traffic.Traffic, "work", lambda self: replace(right(self), written_bytes=0))


def a_call_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    right = profile.calls_table
    monkeypatch.setattr(
        profile,
        "calls_table",
        lambda *given: (found := right(*given)).drop(found.index[found["name"] == "aten::mm"][0]),
    )


def no_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "audit", lambda *given: ())


FAULTS = {
    "time of a step of": longer,
    "peak memory": one_tensor_more,
    "FLOPs": twice_the_flops,
    "operators": an_operator_more,
    "bytes that it has to move": nothing_written,
    "profile: products": a_call_lost,
    "a step that keeps": no_audit,
}


def test_a_sound_ruler_is_ok(here: Callable[[], dict[str, str]]) -> None:
    assert set(here().values()) == {OK}


@pytest.mark.parametrize("row", FAULTS)
def test_a_fault_makes_its_row_wrong_and_no_other(
    here: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch, row: str
) -> None:
    FAULTS[row](monkeypatch)
    found = here()
    assert {what: verdict == WRONG for what, verdict in found.items()} == {what: what.startswith(row) for what in found}


def compiled_as(folder: Path, written: tuple[int, int] = (3, 0), warm_s: float = 1.0, **counts: float) -> list[Claim]:
    """The rows of a compiled step of which first calls take 9 s and warm_s, and write so many files."""
    right = {"graphs": 2.0, "graph_breaks": 1.0, "recompiles": 2.0}

    def perform(task: Task) -> list[Record]:
        Path(task.cache).mkdir(exist_ok=True)
        for number in range(written[task.launch]):
            (Path(task.cache) / f"{task.launch}-{number}.so").touch()
        blank = Record("", "", task.case, "")
        if task.launch:
            return [replace(blank, metric="first_call_warm", values=(warm_s,))]
        found = {**right, **counts, "first_call": 9.0}
        return [replace(blank, metric=metric, values=(value,)) for metric, value in found.items()]

    return list(counted.compiled(bench_in(folder, perform)))


@pytest.mark.parametrize(
    ("fault", "row"),
    [
        ({"graphs": 1.0}, 0), ({"graph_breaks": 0.0}, 1), ({"recompiles": 1.0}, 2), ({"written": (0, 0)}, 3),
        ({"written": (3, 2)}, 4), ({"warm_s": 9.5}, 4), ({}, None),
    ],
)  # fmt: skip
def test_faults_of_compiling_are_found(tmp_path: Path, fault: dict[str, Any], row: int | None) -> None:
    found = compiled_as(tmp_path, **fault)
    assert [claim.verdict == WRONG for claim in found] == [number == row for number in range(len(found))]


def only(claims: Iterator[Claim]) -> Claim:
    (claim,) = claims
    return claim


def test_a_clock_that_does_not_wait_is_wrong(tmp_path: Path) -> None:
    def row(*by_events: float) -> Claim:
        one, other = timed.waits(bench_in(tmp_path, lambda task: [], "cuda", by_events=by_events))
        assert one.verdict == other.verdict
        return one

    assert row(0.1, 0.1005, 0.001).verdict == OK
    assert row(0.1, 0.001, 0.001).verdict == WRONG
    assert {claim.verdict for claim in timed.waits(bench_in(tmp_path, lambda task: []))} == {NOT_AVAILABLE}


def test_roofs_repeat_or_the_machine_does_not(tmp_path: Path) -> None:
    def rows(*seconds: float) -> list[str]:
        taken = iter(seconds * len(timed.ROOFS))

        def perform(task: Task) -> list[Record]:
            return [Record("", "", task.case, "step_time", values=(next(taken), 9.0))]

        return [claim.verdict for claim in timed.ceilings(bench_in(tmp_path, perform))]

    assert rows(1.0, 1.3, 1.05, 1.2) == [OK, OK]  # the fastest of the first and last, and of those between
    assert rows(1.0, 1.3, 1.5, 1.2) == [UNDECIDED, UNDECIDED]


def test_products_take_a_gpu_as_long_under_graphs(tmp_path: Path) -> None:
    def row(replayed_s: float, reason: str = "") -> Claim:
        def perform(task: Task) -> list[Record]:
            seconds = 1.0 if task.case.mode == "eager" else replayed_s
            blank = Record("", "", task.case, "step_time", values=(seconds,))
            return [replace(blank, status="unavailable", values=(), reason=reason) if reason else blank]

        return only(timed.graphs(bench_in(tmp_path, perform, "cuda")))

    assert row(0.98).verdict == OK
    assert (
        row(0.5).verdict == row(1.2).verdict == WRONG
    )  # a replay that was not waited for, or a recording that was timed
    assert (row(1.0, "no Triton").verdict, row(1.0, "no Triton").reason) == (NOT_AVAILABLE, "no Triton")
    assert only(timed.graphs(bench_in(tmp_path, lambda task: []))).verdict == NOT_AVAILABLE


@pytest.mark.parametrize(
    ("ratios", "verdict"), [((1.0, 1.01, 0.99), OK), ((1.1, 1.12, 1.11), WRONG), ((0.9, 1.0, 1.3), UNDECIDED)]
)
def test_what_an_idle_process_costs(tmp_path: Path, ratios: tuple[float, ...], verdict: str) -> None:
    bench = bench_in(tmp_path, lambda task: [], alone_and_beside=([1.0] * len(ratios), list(ratios)))
    assert only(timed.beside(bench)).verdict == verdict


@pytest.mark.parametrize(
    ("said", "verdicts"),
    [
        (("same", "slower"), [OK, OK]), (("undecided", "undecided"), [UNDECIDED] * 2),
        (("likely slower", "likely slower"), [UNDECIDED] * 2),
        (("slower", "same"), [WRONG] * 2), (("faster", "faster"), [WRONG] * 2),
    ],
)  # fmt: skip
def test_what_the_gate_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: tuple[str, str], verdicts: list[str]
) -> None:
    waiting = [{"verdict": verdict, "text": ""} for verdict in said]
    monkeypatch.setattr(gated, "gate", lambda repository, device, budget_s: (0, waiting.pop(0), ""))
    bench = bench_in(tmp_path, lambda task: [])
    assert [claim.verdict for claim in gated.gates(bench)] == verdicts


def test_what_was_found_before_ctrl_c_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(bench: Bench) -> Iterator[Claim]:
        yield Claim("the first", "1", "1", "exactly", OK)
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "CLAIMS", (interrupted,))
    monkeypatch.setattr(Launcher, "call", lambda *given: Environment((("cpu", "a processor"),)))
    written = tmp_path / "found.txt"
    assert main(["prove", "-o", str(written)]) == 130
    assert "the first" in capsys.readouterr().out
    assert "the first" in written.read_text()


def test_no_claim_is_begun_when_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench("cpu", Path(), lambda task: [], lambda *given: None, lambda: 0.0)
    (found,) = command.shown(bench, [timed.known_times])
    assert (found.verdict, found.reason) == (UNDECIDED, "no time was left for it")


def test_the_table_says_what_it_is_of() -> None:
    found = [Claim("a", "1", "2", "exactly", WRONG, "because"), Claim("b", "1", "1", "exactly", OK)]
    facts = {"cpu": "a processor", "torch": "2.99", "torchpace": "0.1", "ruler": "abc"}
    table = command.written(found, facts, "table")
    assert table.startswith("Of 2 claims on a processor, torch 2.99, torchpace 0.1 (ruler abc): 1 ok, 1 WRONG.")
    assert "- a: because" in table
    assert json.loads(command.written(found, facts, "json"))["claims"][0]["verdict"] == WRONG
    assert "| a" in command.written(found, facts, "markdown")
