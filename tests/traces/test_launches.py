"""A profile of a program whose truth is known says that truth: to the nanosecond, in every dialect, for any program."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reports.profiles.profile import Profile
from reports.profiles.say.findings import findings
from reports.profiles.shape import launches as launching
from reports.profiles.shape.operators import NO_OPERATOR
from tests.traces.one import read_one
from tests.traces.program import Played, played
from tests.traces.written import DIALECTS, Dialect, trace

PROGRAMS = int(os.environ.get("TORCHPACE_PROGRAMS", "200"))  # each in every dialect
NS = 1e9


def profile_of(folder: Path, program: Played, dialect: Dialect) -> Profile:
    path = folder / "trace.json"
    path.write_text(trace(program, dialect))
    return read_one(path)


def whole_ns(seconds: float, steps: int) -> int:
    """Nanoseconds of all steps, of a mean per step in seconds."""
    return round(seconds * steps * NS)


def check_steps(program: Played, found: Profile) -> None:
    """Kernels, copies and their time are those that the steps launched; the rest is said to be nobody's."""
    steps = program.steps
    kernels = found.kernels[found.kernels["category"] == "kernel"]
    assert round(float(kernels["calls"].sum()) * steps) == sum(program.count(step) for step in range(steps))
    own_ns = sum(program.busy_ns(step) for step in range(steps))
    assert whole_ns(float(found.kernels["total_s"].sum()), steps) == own_ns
    strangers = sum(work.step is None for work in program.work)
    said = [text for text in found.warnings if "of no recorded step" in text]
    assert len(said) == (strangers > 0)
    assert all(text.startswith(f"{strangers} device event") for text in said)


def check_operators(program: Played, found: Profile, dialect: Dialect) -> None:
    """Device time stands with the operator that launched it, or with nobody; nothing is lost or counted twice."""
    by_name = dict(zip(found.operators["name"], found.operators["device_self_s"], strict=True))
    truth = program.by_operator()
    for name, busy_ns in truth.items():
        if name is not None:
            assert whole_ns(by_name.get(name, 0.0), program.steps) == busy_ns, name
    called = map(dialect.called, ("cudaGraphLaunch", "cuLaunchKernel"))
    calls = sum(by_name.get(name, 0.0) for name in (*called, NO_OPERATOR))
    assert whole_ns(calls, program.steps) == truth.get(None, 0)
    shares = found.operators["share"]
    assert shares.between(0, 1 + 1e-9).all()
    assert float(shares.sum()) == pytest.approx(1.0)


def check_lengths(program: Played, found: Profile) -> None:
    """Steps follow each other without overlap and end when their last device event has; parts add up to each."""
    steps = found.steps
    assert (steps.begin[1:] >= steps.end[:-1]).all()
    assert (steps.lengths >= 0).all()
    first_ns = min(
        [call.start_ns for call in program.calls] + [work.start_ns for work in program.work]
    )  # fmt: skip
    for step in range(program.steps):
        if span := program.span_ns(step):
            assert steps.end[step] >= span[1] - first_ns
    assert found.activities is None or (found.activities.parts.sum(axis=0) == steps.lengths).all()
    assert (found.phases.parts.sum(axis=0) == steps.high - steps.low).all()


def check_findings(found: Profile) -> None:
    """No sentence speaks of more than everything, or of something that happened in no step."""
    for finding in findings(found):
        assert finding.cost is None or finding.cost <= 1 + 1e-9, finding
        assert "0 calls" not in finding.evidence, finding


@example(seed=407)  # copies run in its steps that none of them launched
@example(seed=2377420)  # its one step launches nothing, while work of the warm-up runs
@example(seed=3793)  # work of the warm-up runs until long after its first step, which launches nothing
@settings(max_examples=PROGRAMS, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_what_devices_did_belongs_to_the_step_that_launched_it(tmp_path: Path, seed: int) -> None:
    program = played(seed)
    for dialect in DIALECTS:
        found = profile_of(tmp_path, program, dialect)
        check_steps(program, found)
        check_operators(program, found, dialect)
        check_lengths(program, found)
        check_findings(found)


def test_every_dialect_gives_the_same_figures(tmp_path: Path) -> None:
    for seed in range(20):
        program = played(seed)
        seen = {dialect.name: profile_of(tmp_path, program, dialect) for dialect in DIALECTS}
        first, *others = seen.values()
        for other in others:
            assert other.kernels.equals(first.kernels)
            assert (other.steps.end == first.steps.end).all()


def test_counting_by_time_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault that this guards against, planted: work counts for the step during whose mark it began."""
    right = launching.launches_of

    def by_time(trace: object, steps: object) -> launching.Launches:
        found = right(trace, steps)  # type: ignore[arg-type]
        starts = trace.events["start_ns"].to_numpy()[found.rows]  # type: ignore[attr-defined]
        return launching.replace(found, steps=steps.at(starts))  # type: ignore[attr-defined]

    monkeypatch.setattr("reports.profiles.profile.launches_of", by_time)
    outcomes: Counter[bool] = Counter()
    for seed in range(40):
        program = played(seed)
        found = profile_of(tmp_path, program, DIALECTS[0])
        try:
            check_steps(program, found)
            outcomes[True] += 1
        except AssertionError:
            outcomes[False] += 1
    assert outcomes[False] > outcomes[True]
