"""What else the machine did while something was measured. Recorded as it was: no value is corrected or left out."""

from __future__ import annotations

import statistics
import time
from itertools import repeat
from pathlib import Path

try:
    import resource
except ModuleNotFoundError:  # not on Windows
    resource = None  # type: ignore[assignment]

SPIN_TURNS = 20_000  # of an empty loop: some tenths of a millisecond
SPINS = 5
STAT = Path("/proc/stat")
STEAL = 7  # which of the numbers after "cpu" are ticks that another machine took (proc(5))

Facts = tuple[tuple[str, float], ...]


def spin() -> float:
    """Seconds of a loop that does nothing, the same work on every machine and in every process: the median of some."""
    taken = []
    for _ in range(SPINS):
        start = time.perf_counter()
        for _ in repeat(None, SPIN_TURNS):
            pass
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def ticks() -> tuple[int, int] | None:
    """Ticks of all processors since the start, those stolen and all; None where the system does not say."""
    try:
        numbers = [int(number) for number in STAT.read_text().split("\n", 1)[0].split()[1:]]
        return numbers[STEAL], sum(numbers[: STEAL + 1])
    except (OSError, ValueError, IndexError):
        return None


def switches() -> int | None:
    """How often this process had to leave its core for another; None where the system does not say."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw if resource else None


class Watch:
    """Watches the machine from its making until `facts`."""

    def __init__(self) -> None:
        self._spin_s = spin()
        self._ticks, self._switches = ticks(), switches()

    def facts(self) -> Facts:
        """What was seen, by name; what the system does not say is left out.

        spin_before, spin_after: seconds of the same loop on either side of what was measured. stolen: share of all
        processors' time that another machine took. switches: how often this process had to leave its core.
        """
        found: dict[str, float] = {}
        now = ticks()
        if self._ticks and now and now[1] > self._ticks[1]:
            found["stolen"] = (now[0] - self._ticks[0]) / (now[1] - self._ticks[1])
        left = switches()
        if self._switches is not None and left is not None:
            found["switches"] = float(left - self._switches)
        return tuple(sorted({**found, "spin_before": self._spin_s, "spin_after": spin()}.items()))
