"""None of the corpus is believed, and each is named as what it is."""

from __future__ import annotations

import pytest

from bench.measure.task import Task
from bench.measure.timer import Budget
from bench.records.record import Case
from bench.runs.fresh import Launcher
from bench.runs.run import measured
from tests.cheats import MODULE, corpus

CORPUS = corpus()
BUDGET = Budget(warm_up_s=0.02, sample_s=0.1)


@pytest.mark.parametrize("name", CORPUS)
def test_a_cheat_is_found_out(name: str) -> None:
    case = Case(f"cheats.{name}", 1, (), "cpu", "float32", "eager", 1)
    module = f"{MODULE}.everything"
    records = measured(Launcher(60.0), Task(case, "time", budget=BUDGET, module=module))
    assert [record.status for record in records] == ["broken"], records
    assert CORPUS[name] in records[0].reason


def test_the_corpus_is_large() -> None:
    assert len(CORPUS) >= 24
