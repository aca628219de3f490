"""`torchpace ceilings`: what this machine can do at best, measured once and kept."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.options import Several, choose_devices, comma_list, positive_int
from bench.cli.quantities import duration
from bench.records.ceilings import cached, ceilings_file
from bench.records.errors import UsageError
from bench.records.files import Contents, Writer, read

if TYPE_CHECKING:
    from bench.records.record import Case, Environment
    from bench.runs.ceilings import Prober

DTYPES = ("float32", "bfloat16", "float16")
CPU_DTYPES = ("float64", *DTYPES)


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "ceilings",
        help="measure what this machine can do at best: FLOP/s, bandwidth, cost of a dispatch",
        description="The ceilings are kept in the user's cache folder, per machine, torch, device and threads; "
        "`torchpace run`, `compare` and `report` hold figures against them.",
    )
    parser.add_argument(
        "--device",
        type=comma_list,
        action=Several,
        default=["auto"],
        help="auto (default), or such as cpu,cuda or cuda:1",
    )
    parser.add_argument("--threads", type=positive_int, default=1, help="CPU threads (default 1)")
    parser.add_argument(
        "--dtype", type=comma_list, action=Several, help=f"of {','.join(CPU_DTYPES)} (default: all the device has)"
    )
    parser.add_argument("--budget", type=duration, default=60.0, help="time for all that is measured (default 1m)")
    parser.add_argument("--again", action="store_true", help="measure anew what was measured before")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE.jsonl", help="keep the records here, too")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Measure, keep and print the ceilings of every device; 2 when there is no device to measure."""
    from bench.devices import DEVICES  # noqa: PLC0415
    from bench.records.errors import Death  # noqa: PLC0415
    from bench.runs.ceilings import Prober  # noqa: PLC0415 - these import torch
    from bench.runs.plan import choose  # noqa: PLC0415
    from reports.topics.ceilings.figures import roofs  # noqa: PLC0415
    from reports.topics.ceilings.text import roofs_text  # noqa: PLC0415

    names = choose_devices(options.device)
    dtypes = choose("dtype", options.dtype, CPU_DTYPES) if options.dtype else None
    reasons = {name: DEVICES[name].unavailable_reason() for name in names}
    prober = Prober(datetime.now().strftime("%Y%m%d-%H%M%S"))
    wanted: list[Wanted] = []
    for name in (name for name in names if not reasons[name]):
        try:
            wanted.append(wanted_of(options, prober, name, dtypes or list(CPU_DTYPES if name == "cpu" else DTYPES)))
        except Death as death:
            raise UsageError(f"measuring on {name} cannot start: {death.reason}") from death
    missing = sum(len(each.missing) for each in wanted)
    if missing:
        prober.divide(options.budget, missing)
    for each in wanted:
        try:
            contents = ceilings_of(options, prober, each)
        except BaseException:  # Ctrl-C, or being asked to end
            if each.path.exists():  # what was measured so far
                print(roofs_text(roofs([read(each.path)])))
            raise
        print(roofs_text(roofs([contents])))
        print(f"\nkept in {each.path}; --again measures anew")
    for name, reason in reasons.items():
        if reason:
            print(f"{name}: not available, because {reason}")
    return 0 if wanted else 2


@dataclass(frozen=True, slots=True)
class Wanted:
    """A device's probes that were not measured yet, what was, and the file that both belong to."""

    environment: Environment
    path: Path
    kept: Contents | None
    missing: Sequence[Sequence[Case]]


def wanted_of(options: argparse.Namespace, prober: Prober, device: str, dtypes: list[str]) -> Wanted:
    """What is to be measured on a device. Raises Death when no process can be started there."""
    from bench.runs.ceilings import measured_whole, probes  # noqa: PLC0415 - these import torch

    environment = prober.environment(device)
    path = ceilings_file(environment, device, options.threads)
    if path is None:
        raise UsageError(
            "neither this machine's processor nor its name is known: there is nothing to keep its ceilings by"
        )
    kept = None if options.again else cached(environment, device, options.threads)
    known = measured_whole(kept.records) if kept else set()
    missing = [cases for cases in probes(device, dtypes, options.threads) if known.isdisjoint(cases)]
    return Wanted(environment, path, kept, missing)


def ceilings_of(options: argparse.Namespace, prober: Prober, wanted: Wanted) -> Contents:
    """A device's ceilings, from the cache or measured now. Raises StoringError."""
    kept = wanted.kept
    if wanted.missing:
        measure(prober, wanted.environment, wanted.missing, wanted.path)
        kept = read(wanted.path)
    assert kept is not None, "there are always probes"
    if options.output:
        copy_to(kept, options.output)
    return kept


def measure(prober: Prober, environment: Environment, planned: Sequence[Sequence[Case]], path: Path) -> None:
    """Append to the file, process by process: what was measured before stays; after Ctrl-C the rest is missing."""
    from tqdm import tqdm  # noqa: PLC0415

    from bench.runs.ceilings import LAUNCHES, measure_ceilings  # noqa: PLC0415 - these import torch

    writer = Writer(path)
    try:
        with tqdm(total=LAUNCHES * len(planned), unit="process", dynamic_ncols=True) as bar:
            for record in measure_ceilings(prober, environment, planned, writer):
                bar.set_description_str(f"{record.case.label} {record.case.device}"[:60].ljust(60))
                bar.update(1 if record.status == "measured" else LAUNCHES - record.launch)
    finally:
        writer.close()


def copy_to(contents: Contents, path: Path) -> None:
    """Append the records to the user's file."""
    writer = Writer(path)
    try:
        for id, environment in contents.environments.items():
            writer.add(environment, [record for record in contents.records if record.environment == id])
    finally:
        writer.close()
