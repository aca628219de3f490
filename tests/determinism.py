"""Whether exact figures are exact: `python -m tests.determinism [MODE] [GLOB ...]`, by default of the suite.

Takes every figure twice, at the same time on a machine that is then busy, in processes that hash strings differently;
where anything is compiled, with caches once empty and once filled. Names what differs. Not an ordinary test: minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.measure.task import Task
from bench.modes.torch_compile import MODES
from bench.records.files import Writer, read
from bench.records.record import Case, Environment, Record
from bench.runs.fresh import Launcher
from bench.runs.plan import Selection, cases
from bench.runs.run import measured
from workloads.base import load_suite

HASH_SEEDS = ("1", "2")
NOT_EXACT = ("instructions",)


def chosen(arguments: list[str]) -> list[Case]:
    """The default suite's cases in one mode if one is named, and of the workloads that the other arguments match."""
    modes = [argument for argument in arguments if argument in MODES]
    planned = cases(load_suite(), Selection(globs=[argument for argument in arguments if argument not in MODES]))
    return [case for case in planned if not modes or case.mode in modes]


def take(arguments: list[str], file: Path) -> None:
    """Take the exact figures of the chosen cases, once each, in this process's way of hashing."""
    launcher, writer = Launcher(timeout_s=300), Writer(file)
    for number, case in enumerate(chosen(arguments)):
        task = Task(case, "exact", cache=str(file.parent / "cache" / str(number)) if case.mode != "eager" else "")
        start = time.perf_counter()
        writer.add(Environment(()), [replace(record, run="x") for record in measured(launcher, task)])
        print(f"{time.perf_counter() - start:6.2f} s  {case.label} {case.mode}", flush=True)


def differences(sides: list[list[Record]]) -> list[str]:
    """What two takes of the same code disagree about."""
    found = []
    first, second = ({(record.case, record.metric): record for record in side} for side in sides)
    for key in dict.fromkeys([*first, *second]):
        a, b = first.get(key), second.get(key)
        if key[1] in NOT_EXACT:
            continue
        if a is None or b is None or replace(a, warnings=()) != replace(b, warnings=()):
            found.append(f"{key[0].label} {key[0].mode} {key[1]}: {said(a)} and {said(b)}")
    return found


def said(record: Record | None) -> str:
    """A record's content in short."""
    return "nothing" if record is None else f"{record.status} {record.values} {record.reason} {record.parts}"


def main(arguments: list[str]) -> int:
    """Both takes at once, then once more with the caches that these have filled, if any; 1 when anything differs."""
    with tempfile.TemporaryDirectory() as folder:
        takes: list[list[Record]] = []
        uncompiled = [name for name in arguments if name in MODES] == ["eager"]
        for caches in ("empty",) if uncompiled else ("empty", "filled"):
            files = [Path(folder) / seed / f"{caches}.jsonl" for seed in HASH_SEEDS]
            start = time.perf_counter()
            processes = [
                subprocess.Popen(
                    [sys.executable, "-m", "tests.determinism", "--take", str(file), *arguments],
                    env={**os.environ, "PYTHONHASHSEED": seed, "TORCH_CPP_LOG_LEVEL": "ERROR"},
                    stdout=sys.stderr if seed == HASH_SEEDS[0] else subprocess.DEVNULL,
                )
                for seed, file in zip(HASH_SEEDS, files, strict=True)
            ]
            if sum(process.wait() for process in processes):  # waits for both
                raise SystemExit("a take failed")
            print(f"two takes at once, caches {caches}: {time.perf_counter() - start:.1f} s")
            takes += [list(read(file).records) for file in files]
    exact = [record for record in takes[0] if record.metric not in NOT_EXACT]
    found = [line for other in takes[1:] for line in differences([takes[0], other])]
    print("\n".join(found))
    broken = [record for record in exact if record.status == "broken"]
    print("\n".join(f"broken: {record.case.label} {record.case.mode}: {record.reason}" for record in broken))
    print(f"{len({r.case for r in exact})} cases, {len(exact)} figures, {len(takes)} takes: {len(found)} differences")
    return 1 if found or broken else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--take"]:
        take(sys.argv[3:], Path(sys.argv[2]))
    else:
        raise SystemExit(main(sys.argv[1:]))
