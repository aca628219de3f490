"""What a gate is given, and what it answers when that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.toy import Toy, make


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    toy = make(tmp_path_factory.mktemp("gate") / "project", warm=True)
    toy.write(10)
    toy.commit("first")
    return toy


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "needs --base REV"),
        (("--base", "nowhere"), "'nowhere' is unknown"),
        (("--base", "HEAD", "--head-python", "/no/python"), "no interpreter at /no/python"),
        (("--base", "HEAD", "--slower-than", "5%"), "smaller than --slower-than"),
        (("--base", "HEAD", "--self-test"), "leave --base"),
        (("--base", "HEAD", "--budget", "ten"), "is not a time above 0"),
        (("--base", "HEAD", "--trials", "0"), "is not a whole number of at least 1"),
        (("--base", "HEAD", "--trials", "9", "--budget", "1m"), "not allowed with argument"),
        (("--exact", "--base", "HEAD", "--resume"), "with --exact, leave --resume out"),
        (("--exact", "--base", "HEAD", "--undecided", "fail", "--all"), "leave --undecided, --all out"),
        (("--exact", "--base", "HEAD", "--budget", "10m", "--lanes", "1"), "leave --budget, --lanes out"),
        (("--exact", "--base", "HEAD", "--trials", "2"), "leave --trials out"),
        (("--base", "HEAD", "--instructions", "valgrind"), "it goes with --exact"),
        (
            ("--exact", "--base", "HEAD", "--slower-than", "1%", "--same-within", "3%"),
            "leave --slower-than, --same-within out",
        ),
        (("--self-test", "--json", "x.json"), "with --self-test, leave --json out"),
        (("--self-test", "--resume", "--all"), "leave --resume, --all out"),
        (("--self-test", "--undecided", "pass"), "leave --undecided out"),
        (("--self-test", "--head-python", "python"), "leave --head-python out"),
        (("--self-test", "--markdown", "x.md", "--html", "x.html"), "leave --markdown, --html out"),
        (("--base", "HEAD", "toy.nothing"), "no workload matches 'toy.nothing'"),
        (("--base", "HEAD", "--resume"), "nothing to resume"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(toy: Toy, arguments: tuple[str, ...], says: str) -> None:
    code, output, errors = toy.gate(*arguments)
    assert (code, output) == (2, "")
    assert says in errors.splitlines()[-1]


def test_a_side_that_does_not_import_or_has_no_workloads_is_named(tmp_path: Path) -> None:
    toy = make(tmp_path / "project", warm=True)
    (toy.folder / "README").write_text("")
    toy.commit("before there were workloads")
    toy.write(10)
    toy.commit("workloads")
    code, _, errors = toy.gate("--base", "HEAD~1")
    assert code == 2
    assert "base (HEAD~1) does not import" in errors
    assert "no toy/perf" in errors
    (toy.folder / "toy" / "model.py").write_text("LOOPS = 1 / 0\n")
    code, _, errors = toy.gate("--base", "HEAD")
    assert code == 2
    assert "head (working tree) does not import: ZeroDivisionError: division by zero at model.py:1" in errors
