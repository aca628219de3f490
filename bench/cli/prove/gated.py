"""Claims of the gate: sides that are the same, and one that is a tenth slower, in a repository made for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.cli.prove.claims import OK, UNDECIDED, WRONG, Bench, Claim, not_available

STEP = '''"""A loop of so many turns."""

from workloads import Step, near, workload

LOOPS = {loops}


@workload("planted.loops", item="call")
def loops(setup):
    x = setup.randn(64)

    def run():
        for _ in range(LOOPS):
            pass
        return x + x

    return Step(run, check=near(lambda: 2 * x))
'''
LOOPS = 20_000
SLOWER = 0.1
LONGEST_S = 90.0
SHARES = (0.5, 0.95)  # of the time that is left
NO_GIT = "the gate compares revisions of a git repository, and git is missing"
OPEN = {"undecided": UNDECIDED, "likely slower": UNDECIDED}  # of a gate without time or quiet enough
SAME = {"same": OK, **OPEN}
FOUND = {"slower": OK, **OPEN}


def gates(bench: Bench) -> Iterator[Claim]:
    """The gate finds nothing between sides that are the same, and a tenth where it was planted."""
    names = ("gate of identical sides", f"gate of a step that takes {SLOWER:.0%} longer")
    if shutil.which("git") is None:
        yield from (not_available(name, NO_GIT) for name in names)
        return
    repository = bench.folder / "repository"
    commit(repository, LOOPS)
    commit(repository, LOOPS, "identical")
    yield claim(names[0], "same", SAME, bench, repository, SHARES[0])
    commit(repository, round(LOOPS * (1 + SLOWER)))
    yield claim(names[1], "slower", FOUND, bench, repository, SHARES[1])


def commit(repository: Path, loops: int, remark: str = "") -> None:
    """Write the step with so many turns, as a commit."""
    repository.mkdir(exist_ok=True)
    (repository / "planted_loops.py").write_text(STEP.format(loops=loops) + (f"\n# {remark}\n" if remark else ""))
    who = ("-c", "user.name=torchpace", "-c", "user.email=torchpace@localhost", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "-A"), (*who, "commit", "-q", "-m", remark or str(loops))):
        subprocess.run(["git", *words], cwd=repository, check=True, capture_output=True)


def claim(what: str, planted: str, verdicts: dict[str, str], bench: Bench, repository: Path, share: float) -> Claim:
    """What the gate says of the last commit against the one before."""
    budget_s = max(15.0, min(LONGEST_S, share * bench.left_s()))
    code, row, words = gate(repository, bench.device, budget_s)
    if row is None:
        return Claim(what, planted, words, "", WRONG, f"the gate ended with exit code {code}")
    said = f"{row['verdict']}, {row['text']}"
    return Claim(what, planted, said, planted, verdicts.get(row["verdict"], WRONG))


def gate(repository: Path, device: str, budget_s: float) -> tuple[int, dict[str, str] | None, str]:
    """One gate as anybody runs it: its exit code, what it says of the case, and its last words."""
    out = repository.parent / "gate.json"
    out.unlink(missing_ok=True)
    command = [
        sys.executable, "-P", "-m", "bench.cli", "gate", "--base", "HEAD~1", "--workloads", "planted_loops",
        "--device", device, "--budget", f"{budget_s:.0f}s", "--no-cause", "--json", str(out),
    ]  # fmt: skip
    home = str(Path(__file__).parents[3])
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        command, cwd=repository, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    if not out.is_file():
        return done.returncode, None, " ".join(done.stderr.split())[-200:]
    (row,) = json.loads(out.read_text())["cases"]
    ratio, low, high = (row.get(name) for name in ("ratio", "low", "high"))
    text = f"× {ratio:.3f} [{low:.3f}, {high:.3f}]" if None not in (ratio, low, high) else "no interval"
    return done.returncode, {"verdict": row["verdict"], "text": text}, ""
