"""What a figure depends on besides the step: versions, machine, settings, commit. Measures nothing."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
from pathlib import Path

import torch

import bench
from bench.devices import DEVICES
from bench.modes.steady import KEEPING, keep_freed_memory
from bench.modes.variables import OPENMP_SETTINGS
from bench.records.git import GitError, git
from bench.records.machines import fingerprint_of
from bench.records.packages import package_version
from bench.records.points import Value
from bench.records.record import Environment

# The rooms of this package whose code decides what a figure is; the others choose cases and print.
RULER = ("api", "counts", "devices", "frameworks", "gate", "measure", "modes", "records", "runs")


def commit(folder: Path) -> tuple[str | None, bool | None]:
    """The commit checked out around `folder`, and whether tracked files differ from it; None outside of git."""
    head = None
    try:
        head = git(folder, "rev-parse", "HEAD")
        return head, bool(git(folder, "status", "--porcelain", "--untracked-files=no"))
    except GitError:
        return head, None


def folder_of(package: str) -> Path:
    """The folder that a module's code lies in; finding it does not import the module itself."""
    spec = importlib.util.find_spec(package)
    origin = spec.origin if spec and spec.origin else bench.__file__
    return Path(origin or "").resolve().parent


def ruler() -> str:
    """A digest of the code that measures: figures taken by another one may mean something else."""
    digest = hashlib.sha256()
    folder = Path(bench.__file__ or "").parent
    for path in sorted(path for room in RULER for path in (folder / room).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def capture(device_name: str, package: str | None = None, is_ours: bool = True) -> Environment:
    """The environment of measurements on a device; `package` is the user's workloads module, if not the suite.

    Touches the device, so it belongs in a process of its own. is_ours: whether the process is, and may be made to keep
    the memory that it frees; somebody else's stays as it is.
    """
    device = DEVICES[device_name]
    head, dirty = commit(folder_of(package or "workloads"))
    facts: dict[str, Value | None] = {
        "python": platform.python_version(),
        "torchpace": package_version("torchpace"),
        "ruler": ruler(),
        "torch": torch.__version__,
        "torchvision": package_version("torchvision"),
        "numpy": package_version("numpy"),
        "blas": blas(),
        "malloc": KEEPING if is_ours and keep_freed_memory() else "as the system has it",
        "matmul_precision": torch.get_float32_matmul_precision(),
        "os": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "hostname": platform.node(),
        "commit": os.environ.get("ASV_COMMIT") or head,
        "dirty": dirty,
        **{name.lower(): os.environ.get(name) for name in OPENMP_SETTINGS},
        **DEVICES["cpu"].facts(),
    }
    if device_name != "cpu" and not device.unavailable_reason():
        facts |= device.facts()
    facts["fingerprint"] = fingerprint_of(Environment(tuple(facts.items())))
    return Environment(tuple(sorted(facts.items())))


def blas() -> str | None:
    """The library behind matrix products on the CPU, as torch's build names it."""
    for line in torch.__config__.show().splitlines():
        for name in ("oneAPI Math Kernel Library", "OpenBLAS", "Accelerate"):
            if name in line:
                return line.strip(" -").split(" for ")[0]
    return None
