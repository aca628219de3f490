"""Which cases a selection means, and what a wrong one is answered with."""

from __future__ import annotations

import argparse

import pytest

from bench.cli.options import add_case_options, axes_of
from bench.runs.plan import Selection, SelectionError, cases, choose
from workloads.base import Setup, Step, Workload, load_suite, workload

SUITE = load_suite()


def test_globs_match_names_and_points() -> None:
    names = {case.workload for case in cases(SUITE, Selection(globs=["mnist_cnn.[!l]*"]))}
    assert names == {
        "mnist_cnn.time_to_accuracy",
        "mnist_cnn.train_step",
        "mnist_cnn.train_epoch",
        "mnist_cnn.inference",
        "mnist_cnn.phase",
    }
    (case,) = cases(SUITE, Selection(globs=["mnist_cnn.inference(model=padded,batch=64)"]))
    assert dict(case.point) == {"model": "padded", "batch": 64}


def test_what_is_not_in_the_default_suite_is_measured_when_named() -> None:
    named = {case.workload for case in cases(SUITE, Selection(globs=["*"]))}
    default = {case.workload for case in cases(SUITE, Selection())}
    assert named == set(SUITE)
    assert named - default == {name for name, workload in SUITE.items() if not workload.default}
    assert "mnist_cnn.ladder" in named - default


def test_eager_and_compiled_are_measured_next_to_each_other() -> None:
    found = cases(SUITE, Selection(globs=["mnist_cnn.train_step"]))
    assert [(dict(case.point)["model"], case.mode) for case in found] == [
        ("padded", "eager"),
        ("padded", "compile"),
        ("dropout", "eager"),
        ("dropout", "compile"),
    ]


def test_an_axis_can_be_given_other_values() -> None:
    found = cases(SUITE, Selection(globs=["mnist_cnn.train_epoch"], axes={"samples": [60_000]}))
    assert [dict(case.point)["samples"] for case in found] == [60_000, 60_000]


def test_an_unknown_glob_names_the_nearest_workloads() -> None:
    with pytest.raises(SelectionError, match=r"'mnist_cnn.trainstep'; did you mean mnist_cnn.train_step"):
        cases(SUITE, Selection(globs=["mnist_cnn.trainstep"]))


def test_an_unknown_axis_is_refused() -> None:
    with pytest.raises(SelectionError, match="no selected workload has an axis 'batchs'; did you mean batch"):
        cases(SUITE, Selection(axes={"batchs": [1]}))


def test_unknown_names_are_answered_with_the_choices() -> None:
    with pytest.raises(SelectionError, match="device 'gpu' unknown; choose from cpu, cuda, mps"):
        choose("device", ["gpu"], ["cpu", "cuda", "mps"])


def test_a_name_is_defined_once() -> None:
    def builder(setup: Setup) -> Step:
        raise AssertionError

    builder.__module__ = "elsewhere"
    with pytest.raises(ValueError, match=r"defined in workloads.tensor_ops and in elsewhere"):
        workload("tensor_ops.matmul", item="x")(builder)
    with pytest.raises(ValueError, match="needs a subject and a name"):
        workload("matmul", item="x")
    with pytest.raises(ValueError, match="gives both points and axes"):
        workload("a.b", item="x", points=[{}], size=(1,))


def test_axes_are_read_off_the_points() -> None:
    found: Workload = SUITE["data_loading.data_loader"]
    assert found.axes["workers"] == (0, 2)
    assert len(found.points) == 5


def test_an_option_that_is_given_again_adds_to_it() -> None:
    parser = argparse.ArgumentParser()
    add_case_options(parser, "eager")
    apart = "--mode eager --mode compile,aot --device cpu --dtype bfloat16 --axis batch=1 --axis batch=64 --axis size=2"
    found = parser.parse_args(apart.split())
    assert (found.mode, found.device, found.dtype) == (["eager", "compile", "aot"], ["cpu"], ["bfloat16"])
    assert axes_of(found.axis) == {"batch": [1, 64], "size": [2]}
    none = parser.parse_args([])  # nothing of before is left in the defaults
    assert (none.mode, none.device, none.dtype) == ([], ["auto"], ["float32"])
