"""Interpreters with a torch of their own, made on first use and kept: a gate between two says what a release costs."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from bench.records.errors import UsageError
from bench.records.files import cache_folder

VERSION = re.compile(r"\d+\.\d+(\.\d+)?(\+[a-z0-9.]+)?")
READY = "torchpace-ready"  # a file in an environment that is whole
LAST_WORDS = 600  # characters of what an installer said that are shown
VISION = "torchvision"  # what the suite's digits are read with; pip takes the one that goes with the torch


def environments_folder() -> Path:
    """The user's cache folder for them."""
    return cache_folder("environments")


def requirement(version: str) -> str:
    """'2.13' as 'torch==2.13.*'. Raises UsageError for what is no version."""
    if not VERSION.fullmatch(version):
        raise UsageError(f"{version!r} is no version of torch; give one such as 2.13, 2.13.1 or 2.13.0+cpu")
    return f"torch=={version}" if version.count(".") > 1 or "+" in version else f"torch=={version}.*"


def requirements(version: str, module: str | None, more: Sequence[str]) -> list[str]:
    """What is installed beside a torch: what torchpace itself needs, and what the user names."""
    try:
        own = [each for each in requires("torchpace") or () if "extra ==" not in each]
    except PackageNotFoundError:
        raise UsageError("torchpace is not installed here, so nobody knows what it needs: pip install -e .") from None
    plain = [each for each in own if re.split(r"[^A-Za-z0-9_-]", each)[0] != "torch"]
    return [requirement(version), *plain, *([VISION] if module is None else []), *more]


def python_with(version: str, module: str | None, more: Sequence[str] = ()) -> str:
    """The interpreter of an environment with this torch; made where there is none. Raises UsageError."""
    wanted = requirements(version, module, more)
    digest = hashlib.sha256(repr([wanted, sys.version_info[:2]]).encode()).hexdigest()[:10]
    folder = environments_folder() / f"torch-{version}-python{sys.version_info[0]}.{sys.version_info[1]}-{digest}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another gate may be making the same
        if not (folder / READY).is_file():
            print(f"torchpace: making {folder} with torch {version}: minutes, once", file=sys.stderr)
            shutil.rmtree(folder, ignore_errors=True)
            install(folder, wanted)
            (folder / READY).write_text("\n".join(wanted) + "\n")
    return str(folder / "bin" / "python")


def install(folder: Path, wanted: Sequence[str]) -> None:
    """Make an environment with uv, where there is one, or venv and pip. Raises UsageError."""
    python = str(folder / "bin" / "python")
    if uv := shutil.which("uv"):
        steps = [
            [uv, "venv", "--python", sys.executable, str(folder)],
            [uv, "pip", "install", "--python", python, *wanted],
        ]
    else:
        steps = [
            [sys.executable, "-m", "venv", str(folder)],
            [python, "-m", "pip", "install", "--disable-pip-version-check", *wanted],
        ]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())[-LAST_WORDS:]
            raise UsageError(f"an environment with {wanted[0]} cannot be made: {said}")
