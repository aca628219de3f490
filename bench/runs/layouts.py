"""Where code and data lie in the memory of a program that is started, and how its hashes are seeded.

Either makes the same step some percent slower or faster, in all processes that are forked from the program alike, so
nothing that they say of each other shows it. A layout is drawn from a number: programs of one number have the same,
wherever the system lets one decide that; containers may forbid it, and then its dice do. Knows nothing of what the
programs do.
"""

from __future__ import annotations

import contextlib
import ctypes
import random
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

try:
    import resource
except ModuleNotFoundError:  # not on Windows
    resource = None  # type: ignore[assignment]

PADDING = "TORCHPACE_PADDING"
PAGE = 4096  # bytes; environments differ by up to a page, and the stack's start moves with them
PLACES = 1 << 14  # as many places, a page apart, libraries and heap can be in
ADDR_NO_RANDOMIZE = 0x40000  # of personality(2)
ASK = 0xFFFFFFFF  # of personality(2): changes nothing
LEAST_STACK = 128 << 20  # Linux places libraries below the stack's limit, but never less than this far below its top

_placing = threading.Lock()  # the stack's limit is one for all threads


@dataclass(frozen=True, slots=True)
class Layout:
    """What decides where things lie in a process: the seed of hashes, bytes of padding, bytes of shift."""

    hash_seed: int
    padding: int
    shift: int

    @property
    def variables(self) -> dict[str, str]:
        """What the program's environment has to say."""
        return {"PYTHONHASHSEED": str(self.hash_seed), PADDING: "x" * self.padding}


def draw(dice: random.Random) -> Layout:
    """A layout that is most likely like no other."""
    return Layout(dice.randrange(2**32), dice.randrange(PAGE), PAGE * dice.randrange(PLACES))


@contextlib.contextmanager
def placing(layout: Layout) -> Iterator[bool]:
    """Programs that this thread starts in here have libraries and heap where the layout's shift says.

    Gives whether the system lets one decide; where it does not, they are where the system's dice put them.
    """
    if resource is None or not sys.platform.startswith("linux"):
        yield False
        return
    personality = ctypes.CDLL(None).personality
    with _placing:
        current = personality(ASK)
        soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
        wanted = LEAST_STACK + layout.shift
        able = current >= 0 and (hard == resource.RLIM_INFINITY or wanted <= hard)
        able = able and personality(current | ADDR_NO_RANDOMIZE) >= 0
        try:
            if able:
                resource.setrlimit(resource.RLIMIT_STACK, (wanted, hard))
            yield able
        finally:
            if able:
                resource.setrlimit(resource.RLIMIT_STACK, (soft, hard))
                personality(current)
