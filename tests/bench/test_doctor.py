"""`torchpace doctor` says what it tries before it tries it, and tries last what takes longest."""

from __future__ import annotations

import io
import sys

import pytest

from bench.cli import doctor
from bench.records import packages


def written(stream: io.TextIOWrapper) -> str:
    """What has left the process."""
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


def test_each_name_is_shown_before_its_check_and_each_result_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", stream)
    shown: list[str] = []

    def check() -> doctor.Found:
        shown.append(written(stream))
        return len(shown) == 1, "why"

    doctor.show(iter([("first", check), ("second", check)]))
    first, second = "first".ljust(doctor.WIDTH), "second".ljust(doctor.WIDTH)
    assert shown == [f"{first}  ", f"{first}  works  why\n{second}  "]
    assert written(stream) == f"{first}  works  why\n{second}  n/a    why\n"


def test_what_takes_longest_is_tried_last() -> None:
    names = [name for name, _ in doctor.checks()]
    assert names[0] == "torchpace"
    assert names[-1] == "torch.compile on cpu"
    torch = names.index("import of torch")
    assert [name for name in names if name.startswith("extra ")] == names[len(doctor.PACKAGES) : torch - 1]
    assert names.index("device cpu") > torch
    assert max(map(len, names)) <= doctor.WIDTH


def test_a_torch_that_cannot_be_imported_ends_it_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    doctor.show(doctor.checks())
    last = capsys.readouterr().out.splitlines()[-1]
    assert (
        last
        == "import of torch".ljust(doctor.WIDTH)
        + "  n/a    ModuleNotFoundError: import of torch halted; None in sys.modules"
    )


def test_a_missing_extra_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {name: packages.package_version(name) for name in ("tensorboard", "torch-tb-profiler")}
    assert doctor.installed_for("tensorboard", list(there)) == (
        True, ", ".join(f"{name} {version}" for name, version in there.items()),
    )  # fmt: skip
    monkeypatch.setattr(packages, "package_version", {"tensorboard": "2"}.get)
    assert doctor.installed_for("tensorboard", list(there)) == (
        False, "torch-tb-profiler not installed; pip install 'torchpace[tensorboard]'",
    )  # fmt: skip
