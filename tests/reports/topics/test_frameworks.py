"""One step in several frameworks, from times that are known: who is fastest, by how much, and what was not the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cli import main
from bench.records.files import Contents, Writer
from bench.records.record import FRAMEWORKS, Case, Environment, Record
from reports.read.frames import Figure, figures, frame_of
from reports.topics.frameworks.figures import Comparison, comparisons
from reports.topics.frameworks.text import against, as_json, frameworks_text

STEP_S = {
    ("torch", "eager"): 0.010,
    ("torch", "compile"): 0.008,
    ("jax", "jit"): 0.005,
    ("tensorflow", "function"): 0.02,
}
JITTER = (0.99, 1.0, 1.01)
LAYOUT = {"torch": "NCHW"}


def case(framework: str, how: str, workload: str = "frameworks.conv2d") -> Case:
    point = (("batch", 8), ("framework", framework), ("how", how))
    return Case(workload, 1, point, "cpu", "float32", "eager", 1)


def records(turns: str = FRAMEWORKS) -> list[Record]:
    """Four launches in turns; a launch's speed is in all its values. One keeps more threads busy; one is broken."""
    found = []
    for launch, speed in enumerate((1.0, 1.3, 0.8, 1.1)):
        for (framework, how), seconds in STEP_S.items():
            blank = Record("r", "e", case(framework, how), "step_time", launch=launch, items=8, item="sample")
            busy = 1.4 if framework == "tensorflow" else 1.01
            facts = {"layout": LAYOUT.get(framework, "NHWC"), "precision": "float32", "threads alive": "4",
                     "version": "1.2.3"}  # fmt: skip
            values = tuple(seconds * speed * jitter for jitter in JITTER)
            found += [
                replace(blank, values=values, turns=turns, facts=tuple(sorted(facts.items())),
                        readings=(("busy threads", (busy,) * 3),)),
                replace(blank, metric="process_memory", values=(3e8,)),
                replace(blank, metric="first_call_machine" if how == "compile" else "first_call", values=(0.5,)),
            ]  # fmt: skip
    broken = Record("r", "e", case("numpy", "eager"), "step_time", status="broken", reason="wrong answer: planted")
    absent = [Record("r", "e", case(f"keras-{name}", "compiled"), "step_time", status="unavailable",
                     reason="keras is not installed") for name in ("jax", "torch")]  # fmt: skip
    return [*found, broken, *absent]


def figures_of(found: list[Record]) -> list[Figure]:
    return figures(frame_of(Contents(tuple(found), {"e": Environment(())})))


def compared(turns: str = FRAMEWORKS) -> Comparison:
    (found,) = comparisons(figures_of(records(turns)))
    return found


def test_the_fastest_comes_first_and_ratios_are_of_turns() -> None:
    found = compared()
    assert [member.name for member in found.members] == [
        "jax jit",
        "torch compile",
        "torch eager",
        "tensorflow function",
    ]
    jax, compiled, eager, _ = found.members
    assert eager.ratio is None
    assert jax.ratio is not None
    assert (jax.ratio.value, jax.ratio.low, jax.ratio.high) == pytest.approx(
        (0.5, 0.5, 0.5)
    )  # launches differ, pairs do not
    assert (jax.first_s, jax.bytes) == pytest.approx((0.5, 3e8))
    assert (jax.at_first, compiled.at_first) == (False, True)
    assert found.in_turns
    assert not compared("").in_turns


def test_what_was_not_the_same_is_said() -> None:
    found = compared()
    assert found.differs == {"layout": {"NHWC": ["jax", "tensorflow"], "NCHW": ["torch"]}}
    text = frameworks_text(figures_of(records()))
    for words in (
        "not the same: layout: NCHW (torch), NHWC (jax, tensorflow)",
        "not the same: threads: tensorflow function kept 1.40 busy where 1 was given",
        "broken: numpy eager: wrong answer: planted",
        "not available: keras-jax compiled, keras-torch compiled: keras is not installed",
        "jax 1.2.3, tensorflow 1.2.3, torch 1.2.3",
        "500 ms*",
        "1.40 of 4",
    ):
        assert words in text
    assert "They did not all take turns" not in text
    assert "They did not all take turns" in frameworks_text(figures_of(records("")))
    assert frameworks_text([]) == ""


def test_without_torch_there_is_no_ratio() -> None:
    (found,) = comparisons(figures_of([record for record in records() if record.case.framework != "torch"]))
    assert {against(member.ratio) for member in found.members} == {"—"}
    (nobody,) = comparisons(figures_of([record for record in records() if record.status != "measured"]))
    assert nobody.members == ()
    assert "nothing measured" in frameworks_text(figures_of([r for r in records() if r.status != "measured"]))


def test_somebodys_own_axes_of_that_name_are_none() -> None:
    own = Case("mine.b", 1, (("framework", "mine"), ("how", "mine")), "cpu", "float32", "eager", 1)
    assert comparisons(figures_of([Record("r", "e", own, "step_time", values=(1.0,))])) == []


def test_programs_get_all_of_it() -> None:
    (row,) = as_json([compared()])
    assert [member["framework"] for member in row["members"]] == ["jax", "torch", "torch", "tensorflow"]
    assert row["members"][0]["over_torch_eager"]["value"] == pytest.approx(0.5)
    assert {each["name"] for each in row["absent"]} == {"numpy eager", "keras-jax compiled", "keras-torch compiled"}
    json.dumps(row)


def test_command_and_page_show_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, page = tmp_path / "a.jsonl", tmp_path / "a.html"
    writer, environment = Writer(path), Environment((("torch", "2.15.0"),))
    writer.add(environment, [replace(record, environment=environment.id) for record in records()])
    writer.close()
    assert main(["compare", str(path), "--by", "framework", "--format", "markdown"]) == 0
    assert "### Frameworks" in capsys.readouterr().out
    assert main(["report", str(path), "-o", str(page)]) == 0
    html = page.read_text()
    assert 'id="frameworks"' in html
    for words in ("torch compile", "not the same: layout", "wrong answer: planted", "0.500"):
        assert words in html
    other = tmp_path / "b.jsonl"
    writer = Writer(other)
    writer.add(
        environment, [Record("r", environment.id, replace(case("a", "b"), point=()), "step_time", values=(1.0,))]
    )
    writer.close()
    assert main(["compare", str(other), "--by", "framework"]) == 2
    assert "--by framework needs steps of several frameworks" in capsys.readouterr().err
