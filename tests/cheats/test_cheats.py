"""None of the corpus is believed, and each is named as what it is."""

from __future__ import annotations

import re

import pytest

from bench.measure.task import Task
from bench.measure.timer import Budget
from bench.records.record import Case
from bench.runs.fresh import Launcher
from bench.runs.run import measured
from tests.cheats import CORPUS

BUDGET = Budget(warm_up_s=0.02, sample_s=0.1)
CHEATS = [(module, name) for module, names in CORPUS.items() for name in names]


@pytest.mark.parametrize(("module", "name"), CHEATS, ids=[name for _, name in CHEATS])
def test_a_cheat_is_found_out(fork_server: None, module: str, name: str) -> None:
    case = Case(f"cheats.{name}", 1, (), "cpu", "float32", "eager", 1)
    records = measured(Launcher(60.0), Task(case, "time", budget=BUDGET, module=module))
    assert [record.status for record in records] == ["broken"], records
    assert re.search(CORPUS[module][name], records[0].reason)


@pytest.mark.parametrize("name", ["honest", "honest_large", "honest_training"])
def test_the_same_work_done_honestly_is_believed(fork_server: None, name: str) -> None:
    case = Case(f"cheats.{name}", 1, (), "cpu", "float32", "eager", 1)
    records = measured(Launcher(60.0), Task(case, "time", budget=BUDGET, module="tests.cheats.honest"))
    assert {record.status for record in records} == {"measured"}, records


def test_a_check_that_looks_at_the_shape_alone_is_a_warning(fork_server: None) -> None:
    case = Case("planted.first_version", 1, (("batch", 4),), "cpu", "float32", "eager", 1)
    step, *_ = measured(Launcher(60.0), Task(case, "time", budget=BUDGET, module="tests.planted"))
    assert step.warnings == ("its check looks at no number of the answer",)


def test_the_corpus_is_large() -> None:
    assert len(CHEATS) >= 24
