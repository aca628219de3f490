"""Importing this module puts the project's own packages before all others of their names.

The names are generic: the current folder or PYTHONPATH may hold a bench.py or a folder of reports. So every process
that torchpace starts begins here: the command; a spawned process, by the path of this file (see `main`); the fork
server, by the name of this module, which nothing else has. Knows nothing of what is in the packages.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

FILE = Path(__file__).resolve()
OURS = ("bench", "reports", "torchpace", "torchpace_first", "torchpace_pytest", "workloads")
CHECKOUT_VARIABLE = "TORCHPACE_CHECKOUT"  # asv's benchmarks take the workloads of a commit, from this folder


class Finder:
    """Finds the project's own packages beside this file. Asked before the path is searched."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Where a package of ours is; None for anything else."""
        if name not in OURS:
            return None
        checkout = os.environ.get(CHECKOUT_VARIABLE) if name == "workloads" else None
        return PathFinder.find_spec(name, [checkout or str(FILE.parent)])


sys.meta_path.insert(0, Finder)


def take_over() -> None:
    """A spawned process runs its parent's program before anything else: let that be this file, by its path."""
    program = sys.modules["__main__"]
    program.__spec__, program.__file__ = None, str(FILE)


def main() -> int:
    """The command `torchpace`; gives its exit code."""
    take_over()
    from bench.cli import main as command  # noqa: PLC0415 - found as said above

    return command()


if __name__ == "__main__":
    sys.exit(main())
