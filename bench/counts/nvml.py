"""What NVIDIA's driver says of a GPU through its library NVML, where its Python binding is there; else nothing."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any

import torch

MILLI = 1e-3
# Of the reasons for a clock (nvml.h): the power limit, heat, the power supply's brake. Idleness and settings are none.
THROTTLED = 0x4 | 0x8 | 0x20 | 0x40 | 0x80


@functools.cache
def opened() -> tuple[Any, Any, bool] | None:
    """The binding, the current device's handle, and whether that is a slice of a GPU; None where there is no NVML.

    Found by its identity, since NVML counts devices that CUDA_VISIBLE_DEVICES hides.
    """
    try:
        import pynvml  # noqa: PLC0415 - optional

        pynvml.nvmlInit()
        identity = torch.cuda.get_device_properties(torch.cuda.current_device()).uuid
        try:
            return pynvml, pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{identity}"), False
        except pynvml.NVMLError:  # a slice of a GPU has an identity of its own
            part = pynvml.nvmlDeviceGetHandleByUUID(f"MIG-{identity}")
            return pynvml, pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(part), True
    except Exception:  # NVML is optional, and fails in as many ways as there are drivers
        return None


def told(questions: dict[str, Callable[[Any, Any], float]]) -> dict[str, Any]:
    """The answers, each as far as this GPU tells it and we have leave to ask."""
    library = opened()
    found: dict[str, Any] = {}
    if library is not None:
        pynvml, handle, _ = library
        for name, ask in questions.items():
            with contextlib.suppress(pynvml.NVMLError, AttributeError):
                found[name] = ask(pynvml, handle)
    return found


LIMITS: dict[str, Callable[[Any, Any], float]] = {
    "gpu_power_limit_w": lambda nvml, gpu: round(nvml.nvmlDeviceGetPowerManagementLimit(gpu) * MILLI),
    "gpu_max_clock_mhz": lambda nvml, gpu: int(nvml.nvmlDeviceGetMaxClockInfo(gpu, nvml.NVML_CLOCK_SM)),
    "gpu_ecc": lambda nvml, gpu: bool(nvml.nvmlDeviceGetEccMode(gpu)[0]),
}
# Each takes 1 to 2 µs on an H200, and 1 ms at the first time.
READINGS: dict[str, Callable[[Any, Any], float]] = {
    "clock_mhz": lambda nvml, gpu: float(nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM)),
    "power_w": lambda nvml, gpu: nvml.nvmlDeviceGetPowerUsage(gpu) * MILLI,
    "temperature_c": lambda nvml, gpu: float(nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU)),
    "throttled": lambda nvml, gpu: float(bool(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu) & THROTTLED)),
}


def limits() -> dict[str, str | int | None]:
    """What the GPU may draw and how fast it may run, whether it checks its memory and is a slice."""
    library = opened()
    return {} if library is None else {"gpu_mig": library[2], **told(LIMITS)}


def readings() -> dict[str, float]:
    """Its clock, power and temperature now, and whether power or heat holds the clock down."""
    return told(READINGS)


def driver_version() -> str | None:
    """The driver's version; None where NVML does not say."""
    try:
        import pynvml  # noqa: PLC0415 - optional

        pynvml.nvmlInit()
        version = pynvml.nvmlSystemGetDriverVersion()
    except Exception:  # as above
        return None
    return version.decode() if isinstance(version, bytes) else str(version)
