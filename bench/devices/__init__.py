"""The devices by name. A new device is one file here and one line in `DEVICES`."""

from __future__ import annotations

from bench.devices.base import Account, Device, Peak
from bench.devices.cpu import Cpu
from bench.devices.cuda import Cuda
from bench.devices.mps import Mps

DEVICES: dict[str, Device] = {device.name: device for device in (Cpu(), Cuda(), Mps())}

__all__ = ["DEVICES", "Account", "Device", "Peak"]
