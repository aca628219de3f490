"""What a trace is read to say is what torch says of the same run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from bench.counts.modules import called_modules, flops_by_path, names_in_model
from reports.profiles.shape.launches import launches_of
from reports.profiles.shape.operators import calls_table, nest_operators, operator_table
from reports.profiles.shape.windows import steps_of
from reports.profiles.trace.reading import read_trace
from tests.traces.one import read_one
from workloads.base import Setup, load_suite


def test_operators_have_the_self_times_of_key_averages_on_the_same_run(tmp_path: Path) -> None:
    step = load_suite()["mnist_cnn.train_step"].build(Setup(torch.device("cpu")), model="padded", batch=64)
    step.run()
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiled:
        for _ in range(3):
            step.run()
    path = tmp_path / "t.json"
    profiled.export_chrome_trace(str(path))
    trace = read_trace(path)
    steps = steps_of(trace)
    calls = calls_table(trace, steps, nest_operators(trace), launches_of(trace, steps))
    table = operator_table(calls, steps).set_index("name")
    theirs = {row.key: row for row in profiled.key_averages()}
    assert set(table.index) == set(theirs)
    for name, row in theirs.items():
        assert table.loc[name, "calls"] == row.count
        # The file has whole nanoseconds and torch's own sums truncate to them: a microsecond in all is no difference.
        assert table.loc[name, "self_s"] * 1e6 == pytest.approx(row.self_cpu_time_total, rel=0.01, abs=1), name


class Dropout(torch.nn.Module):
    """Has the name of a module of torch's, and one of these inside."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.after = torch.nn.Dropout(0.5), torch.nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.after(self.inner(x))
        return answer


def test_modules_are_numbered_as_the_profiler_does(tmp_path: Path) -> None:
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), Dropout(), torch.nn.Linear(2, 2))
    with called_modules() as called:
        net(torch.ones(1, 2))
    names = names_in_model(called)
    assert names == {
        "Sequential_0": "Sequential", "Sequential_0/Linear_0": "0", "Sequential_0/Dropout_0": "1",
        "Sequential_0/Dropout_0/Dropout_0": "1.inner", "Sequential_0/Dropout_0/Linear_1": "1.after",
        "Sequential_0/Linear_2": "2",
    }  # fmt: skip
    with profile(activities=[ProfilerActivity.CPU], with_stack=True) as profiled:
        net(torch.ones(1, 2))
    profiled.export_chrome_trace(str(tmp_path / "t.json"))
    tree = read_one(tmp_path / "t.json").modules
    assert tree is not None
    assert [module.path for depth, module in tree.root.walk() if depth] == list(names)


def test_flops_of_models_that_cannot_be_told_apart_are_left_out() -> None:
    one, other = (torch.nn.Sequential(torch.nn.Linear(4, size)) for size in (4, 8))
    with called_modules() as called, FlopCounterMode(display=False) as counter:
        other(one(torch.ones(1, 4)))
    assert flops_by_path(called, counter.get_flop_counts()) == {}
    with called_modules() as called, FlopCounterMode(display=False) as counter:
        one(torch.ones(1, 4))
    assert flops_by_path(called, counter.get_flop_counts()) == {"Sequential_0": 32, "Sequential_0/Linear_0": 32}


def test_recomputed_modules_are_not_counted_twice(tmp_path: Path) -> None:
    blocks = [torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU()) for _ in range(3)]

    def run() -> None:
        x = torch.ones(32, 64, requires_grad=True)
        for block in blocks:
            x = checkpoint(block, x, use_reentrant=False)
        x.sum().backward()

    run()
    with profile(activities=[ProfilerActivity.CPU], with_stack=True) as profiled:
        run()
    profiled.export_chrome_trace(str(tmp_path / "t.json"))
    tree = read_one(tmp_path / "t.json").modules
    assert tree is not None
    assert tree.outside_s >= 0
    assert {module.calls for module in tree.root.inside.values()} == {2.0}
