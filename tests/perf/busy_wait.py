"""Whether `torchpace.measure` says how long a wait of known length takes: `python -m tests.perf.busy_wait`; 15 s.

Exit code 1 when one is off by more than a percent.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tabulate import tabulate

import torchpace

LENGTHS_S = (1e-4, 1e-3, 1e-2, 1e-1)
OFF = 0.01


def busy(seconds: float) -> Callable[[], None]:
    """A function that keeps the processor busy for so long."""

    def wait() -> None:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            pass

    return wait


def main() -> int:
    """Print what is measured of every length."""
    lines, worst = [], 0.0
    for length_s in LENGTHS_S:
        result = torchpace.measure(busy(length_s), within=0.001, seconds=3)
        off = result.seconds / length_s - 1
        worst = max(worst, abs(off))
        lines.append(
            [f"{length_s:g} s", f"{result.seconds:.7f} s", f"{off:+.2%}", f"{result.low:.7f}, {result.high:.7f}"]
        )
    print(tabulate(lines, headers=["wait", "measured", "off", "95 %"], disable_numparse=True))
    return int(worst > OFF)


if __name__ == "__main__":
    raise SystemExit(main())
