"""How large a report is and how soon it can be used, in a real browser.

torchpace profile 'mnist_cnn.train_step' 'modules.*' --device cpu -o many
python -m tests.perf.pages many/report.html
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from tests.browser import Browser

TIMES = 5


def main() -> None:
    """Print both."""
    for path in map(Path, sys.argv[1:]):
        with Browser() as browser:
            taken = [browser.open(path) for _ in range(TIMES)]
            assert not browser.complaints()
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB; usable after {statistics.median(taken):.2f} s "
              f"({min(taken):.2f} to {max(taken):.2f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
