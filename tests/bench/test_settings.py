"""[tool.torchpace] in a project's pyproject.toml: what it says holds, the command line wins, mistakes are named."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from bench.cli.settings import Settings, apply, apply_to_gate, settings
from bench.records.errors import UsageError

WHOLE = """
[tool.torchpace]
workloads = "my.perf"
globs = ["my.*"]
budget = "2m"
slower-than = "2%"
same-within = 0.05
undecided = "pass"
accepted = "perf/meant.toml"

[tool.torchpace.limits]
"my.slow" = "150%"
"my.*" = "0%"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text(WHOLE)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    return tmp_path


def given(**options: object) -> argparse.Namespace:
    usual = dict.fromkeys(("workloads", "budget", "trials", "slower_than", "same_within", "undecided"))
    return argparse.Namespace(**{**usual, "globs": [], **options})


def test_every_key_is_read_from_the_nearest_file(project: Path) -> None:
    assert settings(Path.cwd()) == Settings(
        "my.perf", ("my.*",), 120.0, 0.02, 0.05, "pass", {"my.slow": 1.5, "my.*": 0.0}, project / "perf" / "meant.toml"
    )


def test_a_project_without_settings_has_none(tmp_path: Path) -> None:
    assert settings(tmp_path) == Settings(accepted=tmp_path / "torchpace-accepted.toml")


def test_the_command_line_wins(project: Path) -> None:
    options = given()
    apply(options)
    own = apply_to_gate(options)
    assert (options.workloads, options.globs, options.budget) == ("my.perf", ["my.*"], 120.0)
    assert (options.slower_than, options.undecided) == (0.02, "pass")
    assert own.limits["my.slow"] == 1.5
    options = given(workloads="other.perf", trials=7, slower_than=0.5, undecided="fail")
    apply(options)
    apply_to_gate(options)
    assert (options.workloads, options.globs, options.budget) == ("other.perf", [], None)  # their globs are not these's
    assert (options.slower_than, options.same_within, options.undecided) == (0.5, 0.05, "fail")
    options = given(globs=["my.one"])
    apply(options)
    assert options.globs == ["my.one"]
    apply(argparse.Namespace())  # a command that selects nothing


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('slower = "1%"', "has no key 'slower'; did you mean 'slower-than'?"),
        ("x = 1", r"has no key 'x'; did you mean"),
        ('budget = "soon"', r"budget = 'soon': 'soon' is not a time above 0"),
        ("budget = true", "budget = True: it has to be a text such as on the command line, or a number"),
        ('globs = "my.*"', "it has to be a list of texts"),
        ("globs = [3]", "it has to be a text"),
        ('undecided = "maybe"', "it has to be fail or pass"),
        ("limits = 3", "it has to be a table"),
        ('limits = {"a" = "-3%"}', "'-3%' is not a share of 0 or more"),
        ("workloads = ", "cannot be read"),
    ],
)
def test_a_mistake_names_the_file_and_what_is_wrong(tmp_path: Path, lines: str, says: str) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_text(f"[tool.torchpace]\n{lines}\n")
    with pytest.raises(UsageError, match=says) as caught:
        settings(tmp_path)
    assert str(path) in str(caught.value)


def test_settings_that_are_no_table_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("tool.torchpace = 3\n")
    with pytest.raises(UsageError, match=r"tool\.torchpace = 3 is no table"):
        settings(tmp_path)
    (tmp_path / "pyproject.toml").write_text("tool = 3\n")
    assert settings(tmp_path).workloads is None
