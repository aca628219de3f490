"""What a mode is where it is none of its own, what it needs, and what it says of code that it leaves as it is."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from bench.cli.options import choose_devices
from bench.devices import DEVICES
from bench.measure.first_call import begin
from bench.measure.passes import skipped
from bench.measure.task import Task, check_defined
from bench.measure.timer import Budget, each_call
from bench.modes import compilations, torch_compile
from bench.records.errors import UsageError
from bench.records.record import Case
from bench.runs.fresh import Launcher
from bench.runs.run import measured
from tests.conftest import ROOT
from workloads.base import Setup, Step, Unavailable, Workload, load_suite
from workloads.shared.rungs import no_compiler

GRAPHS = torch_compile.CUDA_GRAPHS


def case(name: str, mode: str, device: str = "cpu") -> Case:
    return Case(f"planted.{name}", 1, (), device, "float32", mode, 1)


def planted(builder: object) -> Workload:
    return Workload("planted.one", builder, ({},), "call")  # type: ignore[arg-type]


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_cuda_graphs_are_not_available_without_cuda(device: str) -> None:
    with pytest.raises(Unavailable, match=f"CUDA graphs, which {device} has not: there it is what --mode compile is"):
        check_defined(planted(None), case("one", GRAPHS, device))


def test_the_first_call_of_cuda_graphs_is_that_which_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call warms up, the second records; both are what somebody waits for. Without a GPU, by a fake."""
    now = [0.0]

    def run() -> torch.Tensor:
        now[0] += 1.0
        return torch.full((1,), now[0])

    class Clock:
        name = "cuda"
        has_float64 = True
        clock = staticmethod(lambda: now[0])
        torch_device = staticmethod(lambda: torch.device("cpu"))
        convolution_tolerance = staticmethod(lambda dtype: None)

    monkeypatch.setattr(torch_compile, "check_used", lambda mode: None)
    monkeypatch.setattr(torch_compile, "import_s", 0.0)
    begun = begin(Task(case("one", GRAPHS, "cuda"), "time"), planted(lambda setup: Step(run)), Clock())  # type: ignore[arg-type]
    assert begun.first_call_s == 2.0
    assert [float(answer) for answer in begun.answers] == [1.0, 2.0, 3.0]


def test_graphs_that_were_not_made_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilations, "skipped_graphs", lambda: 2)
    assert skipped("compile") == ()
    assert skipped(GRAPHS) == ("2 CUDA graphs were not made: what they would hold runs as compile does",)


def test_a_missing_triton_or_compiler_is_not_available_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "Triton for a GPU, and it is not installed" in torch_compile.missing_compiler("cuda")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setenv("CC", "/no/such/compiler")
    assert "CC=/no/such/compiler is none" in torch_compile.missing_compiler("cuda")
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", "")
    assert "none of gcc, clang, cc" in torch_compile.missing_compiler("cuda")


def test_dynamo_says_why_it_made_no_graph() -> None:
    module = torch.compile(nn.LSTM(4, 4))
    torch_compile.forget()
    module(torch.randn(3, 2, 4))
    with pytest.raises(Unavailable) as raised:
        torch_compile.check_used("compile")
    said = str(raised.value)
    assert said.startswith(f"{torch_compile.NOTHING_COMPILED}: ")
    assert "LSTM" in said
    assert "allow_rnn=True" in said


def test_accuracy_is_of_the_mode_that_it_stands_with(fork_server: None) -> None:
    task = Task(case("learns_in_its_mode", "compile"), "work", module="tests.planted")
    (accuracy,) = (record for record in measured(Launcher(60.0), task) if record.metric == "accuracy")
    assert accuracy.values == (0.75,)


