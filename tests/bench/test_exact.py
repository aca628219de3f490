"""Exact figures: planted changes show, by exactly as much as was planted, and nothing else does."""

from __future__ import annotations

import pytest

from bench.devices import Account, Peak
from bench.measure.exact import REPEATS, accounted, counted, instructions
from bench.measure.task import Task
from bench.records.lines import parse_line, record_line
from bench.records.record import Case, Record
from bench.runs.fresh import Launcher
from bench.runs.run import measured
from reports.topics.exact.figures import ExactRow, compare_exact
from tests import determinism
from tests.conftest import ROOT
from tests.fakes import FakeDevice

Records = dict[str, Record]


@pytest.fixture(scope="module")
def launcher(fork_server: None) -> Launcher:
    return Launcher(timeout_s=120)


def take(
    launcher: Launcher, name: str, mode: str = "eager", cache: str = "", measure: str = "exact", **point: object
) -> Records:
    case = Case(f"planted.{name}", 1, tuple(point.items()), "cpu", "float32", mode, 1)  # type: ignore[arg-type]
    task = Task(case, measure, cache=cache, module="tests.planted")
    return {record.metric: record for record in measured(launcher, task)}


def difference(launcher: Launcher, change: str) -> dict[str, ExactRow]:
    """The rows that differ between planted.counted as it is and changed."""
    base, head = take(launcher, "counted", change="none"), take(launcher, "counted", change=change)
    same_case = [parse_line(record_line(r).replace(f'"{change}"', '"none"')) for r in head.values()]
    rows = compare_exact(base.values(), same_case)  # type: ignore[arg-type]
    return {row.metric: row for row in rows if row.verdict not in ("same", "n/a")}


def line_of(mark: str) -> int:
    """The line of planted.py that says `# planted: mark`."""
    # Read, not imported: importing it here would add its workloads to the suite of every later test.
    lines = (ROOT / "tests" / "planted.py").read_text().splitlines()
    (number,) = [number for number, line in enumerate(lines, start=1) if line.endswith(f"# planted: {mark}")]
    return number


def test_a_step_is_counted(launcher: Launcher) -> None:
    found = take(launcher, "counted", change="none")
    assert set(found) == {"peak_memory", "bytes_allocated", "ops", "parameters", "instructions"}
    assert found["ops"].parts == (("aten::add", 1), ("aten::mul", 1))
    assert found["ops"].values == (2,)
    assert found["bytes_allocated"].values == (2048,)  # the product and the sum
    assert found["peak_memory"].values == (3072,)  # and x
    assert found["parameters"].values == (0,)


def test_one_more_operation_is_named(launcher: Launcher) -> None:
    rows = difference(launcher, "one_more")
    assert set(rows) == {"ops", "bytes_allocated"}  # the peak stays: the product is freed before
    assert (rows["ops"].base, rows["ops"].head, rows["ops"].verdict) == (2, 3, "worse")
    assert (rows["ops"].came, rows["ops"].went) == ((("aten::neg", 1),), ())
    assert rows["bytes_allocated"].head == 3072


def test_another_operation_is_named_with_what_it_replaced(launcher: Launcher) -> None:
    rows = difference(launcher, "another")
    assert rows["ops"].verdict == "better"
    assert rows["ops"].came == (("aten::addcmul", 1.0),)
    assert rows["ops"].went == (("aten::add", 1), ("aten::mul", 1))


def test_a_tensor_kept_from_step_to_step_is_seen(launcher: Launcher) -> None:
    rows = difference(launcher, "keeps")
    assert rows["peak_memory"].verdict == rows["bytes_allocated"].verdict == "worse"
    assert rows["peak_memory"].head == 3072 + 2 * 1024  # of the step before, and of this one
    assert rows["bytes_allocated"].head == 2048 + 1024


def test_learnable_numbers_are_counted_once(launcher: Launcher) -> None:
    rows = difference(launcher, "learns")
    assert set(rows) == {"parameters", "peak_memory"}
    assert rows["peak_memory"].head == 3072 + 12
    assert (rows["parameters"].base, rows["parameters"].head) == (0, 3)


@pytest.mark.parametrize("name", ["first_version", "steady"])
def test_figures_of_other_passes_are_the_same_here(launcher: Launcher, name: str) -> None:
    point = {"batch": 4} if name == "first_version" else {}
    exact = take(launcher, name, **point)
    assert exact["peak_memory"].values == take(launcher, name, measure="memory", **point)["peak_memory"].values
    work = take(launcher, name, measure="work", **point)["flops"]
    assert ("flops" in exact) == (work.status == "measured")
    if work.values:
        assert exact["flops"].values == work.values
        assert exact["flops"].parts == (("aten::addmm", work.values[0]),)


