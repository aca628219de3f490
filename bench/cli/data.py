"""`torchpace data`: get the digits."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from bench.cli.options import refuse
from bench.records.errors import UsageError


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("data", help="download MNIST, or draw the digits that stand in for it")
    parser.add_argument("name", choices=("mnist", "digits"), help="mnist: download it; digits: draw the stand-in")
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="where MNIST goes (default: $TORCHPACE_DATA or a cache)"
    )
    parser.set_defaults(command=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """Have the digits ready and say where they are."""
    from workloads.base import Unavailable  # noqa: PLC0415
    from workloads.shared import mnist_data  # noqa: PLC0415 - imports torch

    if options.name == "digits":
        refuse(options, ["data"], "digits", "they are drawn into $TORCHPACE_DATA or a cache")
        draw_digits()
        drawn, name = mnist_data.locate()
        if not mnist_data.has_digits(drawn):
            return 2
        print(f"{name} in {drawn}")
        return 0
    folder = (options.data or mnist_data.data_folder()).expanduser()
    try:
        mnist_data.download(folder)
    except (Unavailable, RuntimeError, OSError) as error:
        raise UsageError(
            f"MNIST could not be downloaded to {folder}: {error}; without it, digits drawn by torchpace stand in. "
            f"To bring it from elsewhere, put the four files of MNIST (...-ubyte) into {folder / 'MNIST' / 'raw'}"
        ) from error
    print(f"MNIST in {folder}; measure with it by --data {folder} or TORCHPACE_DATA={folder}")
    return 0


def draw_digits() -> None:
    """Make sure that there are digits, drawing them with a progress bar if need be; what is started may read them."""
    from tqdm import tqdm  # noqa: PLC0415

    from bench.gate.host import READS_DIGITS  # noqa: PLC0415
    from workloads.base import Unavailable  # noqa: PLC0415
    from workloads.shared import digits, mnist_data  # noqa: PLC0415

    os.environ[READS_DIGITS] = "1"
    folder, name = mnist_data.locate()
    if mnist_data.has_digits(folder):
        return
    try:
        mnist_data.require_torchvision()  # which reads them
        with tqdm(total=sum(digits.COUNTS.values()), unit="digit", desc=f"drawing {name}, once") as bar:
            mnist_data.prepare(lambda count: (bar.update(count), None)[1])
    except Unavailable as error:  # the cases that need digits will say so again; the others go on
        print(f"torchpace: {error}", file=sys.stderr)
