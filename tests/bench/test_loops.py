"""`torchpace.profile`: the passes around a loop of one's own, and the page at its end."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import torchpace
from bench.api import loops
from bench.cli import main
from reports.profiles.profile import Profile, profile_folders, read_profile
from reports.profiles.shape.memory import KINDS

WIDTH = 64
PARAMETERS = (WIDTH * WIDTH + WIDTH) * 2 * 4  # bytes of two layers


@pytest.fixture(autouse=True)
def any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many steps go to each pass as of a short step, however slow the machine is."""
    monkeypatch.setattr(loops, "TIMED_S", math.inf)
    monkeypatch.setattr(loops, "steps_for", lambda step_s, most: most)


class Loop:
    """A model that trains on numbers drawn, as somebody writes it."""

    def __init__(self) -> None:
        self.model = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH))
        self.optimizer = torch.optim.Adam(self.model.parameters())

    def train(self) -> None:
        self.optimizer.zero_grad()
        x = torch.randn(128, WIDTH)
        F.mse_loss(self.model(x), x).backward()
        self.optimizer.step()

    def profiled(self, folder: Path, steps: int = 200, given: bool = True) -> torchpace.profile:
        of = {"model": self.model, "optimizer": self.optimizer} if given else {}
        with torchpace.profile(folder, items=128, **of) as profile:  # type: ignore[arg-type]
            for _ in range(steps):
                self.train()
                if profile.step():
                    break
        return profile


def only(folder: Path) -> Profile:
    (own,) = profile_folders(folder)
    return read_profile(own)


def test_a_loop_is_profiled_and_its_page_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile = Loop().profiled(tmp_path / "out")
    assert profile.done
    assert profile.page.is_file()
    assert str(profile.page) in capsys.readouterr().err
    found = only(tmp_path / "out")
    assert not found.missing
    assert found.step_s is not None
    assert {"aten::addmm", "aten::mm"} <= set(found.operators["name"])
    assert found.modules is not None
    assert found.notes is not None
    assert found.notes.items == 128
    assert sum(found.notes.flops.values()) == 2 * 128 * WIDTH * WIDTH * (2 + 3)  # the first gradient has no input's
    assert main(["report", str(tmp_path / "out"), "-o", str(tmp_path / "again.html")]) == 0


def test_no_step_is_shown_that_never_was(tmp_path: Path) -> None:
    for steps in (24, 26, 43):  # within the steps of the timeline
        with pytest.raises(torchpace.UsageError, match=f"ended after {steps} steps"):
            Loop().profiled(tmp_path / "out", steps=steps)


@pytest.mark.parametrize("given", [True, False])
def test_parameters_gradients_and_the_optimizers_state_are_told_apart(tmp_path: Path, given: bool) -> None:
    loop = Loop()
    loop.profiled(tmp_path / "out", given=given)
    memory = only(tmp_path / "out").memory
    assert memory is not None
    at_end = dict(zip(KINDS, memory.live[:, -1].tolist(), strict=True))
    if given:  # without, other tests' models may be alive in the process, too
        assert at_end["parameters"] == pytest.approx(PARAMETERS, rel=0.05)
        assert at_end["optimizer state"] == pytest.approx(2 * PARAMETERS, rel=0.05)
    assert at_end["parameters"] >= PARAMETERS
    assert at_end["optimizer state"] >= 2 * PARAMETERS
    assert at_end["gradients"] >= PARAMETERS
    assert memory.held_bytes >= 3 * PARAMETERS
    page = (tmp_path / "out" / "report.html").read_text()
    assert "were there before the trace began" in page
    assert "Around a loop, in its own process" in page
    assert "process of its own" not in page


def test_a_loop_that_ends_early_leaves_what_it_had(tmp_path: Path) -> None:
    profile = Loop().profiled(tmp_path / "out", steps=49)
    assert not profile.done
    found = only(tmp_path / "out")
    assert set(found.missing) >= {"stacks", "memory"}
    assert len(found.steps.names) == 20
    assert "the loop ended after 49 steps" in found.missing["memory"]
    assert profile.page.is_file()


def test_a_loop_of_a_few_steps_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(torchpace.UsageError, match="ended after 2 steps"):
        Loop().profiled(tmp_path / "out", steps=2)


def test_what_the_loop_raises_comes_out_and_what_was_taken_is_kept(tmp_path: Path) -> None:
    loop = Loop()

    def raises_at_last() -> None:
        with torchpace.profile(tmp_path / "out", model=loop.model) as profile:
            for _ in range(50):
                loop.train()
                profile.step()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        raises_at_last()
    assert only(tmp_path / "out").step_s is not None
    with pytest.raises(ZeroDivisionError), torchpace.profile(tmp_path / "none"):
        raise ZeroDivisionError


def test_a_second_profile_replaces_the_first(tmp_path: Path) -> None:
    Loop().profiled(tmp_path / "out")
    with pytest.raises(torchpace.UsageError, match="ended after 2 steps"):
        Loop().profiled(tmp_path / "out", steps=2)


def test_an_unknown_device_and_a_file_in_the_way_are_said(tmp_path: Path) -> None:
    with pytest.raises(torchpace.UsageError, match="device 'tpu' unknown"):
        torchpace.profile(tmp_path, device="tpu")
    (tmp_path / "file").write_text("")
    with pytest.raises(torchpace.UsageError, match="name another folder"), torchpace.profile(tmp_path / "file"):
        pass
