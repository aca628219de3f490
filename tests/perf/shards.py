"""How evenly runs are divided, and whether killed shards come back whole: `python -m tests.perf.shards RECORDS.jsonl`.

RECORDS: of an earlier run of the default suite, by whose times it is divided into 2 to 40 shards; so is a made-up suite
of which a few cases take most of the time. Then 40 real shards of tiny cases, 5 of them killed at a random moment, gone
on with, and joined. Some five minutes.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from bench.measure.turn_passes import groups
from bench.records.files import read
from bench.records.record import Case
from bench.runs.shards import costs, divided
from tests.conftest import ROOT

SHARDS, KILLED = 40, 5
CASES = 80
PLANTED = f"""
from workloads import Step, workload


def planted(number):
    @workload(f"planted.add{{number}}", item="call")
    def step(setup):
        x = setup.randn(8)
        return Step(lambda: x + x)


for number in range({CASES}):
    planted(number)
"""


def evenness(seconds: Mapping[Case, float]) -> list[list[str]]:
    """Of so many shards the longest as a multiple of the mean, and of the least that it can be."""
    cases: Sequence[Case] = list(seconds)
    dearest = max(sum(seconds[case] for case in group) for group in groups(cases))
    lines = []
    for shards in (2, 4, 8, 16, 40):
        loads = [sum(seconds[case] for case in part) for part in divided(cases, seconds, shards)]
        mean = statistics.mean(loads)
        least = max(mean, dearest)
        lines.append([str(shards), f"{max(loads) / mean:.3f}", f"{max(loads) / least:.3f}", f"{dearest / mean:.2f}"])
    return lines


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "bench.cli", *arguments]


def really(folder: Path, dice: random.Random) -> None:
    """Forty shards really run, some killed; says what came of them. Raises SystemExit when not every case is once."""
    (folder / "tiny_adds.py").write_text(PLANTED)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    dying = set(dice.sample(range(1, SHARDS + 1), KILLED))
    common = ("run", "--workloads", "tiny_adds", "--device", "cpu", "--mode", "eager", "--launches", "2")
    for number in range(1, SHARDS + 1):
        shard = command(*common, "--shard", f"{number}/{SHARDS}", "-o", f"{number}.jsonl")
        process = subprocess.Popen(shard, cwd=folder, env=environment, start_new_session=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        if number in dying:
            while not (folder / f"{number}.jsonl").exists():
                time.sleep(0.01)
            time.sleep(dice.uniform(0.0, 3.0))
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    files = [f"{number}.jsonl" for number in range(1, SHARDS + 1)]
    merge = command("merge", *files, "-o", "all.jsonl")
    before = subprocess.run(merge, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    print(f"{KILLED} of {SHARDS} killed: {before.stdout.splitlines()[-1]}, exit code {before.returncode}")
    for number in dying:
        resume = command("run", "--resume", f"{number}.jsonl")
        subprocess.run(resume, cwd=folder, env=environment, capture_output=True, check=True)
    after = subprocess.run(merge, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    print(f"gone on with: {after.stdout.splitlines()[-1]}, exit code {after.returncode}")
    found = Counter((r.case.workload, r.launch) for r in read(folder / "all.jsonl").records if r.metric == "step_time")
    wanted = {(f"planted.add{number}", launch): 1 for number in range(CASES) for launch in range(2)}
    if found != wanted:
        raise SystemExit(f"not each once: {dict(found)}")
    print(f"{CASES} cases, each launch of them once")


def main() -> None:
    dice = random.Random()
    headers = ["shards", "longest / mean", "longest / least possible", "dearest group / mean"]
    for path in map(Path, sys.argv[1:]):
        records = read(path).records
        cases = list(dict.fromkeys(record.case for record in records))
        print(f"\n{path.name}: {len(cases)} cases\n{tabulate(evenness(costs(cases, records)), headers)}")
    made = [Case(f"made.{number}", 1, (), "cpu", "float32", "eager", 1) for number in range(600)]
    print(f"\nskewed: {len(made)} cases")
    print(tabulate(evenness({case: dice.lognormvariate(1.0, 1.5) for case in made}), headers), "\n")
    with tempfile.TemporaryDirectory() as folder:
        really(Path(folder), dice)


if __name__ == "__main__":
    main()
