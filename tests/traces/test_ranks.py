"""Several ranks, several devices, and what they spend on each other."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from bench.cli import main
from reports.page.report import said_of
from reports.profiles.profile import read_foreign
from reports.profiles.say.findings import findings
from reports.profiles.say.ranks import STEP, not_whole, ranks_of
from reports.profiles.say.text import as_text
from reports.profiles.shape.communication import is_communication
from tests.conftest import ROOT
from tests.traces import events as small
from tests.traces.one import read_one
from tests.traces.ranks import STEPS, played, written

TWO_GPUS = ROOT / "tests" / "data" / "traces" / "odd" / "two_gpus.json"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("late", [None, 0, 2])
def test_the_ranks_table_is_the_truth_and_the_late_rank_is_named(tmp_path: Path, seed: int, late: int | None) -> None:
    truth = played(seed, late=late)
    found = ranks_of([read_one(path) for path in written(tmp_path, truth)])
    assert found is not None
    parts = {part.name: part for part in found.parts}
    for name, ns in (("kernel", "compute_ns"), ("communication", "reduce_ns"), (STEP, "step_ns")):
        extra = 30_000 * STEPS if name == "kernel" else 0  # the update
        means = {rank.number: (sum(getattr(rank, ns)) + extra) / STEPS / 1e9 for rank in truth}
        part = parts[name]
        assert (part.least_s, part.most_s) == pytest.approx((min(means.values()), max(means.values())), abs=1e-12)
        if name != STEP:  # steps that end together are equally long
            assert means[part.least_rank] == min(means.values())
            assert means[part.most_rank] == max(means.values())
    assert len(found.steps) == STEPS
    said = [finding.text for finding in found.findings]
    if late is None:
        assert said == []
    else:
        (text,) = said
        assert text.startswith(f"Rank {late} is late: the others wait for it ")


def test_a_rank_with_longer_steps_is_named_where_nobody_communicates(tmp_path: Path) -> None:
    paths = []
    for rank, length in enumerate((100, 105, 150)):
        each = [small.step(0, 0, length), small.step(1, length, length), small.op("aten::mm", 5, 50)]
        paths.append(small.write(tmp_path / f"{rank}.json", each, distributedInfo={"rank": rank}))
    found = ranks_of([read_one(path) for path in paths])
    assert found is not None
    assert [finding.text for finding in found.findings] == [
        "Rank 2 is slower: its step takes 43 % longer than the median rank's"
    ]
    assert ranks_of([read_one(paths[0])]) is None
    assert ranks_of([read_one(paths[0]), read_one(paths[0])]) is None


def test_the_page_and_the_text_of_ranks_tell_them_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = map(str, written(tmp_path, played(1, late=3)))
    assert main(["profile", "--trace", *paths, "-o", str(tmp_path / "out"), "--format", "table"]) == 0
    text = capsys.readouterr().out
    assert "4 ranks" in text
    assert "Rank 3 is late" in text
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.index("Ranks side by side") < page.index('<section id="p1"')
    assert all(f"rank{number}.json (rank {number})" in page for number in range(4))


def test_ranks_that_are_missing_or_there_twice_are_named(tmp_path: Path) -> None:
    paths = written(tmp_path, played(1))
    found = [read_one(path) for path in paths]
    assert not_whole(found) == ""
    assert not_whole(found[:1]) == ""
    assert not_whole([found[0], found[2], found[3]]) == "Of the job's 4 ranks, rank 1 is not among these traces."
    assert not_whole(found[:2]) == "Of the job's 4 ranks, ranks 2, 3 are not among these traces."
    assert "rank 1 is there more than once" in not_whole([*found, found[1]])
    assert "rank 1 is not" in as_text([said_of(found[number], ()) for number in (0, 2, 3)], "table", "")


def test_two_devices_are_told_apart() -> None:
    found = read_one(TWO_GPUS)
    assert [(each.device, each.peak_bytes) for each in found.memories] == [("CUDA 0", 4_000_000), ("CUDA 1", 4_000_000)]
    assert {device: parts.mean_s("kernel") for device, parts in found.by_device.items()} == pytest.approx(
        {"0": 400e-6, "1": 400e-6}
    )
    assert sorted(zip(found.kernels["device"], found.kernels["calls"], strict=True)) == [("0", 1.0), ("1", 1.0)]
    (idle, *_) = (finding for finding in findings(found) if "idle" in finding.text)
    assert idle.text.startswith("60 % of GPU time is idle")


@pytest.mark.parametrize(
    ("kernel", "operator", "communicates"),
    [
        ("ncclDevKernel_AllReduce_Sum_f32_RING_LL", "aten::mm", True),
        ("ncclKernel_AllGather_RING_LL_Sum_int8_t", "aten::mm", True),
        ("void vllm::cross_device_reduce_1stage<float, 2>", "aten::mm", True),
        ("void flashinfer::trtllm_allreduce_fusion::allreduce_fusion_kernel_oneshot_lamport", "aten::mm", True),
        ("nvshmemi_transfer_rma", "aten::mm", True),
        ("two_shot_all_reduce_kernel", "aten::mm", True),
        ("rcclGenericKernel", "aten::mm", True),
        ("a_kernel_of_no_known_family", "c10d::_allgather_base_", True),
        ("a_kernel_of_no_known_family", "aten::mm", False),
        ("void at::native::reduce_kernel<512, 1>", "aten::sum", False),
    ],
)
def test_communication_is_told_by_kernel_or_by_operator(
    tmp_path: Path, kernel: str, operator: str, communicates: bool
) -> None:
    told = {"correlation": 5, "device": 0, "stream": 7}
    events = [
        small.step(0, 0, 1000), small.op(operator, 0, 50), small.event("cuda_runtime", "launch", 10, 5, correlation=5),
        small.event("kernel", kernel, 100, 200, 7, 0, **told),
        small.op("aten::mul", 60, 20), small.event("cuda_runtime", "launch", 65, 5, correlation=6),
        small.event("kernel", "mul", 150, 50, 8, 0, correlation=6, device=0, stream=8),
    ]  # fmt: skip
    found = read_one(small.write(tmp_path / "t.json", events))
    table = found.communication
    assert is_communication(kernel) == (communicates and "no_known" not in kernel)
    if not communicates:
        assert table.empty
        return
    (row,) = table.to_dict("records")
    assert (row["name"], row["calls"]) == (kernel, 1)
    assert (row["total_s"], row["exposed_s"], row["hidden_s"]) == pytest.approx((200e-6, 150e-6, 50e-6))
    assert found.activities is not None
    assert found.activities.mean_s("communication") == pytest.approx(150e-6)


def test_a_device_that_did_nothing_in_the_steps_is_none(tmp_path: Path) -> None:
    events = [
        small.event("gpu_memset", "Memset", 0, 1, 7, 1, device=1, stream=7, correlation=99),
        small.step(0, 10, 1000), small.op("aten::mm", 10, 50),
        small.event("cuda_runtime", "launch", 12, 5, correlation=5),
        small.event("kernel", "gemm", 20, 980, 7, 0, correlation=5, device=0, stream=7),
    ]  # fmt: skip
    found = read_one(small.write(tmp_path / "t.json", events))
    assert found.by_device == {}
    assert not any("idle" in finding.text for finding in findings(found))


def test_a_kernel_on_one_device_does_not_hide_the_communication_of_another(tmp_path: Path) -> None:
    events = [small.step(0, 0, 1000)]
    for device, kernel in enumerate(("gemm", "ncclDevKernel_AllReduce")):
        told = {"correlation": 5 + device}
        events += [
            small.op("aten::mm", 10 * device, 5),
            small.event("cuda_runtime", "launch", 10 * device, 2, **told),
            small.event("kernel", kernel, 30, 960, 7, device, device=device, stream=7, **told),
        ]
    found = read_one(small.write(tmp_path / "t.json", events))
    assert any("48 % of the step is communication" in finding.text for finding in findings(found))


def test_steps_of_ranks_are_matched_by_name(tmp_path: Path) -> None:
    paths = []
    for rank, first in enumerate((4, 5)):
        each, at = [], 0
        for number in range(first, first + 3):
            length = 3000 if number == 5 else 1000
            each += [small.step(number, at, length), small.op("aten::mm", at, 100)]
            at += length
        paths.append(small.write(tmp_path / f"{rank}.json", each, distributedInfo={"rank": rank}))
    found = ranks_of([read_one(path) for path in paths])
    assert found is not None
    assert [(each.name, each.fastest) for each in found.steps] == [("ProfilerStep#5", "all"), ("ProfilerStep#6", "all")]


@pytest.mark.parametrize("moved", [True, False], ids=["devices told apart", "devices of one number"])
def test_a_merged_file_is_taken_apart_by_process(tmp_path: Path, moved: bool) -> None:
    """Ranks that run the same program have the same numbers; merged, each still has its own steps and kernels."""
    truth = played(5, count=3, late=1)
    events = []
    for rank in truth:
        for event in rank.events:
            on_device = event["cat"] == "kernel"
            pid = (event["pid"] + 100 * rank.number * moved) if on_device else 9 + 1000 * rank.number
            events.append({**event, "pid": pid})
    random.Random(1).shuffle(events)
    path = tmp_path / "merged.json"
    path.write_text(json.dumps({"traceEvents": events}))
    found = read_foreign(path)
    assert [profile.rank for profile in found] == [0, 1, 2]
    for profile, rank in zip(found, truth, strict=True):
        assert profile.steps.lengths.tolist() == rank.step_ns
        kernels = profile.kernels.set_index("name")
        assert kernels.loc["gemm", "calls"] == 1
        assert round(kernels.loc["gemm", "total_s"] * 1e9) == round(sum(rank.compute_ns) / len(rank.compute_ns))
        assert "3 processes (9, 1009, 2009), shown as ranks" in profile.warnings[0]
    table = ranks_of(found)
    assert table is not None
