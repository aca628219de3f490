"""A gate between two commits, really run: what it finds, what it says of the rest, what it leaves behind."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import pytest

from bench.gate.revisions import PREFIX
from bench.records.files import read
from tests.bench.toy import ENOUGH_TRIALS, LOOPS, MORE_LOOPS, SLOWER, Toy, make, processes_of

DIES = "os.kill(os.getpid(), signal.SIGKILL)"
HANGS = "time.sleep(1000)"
RAISES = "raise ValueError('planted <b>')"
WRONG = "return x"
TIMEOUT_S = 20  # of a process that never answers; the others need a hundredth of it

Outcome = tuple[int, str, dict[str, Any]]


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """First commit: all is well. Second: the loop is longer, and cases fail in every way."""
    toy = make(tmp_path_factory.mktemp("gate") / "project", warm=True)
    toy.write(LOOPS, steady="pass", dies="pass", hangs="pass", raises="pass", wrong="pass", gone="pass")
    toy.commit("first")
    toy.write(MORE_LOOPS, steady="pass", dies=DIES, hangs=HANGS, raises=RAISES, wrong=WRONG, came="pass")
    toy.commit("second")
    return toy


@pytest.fixture(scope="module")
def outcome(toy: Toy) -> Outcome:
    """One gate between the two, with every file it can write."""
    code, output, errors = toy.gate(
        "--base", "HEAD~1", "--trials", str(ENOUGH_TRIALS), "--timeout", str(TIMEOUT_S), "--same-within", "99%",
        "--all", "--lanes", "1",
        "--json", "out/gate.json", "--markdown", "out/gate.md", "--junit", "out/gate.xml", "--html", "out/gate.html",
    )  # fmt: skip
    assert (toy.folder / "out" / "gate.json").exists(), errors
    return code, output, json.loads((toy.folder / "out" / "gate.json").read_text())


def rows(outcome: Outcome) -> dict[str, dict[str, Any]]:
    return {row["case"]["workload"].removeprefix("toy."): row for row in outcome[2]["cases"]}


def test_the_slowed_case_is_named_and_no_other(outcome: Outcome) -> None:
    found = rows(outcome)
    assert [name for name, row in found.items() if row["verdict"] == "slower"] == ["loops"]
    assert found["loops"]["ratio"] > SLOWER / 4
    assert found["loops"]["cause"].endswith("in Python, between operators, most of it in loops.run (toy/perf.py)")
    assert f"slower: toy.loops (cpu eager): {found['loops']['cause']}" in outcome[1]
    assert found["steady"]["verdict"] in ("same", "undecided")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("dies", "SIGKILL"),
        ("hangs", f"did not answer within {TIMEOUT_S} s"),
        ("raises", "planted <b> at perf.py"),
        ("wrong", "wrong"),
    ],
)
def test_what_breaks_on_one_side_is_broken_and_says_why(outcome: Outcome, name: str, says: str) -> None:
    row = rows(outcome)[name]
    assert row["verdict"] == "broken"
    assert row["reason"].startswith("head: ")
    assert says in row["reason"]
    assert outcome[0] == 2


def test_cases_of_one_side_are_listed(outcome: Outcome) -> None:
    found = rows(outcome)
    assert (found["came"]["verdict"], found["gone"]["verdict"]) == ("new", "missing")
    assert "new: toy.came" in outcome[1]


def test_every_file_says_the_same(toy: Toy, outcome: Outcome) -> None:
    out = toy.folder / "out"
    markdown, page = (out / "gate.md").read_text(), (out / "gate.html").read_text()
    suite = ElementTree.parse(out / "gate.xml").getroot()[0]
    assert (suite.get("failures"), suite.get("errors")) == ("1", "4")
    failed = [case.get("classname") for case in suite if case.find("failure") is not None]
    assert failed == ["toy.loops"]
    for text in (markdown, page, outcome[1]):
        assert outcome[2]["verdict"] in text
        assert "toy.loops" in text
    assert "planted &lt;b&gt;" in page
    assert "default-src 'none'" in page
    assert "torchpace gate --workloads toy.perf --base" in markdown.replace("\n", " ")


def test_one_case_is_explained_from_the_profiles_that_there_are(toy: Toy, outcome: Outcome) -> None:
    before = toy.trials()
    code, output, errors = toy.gate("--base", "HEAD~1", "--explain", "toy.loops", "--lanes", "1")
    assert code == 0, errors
    assert "Python, between operators  +" in output
    assert "most of it in loops.run (toy/perf.py)" in output.splitlines()[-1]
    assert toy.trials() == before
    code, _, errors = toy.gate("--base", "HEAD~1", "--explain", "toy.*")
    assert code == 2
    assert "names 6 cases" in errors


def test_nothing_is_left_behind(toy: Toy, outcome: Outcome) -> None:
    assert not list(toy.temporary().glob(f"{PREFIX}*"))
    assert toy.git("worktree", "list").count("\n") == 0
    assert not processes_of(toy)


def test_trials_are_ordinary_records_of_both_sides(toy: Toy, outcome: Outcome) -> None:
    (path,) = toy.trials()
    contents = read(path)
    sides = {record.run.rpartition("/")[2] for record in contents.records}
    assert sides == {"base", "head"}
    commits = {environment.get("commit") for environment in contents.environments.values()}
    assert commits == {toy.git("rev-parse", "HEAD"), toy.git("rev-parse", "HEAD~1")}
    trials = [record for record in contents.records if record.metric == "step_time"]
    loops = [record for record in trials if record.case.workload == "toy.loops"]
    base, head = ({r.launch: r for r in loops if r.run.endswith(side)} for side in ("base", "head"))
    assert set(base) == set(head) == set(range(len(base)))
    for trial, record in base.items():
        assert record.steps_per_value == head[trial].steps_per_value
        assert len(record.values) == len(head[trial].values) > 3
