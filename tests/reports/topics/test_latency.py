"""Latencies from records: medians, 99th percentiles, and why there are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.cli import main
from bench.records.files import Contents
from bench.records.record import Case, Record
from reports.read.frames import figures, frame_of
from reports.topics.latency.figures import latencies
from reports.topics.latency.text import latency_text
from reports.topics.overview.figures import overview
from reports.topics.overview.text import overview_text
from tests.reports.stored import first_run, record, store


def case(mode: str) -> Case:
    return Case("net.inference", 1, (("batch", 1),), "cpu", "float32", mode, 1)


def calls(count: int, middle_s: float, tail_s: float, seed: int) -> tuple[float, ...]:
    """Calls of which two in a hundred take `tail_s`."""
    values = middle_s * (1 + 0.01 * np.random.default_rng(seed).standard_normal(count))
    values[:: max(1, count // max(2, count // 50))] = tail_s
    return tuple(float(value) for value in values)


def measured(mode: str, middle_s: float, tail_s: float, count: int = 400) -> list[Record]:
    launches = [calls(count, middle_s, tail_s, seed) for seed in range(3)]
    return record(case(mode), "latency", *launches, items=1)


def test_the_99th_percentile_is_that_of_each_process() -> None:
    records = measured("eager", 1e-3, 5e-3)
    (waited,) = latencies(figures(frame_of(Contents(tuple(records), {}))))
    by_hand = [np.percentile(r.values, 99) for r in records]
    assert waited.tail is not None
    assert waited.tail.estimate == pytest.approx(float(np.exp(np.mean(np.log(by_hand)))))
    assert waited.tail.launches == 3
    assert waited.median.estimate == pytest.approx(1e-3, rel=0.01)
    assert waited.stretch == pytest.approx(5, rel=0.02)
    assert waited.calls == 1200


def test_what_the_clock_takes_of_a_call_is_said_where_it_is_known() -> None:
    records = [replace(r, parts=(("clock", 2e-7),)) for r in measured("eager", 1e-3, 5e-3)]
    text = latency_text(figures(frame_of(Contents(tuple(records), {}))))
    assert "Of each call, reading the clock and waiting for a device that has nothing to do take 200 ns on cpu." in text
    assert "Of each call" not in latency_text(figures(frame_of(Contents(tuple(measured("eager", 1e-3, 5e-3)), {}))))


def test_too_few_calls_have_no_99th_percentile_and_say_why() -> None:
    found = figures(frame_of(Contents(tuple(measured("eager", 1e-3, 5e-3, count=99)), {})))
    (tail,) = [figure for figure in found if figure.metric == "latency_p99"]
    assert (tail.status, tail.reason) == ("unavailable", "it takes 100 calls in a process, and 99 were made")
    (waited,) = latencies(found)
    assert waited.tail is None
    assert waited.stretch is None


def test_latencies_are_shown_by_themselves_and_compared_by_mode(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [*measured("eager", 2e-3, 8e-3), *measured("compile", 1e-3, 8e-3)]
    path = store(tmp_path / "run.jsonl", records)
    assert main(["compare", str(path)]) == 0
    alone = capsys.readouterr().out
    assert "Latency" in alone
    assert "2.00 ms" in alone
    assert "8.00 ms" in alone
    assert main(["compare", str(path), "--by", "mode"]) == 0
    by_mode = capsys.readouterr().out
    assert "latency_p99" in by_mode
    assert "faster" in by_mode
    assert main(["report", str(path), "-o", str(tmp_path / "report.html")]) == 0
    page = (tmp_path / "report.html").read_text()
    assert 'id="latency"' in page
    assert "p99/median" in page


def test_records_without_latencies_have_no_table(tmp_path: Path) -> None:
    assert latency_text(figures(frame_of(Contents(tuple(first_run()), {})))) == ""


def test_modes_other_than_torch_compiles_are_not_shown_under_its_name() -> None:
    def text(mode: str) -> str:
        times = [*record(case("eager"), "step_time", (2e-3,)), *record(case(mode), "step_time", (1e-3,))]
        found = figures(frame_of(Contents(tuple(times), {})))
        return overview_text(overview(found), {}, figures=found)

    assert "torch.compile\n" in text("compile")
    assert "torch.compile\n" not in text("int8")
    assert "Modes against eager" in text("int8")
