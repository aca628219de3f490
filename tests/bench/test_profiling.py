"""Real profiles say what the run did, and planted trouble is found and named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.devices import DEVICES
from bench.measure.task import Task
from bench.records.profile_notes import FILE, Notes, write_notes
from bench.records.record import Case, Record
from bench.runs.fresh import Launcher
from bench.runs.profile import take
from bench.runs.run import measured
from reports.profiles.profile import Profile, read_profile
from reports.profiles.say.finding import Finding
from reports.profiles.say.findings import findings
from reports.profiles.shape.memory import KINDS
from tests.conftest import ROOT
from workloads.base import Setup, load_suite

POINT = (("model", "padded"), ("batch", 64))
CNN = Case("mnist_cnn.train_step", 1, POINT, "cpu", "float32", "eager", 1)


@pytest.fixture(scope="module")
def launcher(fork_server: None) -> Launcher:
    return Launcher(timeout_s=180)


@pytest.fixture(scope="module")
def cnn(launcher: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Profile:
    return taken(launcher, CNN, tmp_path_factory.mktemp("cnn"), module=None)


def taken(
    launcher: Launcher, case: Case, folder: Path, module: str | None = "tests.planted", cache: str = ""
) -> Profile:
    done = take(launcher, Task(case, "timeline", cache=cache, module=module), Notes(case, {}), folder, lambda: None)
    assert done.notes is not None, done.reason
    write_notes(folder, done.notes)
    return read_profile(folder)


def planted(name: str, mode: str = "eager", **point: object) -> Case:
    return Case(f"planted.{name}", 1, tuple(point.items()), "cpu", "float32", mode, 1)  # type: ignore[arg-type]


def texts(profile: Profile) -> list[str]:
    return [finding.text for finding in findings(profile)]


def test_the_parts_of_a_real_step_add_up_to_it(cnn: Profile) -> None:
    assert sum(cnn.phases.fractions.values()) == pytest.approx(1, abs=1e-12)
    assert cnn.phases.fractions["backward"] > 0
    assert cnn.phases.fractions["forward"] > 0
    assert cnn.phases.fractions["data"] == 0
    assert cnn.activities is None


def test_flops_are_those_of_flop_counter_mode(cnn: Profile) -> None:
    step = load_suite()["mnist_cnn.train_step"].build(Setup(torch.device("cpu")), **dict(POINT))
    with FlopCounterMode(display=False) as counter:
        step.run()
    assert cnn.notes is not None
    assert sum(cnn.notes.flops.values()) == counter.get_total_flops()
    assert cnn.modules is not None
    modules = {module.name: module for _, module in cnn.modules.root.walk()}
    inner = ("conv1", "conv2", "fc1", "fc2")
    assert sum(modules[name].flops or 0 for name in inner) == modules["Padded"].flops == counter.get_total_flops()


def test_the_peak_in_the_memory_chart_is_the_stored_metric(cnn: Profile, launcher: Launcher) -> None:
    (record,) = [r for r in measured(launcher, Task(CNN, "memory")) if r.metric == "peak_memory"]
    assert isinstance(record, Record)
    assert cnn.memory is not None
    assert cnn.memory.peak_bytes == record.values[0]
    assert cnn.memory.live.sum(axis=0).max() == cnn.memory.peak_bytes
    outside = cnn.memory.allocated_bytes - sum(cnn.allocated.values())
    assert 0 <= outside <= 256  # a few numbers of the engine's own, which no operator allocates


def test_what_is_known_of_tensors_at_the_peak_is_said(cnn: Profile) -> None:
    assert cnn.memory is not None
    known = {tensor.kind for tensor in cnn.memory.at_peak}
    assert {"parameters", "optimizer state", "activations", "inputs and buffers"} <= known
    largest = cnn.memory.at_peak[0]
    assert largest.operator == "aten::relu"
    assert "mnist_cnn.py(" in largest.line
    weights = sum(t.bytes for t in cnn.memory.at_peak if t.kind == "parameters")
    assert weights == pytest.approx(4 * 421_642, rel=0.01)  # all but the smallest of the network's parameters


def test_the_modules_root_is_the_step_and_children_fit_into_it(cnn: Profile) -> None:
    tree = cnn.modules
    assert tree is not None
    assert tree.root.forward_s + tree.root.backward_s + tree.outside_s == pytest.approx(tree.step_s, rel=1e-9)
    network = tree.root.inside["Padded_0"]
    assert [module.name for module in network.inside.values()] == ["conv1", "conv2", "fc1", "fc2"]
    assert sum(module.forward_s for module in network.inside.values()) <= network.forward_s
    assert all(module.backward_s > 0 and module.calls == 1 for module in network.inside.values())
    output = 64 * 64 * 14 * 14 * 4  # bytes; the convolution's library allocates room for its own layouts besides
    assert output <= (network.inside["Conv2d_1"].allocated_bytes or 0) <= 3 * output


def test_the_flame_graph_has_the_line_of_the_users_code(cnn: Profile) -> None:
    names = [box.frame.name for box in cnn.flame]
    assert any("mnist_cnn.py(" in name and name.endswith("forward") for name in names)
    assert any(name == "aten::convolution_backward" for name in names)
    assert all(box.left + box.width <= 100.01 for box in cnn.flame)


def test_a_graph_break_is_named_with_its_line(launcher: Launcher, tmp_path: Path, compiled_code: str) -> None:
    broken = taken(launcher, planted("breaks", "compile", how="item"), tmp_path / "b", cache=compiled_code)
    source = (ROOT / "tests" / "planted.py").read_text().splitlines()
    line = 1 + next(number for number, text in enumerate(source) if "# planted: item" in text)
    assert f"1 graph break at tests/planted.py:{line}" in texts(broken)
    whole = taken(launcher, planted("fused", "compile", fused=True), tmp_path / "w", cache=compiled_code)
    assert not any("graph break" in text for text in texts(whole))
    assert any("cpp_fused_cos_sin" in name for name in whole.operators["name"])
    assert "stacks" in whole.missing


def test_a_slow_loader_comes_first_and_a_balanced_step_has_no_such_finding(
    launcher: Launcher, tmp_path: Path, cnn: Profile
) -> None:
    slow = taken(launcher, planted("slow_loader"), tmp_path)
    first: Finding = findings(slow)[0]
    assert "is in DataLoader" in first.text
    assert (first.cost or 0) > 0.8
    assert not any("DataLoader" in text or "graph break" in text for text in texts(cnn))


def test_a_case_that_cannot_run_says_why_and_leaves_no_profile(launcher: Launcher, tmp_path: Path) -> None:
    for name, says in (("unavailable", "planted so"), ("raises", "no more steps"), ("exits", "planted last words")):
        task = Task(planted(name), "timeline", module="tests.planted")
        done = take(launcher, task, Notes(planted(name), {}), tmp_path, lambda: None)
        assert done.notes is None
        assert says in done.reason
    assert not (tmp_path / FILE).exists()


def test_activations_of_every_micro_batch_are_activations(launcher: Launcher, tmp_path: Path) -> None:
    point = next(p for p in load_suite()["autograd.gradient_accumulation"].points if p["micro_batches"] == 4)
    case = Case("autograd.gradient_accumulation", 1, tuple(point.items()), "cpu", "float32", "eager", 1)
    found = taken(launcher, case, tmp_path, module=None).memory
    assert found is not None
    activations = found.live[KINDS.index("activations")]
    some = activations > activations.max() / 10  # the norm at the end keeps a little, too
    begins = np.flatnonzero(some[1:] & ~some[:-1]) + 1
    assert len(begins) == 4
    assert [int(part.max()) for part in np.split(activations, begins)[1:]] == [int(activations.max())] * 4


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_profile_on_the_device_itself(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if reason := DEVICES[name].unavailable_reason():
        pytest.skip(reason)
    launcher: Launcher = request.getfixturevalue("launcher")
    case = Case("mnist_cnn.train_step", 1, POINT, name, "float32", "eager", 1)
    found = taken(launcher, case, tmp_path, module=None)
    assert sum(found.phases.fractions.values()) == pytest.approx(1)
    if name == "cuda":
        assert found.activities is not None
        assert found.activities.fractions["kernel"] > 0
        assert found.memory is not None
