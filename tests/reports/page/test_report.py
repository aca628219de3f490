"""`torchpace report`: one page from records, which says what was found, how sure it is, and what is not known."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from bench.cli import main
from bench.records.record import Case, Record
from reports.page import embedded
from reports.page.embedded import LOAD
from reports.page.summary import summary
from reports.read.runs import MOST_RUNS, Material, gather
from reports.read.sources import load_one
from reports.stats.intervals import summarize
from reports.topics.compare.section import tables
from reports.topics.timing import strip
from reports.topics.timing.section import timings
from tests.reports import stored

SECTIONS = ("summary", "compare", "timing", "memory", "compile", "roofline", "method", "data")
VOID = {"meta", "br", "input", "link", "img", "hr"}
HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)> 🔥 " + "x" * 10_000


class Page(HTMLParser):
    """What a browser would see: ids, links, tags and what is loaded from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.loaded: list[str] = []
        self.handlers: list[str] = []
        self.scripts: list[str] = []
        self.rows: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.ids += [found["id"]] if "id" in found else []
        self.targets += [found["href"]] if "href" in found else []
        self.loaded += [found[name] for name in ("src", "srcset", "data", "action") if name in found]
        self.handlers += [name for name in found if name.startswith("on")]
        self.scripts += [found.get("type", "")] if tag == "script" else []
        self.rows += [found.get("id", "")] if tag == "tr" and "tbody" in self.open and "group" not in str(found) else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, f"</{tag}> at {self.getpos()}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    stored.store(Path("a.jsonl"), stored.first_run())
    stored.store(Path("b.jsonl"), stored.second_run(), torch="2.16.0", commit="fedcba9876543210")
    return tmp_path


def report(*sources: str) -> str:
    assert main(["report", *sources, "-o", "out.html"]) == 0
    return Path("out.html").read_text(encoding="utf-8")


