"""asv environment "checkout": this interpreter, with the workloads of the commit that is measured.

asv's own environments either build a virtualenv per commit (torch alone is 5 GB) or ignore commits. This one
installs nothing: it checks the commit out beside asv's results and puts the checkout first on sys.path, so that
`import workloads` finds the commit's and `import bench`, which asv imports by path, the working tree's.
It reports torch and the accelerator as requirements, which asv stores as parameters of the results, and
registers the machine, so that nothing is asked. Loaded by the line `plugins` of asv.conf.json.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from asv import environment, util
from asv.console import log
from asv.machine import Machine, MachineCollection

from torchpace_first import CHECKOUT_VARIABLE


def setup() -> None:
    """Register this machine with asv unless it is known; asv calls this when it loads the plugin."""
    name = Machine.get_unique_machine_name()
    with contextlib.suppress(util.UserError):
        MachineCollection.load(name)
        return
    MachineCollection.save(name, Machine.get_defaults())


def requirements() -> dict[str, str]:
    """What results are filed under: the versions of torch and, where there is one, the accelerator.

    Imports no torch: asv itself stays light, and no GPU context is held while benchmarks run.
    """
    try:
        found = {"torch": version("torch")}
    except PackageNotFoundError as error:
        raise environment.EnvironmentUnavailable(
            f"no torch beside the asv of {sys.executable}; pip install -e '.[asv]' into an environment of its own "
            "(`make bench` makes one in .venv) and run the asv that comes with it"
        ) from error
    gpu = gpu_name()
    return {**found, "gpu": gpu} if gpu else found


def gpu_name() -> str | None:
    """The first NVIDIA GPU's name, from the driver's files; None where there is none."""
    folder = "/proc/driver/nvidia/gpus"
    with contextlib.suppress(OSError, StopIteration):
        first = sorted(os.listdir(folder))[0]
        with open(f"{folder}/{first}/information") as file:
            line = next(line for line in file if line.startswith("Model"))
        return line.split(":", 1)[1].strip().replace(" ", "-")
    return None


class Checkout(environment.Environment):  # type: ignore[misc]
    """The running interpreter with a checkout of the commit."""

    tool_name = "checkout"
    matches_python_fallback = False

    def __init__(self, conf: Any, python: str, matrix: Mapping[str, str], tagged_env_vars: Mapping[Any, str]) -> None:
        self._executable = sys.executable
        # The parent class names its folder after these before it sets them.
        self._python, self._tagged_env_vars = platform.python_version(), dict(tagged_env_vars)
        self._requirements = {**requirements(), **matrix}
        if "gpu" in self._requirements or sys.platform == "darwin":
            conf.launch_method = "spawn"  # neither a CUDA context nor Metal survives the fork server's fork
        super().__init__(conf, self._python, self._requirements, self._tagged_env_vars)

    @classmethod
    def matches(cls, python: str) -> bool:
        """Whether `python` is this interpreter's version; others cannot be had without installing torch again."""
        return python in ("same", f"{sys.version_info.major}.{sys.version_info.minor}")

    def check_presence(self) -> bool:
        """Always: the interpreter is running."""
        return True

    def create(self) -> None:
        """Make the folder that the checkout goes into."""
        os.makedirs(self._path, exist_ok=True)

    def install_project(self, conf: Any, repo: Any, commit_hash: str) -> None:
        """Check the commit out; nothing is installed."""
        warn_of_uncommitted(conf)
        self.checkout_project(repo, commit_hash)

    def run(self, args: list[str], **kwargs: Any) -> Any:
        """Run this interpreter with the checkout's packages before all others."""
        settings = {**kwargs.pop("env", os.environ), **self._global_env_vars}
        settings["ASV_PYTHONPATH"] = self._build_root
        settings[CHECKOUT_VARIABLE] = self._build_root
        settings.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        settings.setdefault("GOMP_SPINCOUNT", "0")
        kwargs.setdefault("timeout", self._install_timeout)
        log.debug(f"Running {' '.join(args)} in {self._build_root}")
        return util.check_output([self._executable, *args], env=settings, **kwargs)


_warned: set[str] = set()


def warn_of_uncommitted(conf: Any) -> None:
    """Say once that uncommitted changes of the workloads are not measured."""
    if conf.repo in _warned:
        return
    _warned.add(conf.repo)
    with contextlib.suppress(util.ProcessError, OSError):
        changes = util.check_output(["git", "status", "--porcelain", "--", "workloads"], cwd=conf.repo).strip()
        if changes:
            log.warning("workloads/ has uncommitted changes, which asv does not measure: commit them first")
