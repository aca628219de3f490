"""Layouts of memory: the same for two programs of one number, and one observation in every interval."""

from __future__ import annotations

import os
import random
import resource
import sys
from dataclasses import replace

import pytest

from bench.records.files import Contents
from bench.records.record import Case, Record
from bench.runs import fresh
from bench.runs.fresh import Launcher
from bench.runs.layouts import Layout, draw, placing
from reports.read.frames import figures, frame_of
from reports.stats.intervals import summarize
from tests.conftest import real_lay_out
from tests.whereabouts import where

CASE = Case("made.case", 1, (), "cpu", "float32", "eager", 1)


def test_memory_is_laid_out_anew_where_the_system_cannot_wait_for_a_death(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Launcher, "lay_out", real_lay_out)
    monkeypatch.setattr(fresh, "PRELOAD", ("torchpace_first",))
    monkeypatch.delattr(os, "waitid")
    launcher = Launcher(60.0)
    seen = []
    for number in (1, 2):
        assert launcher.lay_out(draw(random.Random(number)))
        seen.append(launcher.call("forkserver", where)[0])
    assert seen[0] != seen[1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere addresses are the system's")
def test_processes_of_one_number_lie_alike_and_of_another_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Launcher, "lay_out", real_lay_out)
    monkeypatch.setattr(fresh, "PRELOAD", ("torchpace_first",))  # what is imported makes no difference here
    launcher = Launcher(60.0)
    with placing(draw(random.Random(1))) as able:
        pass
    seen = []
    for number in (1, 2, 1):
        assert launcher.lay_out(draw(random.Random(number)))
        seen.append([launcher.call("forkserver", where) for _ in range(2)])
    first, second, again = seen
    assert first[0] == first[1]
    assert first[0][0] != second[0][0]
    assert first[0][0] == again[0][0]
    if able:  # containers may forbid it
        assert first == again
        assert first[0][2] != second[0][2]


def test_this_process_stays_as_it_was() -> None:
    before = resource.getrlimit(resource.RLIMIT_STACK), dict(os.environ)
    with placing(Layout(1, 2, 4096)):
        pass
    assert (resource.getrlimit(resource.RLIMIT_STACK), dict(os.environ)) == before


def test_launches_of_one_layout_are_one_observation() -> None:
    """Two layouts of ten launches each, 10 % apart: known to no more than two observations tell, whatever is within."""
    records = [
        Record("run", "here", CASE, "step_time", values=(level * (1 + 0.001 * number),), launch=10 * layout + number,
               layout=layout)
        for layout, level in enumerate((1.0, 1.1))
        for number in range(10)
    ]  # fmt: skip
    alone = [replace(record, layout=None) for record in records]
    (joined,), (apart,) = (figures(frame_of(Contents(tuple(each), {}))) for each in (records, alone))
    assert [len(launch) for launch in joined.launches] == [10, 10]
    assert len(apart.launches) == 20
    known, believed = summarize(joined.launches), summarize(apart.launches)
    assert (known.half_width or 0) > 0.5
    assert (believed.half_width or 0) < 0.06


def test_layouts_of_two_runs_in_one_file_are_not_joined() -> None:
    records = [Record(run, "here", CASE, "step_time", values=(1.0,), layout=0) for run in ("first", "second")]
    (figure,) = figures(frame_of(Contents(tuple(records), {})))
    assert len(figure.launches) == 2