def words(page: str) -> str:
    """The text of a page, without tags, styles and scripts."""
    bare = re.sub(r"<(script|style).*?</\1>", " ", page, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", bare))


def material_of(*paths: str) -> Material:
    return gather([(path, load_one(Path(path))) for path in paths])


def test_a_page_opens_from_disk_and_asks_for_nothing(folder: Path) -> None:
    page = Page(text := report("a.jsonl", "b.jsonl"))
    assert page.open == []
    assert "http:" not in text
    assert "https:" not in text
    assert (page.loaded, page.handlers) == ([], [])
    assert page.scripts == ["application/json", ""]
    assert all(target.startswith("#") for target in page.targets)


def test_every_section_is_there_with_its_figures_or_its_reason(folder: Path) -> None:
    for sources in (["a.jsonl"], ["b.jsonl"], ["a.jsonl", "b.jsonl"]):
        page = Page(text := report(*sources))
        assert set(SECTIONS) <= set(page.ids)
        for id in SECTIONS:
            (section,) = re.findall(rf'<section id="{id}">(.*?)</section>', text, re.S)
            assert "<t" in section or "Not available, because" in section or "<p" in section
    text = words(report("b.jsonl"))
    assert "no compiled case was measured" in text
    assert "one run was given; name two or more files" in text
    assert "ceilings of computing, memory and dispatch were not measured" in text


def test_every_row_has_an_id_of_its_own_and_every_link_leads_somewhere(folder: Path) -> None:
    page = Page(report("a.jsonl", "b.jsonl"))
    assert len(page.ids) == len(set(page.ids))
    assert {target[1:] for target in page.targets} <= set(page.ids)
    assert len(page.rows) > 10
    assert all(page.rows)
    assert {f"#{id}" for id in page.rows} <= set(page.targets)


def test_ids_stay_the_same_when_other_cases_come(folder: Path) -> None:
    stored.store(Path("less.jsonl"), stored.first_run()[3:])
    more, less = (Page(report(source)) for source in ("a.jsonl", "less.jsonl"))
    assert {id for id in less.rows if id.startswith("time-mnist.infer")} <= set(more.rows)


def test_the_answer_comes_first(folder: Path) -> None:
    assert re.search(r"<h1.*?>(.*?)</h1>", report("a.jsonl", "b.jsonl"), re.S)[1].startswith(
        "1 of 2 step times slower than in a.jsonl, none faster; the largest change is 1.20 ["
    )
    alone = summary(material_of("a.jsonl"))
    assert alone.sentence == "4 cases measured on cpu; 1 broken; torch.compile is faster in 1 of 2 cases, slower in 1."
    assert alone.counts == (("measured", "measured", 4), ("broken", "broken", 1), ("same", "not available", 2))


def test_what_changed_is_led_to_with_its_evidence(folder: Path) -> None:
    found = summary(material_of("a.jsonl", "b.jsonl"))
    assert [(finding.word, finding.name) for finding in found.findings] == [
        ("broken", "data.load (batch=64)"),
        ("slower", "mnist.train (batch=64)"),
        ("more memory", "mnist.train (batch=64)"),
    ]
    assert found.findings[1].evidence.endswith("20.0 ms → 24.0 ms")
    assert {finding.target for finding in found.findings} <= set(Page(report("a.jsonl", "b.jsonl")).ids)


def test_runs_that_cannot_be_told_apart_are_not_called_changed(folder: Path) -> None:
    stored.store(Path("again.jsonl"), stored.first_run())
    sentence = summary(material_of("a.jsonl", "again.jsonl")).sentence
    assert sentence == "No step time differs from a.jsonl beyond doubt: 4 the same within 3 %, 0 undecided."


def test_one_launch_decides_nothing(folder: Path) -> None:
    for name, level in (("x.jsonl", 1e-3), ("y.jsonl", 2e-3)):
        stored.store(Path(name), stored.record(stored.case("a.b"), "step_time", (level, level * 1.01)))
    found = summary(material_of("x.jsonl", "y.jsonl"))
    assert [(word, count) for _, word, count in found.counts] == [
        ("slower", 0), ("faster", 0), ("same", 0), ("undecided", 1),
    ]  # fmt: skip
    assert "needs two launches or more" in found.noise


def test_cells_hold_a_ratio_or_a_reason(folder: Path) -> None:
    runs, modes, devices = tables(material_of("a.jsonl", "b.jsonl"))
    cells = {line.name: line.cells for line in runs.lines}
    slower = cells["mnist.train (batch=64)"][0]
    assert slower
    assert (slower.verdict, slower.figures) == ("slower", "20.0 ms → 24.0 ms")
    assert slower.low < 1.2 < slower.high
    missing = cells["new.case (batch=64)"][0]
    assert missing
    assert (missing.ratio, missing.reason) == (None, "a.jsonl: not measured")
    assert "torch differs: 2.15.0 and 2.16.0" in runs.everywhere
    assert [cell.verdict for line in modes.lines for cell in line.cells if cell] == ["faster", "slower"]
    assert devices.absent == "cuda: torch finds no CUDA device; mps: no figure here was taken there"


def test_devices_stand_side_by_side_where_there_are_several(folder: Path) -> None:
    cuda = stored.record(stored.case("mnist.train", device="cuda"), "step_time", *stored.times(2e-3))
    stored.store(Path("gpu.jsonl"), [*stored.first_run()[:3], *cuda])
    devices = tables(material_of("gpu.jsonl"))[2]
    assert devices.columns == ("cuda · eager",)
    (cell,) = devices.lines[0].cells
    assert cell
    assert (cell.verdict, cell.figures) == ("faster", "20.0 ms → 2.00 ms")
    assert devices.absent == "mps: no figure here was taken there"


def test_what_is_not_known_is_never_zero(folder: Path) -> None:
    text = words(report("a.jsonl"))
    assert "not available , because torch finds no CUDA device" in text
    assert "broken , because ValueError: oops at perf.py:3" in text
    compiled = re.search(r'<tr id="compile-mnist.infer.*?</tr>', report("a.jsonl"), re.S)
    assert compiled
    assert "never" in words(compiled[0])
    assert words(compiled[0]).count("—") == 4  # warm, graphs, breaks, recompiles


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
    assert frame[frame.status == "broken"].estimate.isna().all()


def test_values_of_a_large_page_are_left_out_and_it_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LARGEST", 1000)
    text = report("a.jsonl")
    assert "The raw values are left out" in text
    assert "values" not in loaded(text).columns


def test_differences_between_environments_are_pointed_out(folder: Path) -> None:
    rows = dict(re.findall(r'<tr id="fact-(\w+)-\w+"([^>]*)>', report("a.jsonl", "b.jsonl")))
    assert [name for name, found in rows.items() if "differs" in found] == ["threads", "commit", "torch"]
    assert "differs" not in words(report("a.jsonl"))


def test_a_command_measures_the_same_workloads_again(folder: Path) -> None:
    text = words(report("a.jsonl"))
    assert "torchpace run mnist.train mnist.infer choice.rate data.load --launches 3" in text
    assert "torchpace report a.jsonl -o out.html" in text


def test_commits_in_one_folder_of_asv_are_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = asv_results(folder, commits=6)
    material = material_of(str(results))
    assert [run.label for run in material.runs] == [
        "commit 0000000000", "commit 3333333333", "commit 4444444444", "commit 5555555555",
    ]  # fmt: skip
    assert len(material.runs) == MOST_RUNS
    assert "Of 6 runs, the first and the newest 3 are drawn" in report(str(results))


def asv_results(folder: Path, commits: int) -> Path:
    """Results as asv stores them: one workload, a commit a day, newest first in the order of names."""
    results = folder / "results" / "machine"
    results.mkdir(parents=True)
    columns = ["result", "params", "version", "samples", "stats_number"]
    parameters = [["'batch=64'"], ["'cpu'"], ["'float32'"], ["'eager'"], ["'1'"]]
    for number in range(commits):
        entry = [[1e-3 * (1 + number)], parameters, "1", [[1e-3 * (1 + number)] * 3], [1]]
        body = {
            "commit_hash": str(number) * 40, "date": 86_400_000 * number, "params": {"machine": "machine"},
            "requirements": {"torch": "2.15.0"}, "python": "3.11", "result_columns": columns,
            "results": {"modules.linear.track_step_time": entry},
        }  # fmt: skip
        (results / f"{commits - number}.json").write_text(json.dumps(body))
    return results.parent


def test_sources_of_one_name_are_told_apart(folder: Path) -> None:
    (folder / "other").mkdir()
    stored.store(Path("other/a.jsonl"), stored.second_run())
    assert [run.label for run in material_of("a.jsonl", "other/a.jsonl").runs] == ["a.jsonl", "other/a.jsonl"]
    assert [run.label for run in material_of("a.jsonl", "a.jsonl").runs] == ["A: a.jsonl", "B: a.jsonl"]


def test_a_drawing_is_small_and_keeps_the_extremes() -> None:
    launches = [tuple(1e-3 + 1e-6 * ((7 * i) % 97) for i in range(2000)) for _ in range(3)]
    launches[1] = (*launches[1][:500], 5e-4, *launches[1][500:])
    drawing = strip.strip(launches, summarize(launches), "s", strip.axis([launches]))
    assert drawing.dots.count("M") <= strip.MOST_VALUES + 2 * len(launches)
    assert len(drawing.dots) + len(drawing.bars) < 3000
    assert min(float(y) for y in re.findall(r"M\d+ ([\d.]+)h0", drawing.dots)) >= strip.TOP
    assert 500 in strip.thinned(launches[1], 40)


def test_a_stray_value_does_not_flatten_the_drawing() -> None:
    launches = [(1.0, 1.01, 1.02, 1.03, 1.02, 1.01, 50.0)]
    drawing = strip.strip(launches, summarize(launches), "s", strip.axis([launches]))
    assert drawing.beyond == 1
    assert drawing.top_label == "1.12 s"


def test_many_launches_fit_in_a_drawing() -> None:
    launches = [(1.0 + 0.01 * number,) for number in range(200)]
    drawing = strip.strip(launches, summarize(launches), "s", strip.axis([launches]))
    assert all(strip.LEFT <= mark.left < mark.right <= strip.RIGHT for mark in drawing.launches)


def test_the_runs_of_a_case_share_one_axis(folder: Path) -> None:
    ((_, rows),) = (group for group in timings(material_of("a.jsonl", "b.jsonl")) if group[0] == "mnist")
    first, second = (row.drawing for row in rows if row.name.startswith("mnist.train") and "eager" in row.where)
    assert (first.top_label, first.bottom_label) == (second.top_label, second.bottom_label)
    assert first.estimate > second.estimate  # the slower run lies higher, at a smaller y
    assert (first.beyond, second.beyond) == (0, 0)


def test_values_that_are_all_the_same_are_drawn() -> None:
    for value in (0.0, 1e-9, 3.0):
        drawing = strip.strip([(value,)], summarize([(value,)]), "s", strip.axis([[(value,)]]))
        assert "nan" not in drawing.dots + drawing.bars


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["missing.jsonl"], "cannot read missing.jsonl: No such file"),
        (["empty.jsonl"], "empty.jsonl is empty"),
        (["damaged.jsonl"], "damaged.jsonl:2: not JSON"),
        (["a.jsonl", "nothing"], "nothing holds no asv results"),
        (["foreign.json"], "neither pytest-benchmark's nor records"),
        (["a.jsonl", "-o", "nothing"], "cannot write nothing: Is a directory; name another file with -o"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_2(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    (folder / "nothing").mkdir()
    (folder / "empty.jsonl").write_text("")
    (folder / "foreign.json").write_text("{}")
    (folder / "damaged.jsonl").write_text(Path("a.jsonl").read_text().splitlines()[0] + "\nnot a record\n")
    assert main(["report", *arguments]) == 2
    captured = capsys.readouterr()
    assert expected in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_line_that_was_cut_off_is_passed_over_and_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = Path("a.jsonl").read_text()
    Path("cut.jsonl").write_text(whole + whole.splitlines()[1][:80])
    assert "cut off in the middle, passed over" in report("cut.jsonl")
    assert "cut off in the middle" in capsys.readouterr().err


def test_the_path_of_the_page_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "a.jsonl"]) == 0
    assert capsys.readouterr().out == "report in report.html\n"
    assert Path("report.html").exists()
