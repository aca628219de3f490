"""`profile`: where the time and the memory of a loop's steps go, as one HTML file with the raw traces beside it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import torch
from torch import nn

from bench.api.functions import HOST, in_use
from bench.api.loops import PASSES, Loop
from bench.cli.profile import folder_name
from bench.cli.rooflines import roofs_for
from bench.devices import DEVICES, Device
from bench.measure.environment import capture
from bench.records.errors import UsageError
from bench.records.files import write_whole
from bench.records.profile_notes import FILE, MEMORY, STACKS, TIMELINE, Notes, write_notes
from bench.records.record import Case
from bench.runs.profile import copy_for_tensorboard
from reports.page.report import as_html
from reports.profiles.profile import Profile, read_profile


class profile:
    """Profiles a loop of one's own, some of its steps for each pass: `with profile("out") as p: ... p.step()`.

    model, optimizer: whose parameters, gradients and state are told apart in memory; without them, all that the process
    has. items: how many of `item` a step processes. device: the one that steps run on, where it is not the model's.

    The folder then has `report.html` and what `torchpace report` reads. Raises UsageError for an unknown device, for
    what cannot be written, and where the loop ended before there was anything to show.
    """

    def __init__(
        self, folder: str | Path = "profile", *, model: nn.Module | None = None,
        optimizer: torch.optim.Optimizer | None = None, name: str = "loop", items: int | None = None,
        item: str = "sample", device: str | None = None,
    ) -> None:  # fmt: skip
        used = used_device(model, device)
        numbers = next(model.parameters(), None) if model is not None else None
        dtype = str(torch.get_default_dtype() if numbers is None else numbers.dtype).removeprefix("torch.")
        self.folder = Path(folder)
        self._case = Case(name, 1, (), used.name, dtype, "eager", torch.get_num_threads())
        self._told = {"items": items, "item": item}
        self._loop = Loop(used, self.folder / folder_name(self._case), model, optimizer)
        self._going = self._loop.passes()
        self.done = False

    @property
    def page(self) -> Path:
        """The HTML file."""
        return self.folder / "report.html"

    def __enter__(self) -> profile:
        try:
            self._loop.folder.mkdir(parents=True, exist_ok=True)
            for name in (FILE, TIMELINE, STACKS, MEMORY):  # of an earlier profile
                (self._loop.folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"cannot write to {self.folder}: {error.strerror}; name another folder") from error
        next(self._going)
        return self

    def step(self) -> bool:
        """A step of the loop has ended. Gives whether there were enough of them, as `done` does."""
        if not self.done:
            self.done = next(self._going, self) is self
        return self.done

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._going.close()
        if not (self._loop.folder / TIMELINE).is_file():
            if error is not None:
                return  # which says more
            raise UsageError(
                f"the loop ended after {self._loop.steps} steps, before it was profiled: let it have 60, "
                "and call step() at the end of each"
            )
        self._write()

    def _write(self) -> None:
        """Store what was found out, and write the page."""
        early = f"the loop ended after {self._loop.steps} steps, before those of this pass"
        missing = {name: early for name in PASSES if name not in self._loop.made} | self._loop.missing
        missing.pop("timeline", None)
        case = replace(self._case, mode="compile") if self._loop.generates else self._case
        facts = dict(capture(case.device, is_ours=False).facts)
        notes = Notes(case, facts, **self._told, **self._loop.found, missing=missing)  # type: ignore[arg-type]
        write_notes(self._loop.folder, notes)
        copy_for_tensorboard(self._loop.folder, self.folder, self._loop.folder.name)
        profiles: list[Profile] = [read_profile(self._loop.folder)]
        write_whole(self.page, as_html([], profiles, "", [], False, roofs_for(profiles)))
        print(self.page, file=sys.stderr)


def used_device(model: nn.Module | None, named: str | None) -> Device:
    """The device that steps run on: the one named, the model's, an accelerator in use, or else the CPU."""
    if named is not None and named not in DEVICES:
        raise UsageError(f"device {named!r} unknown; choose from {', '.join(DEVICES)}")
    numbers = next(model.parameters(), None) if model is not None else None
    accelerators = [name for name in in_use() if name != HOST]
    own = [numbers.device.type] if numbers is not None and numbers.device.type in DEVICES else accelerators
    return DEVICES[named or next(iter(own), HOST)]
