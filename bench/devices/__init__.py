"""The devices by name, found by looking into this folder: a new device is one file here, with its `DEVICE`."""

from __future__ import annotations

import importlib
import pkgutil

from bench.devices.base import Account, Device, Peak

__all__ = ["DEVICES", "Account", "Device", "Peak"]

FIRST = ("cpu", "cuda", "mps")  # in tables; others follow by name


def find() -> dict[str, Device]:
    """The `DEVICE` of every module here but `base`, by name."""
    modules = {module.name for module in pkgutil.iter_modules(__path__)} - {"base"}
    found: list[Device] = [importlib.import_module(f"{__name__}.{module}").DEVICE for module in modules]
    order = {name: place for place, name in enumerate(FIRST)}
    return {
        device.name: device for device in sorted(found, key=lambda each: (order.get(each.name, len(FIRST)), each.name))
    }


DEVICES = find()
