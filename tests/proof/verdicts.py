"""Verdicts on commits that double a loop, or do nothing: `python -m tests.proof.verdicts`. Some minutes.

The same commands that `make test` runs with what no machine can miss; here with as little as a gate is used for.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench import asv_project
from tests.bench.toy import LOOPS, WORKLOADS, Toy, make
from tests.proof.claims import Claim, equal, show, within

DOUBLED = 2 * LOOPS
FACTOR = "1.5"  # between nothing and a doubling; asv's own 1.1 is crossed by noise alone (docs/method.md)


def commits(folder: Path) -> tuple[Toy, str]:
    """A project of three commits, and the last of them: it doubles the loop; the one before does nothing."""
    toy = make(folder / "project")
    toy.write(LOOPS, steady="pass")
    toy.commit("good")
    toy.commit("nothing")
    toy.write(DOUBLED, steady="pass")
    return toy, toy.commit("twice the work")


def gate(toy: Toy) -> Iterator[Claim]:
    """A doubled case is slower, and no other is."""
    code, _, errors = toy.gate("--base", "HEAD~1", "--budget", "90s", "--same-within", "20%", "--json", "gate.json")
    assert (toy.folder / "gate.json").exists(), errors
    rows = {row["case"]["workload"]: row for row in json.loads((toy.folder / "gate.json").read_text())["cases"]}
    slower = [name for name, row in rows.items() if row["verdict"] == "slower"]
    yield equal("what a gate calls slower", ", ".join(slower), "toy.loops")
    yield within("head over base of the doubled case, at least", rows["toy.loops"]["low"] or 0.0, 1.5, 2.1)
    yield equal("what it says of the other", rows["toy.steady"]["verdict"], "same")
    yield equal("its exit code", str(code), "1")


def bisect(toy: Toy, culprit: str) -> Iterator[Claim]:
    """The commit that doubled the loop is found."""
    _, output, errors = toy.run(
        "bisect", *WORKLOADS, "--case", "toy.loops", "--good", "HEAD~2", "--bad", "HEAD", "--budget", "60s",
        "--same-within", "30%",
    )  # fmt: skip
    found = (re.findall(r"^commit (\w+)", output, re.MULTILINE) or [output + errors])[0]
    yield equal("the commit that made a case slower", found, culprit)


def asv(folder: Path) -> Iterator[Claim]:
    """asv tells the doubled benchmark, and nothing where nothing changed."""
    project = asv_project.make(folder / "project", times=2)
    for commits, should in (("main~2", "main~1"), asv_project.CHANGED), (("main~1", "main"), ""):
        found = asv_project.worse(asv_project.continuous(project, FACTOR, commits).stdout)
        yield equal(f"what asv calls worse from {' to '.join(commits)}", ", ".join(found), should)


def main() -> int:
    """Judge what is known; 1 when a verdict is wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        toy, culprit = commits(folder)
        (folder / "asv").mkdir()
        return show([*gate(toy), *bisect(toy, culprit), *asv(folder / "asv")])


if __name__ == "__main__":
    raise SystemExit(main())
