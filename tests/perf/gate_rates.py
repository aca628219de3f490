"""How often the gate is right: recorded trials of identical and of slowed sides, and whole gate runs drawn from them.

    python -m tests.perf.gate_rates record trials.npz    # measures for an hour or so; keep the machine as it is used
    python -m tests.perf.gate_rates draw trials.npz      # draws gate runs from the recorded trials, in a minute or so
    python -m tests.perf.gate_rates real --share 0.05    # a whole gate, really run, with one case slowed by 5 %

`record` measures one point of every workload in lockstep, both sides the same commit; then some cases against commits
in which each of these does a known share of extra work: a loop in Python, counted off to the share of the step that
is wanted. `draw` plays whole gates by the gate's own rule, each trial drawn without replacement from those recorded;
beside it, what asv's and pytest-benchmark's rules say of the same recorded turns.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.perf.gate_draw import BUDGET_S, draw
from tests.perf.gate_record import record
from tests.perf.gate_slowed import SLOWED, every_case, plant


def real(share: float, runs: int) -> None:
    """Whole gates of the default suite, really run: one case slowed by a share, another each time; 0 slows none."""
    for number in range(runs):
        label = SLOWED[number % len(SLOWED)] if share else ""
        with tempfile.TemporaryDirectory() as folder:
            repository, outcome = Path(folder) / "repository", Path(folder) / "gate.json"
            subprocess.run(["git", "clone", "-q", ".", str(repository)], check=True)
            cases = [case for case in every_case() if case.label == label]
            head = plant(repository, cases, share) if share else "HEAD"
            started = time.monotonic()
            command = [sys.executable, "-m", "bench.cli", "gate", "--no-cause", "--base", "HEAD", "--head", head]
            done = subprocess.run(
                [*command, "--json", str(outcome)], cwd=repository, capture_output=True, text=True, check=False,
                env={**os.environ, "PYTHONPATH": str(repository)},
            )  # fmt: skip
            if not outcome.exists():
                raise SystemExit(done.stderr)
            rows = json.loads(outcome.read_text())["cases"]
        counts = Counter(row["verdict"] for row in rows)
        slower = [f"{row['case']['workload']} {row['ratio'] - 1:+.1%}" for row in rows if row["verdict"] == "slower"]
        took_s, what = time.monotonic() - started, label or "identical sides"
        print(f"{share:.0%} {what}: exit code {done.returncode} after {took_s:.0f} s; {dict(counts)}; "
              f"slower: {', '.join(slower) or 'none'}", flush=True)  # fmt: skip


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("record", "draw", "real"))
    parser.add_argument("file", type=Path, nargs="?", default=Path("trials.npz"))
    parser.add_argument("--share", type=float, default=0.0, help="real: by how much a case is slowed, such as 0.05")
    parser.add_argument("--runs", type=int, help="draw: gates per line (default 500); real: gates (default 1)")
    parser.add_argument("--budget", type=float, default=BUDGET_S, help=f"draw: seconds of a gate (default {BUDGET_S})")
    options = parser.parse_args()
    if options.what == "record":
        record(options.file)
    elif options.what == "draw":
        draw(options.file, options.runs or 500, options.budget)
    else:
        real(options.share, options.runs or 1)


if __name__ == "__main__":
    main()
