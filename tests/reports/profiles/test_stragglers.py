"""Which rank works longer than the others, and in which phase: from made-up traces of DDP over gloo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.profiles.profile import Profile, read_foreign
from reports.profiles.say.findings import between_operators
from reports.profiles.say.ranks import ranks_of
from reports.profiles.shape.breakdown import WORK

STEPS = 8
USUAL = {"loader": 100, "forward": 300, "backward": 400, "optimizer": 200}  # µs
TRANSFER = 50
STEP = sum(USUAL.values()) + TRANSFER


def written(path: Path, rank: int, ranks: int, work: dict[str, int], waits: int = 0) -> Path:
    """A rank's trace. work: µs by phase. waits: µs that its collective takes longer, since another comes late."""
    events: list[dict[str, object]] = []

    def add(name: str, category: str, start: int, length: int, thread: int = 1) -> None:
        events.append({"ph": "X", "name": name, "cat": category, "ts": start, "dur": length, "pid": 1, "tid": thread})

    talks = TRANSFER + waits
    length = sum(work.values()) + talks
    for number in range(STEPS):
        begin = 1000 + number * 5000
        forward = begin + work["loader"]
        backward = forward + work["forward"]
        arrival = backward + work["backward"]
        add(f"ProfilerStep#{number}", "user_annotation", begin, length)
        add("DistributedDataParallel.forward", "user_annotation", forward, work["forward"])
        add("aten::linear", "cpu_op", forward + work["forward"] // 2, work["forward"] // 2)
        add("autograd::engine::evaluate_function: AddmmBackward0", "cpu_op", backward, work["backward"])
        add("gloo:all_reduce", "user_annotation", arrival, talks, thread=2)
        add("Optimizer.step#SGD.step", "user_annotation", arrival + talks + 1, work["optimizer"] // 2)
    path.write_text(json.dumps({"traceEvents": events, "distributedInfo": {"rank": rank, "world_size": ranks}}))
    return path


def profiles(folder: Path, ranks: int, late: int = -1, phase: str = "", more: int = 0) -> list[Profile]:
    """Of all ranks, of which one works so many µs more in a phase, where the others wait for it."""
    work = [dict(USUAL) for _ in range(ranks)]
    if phase:
        work[late][phase] += more
    longest = max(sum(own.values()) for own in work)
    paths = [
        written(folder / f"{rank}.json", rank, ranks, own, longest - sum(own.values())) for rank, own in enumerate(work)
    ]
    return [profile for path in paths for profile in read_foreign(path)]


@pytest.mark.parametrize("ranks", [2, 4])
@pytest.mark.parametrize("phase", WORK)
def test_rank_and_phase_are_named(ranks: int, phase: str, tmp_path: Path) -> None:
    found = ranks_of(profiles(tmp_path, ranks, ranks - 1, phase, STEP // 4))
    assert found is not None
    assert found.findings[0].text.startswith(f"Rank {ranks - 1} is late in its {phase}: it works ")


@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_that_are_alike_are_not_named(ranks: int, tmp_path: Path) -> None:
    found = ranks_of(profiles(tmp_path, ranks))
    assert found is not None
    assert found.findings == []


def test_waiting_is_no_work_and_no_python(tmp_path: Path) -> None:
    waiting, late = profiles(tmp_path, 2, 1, "backward", 2 * STEP)
    assert waiting.worked is not None
    assert late.worked is not None
    for name in WORK:
        assert waiting.worked.mean_s(name) == pytest.approx(USUAL[name] * 1e-6, abs=2e-6)
    assert late.worked.mean_s("backward") == pytest.approx((USUAL["backward"] + 2 * STEP) * 1e-6, abs=2e-6)
    assert waiting.phases.fractions["other"] > 0.5  # the phases do not know why nothing ran
    assert list(between_operators(waiting)) == []


def test_a_rank_with_a_device_has_no_such_phases(tmp_path: Path) -> None:
    path = written(tmp_path / "device.json", 0, 2, USUAL)
    body = json.loads(path.read_text())
    kernel = {
        "ph": "X",
        "name": "gemm",
        "cat": "kernel",
        "ts": 1500,
        "dur": 100,
        "pid": 0,
        "tid": 7,
        "args": {"device": 0},
    }
    path.write_text(json.dumps({**body, "traceEvents": [*body["traceEvents"], kernel]}))
    (found,) = read_foreign(path)
    assert found.activities is not None
    assert found.worked is None


def test_a_rank_that_talks_to_none_has_no_such_phases(tmp_path: Path) -> None:
    path = written(tmp_path / "alone.json", 0, 1, USUAL)
    text = path.read_text().replace("gloo:all_reduce", "all_reduce")
    path.write_text(text)
    (alone,) = read_foreign(path)
    assert alone.worked is None
