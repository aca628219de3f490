"""Which runs a report is about, whatever the files are called and whoever wrote them."""

from __future__ import annotations

from pathlib import Path

from reports.read.runs import MOST_RUNS
from tests.reports import stored
from tests.reports.asked import material_of, report
from tests.reports.asv_files import write_results


def test_commits_in_one_folder_of_asv_are_runs(folder: Path) -> None:
    results = folder / "results"
    for day in range(6):  # the newest first in the order of names
        level = 1e-3 * (1 + day)
        write_results(
            results, f"{6 - day}.json", str(day) * 40, 86_400_000 * day, "modules.linear", {64: level}, [[level] * 3]
        )
    material = material_of(str(results))
    assert [run.label for run in material.runs] == [
        "commit 0000000000", "commit 3333333333", "commit 4444444444", "commit 5555555555",
    ]  # fmt: skip
    assert len(material.runs) == MOST_RUNS
    assert "Of 6 runs, the first and the newest 3 are drawn" in report(str(results))


def test_environments_that_differ_in_something_else_are_runs(folder: Path) -> None:
    for python in ("3.11", "3.12"):
        stored.store(Path("pythons.jsonl"), stored.first_run(), python=python)
    assert [run.label for run in material_of("pythons.jsonl").runs] == ["Python 3.11", "Python 3.12"]


def test_of_a_source_with_several_environments_beside_another_the_page_says_what_is_drawn(folder: Path) -> None:
    for python in ("3.11", "3.12"):
        stored.store(Path("pythons.jsonl"), stored.first_run(), python=python)
    notes = material_of("pythons.jsonl", "a.jsonl").notes
    assert any("pythons.jsonl: measured in 2 settings (Python 3.11; Python 3.12)" in note for note in notes)


def test_sources_of_one_name_are_told_apart(folder: Path) -> None:
    (folder / "other").mkdir()
    stored.store(Path("other/a.jsonl"), stored.second_run())
    assert [run.label for run in material_of("a.jsonl", "other/a.jsonl").runs] == ["a.jsonl", "other/a.jsonl"]
    assert [run.label for run in material_of("a.jsonl", "a.jsonl").runs] == ["A: a.jsonl", "B: a.jsonl"]
