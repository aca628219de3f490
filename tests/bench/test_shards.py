"""A run in parts, on several machines and with interruptions: divided fairly, joined, and gone on with."""

from __future__ import annotations

import random
import re
import statistics
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cli import main
from bench.cli.scopes import check_digits
from bench.measure.turn_passes import groups
from bench.records.errors import UsageError
from bench.records.files import Contents, Writer, read
from bench.records.record import Case, Environment, Record, Scope
from bench.runs.shards import COMPILED_S, EAGER_S, costs, divided, recorded_s
from tests.bench.conftest import Call
from workloads.shared import mnist_data

HERE = Environment((("torch", "2.15.0"), ("cpu", "One CPU"), ("cores", 2)))
THERE = Environment((("torch", "2.15.0"), ("cpu", "Another CPU"), ("cores", 2)))
CASES = tuple(Case(f"made.case{number}", 1, (), "cpu", "float32", mode, 1)
              for number in range(30) for mode in ("eager", "compile")[: 1 + number % 2])  # fmt: skip
METRICS = ("step_time", "peak_memory", "flops")  # what is there of a case that was measured to the end
PLANTED = """
from workloads import Step, workload


def planted(name):
    @workload(name, item="call")
    def step(setup):
        \"\"\"A small addition.\"\"\"
        x = setup.randn(8)
        return Step(lambda: x + x)


for number in range(6):
    planted(f"planted.add{number}")
"""


def skewed(seed: int, count: int) -> dict[Case, float]:
    """Seconds of so many cases, of which a few take most of the time."""
    dice = random.Random(seed)
    cases = [Case(f"made.{number}", 1, (), "cpu", "float32", "eager", 1) for number in range(count)]
    return {case: dice.lognormvariate(1.0, 1.0) for case in cases}


@pytest.mark.parametrize("shards", [1, 2, 3, 8, 40])
def test_shards_are_about_as_long_and_hold_every_case_once(shards: int) -> None:
    for seed in range(20):
        seconds = skewed(seed, 600)
        parts = divided(list(seconds), seconds, shards)
        assert Counter(case for part in parts for case in part) == Counter(seconds.keys())
        loads = [sum(seconds[case] for case in part) for part in parts]
        mean = statistics.mean(loads)
        assert max(loads) <= max(1.15 * mean, *seconds.values())


def test_what_is_measured_together_stays_together() -> None:
    parts = divided(CASES, costs(CASES), 7)
    assert sorted(map(str, (case for part in parts for case in part))) == sorted(map(str, CASES))
    together = [{case.workload for case in part} for part in parts]
    assert sum(map(len, together)) == len(groups(CASES))


def test_more_shards_than_cases_leave_some_empty() -> None:
    parts = divided(CASES[:1], costs(CASES[:1]), 3)
    assert list(map(len, parts)) == [1, 0, 0]


def test_a_case_costs_what_it_took_or_what_others_of_its_mode_did() -> None:
    one, other, compiled = CASES[0], CASES[1], CASES[2]
    records = [Record("r", "e", replace(one, version=7), "step_time", values=(0.5,) * 10, steps_per_value=4, launch=n)
               for n in range(3)]  # fmt: skip
    known = recorded_s(records)
    (seconds,) = known.values()
    assert seconds == pytest.approx(60.0, rel=0.1)
    found = costs([one, other, compiled], records)
    assert found[one] == found[other] == seconds  # another version of it, and nothing known of the other
    assert found[compiled] == COMPILED_S
    assert costs([other])[other] == EAGER_S


def shard(
    path: Path, number: int, own: tuple[int, ...], environment: Environment = HERE, cases: int = 4,
    metrics: tuple[str, ...] = METRICS,
) -> Path:  # fmt: skip
    """A file of a shard that has measured its own cases; a negative place is one that it did not come to."""
    writer, run = Writer(path), f"2026010{number}-000000"
    writer.declare(Scope(run, CASES[:cases], tuple(map(abs, own)), shard=number, shards=3))
    for place in own:
        if place >= 0:
            found = [Record(run, environment.id, CASES[place], name, values=(1.0,)) for name in metrics]
            writer.add(environment, found)
    writer.close()
    return path


def test_shards_become_one_run(tmp_path: Path, call: Call) -> None:
    files = [str(shard(tmp_path / f"{n}.jsonl", n, own)) for n, own in ((1, (0, 1)), (2, (2,)), (3, (3,)))]
    whole = tmp_path / "all.jsonl"
    code, output, errors = call("merge", *files, "-o", str(whole))
    assert (code, errors) == (0, "")
    assert output.endswith(f"4 of 4 cases in {whole}\n")
    contents = read(whole)
    assert list(dict.fromkeys(record.case for record in contents.records)) == list(CASES[:4])
    assert {record.run for record in contents.records} == {"20260101-000000"}
    assert contents.scopes == (Scope("20260101-000000", CASES[:4], (0, 1, 2, 3)),)
    assert contents.environments == {HERE.id: HERE}
    assert call("compare", str(whole))[0] == 0
    assert call("merge", str(whole), "-o", str(tmp_path / "again.jsonl"))[0] == 0  # and is one itself


