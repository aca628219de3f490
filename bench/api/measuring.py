"""`measure` and `compare`: functions timed in the process that calls this, or each time in fresh ones."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import torch

from bench.api.fresh_program import Request
from bench.api.functions import HOST, Function, cases_for, differences, first_call, name_of, place_of
from bench.api.in_processes import FRESH_S, in_fresh_processes
from bench.api.results import Result, result_of
from bench.api.visits import Timing, timed
from bench.measure.environment import capture
from bench.records.errors import UsageError
from bench.records.record import Record
from reports.topics.inline.figures import distance

INLINE_S = 2.0
WITHIN = 0.01
ONLY = "eager"  # the mode of a function that is measured alone


def measure(
    function: Function, *, setup: Function | None = None, name: str = "", items: int = 1, item: str = "call",
    device: str | None = None, within: float = WITHIN, seconds: float | None = None, fresh: bool = False,
    progress: bool = False,
) -> Result:  # fmt: skip
    """How long a call of the function takes, in seconds, waiting for whatever device it uses.

    setup: what is called once and gives the function's arguments, a tuple being several. items: how many of `item` a
    call processes, for the throughput. within: the half width, as a share, of the 95 % interval at which it ends
    before `seconds` are up (default 2, and 60 where fresh). fresh: measured in processes of its own, in other layouts
    of memory each, so that the interval holds for other processes, too; for functions that can be imported.

    Raises UsageError for what cannot be, and whatever the function raises.
    """
    return compared({ONLY: function}, name, setup, items, item, device, within, seconds, False, fresh, progress)


def compare(
    functions: Mapping[str, Function] | None = None, /, *, setup: Function | None = None, name: str = "",
    items: int = 1, item: str = "call", device: str | None = None, within: float = WITHIN,
    seconds: float | None = None, check: bool = True, fresh: bool = False, progress: bool = False,
    **more: Function,
) -> Result:  # fmt: skip
    """How the functions' times compare: `compare(eager=f, compiled=g)`, each against the first, taking turns.

    check: whether a function is told of that does not answer as the first does. The rest is as for `measure`; each has
    arguments of its own from `setup`, made from the same random numbers.

    Raises UsageError where there are fewer than two, and whatever the functions raise.
    """
    given = {**(functions or {}), **more}
    if len(given) < 2:
        raise UsageError(f"compare needs two functions, as compare(eager=f, compiled=g); it was given {len(given)}")
    return compared(given, name, setup, items, item, device, within, seconds, check, fresh, progress)


def compared(
    given: Mapping[str, Function], name: str, setup: Function | None, items: int, item: str, device: str | None,
    within: float, seconds: float | None, check: bool, fresh: bool, progress: bool,
) -> Result:  # fmt: skip
    """The result of one function or of several."""
    for function in given.values():
        if not callable(function):
            raise UsageError(f"{function!r} is no function: give one that can be called, such as lambda: model(x)")
    if items < 1 or not 0 < within < 1 or (seconds is not None and not seconds > 0):
        raise UsageError(f"items={items}, within={within}, seconds={seconds}: all are above 0, and within is below 1")
    label = name or (" and ".join(given) if len(given) > 1 else name_of(next(iter(given.values()))))
    enough = enough_within(within)
    run = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
    if fresh:
        places = {mode: place_of(function, setup) for mode, function in given.items()}
        request = Request(label, places, device, items, item, torch.get_num_threads(), tuple(sys.path))
        records, environment, told = in_fresh_processes(request, seconds or FRESH_S, enough, progress)
    else:
        firsts = {mode: first_call(function, setup, device) for mode, function in given.items()}
        cases = cases_for(label, firsts)
        used = [case.device for case in cases.values()]  # an accelerator's environment says all that the CPU's does
        environment = capture(next((device for device in used if device != HOST), HOST), is_ours=False)
        timing = Timing(seconds or INLINE_S, shows_progress=progress)
        records = timed({cases[mode]: first for mode, first in firsts.items()}, items, item, timing, enough)
        told = differences(firsts)
    return result_of(warned(records, told if check else {}), environment, run)


def warned(records: Sequence[Record], told: Mapping[str, str]) -> list[Record]:
    """The records, those of functions that answer otherwise with a warning that says so."""
    return [replace(each, warnings=(told[each.case.mode],)) if each.case.mode in told else each for each in records]


def enough_within(within: float) -> Callable[[Sequence[Record]], bool]:
    """Whether records say as much as was asked for."""
    return lambda records: distance(records, within) <= 1
