"""The contract of every device, the fakes included; those that are not here are skipped with their reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch

from bench.devices import DEVICES, Device
from bench.measure import task
from bench.measure.timer import block_time
from bench.modes.torch_compile import MODES
from tests.bench import planted_device
from tests.fakes import FakeDevice

ALL: dict[str, Device] = {**DEVICES, "fake": FakeDevice(), "planted": planted_device.DEVICE}
MIB = 1 << 20


@pytest.fixture(params=sorted(ALL))
def device(request: pytest.FixtureRequest) -> Device:
    found = ALL[request.param]
    if reason := found.unavailable_reason():
        pytest.skip(f"{found.name}: {reason}")
    return found


@pytest.fixture
def queue(device: Device) -> Callable[[], torch.Event]:
    """Enqueues so much that the device is still at work, and gives the event that it will have come to then."""
    if device.torch_device().type == "cpu":
        pytest.skip(f"{device.name}: work is done when the call returns")
    x = torch.randn(2048, 2048, device=device.torch_device())

    def enqueue() -> torch.Event:
        for steps in (10, 100, 1000, 10_000):
            for _ in range(steps):
                x @ x
            event = torch.Event(device=device.torch_device())
            event.record()
            if not event.query():
                return event
        pytest.fail("nothing that was enqueued is waited for")

    return enqueue


def test_the_devices_stand_in_the_order_of_the_tables() -> None:
    assert list(DEVICES)[:3] == ["cpu", "cuda", "mps"]
    assert list(DEVICES)[3:] == sorted(list(DEVICES)[3:])


def test_a_device_that_is_missing_says_why() -> None:
    for name, found in DEVICES.items():
        reason = found.unavailable_reason()
        assert reason == "" or len(reason) > 20, name
    assert DEVICES["cpu"].unavailable_reason() == ""


def test_a_fresh_process_of_it_is_started_in_a_known_way(device: Device) -> None:
    assert device.start_method in ("forkserver", "spawn")


def test_the_clock_never_goes_back(device: Device) -> None:
    readings = [device.clock() for _ in range(100)]
    assert readings == sorted(readings)


def test_the_clock_waits_for_work(device: Device, queue: Callable[[], torch.Event]) -> None:
    event = queue()
    device.clock()
    assert event.query()


def test_synchronizing_waits_for_work(device: Device, queue: Callable[[], torch.Event]) -> None:
    event = queue()
    device.synchronize()
    assert event.query()


def test_a_fakes_clock_waits_for_work() -> None:
    fake = FakeDevice()
    assert block_time(lambda: fake.enqueue(0.5), 4, fake.clock) == pytest.approx(2.0)


def builder(device: Device) -> Callable[[], Callable[[], torch.Tensor]]:
    """Makes a step that holds 1 MiB, and needs another while it runs."""

    def build() -> Callable[[], torch.Tensor]:
        static = torch.zeros(MIB // 4, device=device.torch_device())
        return lambda: (static + 1).mul_(2)

    return build


def test_peak_memory_counts_a_known_tensor(device: Device) -> None:
    if isinstance(device, FakeDevice):
        pytest.skip("the fake holds no tensors")
    x = torch.randn(64, 64, device=device.torch_device())
    x @ x  # what a library keeps for itself from its first product on is no tensor's
    peak = device.peak_memory(builder(device), 1)
    if peak.allocated_bytes is None:
        assert peak.reason
    else:
        beside = x.nbytes if device.torch_device().type != "cpu" else 0  # a GPU's allocator counts all that is live
        assert 2 * MIB <= peak.allocated_bytes - beside <= 2 * MIB + 4096


def test_an_account_counts_one_step(device: Device) -> None:
    if isinstance(device, FakeDevice):
        pytest.skip("the fake has operators of its own")
    account = device.account(builder(device), 1)
    assert account.operators["aten::add"] == account.operators["aten::mul_"] == 1
    assert account.peak.allocated_bytes == device.peak_memory(builder(device), 1).allocated_bytes
    if account.kernels is None:
        assert account.kernels_reason
    elif device.torch_device().type != "cpu":
        assert sum(account.kernels.values()) == 2
    if account.allocated_bytes is None:
        assert account.allocated_reason
    else:
        assert MIB <= account.allocated_bytes <= MIB + 4096


def test_facts_are_plain_values(device: Device) -> None:
    facts = device.facts()
    assert facts.get("gpu") or facts.get("cpu"), "people are told the model by this name"
    assert all(value is None or isinstance(value, (str, int)) for value in facts.values())


def test_a_step_knows_what_its_device_says_of_itself(device: Device) -> None:
    setup = task.setup_on(device, "float32", MODES["eager"])
    assert setup.device == device.torch_device()
    assert setup.has_float64 == device.has_float64
    assert setup.convolution_tolerance == device.convolution_tolerance("float32")


@dataclass(frozen=True)
class OldSetup:
    """What a step was built with before there were devices that lack something."""

    device: torch.device
    dtype: torch.dtype
    compile: object
    seed: int


def test_workloads_of_an_old_revision_are_told_what_they_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "Setup", OldSetup)
    setup = task.setup_on(planted_device.DEVICE, "float32", MODES["eager"], seed=3)
    assert setup == OldSetup(torch.device("cpu"), torch.float32, MODES["eager"], 3)
