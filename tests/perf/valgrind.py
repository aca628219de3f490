"""How alike the instructions of identical steps are as Valgrind counts them: `python -m tests.perf.valgrind`.

A gate, really run with --exact --instructions valgrind, over ten small steps, of which one has half a percent more to
do on head. Prints every case's counts, and how long the gate took with and without them. Some two minutes.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

from tests.bench.toy import Toy, make

PERF = '''
import torch
from torch import nn
from workloads import Step, workload

STEPS = {{
    "loop": lambda x, net: sum(range({turns})),
    "add": lambda x, net: x + x,
    "chain": lambda x, net: (x * 2).relu().sum(),
    "product": lambda x, net: x @ x,
    "softmax": lambda x, net: x.softmax(1),
    "sort": lambda x, net: x.sort(1),
    "copy": lambda x, net: x.t().contiguous(),
    "forward": lambda x, net: net(x),
    "backward": lambda x, net: net(x).sum().backward(),
    "norm": lambda x, net: nn.functional.layer_norm(x, (64,)),
}}


def defined(name):
    @workload(f"counted.{{name}}", item="call")
    def step(setup):
        """A small step."""
        net, x = setup.place(nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))), setup.randn(64, 64)
        return Step(lambda: STEPS[name](x, net))


for name in STEPS:
    defined(name)
'''
TURNS, MORE_TURNS = 20_000, 20_100


def gate(toy: Toy, outcome: Path, *options: str) -> tuple[list[dict[str, object]], float]:
    """The rows of an exact gate, and the seconds that it took."""
    started = time.monotonic()
    sides = ("--workloads", "counted.perf", "--base", "HEAD~1", "--head", "HEAD")
    _, errors = toy.start("gate", "--exact", *sides, "--json", str(outcome), *options).communicate()
    if not outcome.exists():
        raise SystemExit(errors)
    return json.loads(outcome.read_text())["figures"], time.monotonic() - started


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        toy = make(Path(folder) / "project")
        package = toy.folder / "counted"
        package.mkdir()
        (package / "__init__.py").write_text("")
        for turns in (TURNS, MORE_TURNS):
            (package / "perf.py").write_text(PERF.format(turns=turns))
            toy.commit(f"{turns} turns")
        rows, with_s = gate(toy, Path(folder) / "with.json", "--instructions", "valgrind")
        _, without_s = gate(toy, Path(folder) / "without.json")
    lines = []
    for row in rows:
        if row["metric"] == "instructions_valgrind":
            change = f"{100 * (row['head'] / row['base'] - 1):+.3f} %" if row["base"] and row["head"] else ""
            case = row["case"]["workload"]
            lines.append([case, row["base"], row["head"], change, row["verdict"], row["base_reason"]])
    print(tabulate(lines, ["case", "base", "head", "difference", "verdict", ""], floatfmt=".0f"))
    print(f"\n{with_s:.0f} s with Valgrind, {without_s:.0f} s without")


if __name__ == "__main__":
    main()
