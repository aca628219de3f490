"""`torchpace doctor`: what works on this machine, what does not, and why. What takes longest is tried last."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from bench.records.packages import extras, missing, package_version

WORKS, FAILS = "works", "n/a"
WIDTH = 22  # characters of the longest name below; names are shown before it is known which others follow
PACKAGES = ("torchpace", "torch", "numpy", "pandas")  # what nothing works without

Found = tuple[bool, str]  # whether it works, and what there is to say of it
Check = tuple[str, Callable[[], Found]]


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("doctor", help="what works on this machine, what does not, and why")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print one line per capability. Always 0: a missing GPU is a fact, not an error."""
    show(checks())
    print("\nWhether figures taken here are true: torchpace prove")
    return 0


def show(found: Iterator[Check]) -> None:
    """Print every name when its check begins, and the rest of its line when it ends."""
    for name, check in found:
        print(name.ljust(WIDTH), end="  ", flush=True)
        works, detail = check()
        print(f"{(WORKS if works else FAILS).ljust(len(WORKS))}  {detail}".rstrip(), flush=True)


def checks() -> Iterator[Check]:
    """All checks, the quick ones first; those of devices only where torch can be imported."""
    for package in PACKAGES:
        yield package, partial(installed, package)
    for extra, packages in extras().items():
        yield f"extra {extra}", partial(installed_for, extra, packages)
    yield "load", load
    failed: list[str] = []
    yield "import of torch", partial(import_torch, failed)
    if failed:
        return
    from bench.devices import DEVICES  # noqa: PLC0415 - imports torch

    yield "CPU governor", governor
    for name in DEVICES:
        yield f"device {name}", partial(device, name)
    yield "digits", digits
    if package_version("torchvision"):
        yield "torchvision with torch", torchvision
    yield "torch.compile on cpu", compiler


def installed(package: str) -> Found:
    """The version of what figures depend on."""
    version = package_version(package)
    return version is not None, version or "not installed"


def installed_for(extra: str, packages: list[str]) -> Found:
    """What is installed for one use, or how to install it."""
    absent = missing(extra)
    return not absent, absent or ", ".join(f"{package} {package_version(package)}" for package in packages)


def governor() -> Found:
    """Whether the CPU keeps one frequency."""
    from bench.devices.cpu import read_first  # noqa: PLC0415

    found = read_first("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return found == "performance", found or "not shown by this system"


def load() -> Found:
    """Whether something else keeps the machine busy."""
    if not hasattr(os, "getloadavg"):
        return False, "unknown"
    found, cores = os.getloadavg()[0], os.cpu_count() or 1
    return found < cores / 4, f"{found:.2f} on {cores} cores"


def import_torch(failed: list[str]) -> Found:
    """Import torch, which all that follows needs; why it cannot be goes into `failed`."""
    start = time.monotonic()
    try:
        import torch  # noqa: F401, PLC0415
    except (ImportError, OSError) as error:  # OSError: a library that its build needs
        failed.append(f"{type(error).__name__}: {error}")
        return False, failed[0]
    return True, f"took {time.monotonic() - start:.1f} s"


def device(name: str) -> Found:
    """The device, or why it is missing."""
    from bench.devices import DEVICES  # noqa: PLC0415

    if reason := DEVICES[name].unavailable_reason():
        return False, reason
    facts = DEVICES[name].facts()
    return True, str(facts.get("gpu") or facts.get("cpu"))


def digits() -> Found:
    """Which digits there are."""
    from workloads.shared.mnist_data import has_digits, locate  # noqa: PLC0415

    folder, name = locate()
    return True, f"{name} in {folder}" if has_digits(folder) else f"{name}, drawn at the first run"


def torchvision() -> Found:
    """Whether torchvision goes with this torch."""
    from workloads.base import Unavailable  # noqa: PLC0415
    from workloads.shared.mnist_data import torchvision as import_torchvision  # noqa: PLC0415

    try:
        import_torchvision()
    except Unavailable as error:
        return False, str(error)
    return True, ""


def compiler() -> Found:
    """Whether torch.compile works on the CPU, by doing it."""
    from bench.modes.torch_compile import missing_compiler  # noqa: PLC0415
    from bench.records.errors import Death  # noqa: PLC0415
    from bench.runs.fresh import Launcher  # noqa: PLC0415

    if reason := missing_compiler("cpu"):
        return False, reason
    try:
        seconds = Launcher(timeout_s=120.0).call("spawn", compile_something)
    except Death as death:
        return False, death.reason
    return True, f"compiled a small function in {seconds:.1f} s"


def compile_something() -> float:
    """Seconds to compile and run a tiny function; in a fresh process."""
    import torch  # noqa: PLC0415

    start = time.perf_counter()
    torch.compile(lambda x: x.sin() + 1)(torch.ones(8))
    return time.perf_counter() - start
