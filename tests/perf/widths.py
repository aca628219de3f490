"""How narrow and how true: what five ways of timing steps claim in equal minutes, and whether later ones agree.

    python -m tests.perf.widths visit widths      # some minutes; again and again, over an hour or more
    python -m tests.perf.widths table widths

A claim is an estimate and half an interval, as a share of it. It held against a later visit of the same way when the
two estimates differ by no more than both half intervals together (their root of squares).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import pytest
import torch
from tabulate import tabulate
from torch.utils.benchmark import Timer

from bench.devices import DEVICES
from bench.measure.task import Task, build
from bench.measure.timer import Budget
from bench.records.files import read
from bench.records.points import text_of
from bench.records.record import Case
from bench.runs.fresh import Launcher
from bench.runs.plan import Selection, cases
from bench.runs.run import measured
from reports.read.frames import figures, frame_of
from reports.read.names import name
from reports.read.rows import summary_of
from workloads.base import WORKLOADS, Step, load_suite

Claims = dict[str, tuple[float, float]]
"""By case: an estimate in seconds, and half the interval as a share of it."""

SECONDS = 45.0  # of each way, for all cases together
LAUNCHES = 3  # of the fixed plan
STUDENT, NORMAL = 4.303, 1.96  # 95 %, of two degrees of freedom and of many
ASV_PROCESSES, ASV_START_S = 2, 1.0
LABELS = (
    "autograd.backward_deep(depth=32)", "autograd.forward(grad=inference_mode,depth=32)",
    "data_loading.data_loader(batch=64,shuffle=False,workers=0,pinned=False)",
    "linear_regression.train_step(batch=64,features=1)", "mnist_cnn.inference(model=padded,batch=64)",
    "mnist_cnn.train_step(model=padded,batch=64)", "modules.hooks(hooks=1)", "modules.mlp(batch=64)",
    "tensor_ops.matmul(shape=1024x1024x1024)", "tensor_ops.elementwise(size=1048576)",
)  # fmt: skip


def chosen() -> list[Case]:
    """The cases."""
    load_suite()
    return [case for case in cases(WORKLOADS, Selection(modes=("eager",))) if case.label in LABELS]


def step_of(case: Case) -> Step:
    """The case's step, called once."""
    torch.set_num_threads(1)
    step = build(WORKLOADS[case.workload], case, DEVICES["cpu"])
    step.run()
    return step


def this_run(folder: Path) -> Claims:
    """`torchpace run` with a budget."""
    path = folder / "run.jsonl"
    command = [sys.executable, "-m", "torchpace", "run", *LABELS, "--mode", "eager", "--budget", f"{SECONDS:g}s"]
    quietly([*command, "-o", str(path)])
    timed = [figure for figure in figures(frame_of(read(path))) if figure.metric == "step_time" and figure.launches]
    found = {name(figure): summary_of(figure) for figure in timed}
    return {label: (summary.estimate, summary.half_width or math.inf) for label, summary in found.items()}


def fixed_plan(folder: Path) -> Claims:
    """Three launches of every case, forked from one program, and Student's t: how `torchpace run` was before."""
    launcher, subjects = Launcher(300), chosen()
    budget = Budget(sample_s=SECONDS / LAUNCHES / len(subjects))
    seen: dict[str, list[float]] = {}
    for launch in range(1, LAUNCHES + 1):
        for case in subjects:
            (step,) = (
                each
                for each in measured(launcher, Task(case, "time", launch, budget, str(folder)))
                if each.metric == "step_time"
            )
            seen.setdefault(case.label, []).append(math.log(statistics.median(step.values)))
    return {
        label: (math.exp(statistics.mean(logs)), STUDENT * statistics.stdev(logs) / math.sqrt(LAUNCHES))
        for label, logs in seen.items()
    }


