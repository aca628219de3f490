"""Changes so large that a few trials show them. Pure.

Noise takes the two sides of a trial far apart now and then, when one of its processes is unlucky in its memory or its
neighbours, and Student's t knows nothing of that from three trials. How often is measured, on quiet and on busy
machines (docs/method.md); several trials in a row are then as rare as the error that is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

FAR = math.log(1.5)  # beyond the margin: noise alone takes the sides of a trial so far apart ...
CHANCE = 0.05  # ... at most so often


def trials_for(error_rate: float) -> int:
    """How many trials in a row are together as unlikely as this, if noise alone took each so far."""
    return math.ceil(math.log(error_rate) / math.log(CHANCE))


def plain(seen: Sequence[float], slower: float, faster: float) -> int:
    """1 when every trial (one at least) lies far above the margin of slower, -1 far below that of faster, else 0.

    All are logarithms of head / base.
    """
    if not seen:
        return 0
    return 1 if min(seen) > slower + FAR else -1 if max(seen) < faster - FAR else 0
