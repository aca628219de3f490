"""Processes for a device that does not survive a fork once it was touched: forked where nobody touched it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from bench.devices import DEVICES
from bench.devices.base import Device
from bench.gate import hosts
from bench.runs.fresh import PRELOAD, PROFILER
from bench.runs.run import COMPILER, KEYS, VISION
from tests.bench.planted_device import Planted

TOUCHED = """
import os, sys
import torch

calls = []
for name in ("_cuda_getDeviceCount", "_cuda_init"):
    if hasattr(torch._C, name):
        setattr(torch._C, name, lambda *given, name=name: calls.append(name) or 1)
torch.cuda._device_count_nvml = lambda: 1  # as where there is a GPU
import importlib
for module in sys.argv[1:]:
    importlib.import_module(module)
assert torch.cuda.is_available() or torch.version.cuda is None
print(*calls)
"""


def test_what_is_imported_before_forking_does_not_touch_cuda() -> None:
    modules = [name for name in (*PRELOAD, PROFILER, VISION, COMPILER, KEYS) if name != "torchpace_first"]
    done = subprocess.run([sys.executable, "-c", TOUCHED, *modules], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    ("method", "may_be_spoilt", "is_spoilt", "forks"),
    [
        ("forkserver", False, True, True), ("forkserver", True, False, True), ("forkserver", True, True, False),
        ("spawn", True, False, False), ("spawn", False, False, False),
    ],
)  # fmt: skip
def test_a_host_that_touched_the_device_forks_no_process_for_it(
    method: str, may_be_spoilt: bool, is_spoilt: bool, forks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    device: Device = Planted()
    device.start_method, device.may_be_spoilt = method, may_be_spoilt
    monkeypatch.setattr(device, "is_spoilt", lambda: is_spoilt)
    monkeypatch.setitem(DEVICES, device.name, device)
    asked: list[str] = []

    def call(owner: Any, forked: bool, timeout_s: float, function: Callable[..., Any], *given: Any) -> Any:
        asked.append(given[0])
        return function(*given)

    monkeypatch.setattr(hosts, "call", call)
    host: Any = SimpleNamespace(spoilt={})
    assert [hosts.may_fork(host, device, 1.0) for _ in range(2)] == [forks, forks]
    assert len(asked) == (method == "forkserver" and may_be_spoilt)  # once per host, and only where it matters
