"""The pages in a real browser with the network off: nothing is requested, nothing complained of, everything drawn."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.measure.task import Task
from bench.records.files import Contents
from bench.records.profile_notes import Notes, write_notes
from bench.records.record import Case
from bench.runs.fresh import Launcher
from bench.runs.profile import take
from reports.page.report import as_html
from reports.profiles.profile import Profile, read_profile
from reports.stats.sequential import Rule
from reports.topics.ceilings.figures import roofs
from reports.topics.exact.figures import ExactRow
from reports.topics.exact.section import as_html as exact_page
from reports.topics.gate.figures import GateRow
from reports.topics.gate.section import as_html as gate_page
from reports.topics.gate.text import Headline
from tests.browser import CHROMIUM, PATIENCE_S, Browser
from tests.reports import roofs as machine
from tests.traces.events import event, op, step, write
from tests.traces.one import read_one

TRACES = Path(__file__).parent / "data" / "traces"
HOSTILE = (
    "</script><script>window.hacked = 1</script>", "<img src=x onerror='window.hacked = 1'>", "\"'><b>bold</b>",
    "\U0001f525 kernel \U0001f525", "void templated<" + "std::tuple<int, " * 700 + ">",
)  # fmt: skip
MB = 1e6


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no browser: install chromium")
    with Browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def profile(fork_server: None, tmp_path_factory: pytest.TempPathFactory) -> Profile:
    case = Case("mnist_cnn.train_step", 1, (("model", "padded"), ("batch", 64)), "cpu", "float32", "eager", 1)
    folder = tmp_path_factory.mktemp("profile")
    done = take(
        Launcher(PATIENCE_S), Task(case, "timeline"), Notes(case, {"torch": "2", "cpu": "x"}), folder, lambda: None
    )
    assert done.notes is not None
    write_notes(folder, done.notes)
    return read_profile(folder)


def undisturbed(browser: Browser, path: Path) -> None:
    assert browser.complaints() == []
    assert browser.requests() == [path.as_uri()]


def saved(path: Path, text: str) -> Path:
    path.write_text(text)
    return path.resolve()


def test_a_profile_opens_quietly_and_draws_every_section(browser: Browser, profile: Profile, tmp_path: Path) -> None:
    path = saved(tmp_path / "report.html", as_html([], [profile]))
    browser.open(path)
    undisturbed(browser, path)
    headings = browser.evaluate("[...document.querySelectorAll('h3')].map((h) => h.textContent)")
    assert headings == [
        "What stands out", "Where the time goes", "Operators", "Flame graph", "Timeline", "Modules", "Memory",
        "How it was taken",
    ]  # fmt: skip
    assert "Not available" not in browser.evaluate("document.body.innerText")
    assert browser.evaluate("document.querySelectorAll('.flame a').length") > 20
    assert browser.evaluate("document.querySelectorAll('svg.memory path').length") >= 4
    browser.evaluate("document.querySelector('canvas').scrollIntoView()")
    assert drawn_pixels(browser) > 1000
    undisturbed(browser, path)


def drawn_pixels(browser: Browser) -> int:
    """How many points of the timeline are not empty, once there are any: it is drawn when it comes into view."""
    count: int = browser.evaluate("""new Promise((done) => {
        const canvas = document.querySelector("canvas");
        const look = () => {  // at a copy: reading the page's own canvas again and again is complained of
            const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
            copy.drawImage(canvas, 0, 0);
            const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
            let drawn = 0;
            for (let at = 3; at < data.length; at += 4) drawn += data[at] > 0;
            if (drawn) done(drawn); else requestAnimationFrame(look);
        };
        look();
    })""")
    return count


def test_tables_sort_filter_and_unfold(browser: Browser, profile: Profile, tmp_path: Path) -> None:
    browser.open(saved(tmp_path / "report.html", as_html([], [profile])))
    shown = "[...document.querySelectorAll('#p1-operator-table tbody tr')].filter((r) => !r.hidden)"
    assert browser.evaluate(f"{shown}.length") == 12
    browser.evaluate("document.querySelector('button.more').click()")
    assert browser.evaluate(f"{shown}.length") > 12
    browser.evaluate("document.querySelectorAll('#p1-operator-table th')[1].click()")
    calls = browser.evaluate(f"{shown}.map((r) => Number(r.children[1].dataset.value))")
    assert calls == sorted(calls, reverse=True)
    browser.evaluate(
        "(() => { const i = document.querySelector('input.filter'); i.value = 'convolution_backward';"
        "i.dispatchEvent(new Event('input')); })()"
    )
    assert browser.evaluate(f"{shown}.length") == 1


def test_a_flame_frame_widens_when_chosen(browser: Browser, profile: Profile, tmp_path: Path) -> None:
    browser.open(saved(tmp_path / "report.html", as_html([], [profile])))
    frame = "[...document.querySelectorAll('.flame a')].find((a) => a.textContent === 'aten::convolution_backward')"
    before = browser.evaluate(f"{frame}.getBoundingClientRect().width")
    browser.evaluate(f"{frame}.click()")
    after = browser.evaluate(f"{frame}.getBoundingClientRect().width")
    assert after > 1.2 * before
    assert after == pytest.approx(browser.evaluate("document.querySelector('.flame').getBoundingClientRect().width"))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_its_width(browser: Browser, profile: Profile, tmp_path: Path, width: int, dark: bool) -> None:
    foreign = read_one(TRACES / "cuda_sampled_rank0.json.gz")
    path = saved(tmp_path / "report.html", as_html([], [profile, foreign]))
    browser.open(path, width=width, height=800, dark=dark)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    ink, paper = (browser.evaluate(f"getComputedStyle(document.body).{name}") for name in ("color", "backgroundColor"))
    assert (brightness(ink) > brightness(paper)) == dark
    undisturbed(browser, path)
    if folder := os.environ.get("TORCHPACE_SCREENSHOTS"):
        browser.screenshot(Path(folder) / f"profile-{width}-{'dark' if dark else 'light'}.png")


@pytest.mark.parametrize("dark", [False, True])
def test_a_roofline_is_drawn_quietly_and_fits_a_phone(browser: Browser, tmp_path: Path, dark: bool) -> None:
    work = {"arithmetic": 1e9, "algorithmic_bytes": 1e8, "touched_bytes": 1e8, "dispatches": 10.0}
    records = (*machine.step(20e-3, **work), *machine.ceilings())
    contents = Contents(records, {machine.HERE.id: machine.HERE})
    path = saved(tmp_path / "report.html", as_html([("run", contents)], roofs=roofs([contents])))
    browser.open(path, width=390, height=800, dark=dark)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    box = "document.querySelector('.roofline svg').getBoundingClientRect()"
    assert browser.evaluate(f"{box}.width") > 300
    assert browser.evaluate("document.querySelectorAll('.roofline circle').length") == 1
    undisturbed(browser, path)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_gate_s_page_fits_its_width_sorts_and_runs_nothing_hostile(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    cases = [Case(f"planted.{name}" + 30 * "_long", 1, (), "cpu", "float32", "eager", 1) for name in "abc"]
    rows = [
        GateRow(case, "same", ratio, ratio - 0.01, ratio + 0.01, 0.02, 12, 1e-3, ratio * 1e-3)
        for case, ratio in zip(cases, (1.001, 1.003, 1.002), strict=True)
    ] + [GateRow(case, "broken", reason=f"head: {HOSTILE[0]}") for case in cases[:1]]
    headline = Headline("main", "working tree", "a machine", f"torchpace gate {HOSTILE[1]}", Rule())
    path = saved(tmp_path / "gate.html", gate_page(rows, headline))
    browser.open(path, width=width, height=800)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate("window.hacked === undefined && document.querySelector('img') === null")
    browser.evaluate("document.querySelectorAll('#compared th')[3].click()")
    changes = browser.evaluate(
        "[...document.querySelectorAll('#compared tbody tr')].map((r) => r.cells[3].textContent)"
    )
    assert [text.split()[0] for text in changes] == ["+0.3", "+0.2", "+0.1"]
    undisturbed(browser, path)


@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_of_counts_fits_its_width_and_runs_nothing_hostile(browser: Browser, tmp_path: Path, width: int) -> None:
    case = Case("planted.case" + 30 * "_long", 1, (), "cpu", "float32", "eager", 1)
    rows = [
        ExactRow(case, "peak_memory", "worse", 1024.0, 4096.0),
        ExactRow(case, "ops", "worse", 2.0, 3.0, came=((f"aten::{HOSTILE[0]}" * 5, 1.0),)),
        ExactRow(case, "", "broken", head_reason=f"head: {HOSTILE[0]}"),
    ]
    path = saved(tmp_path / "exact.html", exact_page(rows, "main", "working tree", f"torchpace gate {HOSTILE[1]}"))
    browser.open(path, width=width, height=800)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate("window.hacked === undefined && document.querySelector('img') === null")
    assert browser.evaluate("document.querySelectorAll('#changed tbody tr').length") == 2
    undisturbed(browser, path)


def brightness(colour: str) -> int:
    """The sum of the parts of 'rgb(1, 2, 3)'."""
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(", "))


def test_hostile_names_are_shown_and_run_nothing(browser: Browser, tmp_path: Path) -> None:
    events = [step(0, 0, 1000)]
    for number, name in enumerate(HOSTILE):
        at = 10 + 100 * number
        events += [
            op(name, at, 50, **{"Input Dims": name}), event("python_function", f"nn.Module: {name}", at + 1, 40),
            event("kernel", name, at + 5, 20, tid=f"stream {name}", pid=name),
        ]  # fmt: skip
    events.append(op(f"enumerate(DataLoader)#{HOSTILE[0]}", 600, 390))
    path = saved(
        tmp_path / "report.html", as_html([], [read_one(write(tmp_path / f"t {HOSTILE[1][:4]}.json", events))])
    )
    browser.open(path, height=4000)
    undisturbed(browser, path)
    assert browser.evaluate("window.hacked === undefined && document.querySelector('img') === null")
    text = browser.evaluate("document.body.textContent")
    for name in HOSTILE[:4]:
        assert name in text
    assert HOSTILE[4] not in browser.evaluate("document.body.innerText")
    assert path.stat().st_size < 0.3 * MB


def test_without_scripts_every_row_is_there(browser: Browser, profile: Profile, tmp_path: Path) -> None:
    path = saved(tmp_path / "report.html", as_html([], [profile]))
    browser.open(path, scripts=False)
    rows = browser.evaluate(
        "[...document.querySelectorAll('#p1-operator-table tbody tr')]"
        ".filter((r) => r.getBoundingClientRect().height > 0).length"
    )
    assert rows > 30


def test_ten_profiles_and_one_with_its_trace_are_small(profile: Profile) -> None:
    assert len(as_html([], [profile] * 10)) < 2 * MB
    assert len(as_html([], [profile], embed_traces=True)) < 4 * MB
