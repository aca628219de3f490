"""A device that says only what a device must: the CPU under another name, with nothing known of it."""

from __future__ import annotations

import torch

from bench.devices.base import Device


class Planted(Device):
    """As a new device begins."""

    name = "planted"
    has_float64 = False

    def unavailable_reason(self) -> str:
        return ""

    def torch_device(self) -> torch.device:
        return torch.device("cpu")

    def synchronize(self) -> None:
        pass


DEVICE = Planted()
