"""Years of results: seconds and memory of the commands over them.

    python -m tests.perf.years FILE [RUNS]         # a run's records, such as those of `make bench`, 1,000 times over
    python -m tests.perf.years SERIES COMMITS      # a history of so many series over so many commits, from columns

Each time the records are another night's run of another commit, with times a little off. The first command finds no
columns kept, the others do; at last one night more is appended. In the history a tenth of the series has a step of 5 %
in the middle, and a twentieth drifts by 1 % in a hundred commits.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Never

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

from bench.records.files import Contents, read
from bench.records.lines import environment_line, record_line
from bench.records.record import Case, Environment, Record
from reports.read.columns.arrays import STATUSES, Coded, Columns
from reports.topics.history.figures import commits_of, history

NIGHT_S = 86_400
NOISE = 0.02


def night(contents: Contents, number: int, dice: np.random.Generator) -> str:
    """The records as another night's run, as lines."""
    lines, renamed = [], {}
    for id, environment in contents.environments.items():
        renamed[id] = environment_at(number, environment)
        lines.append(environment_line(renamed[id], run_name(number)))
    for record in contents.records:
        values = record.values
        if record.metric in ("step_time", "first_call", "latency"):
            values = tuple((np.array(values) * np.exp(NOISE * dice.normal())).tolist())
        moved = replace(record, run=run_name(number), environment=renamed[record.environment].id, values=values)
        lines.append(record_line(moved))
    return "".join(f"{line}\n" for line in lines)


def environment_at(number: int, environment: Environment) -> Environment:
    """The environment at another commit."""
    facts = {"commit": f"{number:040x}", "commit_date": NIGHT_S * number, "dirty": False}
    return Environment(tuple((dict(environment.facts) | facts).items()))


def run_name(number: int) -> str:
    """A run's name, which is a time, so many nights after the first."""
    return time.strftime("%Y%m%d-%H%M%S", time.gmtime(NIGHT_S * number))


def timed(arguments: Sequence[str], folder: Path) -> tuple[str, str]:
    """Seconds and the largest process's memory (GB) of a command; it must end well."""
    started = time.monotonic()
    code = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)"
    )
    command = [sys.executable, "-c", code, sys.executable, "-m", "bench.cli", *arguments]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "XDG_CACHE_HOME": str(folder)}
    )
    return f"{time.monotonic() - started:.1f}", f"{int(done.stdout) * 1024 / 1e9:.2f}"


class Simulated(Sequence[Record]):
    """Records of which there are only columns: one value for each of so many cases at each of so many commits."""

    def __init__(self, series: int, commits: int) -> None:
        dice = np.random.default_rng(0)
        logs = NOISE * dice.normal(size=(commits, series))
        logs[commits // 2 :, ::10] += np.log(1.05)
        logs[:, 5::20] += 1e-4 * np.arange(commits)[:, None]
        night = np.repeat(np.arange(commits, dtype=np.int32), series)
        one, count = np.zeros(series * commits, dtype=np.int32), series * commits
        case = np.tile(np.arange(series, dtype=np.int32), commits)
        self.environments = [environment_at(number, Environment((("torch", "2.14.1"),))) for number in range(commits)]
        self.columns = Columns(
            Coded(tuple(Case(f"a.n{n}", 1, (), "cpu", "float32", "eager", 1) for n in range(series)), case),
            Coded(("step_time",), one), Coded(tuple(each.id for each in self.environments), night),
            Coded(tuple(run_name(number) for number in range(commits)), night), Coded(STATUSES, one), Coded(("",), one),
            np.zeros(count, dtype=bool), np.exp(logs).ravel(), np.arange(1, count + 1),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.columns)

    def __getitem__(self, at: object) -> Never:
        raise IndexError(at)


def simulated(series: int, commits: int) -> None:
    """Take the history of so many series."""
    records = Simulated(series, commits)
    contents = Contents(records, {each.id: each for each in records.environments})
    started = time.monotonic()
    found = history(contents, "step_time", list(commits_of(contents)), [], 0.01)
    taken_s = time.monotonic() - started
    changed = Counter("step" if n % 10 == 0 else "drift" if n % 20 == 5 else "nothing"
                      for each in found if each.changes for n in [int(each.case.workload[3:])])  # fmt: skip
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{series * commits:,} points in {taken_s:.1f} s, {memory:.2f} GB; changed by what was planted: {changed}")


def main() -> None:
    if sys.argv[1].isdigit():
        simulated(int(sys.argv[1]), int(sys.argv[2]))
        return
    source, runs = Path(sys.argv[1]), int((*sys.argv[2:], "1000")[0])
    contents, dice = read(source), np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        years = folder / "years.jsonl"
        with years.open("w") as file:
            for number in tqdm(range(runs), "writing", unit="run", dynamic_ncols=True):
                file.write(night(contents, number, dice))
        print(f"{runs * len(contents.records):,} records, {years.stat().st_size / 1e9:.2f} GB")
        commands = {
            "compare": ["compare", str(years)], "report": ["report", str(years), "-o", str(folder / "report.html")],
            "history": ["history", str(years)],
        }  # fmt: skip
        rows = [["compare, nothing kept", *timed(commands["compare"], folder)]]
        rows += [[what, *timed(command, folder)] for what, command in commands.items()]
        with years.open("a") as file:
            file.write(night(contents, runs, dice))
        rows += [["history, one more night", *timed(commands["history"], folder)]]
        rows += [[f"the page: {(folder / 'report.html').stat().st_size / 1e6:.1f} MB", "", ""]]
    print(tabulate(rows, ["command", "s", "GB"], disable_numparse=True))


if __name__ == "__main__":
    main()
