"""What a page carries: its data, as one table, and names from outside, which do nothing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bench.records.record import Case, Record
from reports.page import embedded
from reports.page.embedded import LOAD
from tests.reports import stored
from tests.reports.asked import report
from tests.reports.parsed import Page, words

HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)> 🔥 " + "x" * 10_000


def loaded(page: str) -> pd.DataFrame:
    """The table in a page, as the page itself says how."""
    found: dict[str, pd.DataFrame] = {}
    Path("report.html").write_text(page, encoding="utf-8")
    exec(LOAD, found)
    return found["frame"]


def test_the_data_in_the_page_load_with_pandas(folder: Path) -> None:
    text = report("a.jsonl", "b.jsonl")
    assert LOAD.split(";")[0] in text
    frame = loaded(text)
    row = frame[(frame.workload == "mnist.train") & (frame.metric == "step_time") & (frame["mode"] == "eager")].iloc[0]
    assert (row.run, row.unit, row.torch) == ("a.jsonl", "s", "2.15.0")
    assert row.low < row.estimate < row.high
    assert [len(launch) for launch in row["values"]] == [4, 4, 4]
    assert frame[frame.status == "broken"].estimate.isna().tolist() == [True]


def test_values_of_a_large_page_are_left_out_and_it_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LARGEST", 1000)
    text = report("a.jsonl")
    assert "The raw values are left out" in text
    assert "values" not in loaded(text).columns


def test_names_from_outside_are_shown_and_do_nothing(folder: Path) -> None:
    case = Case(HOSTILE, 1, (("a", HOSTILE),), "cpu", "float32", "eager", 1)
    records = [
        *stored.record(case, "step_time", *stored.times(1e-3), item=HOSTILE, warnings=(HOSTILE,)),
        *stored.record(case, "peak_memory", (1.0,)),
        Record("run", "", stored.case("b.c"), "step_time", status="broken", reason=HOSTILE),
    ]
    stored.store(Path("bad.jsonl"), records, torch=HOSTILE, cpu=HOSTILE)
    page = Page(text := report("bad.jsonl"))
    assert page.scripts == ["application/json", ""]
    assert (page.loaded, page.handlers, page.open) == ([], [], [])
    assert "🔥" in text
    assert max(len(word) for word in words(text).split(" ")) <= 4000
    frame = loaded(text)
    assert frame.workload[0] == HOSTILE
