"""The contract of every device, the fake included; those that are not here are skipped with their reason."""

from __future__ import annotations

import pytest
import torch

from bench.devices import DEVICES, Device
from bench.measure.timer import block_time
from tests.fakes import FakeDevice

ALL: dict[str, Device] = {**DEVICES, "fake": FakeDevice()}


@pytest.fixture(params=sorted(ALL))
def device(request: pytest.FixtureRequest) -> Device:
    found = ALL[request.param]
    if reason := found.unavailable_reason():
        pytest.skip(f"{found.name}: {reason}")
    return found


def test_a_device_that_is_missing_says_why() -> None:
    for name, found in DEVICES.items():
        reason = found.unavailable_reason()
        assert reason == "" or len(reason) > 20, name
    assert DEVICES["cpu"].unavailable_reason() == ""


def test_the_clock_never_goes_back(device: Device) -> None:
    readings = [device.clock() for _ in range(100)]
    assert readings == sorted(readings)


def test_the_clock_waits_for_work(device: Device) -> None:
    if isinstance(device, FakeDevice):
        assert block_time(lambda: device.enqueue(0.5), 4, device.clock) == pytest.approx(2.0)
        return
    x = torch.randn(512, 512, device=device.torch_device())
    x @ x
    few, many = (min(block_time(lambda: x @ x, steps, device.clock) for _ in range(5)) for steps in (2, 200))
    assert many > 10 * few  # an unsynchronized clock would see enqueueing only, on a GPU nearly the same


def test_peak_memory_counts_a_known_tensor(device: Device) -> None:
    if isinstance(device, FakeDevice):
        pytest.skip("the fake holds no tensors")
    keep = 1 << 20

    def build() -> object:
        static = torch.zeros(keep // 4, device=device.torch_device())  # 1 MiB that lives on

        def run() -> torch.Tensor:
            return (static + 1).sum()  # 1 MiB that comes and goes

        return run

    peak = device.peak_memory(build, 1)  # type: ignore[arg-type]
    if peak.allocated_bytes is None:
        assert peak.reason
        return
    assert 2 * keep <= peak.allocated_bytes <= 2 * keep + 4096


def test_facts_are_plain_values(device: Device) -> None:
    assert all(value is None or isinstance(value, (str, int)) for value in device.facts().values())