def test_what_is_missing_twice_or_of_another_machine_is_named(tmp_path: Path, call: Call) -> None:
    one = shard(tmp_path / "1.jsonl", 1, (0, 1))
    again = shard(tmp_path / "again.jsonl", 1, (0, -1))
    two = shard(tmp_path / "2.jsonl", 2, (-2,), THERE)
    whole = tmp_path / "all.jsonl"
    code, output, _ = call("merge", str(again), str(one), str(two), "-o", str(whole))
    assert code == 3
    assert "twice: made.case0 cpu eager; left out as" in output
    assert "missing: made.case1 cpu compile, made.case2 cpu eager" in output
    assert "no file of shard 3 of 3" in output
    assert f"`torchpace run --resume {two}` goes on with shard 2" in output
    assert str(again) not in output.partition("missing")[2]  # another file has what it lacks
    assert "2 of 4 cases" in output
    assert {record.case for record in read(whole).records} == {CASES[0], CASES[1]}
    cut = shard(tmp_path / "cut.jsonl", 3, (3,), metrics=METRICS[:1])  # killed before its memory was measured
    code, output, _ = call("merge", str(one), str(two), str(cut), "-o", str(whole))
    assert code == 3
    assert "missing: made.case1 cpu compile\nnot finished: made.case2 cpu eager\n" in output
    assert f"`torchpace run --resume {cut}` goes on with shard 3" in output
    three = shard(tmp_path / "3.jsonl", 3, (3,), THERE)
    _, output, _ = call("merge", str(one), str(three), "-o", str(whole))
    assert "2 models of machine" in output
    assert "Another CPU, 2 cores: 1 cases; One CPU, 2 cores: 2 cases" in output


def test_what_is_no_shard_of_the_run_is_refused(tmp_path: Path, call: Call) -> None:
    one = shard(tmp_path / "1.jsonl", 1, (0, 1))
    other = shard(tmp_path / "other.jsonl", 2, (2,), cases=5)
    assert "other cases than" in call("merge", str(one), str(other), "-o", str(tmp_path / "x"))[2]
    assert "name another" in call("merge", str(one), "-o", str(one))[2]
    plain = tmp_path / "plain.jsonl"
    writer = Writer(plain)
    writer.add(HERE, [Record("r", HERE.id, CASES[0], "step_time", values=(1.0,))])
    writer.close()
    assert "does not say what it set out to measure" in call("merge", str(plain), "-o", str(tmp_path / "x"))[2]
    assert "does not say what its run set out" in call("run", "--resume", str(plain))[2]
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--shard", "0/3"), "'0/3' is not a part, such as 3/8"),
        (("--shard", "4/3"), "is not a part"),
        (("--shard", "3"), "is not a part"),
        (("--weights", "x.jsonl"), "they go with --shard"),
        (("--resume", "x.jsonl", "--shard", "1/2"), "leave --shard out"),
        (("--resume", "x.jsonl", "ops.*"), "leave the GLOBs out"),
        (("--resume", "nowhere.jsonl"), "cannot read nowhere.jsonl"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["run", *arguments])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2
    assert said in capsys.readouterr().err


def test_a_run_of_other_digits_is_not_gone_on_with(monkeypatch: pytest.MonkeyPatch) -> None:
    def before(data: str) -> Contents:
        return Contents((Record("r", "e", CASES[0], "step_time", values=(1.0,), data=data),), {})

    monkeypatch.setattr(mnist_data, "locate", lambda: (Path(), "MNIST"))
    for data in ("MNIST", "", "a user's own images"):
        check_digits(before(data))
    with pytest.raises(UsageError, match="begun with stand-in digits 1, and there are MNIST now"):
        check_digits(before("stand-in digits 1"))


def test_shards_really_run_killed_resumed_and_merged(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "planted_adds.py").write_text(PLANTED)
    monkeypatch.chdir(tmp_path)
    common = ("--workloads", "planted_adds", "--device", "cpu", "--mode", "eager")
    for number in (1, 2):
        code, _, errors = call("run", *common, "--shard", f"{number}/2", "--launches", "2", "-o", f"{number}.jsonl")
        assert (code, "Error" in errors) == (0, False)
    lines = Path("2.jsonl").read_text().splitlines(keepends=True)
    timed = [number for number, line in enumerate(lines) if '"step_time"' in line]
    Path("2.jsonl").write_text("".join(lines[: timed[1]]) + lines[timed[1]][:100])  # killed in the middle of a line
    assert call("merge", "1.jsonl", "2.jsonl", "-o", "all.jsonl")[0] == 3
    elsewhere = Path("2.jsonl").read_text()
    for fact in ("torch", "hostname"):
        Path("2.jsonl").write_text(re.sub(rf'"{fact}": "[^"]*"', f'"{fact}": "other"', elsewhere))
        code, _, errors = call("run", "--resume", "2.jsonl")
        assert code == 2
        assert f"begun in another environment: {fact} other then and" in errors
    Path("2.jsonl").write_text(elsewhere)
    assert call("run", "--resume", "2.jsonl")[0] == 0
    code, output, _ = call("merge", "1.jsonl", "2.jsonl", "-o", "all.jsonl")
    assert (code, output) == (0, "6 of 6 cases in all.jsonl\n")
    launches = Counter((r.case.workload, r.launch) for r in read(Path("all.jsonl")).records if r.metric == "step_time")
    assert launches == {(f"planted.add{number}", launch): 1 for number in range(6) for launch in range(2)}
    code, output, _ = call("run", "--resume", "2.jsonl")
    assert (code, output) == (0, "all that the run set out to measure is in 2.jsonl already\n")