@pytest.mark.parametrize(
    ("visible", "asked", "then"), [(None, "cuda:1", "1"), ("3,5", "cuda:1", "5"), ("GPU-a", "cuda:0", "GPU-a")]
)
def test_one_of_several_gpus_is_the_only_one_that_is_seen(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, asked: str, then: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible or "")
    assert choose_devices(["cpu", asked]) == ["cpu", "cuda"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == then


@pytest.mark.parametrize(
    ("asked", "said"),
    [(["cuda:2"], "there is no cuda:2: CUDA_VISIBLE_DEVICES=3,5 shows 2"), (["cpu:1"], "is unknown"),
     (["cuda:x"], "is unknown"), (["cuda:0", "cuda:1"], "one GPU of a kind")],
)  # fmt: skip
def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, asked: list[str], said: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    with pytest.raises(UsageError, match=said):
        choose_devices(asked)


def test_float32_on_cuda_is_computed_in_what_the_settings_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convolutions in TF32 unless told otherwise, products only where told so. Without a GPU, by a fake."""
    cuda = DEVICES["cuda"]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: (9, 0))
    monkeypatch.setattr(torch.version, "hip", None)
    assert [cuda.precision_of("float32", convolution) for convolution in (True, False)] == ["tf32", "float32"]
    assert cuda.precision_of("bfloat16", is_convolution=True) == "bfloat16"
    monkeypatch.setattr(torch.backends.cuda, "matmul", SimpleNamespace(allow_tf32=True))
    monkeypatch.setattr(torch.backends, "cudnn", SimpleNamespace(allow_tf32=False))
    assert [cuda.precision_of("float32", convolution) for convolution in (True, False)] == ["float32", "tf32"]
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: (7, 5))
    assert cuda.precision_of("float32", is_convolution=False) == "float32"


def test_memory_on_cuda_is_said_as_allocated_and_as_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    """The allocator rounds up to 512 bytes, and counts cuBLAS' workspace. Without a GPU, by a fake."""
    cuda = torch.cuda
    for name in ("synchronize", "reset_peak_memory_stats"):
        monkeypatch.setattr(cuda, name, lambda: None)
    held = iter((4096, 1024))  # before and after the workspace is given up
    monkeypatch.setattr(cuda, "memory_allocated", lambda: next(held))
    monkeypatch.setattr(torch._C, "_cuda_clearCublasWorkspaces", lambda: None, raising=False)
    monkeypatch.setattr(cuda, "max_memory_allocated", lambda: 3072 + 1024)
    monkeypatch.setattr(cuda, "max_memory_reserved", lambda: 2**21)
    monkeypatch.setattr(cuda, "memory_stats", lambda: {"requested_bytes.all.peak": 3072 + 800})
    peak = DEVICES["cuda"].peak_memory(lambda: lambda: None, warm_up_steps=0)
    assert (peak.allocated_bytes, peak.requested_bytes, peak.reserved_bytes) == (1024, 800, 2**21)


@pytest.mark.parametrize("missing", [None, "/no/such/c++"])
def test_every_part_sees_the_same_compiler(monkeypatch: pytest.MonkeyPatch, missing: str | None) -> None:
    if missing:
        monkeypatch.setenv("CXX", missing)
    else:
        monkeypatch.delenv("CXX", raising=False)
    assert no_compiler("cpu") == torch_compile.missing_compiler("cpu")
    assert bool(no_compiler("cpu")) == bool(missing) or not shutil.which("g++")


def test_memory_is_not_pinned_on_mps() -> None:
    loader = load_suite()["data_loading.data_loader"]
    with pytest.raises(Unavailable, match="torch pins no memory for MPS"):
        loader.build(Setup(torch.device("mps")), batch=64, shuffle=False, workers=0, pinned=True)


def test_calls_that_take_long_are_few() -> None:
    now = [0.0]

    def run() -> None:
        now[0] += 4.0

    assert len(each_call(run, lambda: now[0], Budget())) == 3  # ten seconds of them, and no hundred


def test_a_run_that_is_ended_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="tp"))  # a socket's path may not be as long as pytest's are
    command = [sys.executable, "-m", "bench.cli", "run", "planted.waits_for_long"]
    command += ["--workloads", "tests.planted", "-o", str(tmp_path / "r.jsonl")]
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while not list(folder.glob("torchpace-caches-*")) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        said = process.stderr.read().decode()
        assert process.wait(timeout=30) == 128 + signal.SIGTERM, said
    assert "torchpace: terminated" in said
    assert [path.name for path in folder.iterdir() if path.name.startswith("torchpace")] == []
    shutil.rmtree(folder)
