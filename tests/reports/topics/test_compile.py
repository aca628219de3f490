"""What a study's records say: paired speedups, break-even with its interval, where the time went."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.cli import main
from bench.records.files import Contents
from bench.records.record import Record
from reports.read.frames import figures, frame_of
from reports.stats.intervals import compare, compare_paired
from reports.stats.speedup import break_even, difference, mean
from reports.topics.compile.figures import studied
from reports.topics.compile.text import study_text
from reports.topics.overview.figures import overview
from tests.reports import stored
from tests.reports.parsed import Page


def test_the_paired_interval_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    for true_ratio, launches in ((1.0, 3), (1.2, 3), (1.0, 5)):
        covered = narrower = 0
        rounds = 1500
        for _ in range(rounds):
            base, head = paired_launches(random, true_ratio, launches)
            found, plain = compare_paired(base, head), compare(base, head)
            assert found.low is not None
            assert found.high is not None
            assert plain.low is not None
            assert plain.high is not None
            covered += found.low <= true_ratio <= found.high
            narrower += found.high / found.low < plain.high / plain.low
        assert 0.935 <= covered / rounds <= 0.965  # 95 % with a standard error of 0.6 %
        assert narrower / rounds > 0.8  # what both sides of a round share is gone


def paired_launches(
    random: np.random.Generator, ratio: float, launches: int
) -> tuple[list[list[float]], list[list[float]]]:
    """Rounds with a common, drifting disturbance of 20 %, launches whose ratio differs by 2 %, values by 1 %."""
    base, head = [], []
    for _ in range(launches):
        common, own = np.exp(random.normal(0, 0.2, 20)), np.exp(random.normal(0, 0.02))
        base.append(list(common * np.exp(random.normal(0, 0.01, 20))))
        head.append(list(ratio * own * common * np.exp(random.normal(0, 0.01, 20))))
    return base, head


def test_values_without_a_partner_are_not_paired() -> None:
    for base, head in (([[1.0]], [[1.0, 2.0]]), ([], []), ([[1.0]], [[1.0], [1.0]])):
        with pytest.raises(ValueError, match="equally many"):
            compare_paired(base, head)
    assert compare_paired([[1.0, 2.0]], [[2.0, 4.0]]).low is None


def test_break_even_is_right_and_its_interval_covers_it() -> None:
    random = np.random.default_rng(1)
    covered, rounds, truth = 0, 1500, 10.0 / 1e-3
    for _ in range(rounds):
        late, early = mean(list(random.normal(10.02, 0.3, 3))), mean(list(random.normal(0.02, 0.001, 3)))
        gain = mean(list(random.normal(1e-3, 5e-5, 3)))
        found = break_even(difference(late, early), gain)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert 0.93 <= covered / rounds <= 0.98


def test_break_even_within_five_percent_of_known_figures() -> None:
    late, early = mean([10.3, 10.5, 10.7]), mean([0.5, 0.5, 0.5])
    found = break_even(difference(late, early), mean([0.99e-3, 1.0e-3, 1.01e-3]))
    assert found.steps == pytest.approx(10_000, rel=0.05)
    assert found.low is not None
    assert found.high is not None
    assert 9_000 < found.low < 10_000 < found.high < 11_500


def test_break_even_is_open_where_the_gain_may_be_none_and_never_where_it_is_none() -> None:
    cost = difference(mean([10.0, 10.1, 10.2]), mean([0.1, 0.1, 0.1]))
    unsure = break_even(cost, mean([2e-3, -1e-3, 1e-3]))
    assert math.isfinite(unsure.steps)
    assert unsure.low is not None
    assert 0 < unsure.low < unsure.steps
    assert unsure.high == math.inf
    never = break_even(cost, mean([-1e-3, -1.1e-3, -0.9e-3]))
    assert (never.steps, never.low, never.high) == (math.inf, math.inf, math.inf)
    perhaps = break_even(cost, mean([-1e-3, 0.9e-3, 0.0]))
    assert (perhaps.steps, perhaps.high) == (math.inf, math.inf)
    assert break_even(cost, mean([1e-3])).low is None


def in_turns(eager: Sequence[Sequence[float]], compiled: Sequence[Sequence[float]]) -> list[Record]:
    """Records of a study whose step times were taken in turns."""
    plain, fast = stored.case("mnist.train"), stored.case("mnist.train", "compile")
    return [
        *(replace(r, turns="compile") for r in stored.record(plain, "step_time", *map(tuple, eager))),
        *(replace(r, turns="eager") for r in stored.record(fast, "step_time", *map(tuple, compiled))),
        *stored.record(plain, "first_call", (0.5,), (0.5,)),
        *stored.record(fast, "first_call", (10.5,), (10.4,), parts=(("Dynamo", 2.5), ("code generation", 8.0))),
        *stored.record(fast, "graph_breaks", (1.0,), parts=(("why at my_package/model.py:7", 1.0),)),
        *stored.record(plain, "operator_time", (3e-3,), parts=(("aten::mm", 2e-3), ("outside of operators", 1e-3))),
        *stored.record(
            fast, "operator_time", (5e-3,),
            parts=(("aten::mm", 3e-3), ("cpp_fused_relu_0", 1.5e-3), ("outside of operators", 0.5e-3)),
        ),
    ]  # fmt: skip


COMMON = np.exp(np.random.default_rng(2).normal(0, 0.3, (3, 12)))
NOISE = np.exp(np.random.default_rng(3).normal(0, 0.002, (3, 12)))


def test_turns_make_the_interval_of_a_speedup_paired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = in_turns(3e-3 * COMMON, 2e-3 * COMMON * NOISE)
    (case,) = studied(figures(frame_of(Contents(tuple(records), {}))))
    assert case.speedup is not None
    assert case.speedup.ratio_low is not None
    assert case.speedup.ratio_high is not None
    assert 1.49 < case.speedup.ratio_low < 1.5 < case.speedup.ratio_high < 1.51
    assert case.phases == {"Dynamo": 2.5, "code generation": 8.0}
    path = stored.store(tmp_path / "a.jsonl", records)
    assert main(["compare", str(path), "--by", "mode"]) == 0
    assert "0.667 [0.66" in capsys.readouterr().out
    alone = [replace(record, turns="") for record in records]
    (welch,) = studied(figures(frame_of(Contents(tuple(alone), {}))))
    assert welch.speedup is not None
    assert welch.speedup.ratio_low is not None
    assert welch.speedup.ratio_high is not None
    wide, narrow = (s.ratio_high / s.ratio_low for s in (welch.speedup, case.speedup))
    assert wide - 1 > 10 * (narrow - 1)


def test_a_slower_case_says_where_the_time_went_in_text_and_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    records = in_turns(2e-3 * COMMON, 3e-3 * COMMON * NOISE)
    found = figures(frame_of(Contents(tuple(records), {})))
    (case,) = studied(found)
    assert case.slower
    assert [(s.name, s.kind) for s in case.lost] == [
        ("cpp_fused_relu_0", "new"), ("aten::mm", "grew"), ("outside of operators", "outside"),
    ]  # fmt: skip
    text = study_text([case], overview(found), {})
    for said in ("never", "cpp_fused_relu_0", "+1.50 ms", "why at my_package/model.py:7", "2.50 s"):
        assert said in text
    monkeypatch.chdir(tmp_path)
    stored.store(Path("a.jsonl"), records)
    assert main(["report", "a.jsonl"]) == 0
    page = Path("report.html").read_text()
    seen = Page(page)
    seen.check()
    assert seen.rows
    for said in ("cpp_fused_relu_0", "why at my_package/model.py:7", "code generation", "never"):
        assert said in page


def test_eager_values_belong_to_the_mode_they_took_turns_with(tmp_path: Path) -> None:
    plain, fast, graphs = (stored.case("mnist.train", mode) for mode in ("eager", "compile", "compile-reduce-overhead"))
    records = [
        *(replace(r, turns=fast.mode) for r in stored.record(plain, "step_time", *map(tuple, 3e-3 * COMMON))),
        *(replace(r, turns=plain.mode) for r in stored.record(fast, "step_time", *map(tuple, 2e-3 * COMMON))),
        *(replace(r, turns=graphs.mode) for r in stored.record(plain, "step_time", *map(tuple, 3e-3 * COMMON[::-1]))),
        *(replace(r, turns=plain.mode) for r in stored.record(graphs, "step_time", *map(tuple, 1e-3 * COMMON[::-1]))),
    ]
    found = {case.figure.mode: case for case in studied(figures(frame_of(Contents(tuple(records), {}))))}
    for mode, speedup in ((fast.mode, 1.5), (graphs.mode, 3.0)):
        row = found[mode].speedup
        assert row is not None
        assert (row.ratio_low, row.ratio, row.ratio_high) == pytest.approx((speedup,) * 3)
