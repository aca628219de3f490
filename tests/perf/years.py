"""Years of results: seconds and memory of the commands over them. `python -m tests.perf.years FILE [RUNS]`.

FILE is a run's records, such as those of `make bench`; they are written so many times over (default 1,000), each time
as another night's run of another commit with times a little off. The first command finds no columns kept, the others
do; at last one night more is appended.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

from bench.records.files import Contents, read
from bench.records.lines import environment_line, record_line
from bench.records.record import Environment

NIGHT_S = 86_400
NOISE = 0.02


def night(contents: Contents, number: int, dice: np.random.Generator) -> str:
    """The records as another night's run, as lines."""
    lines, renamed = [], {}
    for id, environment in contents.environments.items():
        facts = dict(environment.facts) | {"commit": f"{number:040x}", "commit_date": NIGHT_S * number, "dirty": False}
        renamed[id] = Environment(tuple(facts.items()))
        lines.append(environment_line(renamed[id], run_name(number)))
    for record in contents.records:
        values = record.values
        if record.metric in ("step_time", "first_call", "latency"):
            values = tuple((np.array(values) * np.exp(NOISE * dice.normal())).tolist())
        moved = replace(record, run=run_name(number), environment=renamed[record.environment].id, values=values)
        lines.append(record_line(moved))
    return "".join(f"{line}\n" for line in lines)


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


def main() -> None:
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
