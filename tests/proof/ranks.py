"""Kills a case with ranks at random moments and looks what is left: `python -m tests.proof.ranks [TIMES]`; 8 s a time.

Of four processes one is killed each time: the run, torchrun, or a rank. Left may be no process, no port on which
somebody listens, and no folder.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from tqdm import tqdm

from tests.conftest import ROOT

TIMES = 20
LONGEST_S = 6.0  # after which the ranks hang for ever
GONE_S = 20.0
LISTENS = "0A"  # the state of such a socket (proc(5))
PROGRAM = (
    "from bench.runs.world import measured_by_ranks; from tests.bench.test_ranks import task\n"
    "print('begun', flush=True); measured_by_ranks([task('hangs')], 60.0)"
)
VICTIMS = ("the run", "torchrun", "rank 0", "rank 1")


def processes(folder: Path) -> dict[int, str]:
    """Those of a run by what they are: their command lines name its folder."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = path.read_text().replace("\0", " ")
            if str(folder) in line:
                found[int(path.parent.name)] = "torchrun" if "agent.py" in line else "rank"
    return found


def ports() -> set[str]:
    """Addresses on which somebody listens."""
    found = set()
    for path in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if path.exists():
            rows = [line.split() for line in path.read_text().splitlines()[1:]]
            found |= {row[1] for row in rows if row[3] == LISTENS}
    return found


def victim(folder: Path, run: int, who: str) -> int | None:
    """The process to kill; None where it is not there yet."""
    if who == "the run":
        return run
    for pid, kind in processes(folder).items():
        if who == "torchrun" == kind:
            return pid
        number = Path(f"/proc/{pid}/environ")
        with suppress(OSError):
            if kind == "rank" and f"\0RANK={who[-1]}\0" in f"\0{number.read_text()}\0":
                return pid
    return None


def trial(dice: random.Random) -> tuple[str, list[str]]:
    """Who was killed, and what was left."""
    who, before = dice.choice(VICTIMS), ports()
    with tempfile.TemporaryDirectory(prefix="ranks-proof-") as name:
        folder = Path(name)
        run = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": name}
        )
        assert run.stdout is not None
        run.stdout.readline()
        time.sleep(dice.uniform(0.0, LONGEST_S))
        pid = victim(folder, run.pid, who) or run.pid
        os.kill(pid, signal.SIGKILL)
        until_s = time.monotonic() + GONE_S
        left = ["something"]
        while left and time.monotonic() < until_s:
            time.sleep(0.2)
            left = [f"{kind} {number}" for number, kind in processes(folder).items() if number != run.pid]
            left += [path.name for path in folder.glob("torchpace-*")] + [f"port {port}" for port in ports() - before]
            left += ["the run"] * (run.poll() is None)
        run.kill()
        run.wait()
        run.stdout.close()
    return (who if pid != run.pid else "the run"), left


def main(times: int) -> int:
    """Print who was killed how often, and what was left; 1 when anything was."""
    dice, killed, bad = random.Random(times), Counter[str](), []
    for _ in tqdm(range(times), unit="kill"):
        who, left = trial(dice)
        killed[who] += 1
        if left:
            bad.append(f"{who}: {', '.join(left)}")
    print(", ".join(f"{who} {count}" for who, count in sorted(killed.items())), "killed")
    print("\n".join(bad) or "nothing was left: no process, no port, no folder")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else TIMES))
