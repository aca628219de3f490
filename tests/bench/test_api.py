"""`import torchpace`: functions measured where they are, compared, shown, saved, and measured in fresh processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import torchpace
from bench.api import visits
from bench.cli import main
from bench.records.files import read
from bench.runs.schedule import LOOKS
from reports.topics.inline.figures import distance
from tests.bench.toy import SLOWER
from tests.perf.busy_wait import busy

X = torch.randn(64, 64)


def product() -> torch.Tensor:
    return X @ X


def product_often() -> torch.Tensor:
    return [X @ X for _ in range(SLOWER)][-1]


def numbers() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(8), torch.randn(8)


def added(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return x + y


def failing() -> None:
    raise ValueError("it cannot be")


def test_a_function_has_a_time_an_interval_and_a_throughput() -> None:
    result = torchpace.measure(product, items=64, item="row", seconds=0.3)
    assert result.low is not None
    assert result.high is not None
    assert result.low <= result.seconds <= result.high
    assert result.throughput == pytest.approx(64 / result.seconds)
    assert {record.layout for record in result.records} == {0}
    assert "in this one process" in repr(result)
    assert "row/s" in repr(result)
    assert "fresh=True" in result._repr_html_()


def test_no_call_is_shorter_than_it_is() -> None:
    result = torchpace.measure(busy(2e-3), seconds=0.3)
    assert min(value for record in result.records for value in record.values) >= 2e-3


def test_functions_take_turns_and_each_is_held_against_the_first() -> None:
    result = torchpace.compare(once=product, often=product_often, seconds=0.5, name="product")
    assert [line.name for line in result.lines] == ["once", "often"]
    assert result["once"].ratio is None
    ratio = result["often"].ratio
    assert ratio is not None
    assert ratio.low is not None
    assert ratio.low > 1
    assert result["often"].verdict == "slower"
    assert {record.turns for record in result.records if record.case.mode == "once"} == {"often"}
    frame = result.to_frame()
    assert list(frame["name"]) == ["once", "often"]
    assert frame["ratio"].isna().tolist() == [True, False]
    with pytest.raises(ValueError, match=r"result\['once'\]"):
        _ = result.seconds
    with pytest.raises(KeyError, match="there are once, often"):
        _ = result["thrice"]


def test_answers_that_differ_are_told() -> None:
    other = torchpace.compare(one=lambda: X + 1, two=lambda: X + 2, seconds=0.1)
    assert "two does not answer as one does: off by" in repr(other)
    assert "off by" in other._repr_html_()
    shapes = torchpace.compare(one=lambda: X, two=lambda: X[0], seconds=0.1)
    assert "shapes [(64,)] in place of [(64, 64)]" in repr(shapes)
    assert "does not answer" not in repr(torchpace.compare(one=lambda: X + 1, two=lambda: 1 + X, seconds=0.1))
    assert "does not answer" not in repr(torchpace.compare(one=lambda: X, two=lambda: X + 1, seconds=0.1, check=False))
    assert "off by 0.5" in repr(torchpace.compare(one=lambda: 2.0, two=lambda: 3.0, seconds=0.1))
    assert "does not answer" in repr(torchpace.compare(one=X.numpy, two=(2 * X).numpy, seconds=0.1))
    wave = torch.fft.fft(X)
    assert "does not answer" in repr(torchpace.compare(one=wave.clone, two=wave.conj, seconds=0.1))
    odd = torch.tensor([float("inf"), float("nan"), 1.0])
    assert "does not answer" not in repr(torchpace.compare(one=lambda: odd, two=odd.clone, seconds=0.1))


def test_arguments_are_made_once_from_the_same_numbers_and_ours_are_left_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    result = torchpace.compare(one=added, two=lambda x, y: y + x, setup=numbers, seconds=0.1)
    assert "does not answer" not in repr(result)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_is_measured_is_what_every_command_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "kept.jsonl"
    torchpace.compare(eager=product, often=product_often, seconds=0.2, name="my.product").save(path)
    torchpace.measure(product, seconds=0.1).save(path)
    assert not read(path).warnings
    assert main(["compare", str(path)]) == 0
    assert "product" in capsys.readouterr().out
    assert main(["compare", str(path), "--by", "mode"]) == 0
    assert "undecided" in capsys.readouterr().out  # one process: how processes differ is in none of it
    assert main(["report", str(path), "-o", str(tmp_path / "report.html")]) == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: torchpace.measure(3), "3 is no function"),  # type: ignore[arg-type]
        (lambda: torchpace.measure(product, items=0), "items=0"),
        (lambda: torchpace.measure(product, seconds=-1), "seconds=-1"),
        (lambda: torchpace.measure(product, within=1.5), "within=1.5"),
        (lambda: torchpace.measure(product, device="tpu"), "device 'tpu' unknown; choose from cpu"),
        (lambda: torchpace.compare(one=product), "needs two functions"),
        (lambda: torchpace.measure(lambda: X, fresh=True), "cannot be imported in a fresh process"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(call: Callable[[], object], says: str) -> None:
    with pytest.raises(torchpace.UsageError, match=says):
        call()


def test_what_runs_nothing_when_it_is_called_has_no_time() -> None:
    async def waited() -> None:
        pass

    def yielded() -> Iterator[int]:
        yield 1

    with pytest.raises(torchpace.UsageError, match="waited gives back a coroutine"):
        torchpace.measure(waited)
    with pytest.raises(torchpace.UsageError, match="yielded gives back a generator"):
        torchpace.measure(yielded)


def test_what_a_function_raises_comes_out() -> None:
    with pytest.raises(ValueError, match="it cannot be"):
        torchpace.measure(failing)


def test_ctrl_c_leaves_what_was_measured() -> None:
    calls = []

    def interrupted() -> None:
        time.sleep(0.02)
        calls.append(1)
        if len(calls) == 20:
            raise KeyboardInterrupt

    result = torchpace.measure(interrupted, seconds=60)
    assert result.records
    with pytest.raises(KeyboardInterrupt):
        torchpace.measure(interrupted_at_once)


def interrupted_at_once() -> None:
    raise KeyboardInterrupt


def test_it_ends_when_enough_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "Watch", Still)
    known = torchpace.measure(busy(1e-3), within=0.9, seconds=30)
    assert len(known.records) in LOOKS
    assert distance(known.records, 0.9) <= 1


class Still:
    def facts(self) -> tuple[tuple[str, float], ...]:
        return ()


def test_the_collector_of_garbage_is_as_it_was() -> None:
    import gc

    gc.disable()
    try:
        torchpace.measure(product, seconds=0.05)
        assert not gc.isenabled()
    finally:
        gc.enable()
    torchpace.measure(product, seconds=0.05)
    assert gc.isenabled()


def test_fresh_processes_have_layouts_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import torch\n\n\ndef numbers():\n    return torch.randn(32, 32)\n\n\n"
        f"def product(x):\n    return x @ x\n\n\ndef often(x):\n    return [x @ x for _ in range({SLOWER})][-1]\n"
        "\n\ndef failing(x):\n    raise ValueError('not here')\n"
    )
    program = (
        "import mine, torchpace\n"
        "given = {'product': mine.product, 'often': mine.often}\n"
        "result = torchpace.compare(given, setup=mine.numbers, fresh=True, seconds=60)\n"
        "print(sorted({record.layout for record in result.records})[:2], result['often'].verdict)\n"
        "print(result)\n"
        "try:\n    torchpace.measure(mine.failing, setup=mine.numbers, fresh=True)\n"
        "except torchpace.UsageError as error:\n    print(error)\n"
    )  # without a guard: what a script does when it is imported again is none of the fresh processes' business
    (tmp_path / "script.py").write_text(program)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    assert done.stdout.startswith("[0, 1] slower"), done.stdout
    assert "fresh processes, each with a layout of memory of its own" in done.stdout
    assert "cannot be measured in a fresh process: ValueError: not here at mine.py:17" in done.stdout
