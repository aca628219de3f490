"""Damaged files of every kind through every command that reads: `python -m tests.proof.damaged [INPUTS] [SEED]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tqdm import tqdm

from tests.mutations import faults
from tests.proof.claims import Claim, show, within

INPUTS = 5000


def claims(inputs: int = INPUTS, seed: int = 0) -> Iterator[Claim]:
    """Nothing ends in a traceback, without end, or in a refusal that names no file."""
    with tqdm(total=inputs, unit="input", dynamic_ncols=True) as bar:
        found = list(faults(inputs, seed, bar.update))
    for fault in found:
        print(fault, file=sys.stderr)
    yield within(f"of {inputs} damaged inputs, those that went wrong", len(found), 0, 0)


if __name__ == "__main__":
    raise SystemExit(show(claims(*map(int, sys.argv[1:]))))
