"""One step in several frameworks, from times that are known: who is fastest, by how much, and what was not the same."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cli import main
from bench.records.files import Contents, Writer
from bench.records.record import FRAMEWORKS, Case, Environment, Record
from reports.read.frames import Figure, figures, frame_of
from reports.topics.frameworks.figures import Comparison, comparisons
from reports.topics.frameworks.text import against, as_json, frameworks_text
from reports.topics.frameworks.why import kind_of, why

STEP_S = {
    ("torch", "eager"): 0.010,
    ("torch", "compile"): 0.008,
    ("jax", "jit"): 0.005,
    ("tensorflow", "function"): 0.02,
}
JITTER = (0.99, 1.0, 1.01)
LAYOUT = {"torch": "NCHW"}
# Under a profiler, a fifth longer than without, but of one twice as long. jax: all that is faster is the convolution.
OPERATORS = {
    ("torch", "eager"): {"aten::mkldnn_convolution": 0.008, "aten::addmm": 0.002, "outside of operators": 0.002},
    ("torch", "compile"): {"aten::mkldnn_convolution": 0.01, "generated": 0.006},
    ("jax", "jit"): {"convolution": 0.002, "dot": 0.002, "outside of operators": 0.002},
    ("tensorflow", "function"): {"Conv2D": 0.012, "MatMul": 0.004, "_MklMaxPool": 0.004, "Cast": 0.002, "Relu": 0.002},
}


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
                replace(blank, metric="operator_time", values=(0.01,), parts=tuple(OPERATORS[framework, how].items())),
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


def test_why_is_the_kind_of_operator_that_differs() -> None:
    found = why(compared())
    assert found.disturbed == ("torch compile",)
    jax, tensorflow = found.causes
    assert (jax.name, jax.kind) == ("jax jit", "convolution")
    base_s = next(member.time.estimate for member in compared().members if member.is_base)
    assert (jax.more_s, jax.in_kind_s) == pytest.approx((-base_s / 2, -base_s / 2))
    assert [name for name, _ in jax.own + jax.base] == ["convolution", "aten::mkldnn_convolution"]
    assert (tensorflow.name, tensorflow.kind, tensorflow.in_kind_s) == ("tensorflow function", "", 0.0)
    assert [name for name, _ in tensorflow.own] == ["Conv2D", "MatMul"]
    text = frameworks_text(figures_of(records()))
    for words in (
        r"why: jax jit -5\.\d+ ms: convolution -5\.\d+ ms \(convolution 1\.\d+ ms; ",
        r"; torch eager: aten::mkldnn_convolution 6\.\d+ ms\)",
        r"why: tensorflow function \+10\.\d ms: no kind of operator stands out \(Conv2D 10",
        r"why: not known of torch compile: a profiler makes the step over 1\.5 times as long",
    ):
        assert re.search(words, text), text


def test_why_has_the_sign_of_the_turns_whatever_medians_of_launches_say() -> None:
    found = compared()
    jax, _, base, tensorflow = found.members
    (told,) = why(replace(found, members=(replace(jax, time=tensorflow.time), base))).causes
    assert told.more_s == pytest.approx(-base.time.estimate / 2)  # the ratio of its turns is still a half


def test_why_needs_a_known_difference_and_both_profiles() -> None:
    def without(framework: str, metric: str = "operator_time") -> list[Record]:
        return [record for record in records() if (record.case.framework, record.metric) != (framework, metric)]

    (no_base,) = comparisons(figures_of(without("torch")))
    assert why(no_base).causes == ()
    (no_jax,) = comparisons(figures_of(without("jax")))
    assert [cause.name for cause in why(no_jax).causes] == ["tensorflow function"]
    once = [record for record in records() if record.launch == 0]
    (alone,) = comparisons(figures_of(once))
    assert why(alone).causes == ()  # one launch has no interval
    assert "why: " not in frameworks_text(figures_of(once)).replace("why: in which", "")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("aten::mkldnn_convolution", "convolution"), ("_MklNativeConv2DBackpropFilter", "convolution"),
        ("convolution", "convolution"), ("convert_element_type", "other operators"), ("aten::addmm", "matrix product"),
        ("aten::mm", "matrix product"), ("dot", "matrix product"), ("_FusedMatMul", "matrix product"),
        ("Gemm", "matrix product"), ("aten::comma", "other operators"), ("aten::max_pool2d_with_indices", "pooling"),
        ("reduce-window", "pooling"), ("broadcast_maximum_fusion", "fused operators"),
        ("aten::dropout", "other operators"), ("outside of operators", "outside of operators"),
    ],
)  # fmt: skip
def test_an_operators_kind_is_told_by_its_name(name: str, kind: str) -> None:
    assert kind_of(name) == kind


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
    assert [cause["name"] for cause in row["why"]] == ["jax jit", "tensorflow function"]
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
    for words in ("torch compile", "not the same: layout", "wrong answer: planted", "0.500", "why: jax jit -5"):
        assert words in html
    other = tmp_path / "b.jsonl"
    writer = Writer(other)
    writer.add(
        environment, [Record("r", environment.id, replace(case("a", "b"), point=()), "step_time", values=(1.0,))]
    )
    writer.close()
    assert main(["compare", str(other), "--by", "framework"]) == 2
    assert "--by framework needs steps of several frameworks" in capsys.readouterr().err
