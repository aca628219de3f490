"""A project of its own, with its own package and git history, for tests of the gate."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from torch._inductor.runtime.cache_dir_utils import default_cache_dir

from bench.cli import main
from tests.bench.warm import warm_hosts
from tests.conftest import ROOT

WORKLOADS = ("--workloads", "toy.perf")

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


SLOWER = 20  # times as long as before is what is planted where a slowdown must be found: no machine can miss it
LOOPS, MORE_LOOPS = 20_000, 20_000 * SLOWER
ENOUGH_TRIALS = 10  # to find what is planted: a look after five or seven of them, and three that confirm it


@dataclass(frozen=True)
class Toy:
    """A repository; `run` calls the command in it, and `start` starts it."""

    folder: Path
    warm: bool = False  # whether hosts of gates that are called find torch imported

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

    def temporary(self) -> Path:
        """A temporary folder that nothing else uses, except that compilers find the headers they have precompiled."""
        folder = self.folder.parent / "temporary"
        if not folder.exists():
            folder.mkdir()
            compiled = Path(default_cache_dir())
            compiled.mkdir(exist_ok=True)
            (folder / compiled.name).symlink_to(compiled)
        return folder

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `torchpace` with the arguments, as a user does: the project is not on the path, torchpace is."""
        return subprocess.Popen(
            [sys.executable, "-m", "bench.cli", *arguments], cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary())},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, output and errors of `torchpace`, called in this process, where torch is imported already."""
        temporary, output, errors = str(self.temporary()), io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(errors):
            if self.warm:
                warm_hosts(patch)
            patch.chdir(self.folder)
            patch.setenv("TMPDIR", temporary)
            patch.setattr(tempfile, "tempdir", temporary)
            patch.setattr(sys, "argv", ["torchpace", *arguments])  # what is to be repeated is told from it
            try:
                code = main()
            except SystemExit as end:  # what argparse refuses
                code = int(end.code or 0)
        return code, output.getvalue(), errors.getvalue()

    def gate(self, *arguments: str) -> tuple[int, str, str]:
        """Likewise, of a gate of the toy's workloads."""
        return self.run("gate", *WORKLOADS, *arguments)

    def trials(self) -> list[Path]:
        """The files in which gates have kept their trials."""
        return sorted((self.folder / ".torchpace").glob("gate-*.jsonl"))


def make(folder: Path, warm: bool = False) -> Toy:
    """An empty repository. warm: hosts of gates called in this process find torch imported."""
    folder.mkdir()
    toy = Toy(folder, warm)
    toy.git("init", "-q", "-b", "main")
    return toy


def processes_of(toy: Toy) -> list[str]:
    """The processes that work in the toy project's folders, such as hosts, by their command lines."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            where, line = os.readlink(folder / "cwd"), (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if any(Path(where).is_relative_to(own) for own in (toy.folder, toy.temporary())):
            found.append(line)
    return found
