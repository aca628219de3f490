"""Whether `torchpace scale` finds how planted waits grow: `python -m tests.perf.growth [TIME OF EACH]`; 5 min in all.

Exit code 1 when an exponent is off by more than 0.05, a knee by more than a factor of 1.5, or there is one too many.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bench.cli import main as torchpace
from reports.stats.growing.shapes import mean_exponent
from tests.planted_growth import COSTS, LARGEST, OVERHEAD_ENDS, SMALLEST

OFF, FACTOR = 0.05, 1.5
POWERS = {"n": (1, 0), "n log n": (1, 1), "n^2": (2, 0), "n^2 + overhead": (2, 0)}


def grown(cost: str, seconds: str) -> dict[str, Any]:
    """What the command says of one cost."""
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as said:
        code = torchpace([
            "scale", "planted.grows", "--workloads", "tests.planted_growth", "--axis", f"cost={cost}", "--axis",
            f"size={SMALLEST}:{LARGEST}", "--device", "cpu", "--budget", seconds, "--format", "json", "-o",
            str(Path(folder) / "grown.jsonl"),
        ])  # fmt: skip
    assert code == 0, f"torchpace scale ended with {code}"
    courses = json.loads(said.getvalue())
    assert courses, f"{seconds} is too short here for two sizes"
    found: dict[str, Any] = courses[0]["modes"][0]
    return found


def line(cost: str, seconds: str) -> tuple[list[str], bool]:
    """What was found of a cost against what it is, and whether it is right."""
    found = grown(cost, seconds)
    fit, sizes = found["step_time"], [point["size"] for point in found["points"]]
    if fit is None:
        return [cost, f"{len(sizes)} of them", "", "", "", "", "", "too few sizes"], False
    last = fit["pieces"][-1]
    truth = mean_exponent(*POWERS[cost], last["first"], last["last"])
    exponent, ends = last["exponent"], fit["overhead_ends"]
    right = abs(exponent["value"] - truth) <= OFF and not fit["knees"] and (ends is None) == ("+" not in cost)
    if ends is not None:
        right &= abs(math.log(ends["value"] / OVERHEAD_ENDS)) <= math.log(FACTOR)
    cells = [
        cost, f"{sizes[0]:g} to {sizes[-1]:g}", f"{truth:.3f}",
        f"{exponent['value']:.3f} [{exponent['low']:.3f}, {exponent['high']:.3f}]",
        f"{OVERHEAD_ENDS:g}" if "+" in cost else "none",
        "none" if ends is None else f"{ends['value']:.0f} [{ends['low']:.0f}, {ends['high']:.0f}]",
        str(len(fit["knees"])), "ok" if right else "WRONG",
    ]  # fmt: skip
    return cells, right


def main() -> int:
    """Print every planted cost."""
    found = [line(cost, sys.argv[1] if len(sys.argv) > 1 else "75s") for cost in COSTS]
    headers = ["cost", "sizes", "exponent", "found [95 %]", "overhead ends", "found [95 %]", "other knees", ""]
    print(tabulate([cells for cells, _ in found], headers=headers, disable_numparse=True))
    return int(not all(right for _, right in found))


if __name__ == "__main__":
    raise SystemExit(main())
