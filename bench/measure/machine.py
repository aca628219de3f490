"""What else the machine did while something was measured. Recorded as it was: no value is corrected or left out."""

from __future__ import annotations

import statistics
import time
from itertools import pairwise, repeat
from json import JSONDecoder, JSONEncoder
from pathlib import Path
from time import perf_counter  # as it was before anybody could replace it

from bench.measure.timer import Between, nothing
from bench.records.record import REFERENCE

try:
    import resource
except ModuleNotFoundError:  # not on Windows
    resource = None  # type: ignore[assignment]

SPIN_TURNS = 20_000  # of an empty loop: some tenths of a millisecond
SPINS = 5
PROCESSOR = "cpu"  # the device whose steps run where the reference work does
DOCUMENT = {"a": [1, 2.5, "x", {"b": None, "c": [True] * 8}], "d": {str(n): n * 1.5 for n in range(12)}}
WRITE, READ = JSONEncoder().encode, JSONDecoder().decode  # bound before a step could replace them
TIMES = 4  # that the document is written and read, after as many that are not timed: a step leaves caches as it likes
REFERENCE_SHARE = 0.02  # of a long value, the reference work is repeated for so long beside it,
MOST_REFERENCES = 50  # but not more often
STAT = Path("/proc/stat")
STEAL = 7  # which of the numbers after "cpu" are ticks that another machine took (proc(5))

Facts = tuple[tuple[str, float], ...]
Readings = tuple[tuple[str, tuple[float, ...]], ...]


def spin() -> float:
    """Seconds of a loop that does nothing, the same work on every machine and in every process: the median of some."""
    taken = []
    for _ in range(SPINS):
        start = time.perf_counter()
        for _ in repeat(None, SPIN_TURNS):
            pass
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def reference() -> float:
    """Seconds of work that is the same beside every value: a small JSON document, written and read again.

    Its code and data are as scattered as a step's are, so a neighbour on the core slows it down as it does steps; an
    empty loop notices less of that (`python -m tests.perf.references`, on a busy machine).
    """
    for _ in repeat(None, TIMES):
        READ(WRITE(DOCUMENT))
    start = perf_counter()
    for _ in repeat(None, TIMES):
        READ(WRITE(DOCUMENT))
    return perf_counter() - start


class References:
    """How long the reference work took before the first of some values and after each, where steps run as it does.

    Of steps on a device of their own the processor's pace says nothing: nobody looks.
    """

    def __init__(self, device: str) -> None:
        self.between: Between = self.look if device == PROCESSOR else nothing
        self._looks: list[float] = []

    def look(self, block_s: float) -> None:
        """Look once. block_s: seconds of the value before it; beside a long one the work is repeated."""
        first_s = reference()
        more = min(MOST_REFERENCES, int(REFERENCE_SHARE * block_s / first_s))
        self._looks.append(statistics.median([first_s, *(reference() for _ in range(more))]))

    def readings(self, values: int) -> Readings:
        """The mean of the looks before and after each of the last so many values, by name."""
        around = self._looks[-values - 1 :]
        return ((REFERENCE, tuple(map(statistics.mean, pairwise(around)))),) if len(around) > values > 0 else ()


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
