"""The rules that fail the build do fail it: each is broken in a copy of the house, and is said by name."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import house
from tests.conftest import ROOT

LINTER = Path(sys.executable).parent / "lint-imports"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and their rules, to be broken."""
    for name in house.PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> tuple[int, str]:
    """What import-linter says of the packages in a folder."""
    if not LINTER.exists():
        pytest.skip("import-linter is not installed beside this Python; make lint installs it")
    done = subprocess.run([LINTER, "--no-logo"], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def add_line(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text()}\n{line}\n")


def test_the_house_is_in_order() -> None:
    assert house.broken(ROOT) == []


def test_the_linter_of_the_makefile_asks_both() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile.partition("\nlint:")[2].partition("\n\n")[0]
    assert "lint-imports" in recipe
    assert "-m tests.house" in recipe


@pytest.mark.parametrize(
    ("place", "line", "contract"),
    [
        ("bench/records/record.py", "import bench.devices", "The ruler's rooms import downward"),
        ("reports/stats/intervals.py", "import reports.read.frames", "The judge's rooms import downward"),
        ("reports/profiles/trace/columns.py", "import reports.profiles.say", "The parts of a profile import downward"),
        ("bench/counts/traffic.py", "import bench.counts.memory", None),  # the neighbour is allowed
        ("workloads/base.py", "import bench.records.record", "Workloads know neither ruler nor judge"),
        ("reports/format/units.py", "import torch", "The judge reads the ruler's plain data"),
        (
            "bench/measure/timer.py",
            "import reports.format.units",
            "Ruler and judge meet at the top alone",
        ),
    ],
)
def test_an_import_that_is_not_allowed_fails(copy: Path, place: str, line: str, contract: str | None) -> None:
    add_line(copy / place, line)
    code, said = lint(copy)
    assert (code != 0) == (contract is not None), said
    if contract:
        assert any(contract in row and "BROKEN" in row for row in said.splitlines()), said


def test_a_circle_inside_a_room_fails(copy: Path) -> None:
    add_line(copy / "bench" / "measure" / "timer.py", "import bench.measure.turns")
    code, said = lint(copy)
    assert code != 0
    assert any("No circles" in row and "BROKEN" in row for row in said.splitlines()), said


def test_a_room_that_no_layer_names_fails(copy: Path) -> None:
    (copy / "bench" / "attic").mkdir()
    (copy / "bench" / "attic" / "__init__.py").write_text('"""Things."""\n')
    assert lint(copy)[0] != 0


def test_a_thirteenth_module_fails(copy: Path) -> None:
    room = copy / "bench" / "counts"
    have = sum(not path.stem.startswith("__") for path in room.glob("*.py"))
    for number in range(house.MOST_MODULES - have):
        (room / f"spare_{number}.py").write_text('"""Spare."""\n')
    assert not list(house.folders(copy))
    (room / "one_more.py").write_text('"""One more."""\n')
    assert list(house.folders(copy)) == ["bench/counts/: 13 modules; at most 12: make rooms"]


def test_a_251st_line_fails(copy: Path) -> None:
    path = copy / "reports" / "format" / "long.py"
    path.write_text('"""Long."""\n' + "# line\n" * (house.LONGEST_FILE - 1))
    assert not list(house.sizes(copy))
    add_line(path, "")
    assert [line for line in house.sizes(copy) if "format/long.py: 25" in line]


def test_a_41st_line_of_a_function_fails(copy: Path) -> None:
    path = copy / "reports" / "format" / "long.py"
    path.write_text('"""Long."""\n\n\ndef long() -> None:\n' + "    print()\n" * (house.LONGEST_FUNCTION - 1))
    assert not list(house.sizes(copy))
    with path.open("a") as file:
        file.write("    print()\n")
    assert list(house.sizes(copy)) == ["reports/format/long.py:4: long has 41 lines; at most 40"]


def test_a_second_module_of_the_same_name_fails(copy: Path) -> None:
    (copy / "bench" / "runs" / "units.py").write_text('"""Other units."""\n')
    assert [line for line in house.names(copy) if "bench/runs/units.py and reports/format/units.py" in line]


def test_a_constant_that_stands_twice_fails(copy: Path) -> None:
    for place in ("bench/runs/run.py", "bench/gate/trial.py"):
        add_line(copy / place, "WIDGETS = (1, 2)")
    assert list(house.constants(copy)) == ["WIDGETS = (1, 2) stands in bench/gate/trial.py and bench/runs/run.py"]


def test_a_file_that_does_not_say_what_it_is_fails(copy: Path) -> None:
    (copy / "bench" / "runs" / "silent.py").write_text("X = 1\n")
    assert list(house.docstrings(copy)) == ["bench/runs/silent.py: no docstring at the top"]
