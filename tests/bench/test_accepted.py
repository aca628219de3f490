"""Changes that were meant: written down with a reason, allowed as far as that goes, and gone once base has them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cli import main
from bench.cli.gate import accept, accepted
from bench.cli.gate.accepted import Accepted, Said, in_commits, in_file, limits_of, unused
from bench.cli.gate.exact import allowed
from bench.gate.revisions import FOLDER
from bench.records.errors import UsageError
from bench.records.record import Case
from reports.topics.exact.figures import ExactRow
from tests.bench.toy import ENOUGH_TRIALS, LOOPS, SLOWER, Toy, make

SPIN = Case("toy.spin", 1, (("loops", 3),), "cpu", "float32", "eager", 1)
GATE = ("--trials", str(ENOUGH_TRIALS), "--same-within", "99%", "--lanes", "1", "--no-cause")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    toy = make(tmp_path_factory.mktemp("accepted") / "project", warm=True)
    toy.write(LOOPS)
    (toy.folder / "pyproject.toml").write_text(
        '[tool.torchpace]\nworkloads = "toy.perf"\nglobs = ["toy.loops"]\naccepted = "meant.toml"\n'
    )
    toy.commit("first")
    return toy


def test_a_change_fails_is_accepted_with_a_reason_passes_and_fails_beyond_it(toy: Toy) -> None:
    toy.write(LOOPS * SLOWER)
    code, output, errors = toy.run("gate", "--base", "HEAD", *GATE)
    assert code == 1, errors
    accepted = ("gate", "--accept", "toy.loops", "--because", 'the "new" loop is longer')
    code, output, _ = toy.run(*accepted, "--up-to", "6000%")  # without, as much as ten trials on a busy machine saw
    assert code == 0
    assert "commit it with the change" in output
    (line,) = in_file(toy.folder / "meant.toml", "meant.toml")
    assert (line.case, line.because) == ("toy.loops", 'the "new" loop is longer')
    assert line.up_to == 60.0
    code, output, errors = toy.run("gate", "--base", "HEAD", *GATE)
    assert code == 0, output
    assert "allowed: toy.loops (cpu eager): accepted up to" in output
    assert 'the "new" loop is longer (meant.toml, entry 1)' in output
    toy.write(LOOPS * SLOWER * 20)
    code, output, _ = toy.run("gate", "--base", "HEAD", *GATE)
    assert code == 1
    toy.write(LOOPS * SLOWER)
    toy.commit("longer, as meant")
    code, output, errors = toy.run("gate", "--base", "HEAD", "--exact")
    assert code == 0
    assert "expired: meant.toml, entry 1 accepts a change of toy.loops that base has by now; it can go" in errors


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / FOLDER).mkdir()
    return tmp_path


def last_gate(project: Path, name: str, key: str, *rows: dict[str, object]) -> None:
    (project / FOLDER / name).write_text(json.dumps({key: [{"case": SPIN.body(), **row} for row in rows]}))


def test_what_is_accepted_is_as_large_as_it_was_last_seen(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    last_gate(project, accept.TIMES, "cases", {"verdict": "slower", "ratio": 1.052, "high": 1.0632})
    assert main(["gate", "--accept", "toy.spin(*)", "--because", "it does more"]) == 0
    last_gate(
        project, accept.COUNTS, "figures", {"verdict": "worse", "metric": "peak_memory", "head": 4096.0},
        {"verdict": "same", "metric": "ops", "head": 3.0},
    )  # fmt: skip
    assert main(["gate", "--accept", "toy.spin(loops=3):peak_memory", "--because", "a larger cache"]) == 0
    assert in_file(project / "torchpace-accepted.toml", "f") == [
        Accepted("toy.spin(loops=3)", "step_time", "it does more", up_to=0.075, source="f, entry 1"),
        Accepted("toy.spin(loops=3)", "peak_memory", "a larger cache", at_most=4096.0, source="f, entry 2"),
    ]
    assert main(["gate", "--accept", "toy.spin(*):ops", "--because", "why not"]) == 2
    assert "the last gate --exact here found no ops of 'toy.spin(*)' that is worse" in capsys.readouterr().err
    assert main(["gate", "--accept", "toy.other", "--because", "x", "--up-to", "250%"]) == 0
    assert in_file(project / "torchpace-accepted.toml", "f")[2].up_to == 2.5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--accept", "toy.spin"], "--accept needs --because TEXT"),
        (["--accept", "toy.spin", "--because", " "], "--accept needs --because TEXT"),
        (["--accept", "toy.spin", "--because", "x"], "found no step_time of 'toy.spin' that is slower"),
        (["--accept", "a:ops", "--because", "x", "--up-to", "8%"], "--up-to is of times"),
        (["--base", "HEAD", "--because", "x"], "go with --accept CASE"),
    ],
)
def test_what_cannot_be_accepted_is_one_line(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(["gate", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert not (project / "torchpace-accepted.toml").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[accepted]]\ncase = 'a'\nbecause = 'b'\n", "entry 1: it needs up-to, such as '8%'"),
        ("[[accepted]]\ncase = 'a'\nbecause = 'b'\nup-to = '8%'\nat-most = 3\n", "entry 1: it needs up-to"),
        ("[[accepted]]\ncase = 'a'\nup-to = '8%'\n", "entry 1: it needs the texts case and because"),
        ("[[accepted]]\ncase = 'a'\nbecause = 'b'\nup-to = 'much'\n", "entry 1: up-to: 'much' is not a share"),
        ("[[accepted]]\ncase = 'a'\nbecause = 'b'\nat-most = true\n", "at-most = True is no number"),
        ("[[accepted]]\ncase = 'a'\nbecause = 'b'\nupto = '8%'\n", "'upto' is none of"),
        ("accepted = 3\n", "holds \\[\\[accepted\\]\\] tables only"),
        ("accepted = [3]\n", "holds \\[\\[accepted\\]\\] tables only"),
        ("accept = []\n", "holds \\[\\[accepted\\]\\] tables only"),
        ("[[accepted]\n", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "f.toml").write_text(text)
    with pytest.raises(UsageError, match=says):
        in_file(tmp_path / "f.toml", "f.toml")


def test_a_trailer_of_a_commit_accepts_too(tmp_path: Path) -> None:
    toy = make(tmp_path / "project")
    base = toy.commit("first")
    trailers = ("toy.spin(loops=3) +8% because it\n has to", "toy.*:latency +10.5 % because b")
    toy.commit("\n".join(["Spin longer", "", *(f"Torchpace-Accept: {trailer}" for trailer in trailers)]))
    found = in_commits(toy.folder, base, "HEAD")
    assert [(line.case, line.metric, line.up_to, line.because) for line in found] == [
        ("toy.spin(loops=3)", "step_time", 0.08, "it has to"), ("toy.*", "latency", 0.105, "b"),
    ]  # fmt: skip
    assert found[0].source == f"commit {toy.git('rev-parse', '--short', 'HEAD')}"
    for trailer in ("all of it", "toy.spin +1.2.3% because it has"):
        assert accepted.LINE.fullmatch(trailer) is None
    toy.commit("Worse\n\nTorchpace-Accept: all of it")
    with pytest.raises(UsageError, match="Torchpace-Accept: all of it: write CASE"):
        in_commits(toy.folder, base, "HEAD")


def test_limits_are_of_the_last_glob_or_accepted_whichever_is_larger() -> None:
    globs = {"toy.*": 0.10, "toy.spin(loops=3)": 0.05}
    assert limits_of([SPIN], globs, Said())[SPIN].share == 0.05
    assert limits_of([replace(SPIN, workload="other.spin")], globs, Said()) == {}
    small, large = (Accepted("toy.spin(*)", "step_time", "b", up_to=size, source="s") for size in (0.02, 0.30))
    assert limits_of([SPIN], globs, Said((small,)))[SPIN].share == 0.05
    assert limits_of([SPIN], globs, Said((large,)))[SPIN].why == "accepted up to +30 %: b (s)"
    assert unused(Said((large, replace(large, case="gone"))), [SPIN]) == [
        "s accepts a change of gone, which names no case of this gate"
    ]


def test_a_count_is_allowed_up_to_what_was_accepted() -> None:
    row = ExactRow(SPIN, "peak_memory", "worse", 1024.0, 4096.0)
    line = Accepted("toy.spin(*)", "peak_memory", "b", at_most=4096.0, source="s")
    assert allowed(row, Said((line,))).verdict == "allowed"
    assert allowed(replace(row, head=4097.0), Said((line,))).verdict == "worse"
    assert allowed(replace(row, metric="ops"), Said((line,))).verdict == "worse"
    share = replace(line, at_most=None, up_to=3.0)  # as a trailer says it
    assert allowed(row, Said((share,))).verdict == "allowed"
    assert allowed(replace(row, head=4097.0), Said((share,))).verdict == "worse"
