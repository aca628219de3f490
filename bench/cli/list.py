"""`torchpace list`: what can be measured."""

from __future__ import annotations

import argparse
import json
from typing import Any

from bench.cli.options import add_module_option, load


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("list", help="show every workload with its axes")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_module_option(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Print the workloads."""
    workloads = load(options.workloads)
    if options.json:
        print(json.dumps([describe(workload) for workload in workloads.values()], indent=2))
        return 0
    for workload in workloads.values():
        print(f"{workload.name}  ({len(workload.points)} point{'s' * (len(workload.points) > 1)})")
        print(f"    {workload.doc}")
        for axis, values in workload.axes.items():
            print(f"    {axis}: {', '.join(str(value) for value in values)}")
        if workload.not_compiled:
            print(f"    not compiled: {workload.not_compiled}")
    return 0


def describe(workload: Any) -> dict[str, Any]:
    """A workload as JSON."""
    return {
        "name": workload.name,
        "version": workload.version,
        "description": workload.doc,
        "item": workload.item,
        "axes": {axis: list(values) for axis, values in workload.axes.items()},
        "points": [dict(point) for point in workload.points],
        "dtypes": list(workload.dtypes),
        "default_modes": list(workload.default_modes),
        "not_compiled": workload.not_compiled or None,
        "data": workload.data or None,
    }
