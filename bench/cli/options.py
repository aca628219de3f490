"""Options by which commands select workloads, and their translation into workloads. Measures nothing."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.records.errors import UsageError, describe
from bench.records.points import Value, parse_value
from torchpace_first import FILE, OURS

if TYPE_CHECKING:
    from bench.runs.plan import Selection
    from workloads.base import Workload


# What says which GPUs a process sees, by device; ROCm builds of torch read it as well.
VISIBLE = {"cuda": "CUDA_VISIBLE_DEVICES"}


def comma_list(text: str) -> list[str]:
    """'cpu,cuda' as ["cpu", "cuda"]; for argparse."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError(f"{text!r} names nothing; give one or more names, separated by commas")
    return names


class Several(argparse.Action):
    """Names in one option, separated by commas, or in the same option given again; they replace the default."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        """Add those of an option."""
        assert isinstance(values, list)
        before = getattr(namespace, self.dest, self.default)
        setattr(namespace, self.dest, values if before is self.default else [*before, *values])


def refuse(options: argparse.Namespace, names: Sequence[str], given: str, why: str) -> None:
    """Raise UsageError for options that would be ignored, where they are not as the parser has them by default."""
    ignored = [name for name in names if getattr(options, name) != options.parser.get_default(name)]
    if ignored:
        words = ", ".join(f"--{name.replace('_', '-')}" for name in ignored)
        raise UsageError(f"with {given}, leave {words} out: {why}")


def positive_int(text: str) -> int:
    """A whole number of at least 1; for argparse."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def axis_values(text: str) -> tuple[str, list[Value]]:
    """'batch=1,64' as ("batch", [1, 64]); for argparse."""
    axis, equals, values = text.partition("=")
    if not equals or not axis or not values:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form AXIS=VALUE[,VALUE...]")
    return axis, [parse_value(value) for value in values.split(",")]


def add_case_options(
    parser: argparse.ArgumentParser, default_mode: str, modes: str = "eager,compile,aot,int8,..."
) -> None:
    """Which cases of the workloads: device, mode, dtype, threads, axes."""
    parser.add_argument(
        "--device",
        type=comma_list,
        action=Several,
        default=["auto"],
        help="auto (default), or such as cpu,cuda or cuda:1",
    )
    parser.add_argument(
        "--mode", type=comma_list, action=Several, default=[], help=f"of {modes} (default {default_mode})"
    )
    parser.add_argument(
        "--dtype", type=comma_list, action=Several, default=["float32"], help="of float32,bfloat16,float16"
    )
    parser.add_argument("--threads", type=positive_int, default=1, help="CPU threads of a step (default 1)")
    parser.add_argument(
        "--axis", type=axis_values, action="append", default=[], metavar="AXIS=VALUES",
        help="other values for an axis, such as batch=1,64; may be repeated",
    )  # fmt: skip


def selection_of(options: argparse.Namespace, default_modes: Sequence[str] = ()) -> Selection:
    """What the options and GLOBs select; `default_modes` when none are asked for. Raises SelectionError."""
    from bench.modes.torch_compile import MODES  # noqa: PLC0415 - these import torch
    from bench.runs.plan import Selection, choose  # noqa: PLC0415
    from workloads.base import FLOAT_DTYPES  # noqa: PLC0415

    return Selection(
        globs=options.globs,
        devices=choose_devices(options.device),
        dtypes=choose("dtype", options.dtype, FLOAT_DTYPES),
        modes=choose("mode", options.mode, MODES) or default_modes,
        threads=options.threads,
        axes=axes_of(options.axis),
    )


def axes_of(given: Sequence[tuple[str, Sequence[Value]]]) -> dict[str, list[Value]]:
    """The values of every axis; one that is given twice has both's."""
    found: dict[str, list[Value]] = {}
    for axis, values in given:
        found[axis] = [*found.get(axis, []), *values]
    return found


def add_module_option(parser: argparse.ArgumentParser) -> None:
    """--workloads, for a module of the user's own."""
    parser.add_argument(
        "--workloads", metavar="MODULE", help="a module of your own with @workload functions, instead of the suite"
    )


def load(module: str | None) -> dict[str, Workload]:
    """The suite's workloads, or those that importing the user's module defines. Raises UsageError."""
    from workloads.base import WORKLOADS, load_suite  # noqa: PLC0415 - imports torch

    if module is None:
        return load_suite()
    check_name(module)
    sys.path.insert(0, os.getcwd())
    # Fresh processes find the module the same way.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))
    before = set(WORKLOADS)
    try:
        importlib.import_module(module)
    except (Exception, SystemExit) as error:
        is_absent = isinstance(error, ModuleNotFoundError) and within(module, error.name or module)
        hint = "; give its name as Python does, in the folder that holds its package" if is_absent else ""
        what = describe(error, within=Path.cwd())
        raise UsageError(f"--workloads {module} does not import from {Path.cwd()}: {what}{hint}") from error
    found = {
        name: workload
        for name, workload in WORKLOADS.items()
        if name not in before or within(workload.builder.__module__, module)
    }
    if not found:
        raise UsageError(f"--workloads {module} defines no workload; decorate a function in it with @workload")
    return found


def check_name(module: str) -> None:
    """Raise UsageError for a path, and for a module of the user's own that has the name of a package of ours."""
    if module.endswith(".py") or len(Path(module).parts) > 1:
        path, here = Path(module).resolve(), Path.cwd().resolve()
        inside = path.is_relative_to(here)
        name = ".".join((path.relative_to(here) if inside else Path(path.name)).with_suffix("").parts)
        check_name(name)
        where = "" if inside else f", in the folder {path.parent}"
        raise UsageError(f"--workloads {module} is a path; name the module as Python does: --workloads {name}{where}")
    top = module.partition(".")[0]
    for path in (Path(top), Path(f"{top}.py")):
        if top in OURS and path.exists() and path.resolve().parent != FILE.parent:
            raise UsageError(f"--workloads {module}: {top} is a package of torchpace, which comes first; rename {path}")


def within(name: str, module: str) -> bool:
    """Whether a module is the named one or lies in it."""
    return name == module or name.startswith(module + ".")


def choose_devices(wanted: Sequence[str]) -> list[str]:
    """The devices to plan for. "auto" is every known device: those that are missing are reported as such.

    Of several GPUs "cuda:1" is the second: from then on this process, and those that it starts, see no other.
    """
    from bench.devices import DEVICES  # noqa: PLC0415 - imports torch
    from bench.runs.plan import choose  # noqa: PLC0415

    if any(":" in name for name in wanted) and len({name.partition(":")[0] for name in wanted}) < len(wanted):
        raise UsageError("a run is on one GPU of a kind; measure them one after the other, each into a file of its own")
    wanted = [one_of_several(name) for name in wanted]
    return list(DEVICES) if list(wanted) == ["auto"] else choose("device", wanted, DEVICES)


def one_of_several(name: str) -> str:
    """The device without its number. Of a numbered GPU no other is visible from now on."""
    device, _, number = name.partition(":")
    if not number:
        return name
    if device not in VISIBLE or not number.isdecimal():
        raise UsageError(f"device {name!r} is unknown; a numbered one is such as cuda:1")
    seen = os.environ.get(VISIBLE[device])
    known = seen.split(",") if seen else None
    if known is not None and int(number) >= len(known):
        raise UsageError(f"there is no {name}: {VISIBLE[device]}={seen} shows {len(known)}")
    os.environ[VISIBLE[device]] = known[int(number)] if known else number
    return device
