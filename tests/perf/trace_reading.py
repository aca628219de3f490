"""How long it takes to read a large trace, and how much memory: ours, and torch-tb-profiler's parser on the same file.

    python -m tests.perf.trace_reading                                # 100 k, 300 k and 1 M events; some minutes
    python -m tests.perf.trace_reading --events 2000000 --ours-only

The trace is a real one of the CNN's training with stacks and shapes, repeated until there are enough events. Each
reading is a process of its own (Linux, for its peak of memory): from opening the file to all figures of the report
here, and to all views' data there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tabulate import tabulate
from tqdm import tqdm

SIZES = (100_000, 300_000, 1_000_000)
STEPS = 20  # in the real trace, which is then repeated
OURS, THEIRS = "torchpace", "torch-tb-profiler"


def real_trace(folder: Path) -> dict[str, Any]:
    """A decoded trace of some training steps, with stacks and shapes."""
    import torch  # a reading's process has no use for it
    from torch.profiler import ProfilerActivity

    from bench.counts.torch_profiler import profiler
    from workloads.base import Setup, load_suite

    step = load_suite()["mnist_cnn.train_step"].build(Setup(torch.device("cpu")), model="padded", batch=64)
    step.run()
    path = folder / "real.json"

    def export(profiled: Any) -> None:
        profiled.export_chrome_trace(str(path))

    plan = torch.profiler.schedule(wait=0, warmup=1, active=STEPS, repeat=1)
    with profiler(
        [ProfilerActivity.CPU], schedule=plan, on_trace_ready=export, record_shapes=True, with_stack=True
    ) as p:
        for _ in range(STEPS + 1):
            step.run()
            p.step()
    decoded: dict[str, Any] = json.loads(path.read_text())
    return decoded


def enlarge(trace: dict[str, Any], events: int, path: Path) -> int:
    """Write the trace, repeated until it has so many events with a duration; how many it has."""
    timed = [e for e in trace["traceEvents"] if e.get("ph") == "X" and e.get("cat") != "Trace"]
    span = max(e["ts"] + e["dur"] for e in timed) - min(e["ts"] for e in timed) + 10
    ids = max(e["args"].get("External id", 0) for e in timed) + 1
    with path.open("w") as file:
        file.write(json.dumps({name: value for name, value in trace.items() if name != "traceEvents"})[:-1])
        file.write(', "traceEvents": [\n')
        file.write(",\n".join(json.dumps(e, indent=1) for e in trace["traceEvents"] if e.get("ph") == "M"))
        written = 0
        while written < events:
            copy = written // len(timed)
            for e in timed[: events - written]:
                args = dict(e["args"])
                if "External id" in args:
                    args["External id"] += copy * ids
                name = e["name"]
                if name.startswith("ProfilerStep#"):
                    name = f"ProfilerStep#{int(name.split('#')[1]) + copy * STEPS}"
                shifted = {**e, "name": name, "ts": round(e["ts"] + copy * span, 3), "args": args}
                file.write(",\n" + json.dumps(shifted, indent=1))
                written += 1
        file.write("\n]}\n")
    return written


def read(which: str, path: Path) -> None:
    """In a process of its own: read the file, and print seconds and the peak of memory in bytes."""
    if which == OURS:
        from reports.profiles.profile import read_foreign

        start = time.perf_counter()
        read_foreign(path)
    else:
        from torch_tb_profiler.profiler.data import RunProfileData  # type: ignore[import-untyped]

        start = time.perf_counter()
        RunProfileData.parse("worker", None, str(path), str(path.parent))
    took_s = time.perf_counter() - start
    print(json.dumps([took_s, peak_bytes()]))


def peak_bytes() -> int:
    """The most memory that this process had. getrusage would count that of the process which started it as well."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def measured(which: str, path: Path) -> tuple[float, float]:
    """Seconds and peak bytes of one reading."""
    command = [sys.executable, "-m", "tests.perf.trace_reading", "--read", which, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    seconds, memory = json.loads(done.stdout.splitlines()[-1])
    return seconds, memory


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read(options.read[0], Path(options.read[1]))
        return
    readers = [OURS] if options.ours_only else [OURS, THEIRS]
    rows = []
    with tempfile.TemporaryDirectory() as folder, tqdm(total=len(options.events) * len(readers), unit="reading") as bar:
        trace = real_trace(Path(folder))
        for events in options.events:
            path = Path(folder) / "large.json"
            count = enlarge(trace, events, path)
            row: list[object] = [f"{count:,}", f"{path.stat().st_size / 1e6:.0f} MB"]
            taken = []
            for which in readers:
                seconds, memory = measured(which, path)
                bar.update()
                taken.append(seconds)
                row += [f"{seconds:.1f} s", f"{memory / 1e9:.2f} GB"]
            rows.append([*row, *([f"{taken[1] / taken[0]:.1f}"] if len(taken) == 2 else [])])
    heads = ["events", "file", *(text for which in readers for text in (which, "peak"))]
    print(tabulate(rows, headers=[*heads, *(["times faster"] if len(readers) == 2 else [])], stralign="right"))


if __name__ == "__main__":
    main()
