"""`torchpace doctor`: what works on this machine, what does not, and why."""

from __future__ import annotations

import argparse
import os
from typing import Any

WORKS, FAILS = "works", "n/a"


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("doctor", help="what works on this machine, what does not, and why")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print one line per capability. Always 0: a missing GPU is a fact, not an error."""
    from bench.measure.fresh import Launcher  # noqa: PLC0415 - imports torch

    launcher = Launcher(timeout_s=120.0)
    lines = [*packages(), *devices(), compiler(launcher), torchvision(), digits(), *quietness()]
    width = max(len(name) for name, _, _ in lines)
    for name, state, detail in lines:
        print(f"{name.ljust(width)}  {state.ljust(5)}  {detail}".rstrip())
    return 0


Line = tuple[str, str, str]


def packages() -> list[Line]:
    """The versions of what figures depend on."""
    from bench.measure.environment import package_version  # noqa: PLC0415

    names = ("torch", "torchvision", "numpy", "pandas", "asv", "asv_runner", "pytest-benchmark", "torch-tb-profiler")
    found = [(name, package_version(name)) for name in names]
    return [(name, WORKS if version else FAILS, version or "not installed") for name, version in found]


def devices() -> list[Line]:
    """Every device, or why it is missing."""
    from bench.devices import DEVICES  # noqa: PLC0415

    lines = []
    for name, device in DEVICES.items():
        reason = device.unavailable_reason()
        facts = {} if reason else device.facts()
        lines.append(
            (f"device {name}", FAILS if reason else WORKS, reason or str(facts.get("gpu") or facts.get("cpu")))
        )
    return lines


def compile_something() -> float:
    """Seconds to compile and run a tiny function; in a fresh process."""
    import time  # noqa: PLC0415

    import torch  # noqa: PLC0415

    start = time.perf_counter()
    torch.compile(lambda x: x.sin() + 1)(torch.ones(8))
    return time.perf_counter() - start


def compiler(launcher: Any) -> Line:
    """Whether torch.compile works on the CPU, by doing it."""
    from bench.measure.fresh import Death  # noqa: PLC0415
    from bench.modes.torch_compile import missing_compiler  # noqa: PLC0415

    reason = missing_compiler("cpu")
    if reason:
        return "torch.compile on cpu", FAILS, reason
    try:
        seconds = launcher.call("spawn", compile_something)
    except Death as death:
        return "torch.compile on cpu", FAILS, death.reason
    return "torch.compile on cpu", WORKS, f"compiled a small function in {seconds:.1f} s"


def torchvision() -> Line:
    """Whether torchvision goes with this torch."""
    from workloads.base import Unavailable  # noqa: PLC0415
    from workloads.shared.mnist_data import torchvision as import_torchvision  # noqa: PLC0415

    try:
        import_torchvision()
    except Unavailable as error:
        return "torchvision with torch", FAILS, str(error)
    return "torchvision with torch", WORKS, ""


def digits() -> Line:
    """Which digits there are."""
    from workloads.shared.mnist_data import has_digits, locate  # noqa: PLC0415

    folder, name = locate()
    return "digits", WORKS, f"{name} in {folder}" if has_digits(folder) else f"{name}, drawn at the first run"


def quietness() -> list[Line]:
    """What on this machine makes times vary."""
    from bench.devices.cpu import read_first  # noqa: PLC0415

    governor = read_first("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    cores = os.cpu_count() or 1
    return [
        ("CPU governor", WORKS if governor == "performance" else FAILS, governor or "not shown by this system"),
        ("load", WORKS if load is not None and load < cores / 4 else FAILS,
         "unknown" if load is None else f"{load:.2f} on {cores} cores"),
    ]  # fmt: skip
