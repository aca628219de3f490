"""Files as asv leaves them: one per commit, on one machine, for one benchmark of this suite on the CPU."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

COLUMNS = ("result", "params", "version", "samples", "stats_number")
MACHINE = {"machine": "laptop", "cpu": "Example CPU", "arch": "x86_64", "os": "Linux"}


def write_results(
    folder: Path, name: str, commit: str, date_ms: int, workload: str, results: dict[int, float | None],
    samples: Sequence[list[float]] | None = None,
) -> None:  # fmt: skip
    """A commit's step times by batch size: NaN where nothing was measured, None where it failed."""
    machine = folder / MACHINE["machine"]
    machine.mkdir(parents=True, exist_ok=True)
    (machine / "machine.json").write_text("{}")
    (folder / "benchmarks.json").write_text("{}")
    parameters = [[f"'batch={batch}'" for batch in results], ["'cpu'"], ["'float32'"], ["'eager'"], ["'1'"]]
    entry = [list(results.values()), parameters, "1", *([samples, [1] * len(samples)] if samples else [])]
    body = {
        "commit_hash": commit, "date": date_ms, "params": MACHINE, "python": "3.11",
        "requirements": {"torch": "2.15.0"}, "result_columns": COLUMNS,
        "results": {f"{workload}.track_step_time": entry, "elsewhere.benchmark": [[1.0], [], "1"]},
    }  # fmt: skip
    (machine / name).write_text(json.dumps(body))