def test_a_compiled_step_names_its_kernels(launcher: Launcher, compiled_code: str) -> None:
    found = take(launcher, "fused", "compile", compiled_code, fused=True)
    assert found["kernels"].parts == (("cpp_fused_cos_sin_0", 1),)
    assert found["graphs"].values == (1,)
    assert (found["graph_breaks"].values, found["recompiles"].values) == ((0,), (0,))
    memory = take(launcher, "fused", "compile", compiled_code, measure="memory", fused=True)
    assert found["peak_memory"].values == memory["peak_memory"].values


def test_a_broken_fusion_is_a_kernel_more(launcher: Launcher, compiled_code: str) -> None:
    found = take(launcher, "fused", "compile", compiled_code, fused=False)
    assert found["kernels"].values == (2,)
    assert [name for name, _ in found["kernels"].parts] == ["cpp_fused_cos_1", "cpp_fused_sin_0"]
    assert dict(found["ops"].parts)["aten::mm"] == 1


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("item", "Unsupported Tensor.item() call with capture_scalar_outputs=False"),
        ("branch", "generic_jump TensorVariable()"),
    ],
)
def test_a_graph_break_is_named_with_its_place(launcher: Launcher, compiled_code: str, how: str, reason: str) -> None:
    found = take(launcher, "breaks", "compile", compiled_code, how=how)
    assert found["graph_breaks"].parts == ((f"{reason} at tests/planted.py:{line_of(how)}", 1),)
    assert found["graphs"].values == (2,)


def test_every_graph_break_is_counted(launcher: Launcher, compiled_code: str) -> None:
    breaks = take(launcher, "breaks", "compile", compiled_code, how="twice")["graph_breaks"]
    assert breaks.values == (sum(count for _, count in breaks.parts),)
    assert breaks.values[0] >= 2


def test_recompilations_are_counted_with_their_reasons(launcher: Launcher, compiled_code: str) -> None:
    parts = take(launcher, "recompiles", "compile", compiled_code)["recompiles"].parts
    assert [(name.partition(" at ")[0], count) for name, count in parts] == [
        ("len(factor) == 1", 1),
        ("len(factor) == 2", 1),
    ]
    assert all("tests/planted.py:" in name for name, _ in parts)


def test_a_backward_graph_is_no_recompilation_of_its_own(launcher: Launcher, compiled_code: str) -> None:
    assert take(launcher, "recompiles_training", "compile", compiled_code)["recompiles"].values == (1,)


def test_a_case_that_fails_is_one_record(launcher: Launcher, compiled_code: str) -> None:
    assert [(r.status, r.metric) for r in take(launcher, "raises").values()] == [("broken", "ops")]
    (found,) = take(launcher, "nothing_to_compile", "compile", compiled_code).values()
    assert (found.status, found.reason) == ("unavailable", "the step gave torch.compile nothing to compile")


def test_what_a_device_cannot_count_says_why() -> None:
    blank = Record("", "", Case("a.b", 1, (), "mps", "float32", "compile", 1), "ops")
    account = Account(Peak(None, reason="no peak"), {"aten::add": 2}, None, "no kernels", None, "no sum")
    found = {record.metric: record for record in accounted(blank, account, generates=True)}
    assert {metric: r.reason for metric, r in found.items() if r.status == "unavailable"} == {
        "peak_memory": "no peak",
        "bytes_allocated": "no sum",
        "kernels": "no kernels",
    }
    assert found["ops"].values == (2,)
    assert "kernels" not in {record.metric for record in accounted(blank, account, generates=False)}


def test_parts_are_sorted_and_add_up() -> None:
    record = counted(Record("", "", Case("a.b", 1, (), "cpu", "float32", "eager", 1), "ops"), "ops", {"b": 2, "a": 1})
    assert record.parts == (("a", 1.0), ("b", 2.0))
    assert record.values == (3.0,)


class FakeCounter:
    """Counts so many instructions per step, and more of its own every time it is used."""

    def __init__(self, per_step: int, own: int = 0) -> None:
        self.per_step, self.own, self.asked = per_step, own, []

    def count(self, run: object, steps: int) -> int:
        self.asked.append(steps)
        return self.per_step * steps + self.own * len(self.asked)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("per_step", "steps"), [(1_000, 10), (4_000_000, 2), (50_000_000, 1)])
def test_instructions_are_per_step(per_step: int, steps: int) -> None:
    counter = FakeCounter(per_step, own=10)
    values, steps_per_value = instructions(lambda: None, FakeDevice(), counter)
    assert steps_per_value == steps
    assert counter.asked == [1] + [steps] * REPEATS
    assert values == tuple(per_step + 10 * use / steps for use in range(2, REPEATS + 2))


TWICE = [
    "modules.linear(batch=1,*", "mnist_cnn.train_step(model=padded*", "autograd.checkpointing(checkpoint=True*",
    "data_loading.data_loader(*shuffle=True*",
]  # fmt: skip


def test_figures_are_the_same_in_processes_that_hash_differently(capfd: pytest.CaptureFixture[str]) -> None:
    code = determinism.main(["eager", *TWICE])
    said = capfd.readouterr()
    assert code == 0, said.out + said.err
    assert said.out.splitlines()[-1].endswith("2 takes: 0 differences")
