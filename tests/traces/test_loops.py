"""Phases, activities, waits, memory and the first finding of a training loop whose truth is known."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reports.profiles.profile import Profile
from reports.profiles.say.device_findings import waits
from reports.profiles.say.findings import findings
from reports.profiles.shape.memory import KINDS
from tests.traces.loops import CAUSES, LOADER, Looped, looped
from tests.traces.one import read_one
from tests.traces.program import COLLECTIVE
from tests.traces.written import DIALECTS, trace

LOOPS = max(1, int(os.environ.get("TORCHPACE_PROGRAMS", "200")) // 4)
SAID = {
    "loader": "of the step is in DataLoader",
    "waits": "of its time the CPU waits for the GPU",
    "launches": "of GPU time is idle between launches",
    "communication": "of the step is communication that no kernel hides",
}


def profile_of(folder: Path, loop: Looped, dialect: int) -> Profile:
    path = folder / "trace.json"
    path.write_text(trace(loop, DIALECTS[dialect]))
    return read_one(path)


def check_phases(loop: Looped, found: Profile) -> None:
    """How long the host was at each phase of each step."""
    for step, truth in enumerate(loop.phases_ns):
        own = dict(zip(found.phases.names, found.phases.parts[:, step].tolist(), strict=True))
        assert own == {name: truth[name] for name in own}


def check_activities(loop: Looped, found: Profile) -> None:
    """What devices did, moment by moment: no interval is joined with another."""
    assert found.activities is not None
    spans = {name: [] for name in found.activities.names}  # type: ignore[var-annotated]
    for work in loop.work:
        kind = "copy" if work.kind == "copy" else "communication" if work.operator == COLLECTIVE else "kernel"
        spans[kind].append((work.start_ns, work.end_ns))
    for call in loop.calls:
        if call.kind in ("operator", "runtime", "driver"):
            spans["CPU only"].append((call.start_ns, call.end_ns))
        if call.name == LOADER:
            spans["data"].append((call.start_ns, call.end_ns))
    ended = 0
    for step, (low, high) in enumerate(loop.windows()):
        begin, ended = max(low, ended), max([high, ended, *(w.end_ns for w in loop.work if w.step == step)])
        every = [time for own in spans.values() for span in own for time in span if begin < time < ended]
        edges = np.unique([begin, *every, ended])
        at, length = edges[:-1], np.diff(edges)
        left = np.ones(len(at), dtype=bool)
        truth = {}
        for name, own in spans.items():
            during = np.zeros(len(at), dtype=bool)
            for one, other in own:
                during |= (one <= at) & (at < other)
            truth[name] = int(length[left & during].sum())
            left &= ~during
        truth["idle"] = int(length[left].sum())
        assert dict(zip(found.activities.names, found.activities.parts[:, step].tolist(), strict=True)) == truth


def check_waits(loop: Looped, found: Profile) -> None:
    """How long the host waited for values."""
    table = found.operators[found.operators["name"].isin(waits(found))]
    assert round(float(table["self_s"].sum()) * loop.steps * 1e9) == loop.waited_ns


def check_memory(loop: Looped, found: Profile) -> None:
    """The bytes of each kind on each device at every moment of the last step, and which operators allocated them."""
    low, high = loop.windows()[-1]
    changed = {change.device for change in loop.changes if low <= change.at_ns <= high}
    first_ns = min([call.start_ns for call in loop.calls] + [change.at_ns for change in loop.changes])
    assert len(found.memories) == len(changed)
    for device, profile in zip(sorted(changed), found.memories, strict=True):
        truth = loop.live(device)
        assert np.rint(profile.times_s * 1e9).tolist() == [at - max(low, first_ns) for at, _ in truth]
        for name, bytes_of in zip(KINDS, profile.live.tolist(), strict=True):
            assert bytes_of == [kinds.get(name, 0) for _, kinds in truth], name
        assert profile.peak_bytes == max(sum(kinds.values()) for _, kinds in truth)
        own = [change for change in loop.changes if change.device == device and low <= change.at_ns <= high]
        assert profile.allocated_bytes == sum(change.bytes for change in own if change.bytes > 0)
    per_step = {name: size / loop.steps for name, size in loop.allocated.items()}
    assert found.allocated == pytest.approx(per_step)


@settings(max_examples=LOOPS, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), cause=st.sampled_from(["", "", *CAUSES]))
def test_every_figure_of_a_loop_is_the_truth(tmp_path: Path, seed: int, cause: str) -> None:
    loop = looped(seed, cause)
    found = profile_of(tmp_path, loop, seed % len(DIALECTS))
    check_phases(loop, found)
    check_activities(loop, found)
    check_waits(loop, found)
    check_memory(loop, found)
    for finding in findings(found):
        assert finding.cost is None or finding.cost <= 1 + 1e-9, finding
    if cause:
        assert SAID[cause] in findings(found)[0].text
