"""What `asv continuous` and pytest-benchmark's comparison say of two commits, really run, over the default suite.

    python -m tests.perf.gate_peers                # identical sides: what they name is a false alarm; some 15 minutes
    python -m tests.perf.gate_peers --share 0.1    # one case slowed by 10 %: do they name it, and what else?

Both with the thresholds they are used with: asv's factor 1.1, and --benchmark-compare-fail=median:10%. For the gate
itself, and for their rules on hundreds of recorded runs, see tests.perf.gate_rates.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.records.git import git
from tests.perf.gate_slowed import SLOWED, every_case, plant

NAMED_BY_ASV = re.compile(r"^\| \+ .*\| (\S+?)(?:\.track_step_time)?\((.*)\)", re.MULTILINE)
NAMED_BY_PYTEST = re.compile(r"^\t.*?test_step_time\[(.+?)\].* - ", re.MULTILINE)


def commits(repository: Path, share: float, label: str) -> tuple[str, str]:
    """The base, and a head in which the labelled case does extra work, or which differs in nothing."""
    base = git(repository, "rev-parse", "HEAD")
    if share:
        return base, plant(repository, [case for case in every_case() if case.label == label], share)
    identity = ("-c", "user.name=peers", "-c", "user.email=peers@localhost")
    git(repository, *identity, "commit", "-q", "--allow-empty", "-m", "same")
    return base, git(repository, "rev-parse", "HEAD")


def asv_names(repository: Path, base: str, head: str) -> list[str]:
    """The cases that `asv continuous` calls slower."""
    home = repository.parent / "home"
    home.mkdir()
    environment = {**os.environ, "HOME": str(home), "TORCHPACE_DEVICES": "cpu"}
    environment.pop("PYTHONPATH", None)
    asv = str(Path(sys.executable).parent / "asv")
    command = [asv, "continuous", "--factor", "1.1", "-b", "track_step_time", base, head]
    done = subprocess.run(
        command, cwd=repository, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1) or "BENCHMARKS" not in done.stdout:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    return [f"{name}({point})" for name, point in NAMED_BY_ASV.findall(done.stdout)]


def pytest_names(repository: Path, base: str, head: str) -> list[str]:
    """The cases for which `pytest --benchmark-compare-fail` fails."""
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    command = [sys.executable, "-m", "pytest", "tests/perf", "-q", "--benchmark-only", "--benchmark-autosave"]
    for commit, compare in ((base, []), (head, ["--benchmark-compare", "--benchmark-compare-fail=median:10%"])):
        git(repository, "checkout", "-q", commit)
        done = subprocess.run(
            [*command, *compare], cwd=repository, env=environment, capture_output=True, text=True, check=False
        )
        if "passed" not in done.stdout and "Performance has regressed" not in done.stdout + done.stderr:
            raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    return NAMED_BY_PYTEST.findall(done.stdout + done.stderr)


TOOLS = {"asv": asv_names, "pytest-benchmark": pytest_names}


def main() -> None:
    """Print what each names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=0.0)
    parser.add_argument("--case", default=SLOWED[1], choices=SLOWED)
    parser.add_argument("--tool", choices=TOOLS, nargs="+", default=list(TOOLS))
    options = parser.parse_args()
    for tool in options.tool:
        with tempfile.TemporaryDirectory() as folder:
            repository = Path(folder) / "repository"
            subprocess.run(["git", "clone", "-q", ".", str(repository)], check=True)
            started = time.monotonic()
            named = TOOLS[tool](repository, *commits(repository, options.share, options.case))
            what = f"{options.case} {options.share:.0%} slower" if options.share else "identical sides"
            print(
                f"{tool}, {what}: after {time.monotonic() - started:.0f} s it names {len(named)}: {named}", flush=True
            )


if __name__ == "__main__":
    main()