def blocked_autorange(folder: Path) -> Claims:
    """torch.utils.benchmark's, and the interval by which it decides how many digits it shows (which is of 90 %)."""
    found: Claims = {}
    for case in chosen():
        result = Timer("run()", globals={"run": step_of(case).run}).blocked_autorange(
            min_run_time=SECONDS / len(LABELS)
        )
        times = sorted(result.times)
        middle = times[len(times) // 4 : math.ceil(3 * len(times) / 4)]
        half = 1.645 * statistics.pstdev(middle) / math.sqrt(len(middle))
        found[case.label] = (result.median, half / result.median)
    return found


@pytest.mark.parametrize("label", LABELS)
def test_step(benchmark: Callable[..., object], label: str) -> None:
    """What pytest-benchmark runs."""
    benchmark(step_of(next(case for case in chosen() if case.label == label)).run)


def pytest_benchmark(folder: Path) -> Claims:
    """A plain `benchmark(run)`, and the standard error of its mean, which is what its mean and deviation amount to."""
    path = folder / "benchmark.json"
    options = ["--benchmark-only", f"--benchmark-json={path}", f"--benchmark-max-time={SECONDS / len(LABELS)}"]
    quietly([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"{__file__}::test_step", *options])
    stats = {each["params"]["label"]: each["stats"] for each in json.loads(path.read_text())["benchmarks"]}
    return {
        label: (each["mean"], NORMAL * each["stddev"] / math.sqrt(each["rounds"]) / each["mean"])
        for label, each in stats.items()
    }


def asv(folder: Path) -> Claims:
    """asv's interval of 99 %, of this project's benchmarks at the last commit."""
    quietly(["git", "clone", "-q", ".", str(folder / "clone")])
    each_s = SECONDS / len(LABELS) / ASV_PROCESSES - ASV_START_S
    patterns = [
        rf"^{re.escape(case.workload)}\.track_step_time\('{re.escape(text_of(case.point))}', 'cpu', 'float32', 'eager'"
        for case in chosen()
    ]
    benches = [option for pattern in patterns for option in ("-b", pattern)]
    settings = {"TORCHPACE_ASV_SECONDS": str(each_s), "HOME": str(folder)}
    quietly([sys.executable, "-m", "asv", "run", *benches], cwd=folder / "clone", **settings)
    return dict(claims_of_asv(folder / "clone" / ".asv" / "results"))


def claims_of_asv(results: Path) -> Iterator[tuple[str, tuple[float, float]]]:
    """What a results folder has of the cases."""
    (path,) = (path for path in results.glob("*/*.json") if path.name != "machine.json")
    body = json.loads(path.read_text())
    for benchmark, row in body["results"].items():
        columns = dict(zip(body["result_columns"], row, strict=False))
        if columns.get("result") is None or not benchmark.endswith("step_time"):
            continue
        for number, value in enumerate(columns["result"]):
            if isinstance(value, float) and math.isfinite(value):
                half = (columns["stats_ci_99_b"][number] - columns["stats_ci_99_a"][number]) / 2
                yield f"{benchmark} {number}", (value, half / value)


WAYS = {each.__name__: each for each in (this_run, fixed_plan, blocked_autorange, pytest_benchmark, asv)}


def quietly(command: list[str], cwd: Path | None = None, **settings: str) -> None:
    """Run a command; what it says is shown when it fails."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def visit(folder: Path) -> None:
    """Measure in every way, in an order drawn, and store what is claimed."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{time.strftime('%H%M%S')}.json"
    found: dict[str, object] = {"at": time.time()}
    for way in random.sample(sorted(WAYS), len(WAYS)):
        with tempfile.TemporaryDirectory() as own:
            started_s = time.monotonic()
            claims = WAYS[way](Path(own))
            found[way] = claims
            path.write_text(json.dumps(found))
            print(f"{way}: {len(claims)} cases in {time.monotonic() - started_s:.0f} s", flush=True)


def held(before: Claims, after: Claims) -> list[bool]:
    """Of every case, whether two claims agree."""
    return [
        abs(math.log(after[label][0] / before[label][0])) <= math.hypot(before[label][1], after[label][1])
        for label in before.keys() & after.keys()
    ]


def table(folder: Path) -> str:
    """A row per way: the median half width, and of all pairs of visits how many claims held."""
    visits = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    rows = []
    for way in WAYS:
        own: list[Claims] = [each[way] for each in visits if way in each]
        widths = sorted(width for claims in own for _, width in claims.values())
        agreed = [each for before, after in combinations(own, 2) for each in held(before, after)]
        apart = [
            abs(math.log(after[label][0] / before[label][0]))
            for before, after in combinations(own, 2) for label in before.keys() & after.keys()
        ]  # fmt: skip
        shares = (statistics.median(widths), statistics.median(apart), statistics.mean(agreed))
        rows.append([way, *(f"{share:.2%}" for share in shares), len(agreed)])
    hours = (visits[-1]["at"] - visits[0]["at"]) / 3600
    head = ("way", "half width claimed", "visits differ by", "claims that held", "claims")
    return f"{len(visits)} visits within {hours:.1f} h\n{tabulate(rows, head)}"


def main() -> None:
    """Visit, or print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("visit", "table"))
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    if options.what == "visit":
        visit(options.folder)
    else:
        print(table(options.folder))


if __name__ == "__main__":
    main()
