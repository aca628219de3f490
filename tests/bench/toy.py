"""A project of its own, with its own package and git history, for tests of the gate."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PERF = '''
import os, signal, time
import torch
from workloads import Step, Unavailable, near, workload
from toy.model import LOOPS


@workload("toy.loops", item="call")
def loops(setup):
    """So many turns of an empty loop."""
    answer = torch.ones(3)

    def run():
        for _ in range(LOOPS):
            pass
        return answer

    return Step(run, check=near(lambda: torch.ones(3)))
'''

CASE = '''

@workload("toy.{name}", item="call")
def {name}(setup):
    """Planted."""
    x = setup.randn(64)

    def run():
        {body}
        return x + x

    return Step(run, check=near(lambda: 2 * x))
'''


@dataclass(frozen=True)
class Toy:
    """A repository; `gate` runs the command in it."""

    folder: Path

    def write(self, loops: int, **cases: str) -> None:
        """The package: how long its loop is, and other cases by name with what they do in a step."""
        package = self.folder / "toy"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text("")
        (package / "model.py").write_text(f"LOOPS = {loops}\n")
        (package / "perf.py").write_text(
            PERF + "".join(CASE.format(name=name, body=body) for name, body in cases.items())
        )

    def commit(self, message: str) -> str:
        """Commit everything; the commit."""
        self.git("add", "-A")
        self.git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", message, "--allow-empty")
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        """What git answers."""
        done = subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def environment(self) -> dict[str, str]:
        """As a user's: the project is not on the path, and torchpace is installed."""
        return {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary())}

    def temporary(self) -> Path:
        """A temporary folder that nothing else uses."""
        folder = self.folder.parent / "temporary"
        folder.mkdir(exist_ok=True)
        return folder

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `torchpace` with the arguments and the toy's workloads."""
        command = [sys.executable, "-m", "bench.cli", arguments[0], "--workloads", "toy.perf", *arguments[1:]]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, output and errors of `torchpace` with the arguments."""
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=300)
        return process.returncode, output, errors


def make(folder: Path) -> Toy:
    """An empty repository."""
    folder.mkdir()
    toy = Toy(folder)
    toy.git("init", "-q", "-b", "main")
    return toy
