"""What a GPU says of itself, by a library that stands for NVIDIA's."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

from bench.counts import nvml
from bench.devices import DEVICES


class Nvml:
    """Stands for NVIDIA's library: one GPU, whole or in slices, that does not say whether it checks its memory."""

    NVML_CLOCK_SM = 1
    NVMLError = LookupError

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def nvmlInit(self) -> None:
        pass

    def nvmlDeviceGetHandleByUUID(self, identity: str) -> str:
        if not identity.startswith(self.kind):
            raise LookupError(identity)
        return "slice" if self.kind == "MIG" else "whole"

    def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, handle: str) -> str:
        return {"slice": "whole"}[handle]

    def nvmlDeviceGetPowerManagementLimit(self, handle: str) -> int:
        return {"whole": 700_000}[handle]

    def nvmlDeviceGetMaxClockInfo(self, handle: str, kind: int) -> int:
        return {"whole": 1980}[handle]

    def nvmlDeviceGetEccMode(self, handle: str) -> tuple[int, int]:
        raise LookupError("not supported")

    NVML_TEMPERATURE_GPU = 0

    def nvmlDeviceGetClockInfo(self, handle: str, kind: int) -> int:
        return {"whole": 1545}[handle]

    def nvmlDeviceGetPowerUsage(self, handle: str) -> int:
        return {"whole": 694_195}[handle]

    def nvmlDeviceGetTemperature(self, handle: str, kind: int) -> int:
        raise LookupError("no leave to ask")

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: str) -> int:
        return {"whole": 0x4}[handle]  # its power limit


@pytest.fixture(params=["GPU", "MIG"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    nvml.opened.cache_clear()
    monkeypatch.setitem(sys.modules, "pynvml", Nvml(request.param))
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="1-2"))
    yield request.param
    nvml.opened.cache_clear()


def test_a_slice_of_a_gpu_is_a_fact(kind: str) -> None:
    assert nvml.limits() == {"gpu_mig": kind == "MIG", "gpu_power_limit_w": 700, "gpu_max_clock_mhz": 1980}


def test_readings_are_what_the_gpu_tells(kind: str) -> None:
    found = DEVICES["cuda"].readings()
    assert found == {"clock_mhz": 1545.0, "power_w": pytest.approx(694.195), "throttled": 1.0}


@pytest.mark.parametrize(
    ("reasons", "is_throttled"),
    [(0x0, 0.0), (0x1, 0.0), (0x2, 0.0), (0x4, 1.0), (0x8, 1.0), (0x20, 1.0), (0x40, 1.0), (0x80, 1.0), (0x5, 1.0)],
)
def test_idleness_and_settings_are_no_throttling(
    kind: str, reasons: int, is_throttled: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Nvml, "nvmlDeviceGetCurrentClocksThrottleReasons", lambda self, handle: reasons)
    assert nvml.readings()["throttled"] == is_throttled


def test_without_nvml_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml.opened.cache_clear()
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert (nvml.limits(), nvml.readings(), nvml.driver_version()) == ({}, {}, None)
    nvml.opened.cache_clear()
