"""A clone of this project with commits that asv is to tell apart."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

ASV = Path(sys.executable).parent / "asv"
CHANGED = "tensor_ops.elementwise.track_step_time"
UNCHANGED = "tensor_ops.broadcast.track_step_time"
SECONDS = "0.1"  # of sampling in each process
SOURCE = Path("workloads") / "tensor_ops.py"
ADDITION = "return Step(lambda: add(x, y), items=size"


def git(folder: Path, *arguments: str) -> str:
    """What git answers."""
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def asv(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What asv did with the arguments, as it is called by a new user."""
    home = folder.parent / "home"  # asv keeps its list of machines there: an empty one
    home.mkdir(exist_ok=True)
    environment = {**os.environ, "HOME": str(home), "TORCHPACE_ASV_SECONDS": SECONDS, "TORCHPACE_DEVICES": "cpu"}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        [ASV, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=False, timeout=500,
    )  # fmt: skip


def missing() -> str:
    """Why there can be no such project; empty when there can."""
    tracked = subprocess.run(["git", "rev-parse"], cwd=ROOT, capture_output=True, check=False).returncode == 0
    return "" if tracked and ASV.exists() else "needs a git checkout, and asv installed beside this Python"


def make(folder: Path, times: int) -> Path:
    """A clone of this project as it stands, uncommitted changes included, with three commits.

    The second makes one workload do its work so many times; the third changes no workload.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "base")
    text = (folder / SOURCE).read_text()
    assert text.count(ADDITION) == 1
    repeated = ADDITION.replace("add(x, y)", f"[add(x, y) for _ in range({times})][-1]")
    (folder / SOURCE).write_text(text.replace(ADDITION, repeated))
    git(folder, "commit", "-qam", "slower")
    (folder / "NOTES").write_text("nothing that is measured\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "same")
    return folder


def continuous(
    project: Path, factor: str, commits: tuple[str, str], benchmarks: tuple[str, ...] = (CHANGED, UNCHANGED)
) -> subprocess.CompletedProcess[str]:
    """asv's comparison of two commits: of the benchmark that changed and of another, unless others are named."""
    chosen = [option for name in benchmarks for option in ("-b", name)]
    return asv(project, "continuous", "--factor", factor, *commits, *chosen)


def worse(output: str) -> list[str]:
    """The benchmarks that asv's comparison calls worse."""
    return sorted(set(re.findall(r"^\| \+ .*\| (\S+)\(", output, re.MULTILINE)))
