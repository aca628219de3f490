"""Where a rank reads what it is to measure, and writes what came of it: names in the folder of its launch."""

from __future__ import annotations

from pathlib import Path

TASKS, RECORDS, FAILED, LOG, PID, BEGUN = "tasks.pickle", "records.pickle", "failed", "log", "pid", "begun"
TIMELINE = "timeline"  # the pass that records traces instead of times
LAUNCH = "TORCHPACE_LAUNCH"  # which launch this is, where somebody else started the ranks


def place(folder: Path, rank: int, what: str) -> Path:
    """Where a rank writes something."""
    return folder / f"{rank}.{what}"


def trace_of(folder: Path, number: int, rank: int) -> Path:
    """Where a rank writes the trace of a case, by its number in the launch."""
    return folder / f"{number}-rank-{rank}.json.gz"
