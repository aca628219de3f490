"""Figures of hand-written traces, where every one is known beforehand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reports.profiles.profile import Profile
from reports.profiles.say.difference import difference, pairs
from reports.profiles.say.findings import findings
from tests.traces.events import Events, event, memory, op, step, write
from tests.traces.one import read_one

NODE = "autograd::engine::evaluate_function: MulBackward0"


def profile_of(tmp_path: Path, events: Events) -> Profile:
    return read_one(write(tmp_path / "t.json", events))


def training_step(at: float, data: float = 10) -> Events:
    """100 µs: data 10, forward 20 of which 5 in an inner operator, backward 30 with a gap of 2 in it, optimizer 15."""
    return [
        op("enumerate(DataLoader)#_SingleProcess", at, data),
        op("aten::linear", at + 20, 20, **{"Input Dims": [[2, 3]], "Sequence number": 7, "Fwd thread id": 0}),
        op("aten::addmm", at + 30, 5),
        op(NODE, at + 45, 14, **{"Sequence number": 7, "Fwd thread id": 1}),
        op(NODE, at + 61, 14),
        event("user_annotation", "Optimizer.step#SGD.step", at + 80, 15),
        op("aten::add_", at + 82, 5),
    ]


def test_a_training_step_is_told_apart_into_its_phases(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, [step(0, 0, 100), *training_step(0), step(1, 100, 100), *training_step(100)])
    assert profile.steps.names == ("ProfilerStep#0", "ProfilerStep#1")
    micros = {name: profile.phases.mean_s(name) * 1e6 for name in profile.phases.names}
    assert micros == pytest.approx({"data": 10, "optimizer": 15, "backward": 30, "forward": 20, "other": 25})
    assert sum(profile.phases.fractions.values()) == pytest.approx(1, abs=1e-12)


def test_self_time_leaves_out_what_ran_inside(tmp_path: Path) -> None:
    table = profile_of(tmp_path, [step(0, 0, 100), *training_step(0)]).operators.set_index("name")
    assert table.loc["aten::linear", "total_s"] * 1e6 == pytest.approx(20)
    assert table.loc["aten::linear", "self_s"] * 1e6 == pytest.approx(15)
    assert table.loc["Optimizer.step#SGD.step", "self_s"] * 1e6 == pytest.approx(10)
    assert table.loc[NODE, "calls"] == 2
    assert "ProfilerStep#0" not in table.index
    assert table["share"].sum() == pytest.approx(1)


def test_an_operator_inside_itself_is_not_counted_twice(tmp_path: Path) -> None:
    table = profile_of(tmp_path, [op("aten::to", 0, 10), op("aten::to", 2, 4)]).operators.set_index("name")
    assert table.loc["aten::to", "total_s"] * 1e6 == pytest.approx(10)
    assert table.loc["aten::to", "calls"] == 2


def gpu_step(at: float) -> Events:
    """100 µs: a kernel 40, a copy 20 of which 5 under the kernel, communication 30 of which 20 under the kernel."""
    return [
        op("aten::mm", at, 6, **{"External id": 3}),
        event("cuda_runtime", "cudaLaunchKernel", at + 1, 4, correlation=11, **{"External id": 3}),
        event("kernel", "gemm", at + 10, 40, tid=7, pid=0, correlation=11, **{"est. achieved occupancy %": 50}),
        event("gpu_memcpy", "Memcpy HtoD", at + 45, 20, tid=8, pid=0, bytes=4096, **{"External id": 3}),
        event("kernel", "ncclDevKernel_AllReduce", at + 30, 30, tid=9, pid=0),
        op("aten::item", at + 70, 10),
    ]


def test_a_device_is_busy_with_one_thing_at_a_time(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, [step(0, 0, 100), *gpu_step(0), step(1, 100, 100), *gpu_step(100)])
    assert profile.activities is not None
    micros = {name: profile.activities.mean_s(name) * 1e6 for name in profile.activities.names}
    assert micros == pytest.approx(
        {"kernel": 40, "communication": 10, "copy": 5, "data": 0, "CPU only": 16, "idle": 29}
    )


def test_device_time_belongs_to_the_operator_that_queued_it(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, [step(0, 0, 100), *gpu_step(0)])
    table = profile.operators.set_index("name")
    assert table.loc["aten::mm", "device_self_s"] * 1e6 == pytest.approx(60)  # by correlation, and by external id
    kernels = profile.kernels.set_index("name")
    assert kernels.loc["gemm", "occupancy"] == pytest.approx(0.5)
    assert np.isnan(kernels.loc["Memcpy HtoD", "occupancy"])
    assert kernels["share"].sum() == pytest.approx(1)


def test_a_kernel_that_outlives_its_mark_belongs_to_its_step(tmp_path: Path) -> None:
    late = event("kernel", "late", 95, 30, tid=7, pid=0)
    profile = profile_of(tmp_path, [step(0, 0, 100), step(1, 100, 100), op("a", 0, 1), op("a", 100, 1), late])
    assert profile.activities is not None
    assert list(profile.activities.parts[0]) == [30_000, 0]
    assert list(profile.steps.lengths) == [125_000, 75_000]
    assert "no launch is in the trace" in profile.warnings[0]


def stacked(cat: str, name: str, at: float, length: float, **args: object) -> dict[str, object]:
    return event(cat, name, at, length, **args)


def test_modules_get_the_backward_time_of_what_they_made(tmp_path: Path) -> None:
    names = {"Sequence number": 3, "Fwd thread id": 0}
    back = {"Sequence number": 3, "Fwd thread id": 1}
    other = {"Sequence number": 4, "Fwd thread id": 1}
    profile = profile_of(tmp_path, [
        step(0, 0, 100),
        stacked("python_function", "train.py(3): train", 0, 90),
        stacked("python_function", "nn.Module: Net_0", 5, 40),
        stacked("python_function", "nn.Module: Linear_0", 10, 20),
        op("aten::linear", 11, 18, **names), op("aten::addmm", 12, 3, **names),
        stacked("python_function", "nn.Module: Linear_1", 31, 9),
        op("aten::sum", 46, 1, **{"Sequence number": 4, "Fwd thread id": 0}),
        op(NODE, 50, 10, **back), op(NODE, 60, 5, **other),
    ])  # fmt: skip
    tree = profile.modules
    assert tree is not None
    found = {m.kind: (m.forward_s * 1e6, m.backward_s * 1e6) for _, m in tree.root.walk()}
    assert found["Net_0"] == pytest.approx((40, 10))
    assert found["Linear_0"] == pytest.approx((20, 10))
    assert found["Linear_1"] == pytest.approx((9, 0))
    assert tree.step_s == pytest.approx(profile.steps.mean_s)
    assert tree.root.forward_s + tree.root.backward_s + tree.outside_s == pytest.approx(tree.step_s)
    labels = [box.frame.name for box in profile.flame]
    assert labels[:2] == ["step", "train.py(3): train"]
    assert profile.flame[1].width == pytest.approx(90)


def test_the_memory_peak_is_marked_and_its_tensors_are_named(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, [
        memory(0, 1000, 1, total=1000), step(0, 10, 100),
        op("aten::linear", 20, 20), memory(25, 300, 2), memory(30, 50, 3), memory(35, -50, 3),
        op(NODE, 50, 20), memory(55, 70, 4), memory(60, -300, 2), memory(65, -70, 4),
    ])  # fmt: skip
    found = profile.memory
    assert found is not None
    assert found.peak_bytes == 1370
    assert found.peak_s * 1e6 == pytest.approx(45)
    assert [(t.bytes, t.kind) for t in found.at_peak] == [
        (1000, "inputs and buffers"), (300, "activations"), (70, "temporaries"),
    ]  # fmt: skip
    assert found.allocated_bytes == 420
    assert found.at_peak[1].operator == "aten::linear"
    assert profile.allocated == {"aten::linear": 350, NODE: 70}


def test_what_was_there_before_the_trace_counts_as_one_sum(tmp_path: Path) -> None:
    events = [step(0, 0, 100), op("a", 1, 50), memory(5, 100, 9, total=5100), memory(7, -40, 77, total=5060)]
    found = profile_of(tmp_path, events).memory
    assert found is not None
    assert found.peak_bytes == 5100
    assert not found.from_start


def test_a_slow_loader_is_the_first_finding_and_a_balanced_step_has_none(tmp_path: Path) -> None:
    slow = profile_of(tmp_path, [step(0, 0, 300), *[e | {"ts": e["ts"] + 200} for e in training_step(0, data=0)],
                                 op("enumerate(DataLoader)#_SingleProcess", 0, 200)])  # fmt: skip
    assert findings(slow)[0].text == "67 % of the step is in DataLoader"
    balanced = profile_of(tmp_path, [step(0, 0, 100), *training_step(0)])
    assert not [f for f in findings(balanced) if "DataLoader" in f.text or "graph break" in f.text]


def test_idle_time_is_a_finding_only_where_a_device_was_seen(tmp_path: Path) -> None:
    on_gpu = profile_of(tmp_path, [step(0, 0, 100), *gpu_step(0)])
    assert any("of GPU time is idle" in finding.text for finding in findings(on_gpu))
    on_cpu = profile_of(tmp_path, [step(0, 0, 100), op("a", 0, 1)])
    assert not any("GPU" in finding.text for finding in findings(on_cpu))


def test_steps_with_a_pause_between_them_do_not_contain_the_pause(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, [step(0, 0, 100), step(5, 700, 100), op("a", 10, 1)])
    assert list(profile.steps.high - profile.steps.low) == [100_000, 100_000]


def test_ranks_are_read_each_by_itself(tmp_path: Path) -> None:
    one = write(tmp_path / "a.json", [step(0, 0, 100), *gpu_step(0)], distributedInfo={"rank": 0})
    skewed = [step(0, 9e9, 100), *gpu_step(9e9)]
    two = write(tmp_path / "b.json", skewed, distributedInfo={"rank": 1})
    first, second = read_one(one), read_one(two)
    assert (first.rank, second.rank) == (0, 1)
    assert first.activities is not None
    assert second.activities is not None
    assert first.activities.fractions == pytest.approx(second.activities.fractions, abs=1e-4)


def test_a_difference_names_what_grew_is_new_and_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    before = profile_of(tmp_path / "a", [step(0, 0, 100), op("grows", 0, 10), op("goes", 20, 5), op("stays", 40, 9)])
    after = profile_of(
        tmp_path / "b",
        [step(0, 0, 130), op("grows", 0, 30), op("comes", 50, 25), op("stays", 90, 9), op("grows", 80, 2)],
    )
    found = difference(before, after)
    words = [(c.name, c.word, round(c.delta_s * 1e6)) for c in found.changes["operators"]]
    assert words == [("comes", "new", 25), ("grows", "grew", 22), ("goes", "gone", -5)]
    mirrored = difference(after, before).changes["operators"]
    assert [(c.name, round(c.delta_s * 1e6)) for c in mirrored] == [("comes", -25), ("grows", -22), ("goes", 5)]


def test_profiles_are_compared_by_title_and_what_is_alone_is_said(tmp_path: Path) -> None:
    one, two = (read_one(write(tmp_path / name, [op("a", 0, 1)])) for name in ("one.json", "two.json"))
    assert pairs([one], [two]) == ([(one, two)], [])
    matched, alone = pairs([one, two], [two])
    assert matched == [(two, two)]
    assert alone == ["one.json is in the first profiles only"]


def test_frames_that_overlap_are_drawn_within_the_frame_around_them(tmp_path: Path) -> None:
    profile = profile_of(tmp_path, [
        step(0, 0, 100),
        stacked("python_function", "a.py(1): a", 0, 70), stacked("python_function", "b.py(1): b", 60, 60),
    ])  # fmt: skip
    assert [(box.frame.name, box.left, box.width) for box in profile.flame] == [
        ("step", 0, 100), ("a.py(1): a", 0, pytest.approx(100 * 70 / 130, abs=1e-3)),
        ("b.py(1): b", pytest.approx(100 * 70 / 130, abs=1e-3), pytest.approx(100 * 60 / 130, abs=1e-3)),
    ]  # fmt: skip


def test_deep_recursion_is_read_and_drawn_to_a_depth(tmp_path: Path) -> None:
    deep = [
        event("python_function", f"nn.Module: M_{depth}" if depth % 2 else "r.py(1): r", depth, 20_000 - 2 * depth)
        for depth in range(5000)
    ]
    profile = profile_of(tmp_path, [step(0, 0, 20_000), *deep, op("aten::add", 5000, 1)])
    assert max(box.depth for box in profile.flame) < 200
    assert profile.modules is not None
    assert max(depth for depth, _ in profile.modules.root.walk()) == 2500
