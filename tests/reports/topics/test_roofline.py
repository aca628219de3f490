"""Known roofs and figures give the known bound and fraction; what is faster than its roof has a reason."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cli import main
from bench.records.ceilings import ceilings_file
from bench.records.files import Contents
from bench.records.record import Environment, Record
from reports.read.frames import figures, frame_of
from reports.topics.ceilings.figures import Roof, roofs
from reports.topics.ceilings.text import roofs_text
from reports.topics.roofline.figures import UNCOUNTED, bounds, memory_roof
from reports.topics.roofline.text import roofline_text
from tests.reports.roofs import HERE, MIB, ceiling, ceilings, judged, step
from tests.reports.stored import FACTS, store


def test_a_roof_is_the_fastest_block_of_any_process() -> None:
    found = {(roof.kind, roof.working_set): roof for roof in roofs([Contents(tuple(ceilings()), {HERE.id: HERE})])}
    assert found["matmul", None].value == pytest.approx(100e9)
    assert found["matmul", None].worst == pytest.approx(80e9)
    assert found["dispatch", None].value == pytest.approx(2e-6)
    assert found["dispatch", None].worst == pytest.approx(2.5e-6)
    assert found["copy", 64 * MIB].value == pytest.approx(10e9)


def test_an_eager_step_that_compiles_by_itself_has_no_overhead_and_says_so() -> None:
    records = step(1e-3, algorithmic_bytes=1e6, touched_bytes=1e6)
    unknown = replace(records[0], metric="dispatches", status="unavailable", reason="fused", values=())
    found = judged([*records, unknown], ceilings())
    assert (found.bound, found.overhead_s) == ("memory", None)
    assert found.note.startswith("compiled: how much it dispatches is not known")
    assert judged(records, ceilings()).note == ""


def test_of_a_probe_measured_again_the_last_counts() -> None:
    again = [replace(record, run="d") for record in ceiling("matmul", 1.0, 90 * 10**9, "FLOP", size=512)]
    (roof,) = roofs([Contents((*ceiling("matmul", 1.0, 100 * 10**9, "FLOP", size=1024), *again), {HERE.id: HERE})])
    assert roof.value == pytest.approx(90e9)


@pytest.mark.parametrize(
    ("figures", "bound", "fraction"),
    [
        ({"arithmetic": 1e9, "flops": 1e9, "algorithmic_bytes": 1e6, "touched_bytes": 4e6}, "compute", 0.5),
        ({"arithmetic": 1e6, "algorithmic_bytes": 1e8, "touched_bytes": 1e8, "dispatches": 1}, "memory", 0.5),
        ({"arithmetic": 1e6, "algorithmic_bytes": 5e8, "touched_bytes": 5e6, "dispatches": 1}, "memory", 0.5),
        ({"arithmetic": 1e3, "algorithmic_bytes": 1e3, "touched_bytes": 1e3, "dispatches": 8000}, "overhead", 0.8),
    ],
)  # fmt: skip
def test_the_largest_implied_time_is_the_bound(figures: dict[str, float], bound: str, fraction: float) -> None:
    found = judged(step(20e-3, **figures), ceilings())
    assert found.bound == bound
    assert found.fraction == pytest.approx(fraction)
    assert found.note == ""


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (
            step(1e-6, algorithmic_bytes=1e6, touched_bytes=1e6),
            "a cache whose roof was not measured (the smallest",
        ),
        (step(1e-6, algorithmic_bytes=1e7, touched_bytes=1e7), "caches keep part of what it moves"),
        (step(1e-6, "compile", algorithmic_bytes=1e7, touched_bytes=1e7), "compiled: less leaves the caches"),
        (step(1e-6, dispatches=1), "its operators cost less to call"),
        (step(8e-3, arithmetic=1e9, flops=1e9), "measured on a busier machine"),
        (step(1e-6, arithmetic=1e9, flops=1e9), "impossible: it would compute 10000.0 times as fast as"),
    ],
)
def test_a_step_above_its_roof_has_a_reason(records: list[Record], reason: str) -> None:
    found = judged(records, ceilings())
    assert found.fraction is not None
    assert found.fraction > 1.05
    assert reason in found.note
    assert f"[1] {found.note}" in roofline_text([found])


def test_other_machines_types_and_threads_have_other_roofs() -> None:
    records = step(1e-3, dtype="bfloat16", arithmetic=1e6, dispatches=10)
    found = judged(records, ceilings())
    assert (found.compute_s, found.bound) == (None, "overhead")
    elsewhere = Environment(tuple(sorted({**FACTS, "cpu": "Other CPU"}.items())))
    other = Contents(tuple(ceilings()), {HERE.id: elsewhere})
    mine = Contents(tuple(records), {HERE.id: HERE})
    assert bounds(figures(frame_of(mine)), mine.environments, roofs([other])) == []


def test_what_was_not_counted_is_a_dash_with_a_reason_and_alone_a_line() -> None:
    found = judged(step(1e-3), ceilings())
    assert (found.bound, found.fraction, found.note) == ("", None, UNCOUNTED)
    counted = judged(step(1e-3, arithmetic=1e6, dispatches=10), ceilings())
    assert f"[1] {UNCOUNTED}" in roofline_text([found, counted])
    alone = roofline_text([found])
    assert UNCOUNTED in alone
    assert "bound by" not in alone


def test_a_working_set_is_held_against_the_largest_that_is_not_larger() -> None:
    found = roofs([Contents(tuple(ceilings()), {HERE.id: HERE})])
    chosen = {touched: memory_roof(found, touched) for touched in (1e3, 5e6, 1e9)}
    assert [roof.working_set for roof in chosen.values() if roof] == [4 * MIB, 4 * MIB, 64 * MIB]
    assert chosen[5e6] is not None
    assert chosen[5e6].kind == "triad"  # the faster of the two


def test_a_step_that_writes_as_much_as_a_copy_is_held_against_copy() -> None:
    def held(read: float, written: float) -> float | None:
        parts = (("read", read), ("written", written))
        moved = [replace(r, parts=parts) for r in step(0.01, algorithmic_bytes=1e8) if r.metric == "algorithmic_bytes"]
        return judged([*step(0.01, touched_bytes=5e6), *moved], ceilings()).fraction

    assert held(2e8 / 3, 1e8 / 3) == pytest.approx(0.2)  # of triad's 50 GB/s
    assert held(5e7, 5e7) == pytest.approx(0.25)  # of copy's 40 GB/s
    assert held(0, 1e8) == pytest.approx(0.25)


def test_ceilings_are_printed_with_units_and_reasons() -> None:
    text = roofs_text([
        *roofs([Contents(tuple(ceilings()), {HERE.id: HERE})]),
        Roof("launch", "cpu", "float32", 1, "one", "2.15.0", "launch", "", reason="nothing is launched"),
    ])  # fmt: skip
    for words in ("100 GFLOP/s", "50.0 GB/s", "2.00 µs/operator", "not available, because nothing is launched"):
        assert words in text


def page_of(records: list[Record], ceilings: list[Record], tmp_path: Path) -> str:
    path = tmp_path / "report.html"
    both = store(tmp_path / "both.jsonl", [*records, *ceilings])
    assert main(["report", str(both), "-o", str(path)]) == 0
    return path.read_text().partition('<section id="roofline">')[2].partition("</section>")[0]


def test_the_report_draws_points_under_roofs_and_an_arrow_to_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    work = {"arithmetic": 1e9, "flops": 1e9, "algorithmic_bytes": 1e8, "touched_bytes": 1e8}
    section = page_of([*step(20e-3, **work, dispatches=10), *step(15e-3, "compile", **work)], ceilings(), tmp_path)
    assert section.count("<circle") == 2
    assert re.search(r'class="arrow" d="M[\d.]+ [\d.]+V', section)
    assert section.count('class="roof flat"') == 1
    assert section.count('class="roof slope') == 2
    for words in ("float32 products 100 GFLOP/s", "4.00 MiB 50.0 GB/s", "arithmetic intensity, FLOP/B", "67 %"):
        assert words in section


def test_a_step_that_computes_nothing_is_in_the_table_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    section = page_of(step(20e-3, arithmetic=0.0, algorithmic_bytes=1e8, touched_bytes=1e8), ceilings(), tmp_path)
    assert "<svg" not in section
    assert "memory" in section
    assert "50 %" in section


def test_without_counts_or_ceilings_the_report_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "torchpace ceilings measures them" in page_of(step(1e-3), [], tmp_path)
    (tmp_path / "both.jsonl").unlink()
    assert "do not say what a step computes" in page_of(step(1e-3), ceilings(), tmp_path)


def test_a_file_of_ceilings_is_no_run_of_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    run = store(tmp_path / "run.jsonl", step(20e-3, algorithmic_bytes=1e8, touched_bytes=1e8))
    kept = store(tmp_path / "kept.jsonl", ceilings())
    assert main(["report", str(run), str(kept), "-o", str(tmp_path / "report.html")]) == 0
    page = (tmp_path / "report.html").read_text()
    assert "(baseline)" not in page
    assert "memory" in page.partition('<section id="roofline">')[2]


def test_compare_shows_the_roofline_of_ceilings_among_its_sources_or_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    records = step(20e-3, arithmetic=1e9, flops=1e9, algorithmic_bytes=1e6, touched_bytes=4e6, dispatches=1)
    alone = store(tmp_path / "alone.jsonl", records)
    assert main(["compare", str(alone)]) == 0
    assert "Roofline" not in capsys.readouterr().out
    together = store(tmp_path / "together.jsonl", [*records, *ceilings()])
    assert main(["compare", str(together)]) == 0
    shown = capsys.readouterr().out
    assert "cpu eager  compute" in shown
    assert "50 %" in shown
    kept = ceilings_file(HERE, "cpu", 1)
    assert kept is not None
    store(kept, ceilings())
    assert main(["compare", str(alone)]) == 0
    assert "cpu eager  compute" in capsys.readouterr().out
