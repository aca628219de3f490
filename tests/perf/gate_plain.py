"""How soon a gate says that a case became twice as slow, beside busy processes: `python -m tests.perf.gate_plain [N]`.

A project of its own with four cases (a loop, a product, a network's inference, its training step); one of them, another
each time, does its work twice on head. Prints the seconds from the command's start to its line that says so.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.bench.toy import Toy, make

BUSY = 4  # processes
BUDGET = "25s"
WITHIN_S = 20.0
CASES = ("loop", "product", "inference", "training")
SPIN = "while True: sum(range(100_000))"

PERF = '''
import torch
from torch import nn
from workloads import Step, workload

TWICE = {twice!r}


def step(setup, name, run, check):
    times = range(2 if TWICE == name else 1)

    def repeated():
        for _ in times:
            answer = run()
        return answer

    return Step(repeated, check=check)


def shaped(*shape):
    def check(answer):
        assert answer.shape == torch.Size(shape), answer.shape
    return check


def network(setup):
    return setup.place(nn.Sequential(nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 10)))


@workload("plain.loop", item="call")
def loop(setup):
    """Python."""
    answer = torch.ones(3)

    def run():
        for _ in range(20_000):
            pass
        return answer

    return step(setup, "loop", run, shaped(3))


@workload("plain.product", item="call")
def product(setup):
    """One operator."""
    a, b = setup.randn(192, 192), setup.randn(192, 192)
    return step(setup, "product", lambda: a @ b, shaped(192, 192))


@workload("plain.inference", item="sample")
def inference(setup):
    """Small operators."""
    net, x = network(setup), setup.randn(64, 128)

    def run():
        with torch.no_grad():
            return net(x)

    return step(setup, "inference", run, shaped(64, 10))


@workload("plain.training", item="sample")
def training(setup):
    """Forward and backward."""
    net, x = network(setup), setup.randn(64, 128)

    def run():
        net.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        return loss.detach()

    return step(setup, "training", run, shaped())
'''


def written(toy: Toy, twice: str) -> None:
    """The project's package, with the case that does its work twice."""
    package = toy.folder / "plain"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text("")
    (package / "perf.py").write_text(PERF.format(twice=twice))


def seconds_until_said(toy: Toy, twice: str) -> tuple[float, list[str]]:
    """Seconds until the gate's line about the case, infinite for none; all that it says has changed."""
    started = time.monotonic()
    gate = toy.start("gate", "--base", "HEAD", "--workloads", "plain.perf", "--budget", BUDGET, "--no-cause")
    said_s, lines = float("inf"), []
    drain = threading.Thread(target=lambda: gate.stdout and gate.stdout.read(), daemon=True)
    drain.start()
    assert gate.stderr is not None
    for line in gate.stderr:
        if "torchpace: slower: " in line or "torchpace: faster: " in line:
            lines.append(line.rpartition("torchpace: ")[2].strip())
            if f"slower: plain.{twice} " in lines[-1]:
                said_s = min(said_s, time.monotonic() - started)
    gate.wait()
    return said_s, lines


def main() -> None:
    gates = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    in_time = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        toy = make(Path(folder) / "project")
        written(toy, "")
        toy.commit("first")
        busy = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(BUSY)]
        try:
            for number in range(gates):
                twice = CASES[number % len(CASES)]
                written(toy, twice)
                said_s, lines = seconds_until_said(toy, twice)
                in_time += said_s <= WITHIN_S
                others = [line for line in lines if f"plain.{twice} " not in line]
                wrong += bool(others)
                print(f"{twice}: {said_s:.1f} s; {'; '.join(lines) or 'nothing said'}", flush=True)
        finally:
            for process in busy:
                process.kill()
                process.wait()
    print(f"\n{in_time} of {gates} within {WITHIN_S:.0f} s beside {BUSY} busy processes; {wrong} named another case")


if __name__ == "__main__":
    main()
