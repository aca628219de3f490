"""How often the gate is right: recorded trials of identical and of slowed sides, and whole gate runs drawn from them.

    python -m tests.perf.gate_rates record trials.npz    # measures for an hour or so; keep the machine as it is used
    python -m tests.perf.gate_rates draw trials.npz      # draws gate runs from the recorded trials, in a minute or so
    python -m tests.perf.gate_rates real --share 0.05    # a whole gate, really run, with one case slowed by 5 %

`record` measures one point of every workload in lockstep, both sides the same commit; then some cases against commits
in which each of these does a known share of extra work: a loop in Python, counted off to the share of the step that
is wanted. `draw` plays whole gates by the gate's own rule, each trial drawn without replacement from those recorded;
beside it, what asv's and pytest-benchmark's rules say of the same recorded turns.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

from bench.gate.lanes import Gate, lanes_for
from bench.gate.revisions import Checkouts, Side
from bench.gate.survey import survey
from bench.gate.trials import Trials
from bench.measure.timer import block_time, calibrate
from bench.modes.steady import steady
from bench.records.files import Writer
from bench.records.record import Case, Record
from bench.runs.plan import Selection
from reports.stats.sequential import LOOKS, Rule, decide, is_open, observe
from workloads.base import Setup, load_suite

SHARES = (0.03, 0.05, 0.10)
# Cases that are slowed: products, memory traffic, autograd, a whole training step, Python overhead.
SLOWED = (
    "tensor_ops.matmul(shape=256x256x256)", "tensor_ops.elementwise(size=1048576)", "autograd.backward_deep(depth=32)",
    "modules.mlp(batch=64)", "linear_regression.train_step(batch=64,features=1)",
    "mnist_cnn.inference(model=padded,batch=1)",
)  # fmt: skip
# Left out of the hundred trials: whole loops, and the subjects that train the same networks and read the same digits.
LONG = ("linear_regression.loop", "mnist_cnn.train_epoch", "data_loading.*", "training_choices.*")
TRIALS, SLOWED_TRIALS = 100, 48
BUDGET_S = 200.0  # of a drawn gate: what ten minutes for the 86 cases of the whole suite leave for those recorded
PART = 16  # trials of every case after which the file is written: what is recorded is kept when one stops
ROUNDS = 25  # turns that are kept of a trial, for the other rules
HOOK = """

# Planted by tests/perf/gate_rates.py: extra work of a known share of the step.
PLANTED: dict[tuple[str, str], int] = {planted!r}
_build = Workload.build


def _slowed(self: Workload, setup: Setup, **point: Value) -> Step:
    step = _build(self, setup, **point)
    extra = PLANTED.get((self.name, ",".join(f"{{axis}}={{value}}" for axis, value in point.items())), 0)

    def run() -> Tensor:
        for _ in range(extra):
            pass
        return step.run()

    return replace(step, run=run) if extra else step


Workload.build = _slowed
"""


def chosen(cases: Sequence[Case]) -> list[Case]:
    """One case of every workload but the LONG ones: its first point, or the one that is slowed."""
    by_workload: dict[str, Case] = {}
    for case in cases:
        if any(fnmatchcase(case.workload, glob) for glob in LONG):
            continue
        if case.workload not in by_workload or case.label in SLOWED:
            by_workload[case.workload] = case
    return list(by_workload.values())


def extra_loops(case: Case, share: float) -> int:
    """How many turns of an empty Python loop take `share` of the case's step on this machine.

    The step and the loop are timed in turns, on one thread, by its processor time: what else runs does not count.
    """
    import torch

    torch.set_num_threads(case.threads)
    step = load_suite()[case.workload].build(Setup(torch.device("cpu")), **dict(case.point))
    loops = 100_000

    def spin() -> None:
        for _ in range(loops):
            pass

    with steady():
        steps, _ = calibrate(step.run, time.thread_time)
        ratios = []
        for _ in range(51):
            step_s = block_time(step.run, steps, time.thread_time) / steps
            ratios.append(step_s / block_time(spin, 1, time.thread_time))
    return round(share * statistics.median(ratios) * loops)


def plant(repository: Path, cases: Sequence[Case], share: float) -> str:
    """Commit, on a branch of its own, that every one of the cases does extra work; the commit."""
    planted = {
        (case.workload, ",".join(f"{axis}={value}" for axis, value in case.point)): extra_loops(case, share)
        for case in cases
    }
    base = repository / "workloads" / "base.py"
    original = base.read_text()
    base.write_text(
        original.replace("import dataclass, field", "import dataclass, field, replace") + HOOK.format(planted=planted)
    )
    identity = ("-c", "user.name=gate_rates", "-c", "user.email=gate_rates@localhost")
    git(repository, "checkout", "-q", "--detach")
    git(repository, *identity, "commit", "-qam", f"Plant {share:.0%} of extra work")
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "HEAD~1")
    assert base.read_text() == original
    return commit


def git(folder: Path, *arguments: str) -> str:
    """What git answers."""
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


class Recorder:
    """A judge that keeps every case open until it has had so many trials, and keeps what it hears."""

    def __init__(self, cases: Sequence[Case], trials: int) -> None:
        self.trials, self.heard = trials, dict.fromkeys(cases, 0)
        self.turns: dict[Case, list[np.ndarray]] = {case: [] for case in cases}
        self.took: dict[Case, list[float]] = {case: [] for case in cases}
        self.bar = tqdm(total=trials * len(cases), unit="trial", dynamic_ncols=True)

    def open(self) -> tuple[list[Case], list[Case]]:
        """The cases that want more trials."""
        return [], [case for case, count in self.heard.items() if count < self.trials]

    def hear(self, case: Case, records: Mapping[str, Record], took_s: float) -> None:
        """Keep a trial; a case that fails wants no more."""
        self.bar.update()
        if any(record.status != "measured" for record in records.values()):
            self.heard[case] = self.trials
            return
        self.heard[case] += 1
        rounds = np.full((2, ROUNDS), np.nan)
        for row, name in enumerate(("base", "head")):
            values = records[name].values[:ROUNDS]
            rounds[row, : len(values)] = values
        self.turns[case].append(rounds)
        self.took[case].append(took_s)


def recorded(
    sides: Mapping[str, Side], caches: Mapping[str, Path], labels: Sequence[str], trials: int, log: Path
) -> Recorder:
    """So many trials of the labelled cases (of one point of every workload, when none is labelled)."""
    gate = Gate("rates", sides, caches, budget_s=1e9, lanes=lanes_for(["cpu"], 1))
    found, environments, _ = survey(gate, Selection(modes=("eager",), globs=labels))
    recorder = Recorder(chosen(found["head"]) if not labels else found["head"], trials)
    writer = Writer(log)
    Trials(gate, environments, writer, recorder.open, recorder.hear).run()
    writer.close()
    return recorder


def record(path: Path) -> None:
    """Record everything that the file does not have yet, and write it there."""
    kept: dict[str, np.ndarray] = dict(np.load(path)) if path.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        repository, log = Path(folder) / "repository", Path(folder) / "trials.jsonl"
        subprocess.run(["git", "clone", "-q", ".", str(repository)], check=True)
        with Checkouts(repository) as checkouts:
            base = checkouts.side("base", "HEAD", sys.executable)
            caches = {name: checkouts.cache(name) for name in ("base", "head")}
            cases = [case for case in every_case() if case.label in SLOWED]
            for prefix, share in [*((f"{share}|", share) for share in SHARES), ("same|", 0.0)]:
                labels, trials = (SLOWED, SLOWED_TRIALS) if share else ((), TRIALS)
                if had(kept, prefix) >= trials:
                    continue
                commit = plant(repository, cases, share) if share else "HEAD"
                head = checkouts.side(f"head-{share}", commit, sys.executable)
                while (wanted := trials - had(kept, prefix)) > 0:
                    part = min(PART, wanted)
                    keep(kept, prefix, recorded({"base": base, "head": head}, caches, labels, part, log))
                    np.savez_compressed(path, **kept)


def every_case() -> list[Case]:
    """The default suite's eager cases on the CPU."""
    from bench.runs.plan import cases

    return cases(load_suite(), Selection(modes=("eager",)))


def keep(kept: dict[str, np.ndarray], prefix: str, found: Recorder) -> None:
    """Add what was recorded: seconds per step as [trial, side, round], and seconds per trial."""
    for case, turns in found.turns.items():
        if turns:
            for name, new in (("turns", turns), ("took", found.took[case])):
                key, values = f"{prefix}{case.label}|{name}", np.array(new, dtype=np.float32)
                kept[key] = np.concatenate([kept[key], values]) if key in kept else values


def had(kept: Mapping[str, np.ndarray], prefix: str) -> int:
    """How many trials there are already of every case of a recording."""
    return min((len(found) for key, found in kept.items() if key.startswith(prefix)), default=0)


class Recording:
    """What was recorded of one pair of sides: per case, its trials' observations, turns, and seconds per trial."""

    def __init__(self, data: Mapping[str, np.ndarray], prefix: str) -> None:
        self.turns = {key.split("|")[1]: data[key] for key in data if key.startswith(prefix) and key.endswith("|turns")}
        self.took = {label: float(np.median(data[f"{prefix}{label}|took"])) for label in self.turns}
        self.seen = {
            label: [observe(*(side[~np.isnan(side)] for side in trial)) for trial in trials]
            for label, trials in self.turns.items()
        }

    def centred(self, share: float) -> dict[str, list[float]]:
        """The observations, moved so that a case's mean is the share exactly; planted work is off by a little."""
        return {
            label: [value - float(np.mean(seen)) + float(np.log1p(share)) for value in seen]
            for label, seen in self.seen.items()
        }


def gate_run(
    same: Recording, slowed: Mapping[str, Sequence[float]], budget_s: float, dice: random.Random
) -> tuple[dict[str, str], float]:
    """One whole gate drawn from the recordings, with the trials of slowed cases in place of their unslowed ones.

    The verdicts, and the seconds it would have taken.
    """
    shuffled = {label: dice.sample(seen, len(seen)) for label, seen in (same.seen | dict(slowed)).items()}
    rule, spent, final = Rule(), 0.0, False
    heard: dict[str, list[float]] = {label: [] for label in shuffled}
    findings = decide(heard, rule)
    while not final:
        waiting = [
            label for label, found in findings.items() if is_open(found) and len(heard[label]) < len(shuffled[label])
        ]
        dice.shuffle(waiting)
        waiting.sort(key=lambda label: len(heard[label]) < LOOKS[0] or np.mean(heard[label]) <= rule.slower_than)
        final = not waiting
        spent += HOST_START_S / LANES
        for label in waiting:
            if spent + same.took[label] / LANES > budget_s:
                final = True
                continue
            heard[label].append(shuffled[label][len(heard[label])])
            spent += same.took[label] / LANES
        findings = decide(heard, rule, final)
    return {label: found.verdict for label, found in findings.items()}, spent


HOST_START_S, LANES = 5.0, 2  # as seen on two cores


def draw(path: Path, runs: int, budget_s: float) -> None:
    """Print the tables of rates."""
    data = dict(np.load(path))
    same, dice = Recording(data, "same|"), random.Random(0)
    spreads = [np.std(seen, ddof=1) for seen in same.seen.values()]
    print(f"{len(same.seen)} cases, {sum(map(len, same.seen.values()))} trials of identical sides; spread of a trial: "
          f"median {np.median(spreads):.2%}, largest {max(spreads):.2%}\n")  # fmt: skip
    drawn = [gate_run(same, {}, budget_s, dice) for _ in tqdm(range(runs), leave=False)]
    false = sum("slower" in verdicts.values() for verdicts, _ in drawn)
    counts = Counter(verdict for verdicts, _ in drawn for verdict in verdicts.values())
    shares = ", ".join(f"{count / sum(counts.values()):.1%} {verdict}" for verdict, count in counts.most_common())
    print(f"identical sides: {false} of {runs} gates name a slower case; cases: {shares}; "
          f"{statistics.mean(spent for _, spent in drawn):.0f} s a gate\n")  # fmt: skip
    headers = ["slower by", "case", "planted", "gates that find it", "that name another", "found as planted"]
    print(tabulate(list(power_rows(same, data, budget_s, dice, max(1, runs // 5))), headers))
    print("\nOther rules on the same recorded turns:\n")
    rules = {"asv continuous": asv_rule, "pytest-benchmark median:10%": pytest_rule}
    headers = ["rule", "identical: runs that name a case", *(f"{share:.0%} found" for share in SHARES)]
    print(tabulate([[name, *other_rates(rule, same, data, dice, runs)] for name, rule in rules.items()], headers))


def power_rows(
    same: Recording, data: Mapping[str, np.ndarray], budget_s: float, dice: random.Random, runs: int
) -> Iterator[list[str]]:
    """Per planted share and case: how often gates find it at exactly that share, and at the size it came out."""
    for share in SHARES:
        slowed = Recording(data, f"{share}|")
        centred = slowed.centred(share)
        found_all, others_all = 0, 0
        for target, seen in slowed.seen.items():
            results = [
                gate_run(same, {target: centred[target]}, budget_s, dice)[0] for _ in tqdm(range(runs), leave=False)
            ]
            planted = [
                gate_run(same, {target: seen}, budget_s, dice)[0][target] for _ in tqdm(range(runs), leave=False)
            ]
            found = sum(verdicts[target] == "slower" for verdicts in results)
            others = sum("slower" in {v for label, v in verdicts.items() if label != target} for verdicts in results)
            found_all, others_all = found_all + found, others_all + others
            yield [f"{share:.0%}", target, f"{np.expm1(np.mean(seen)):+.1%}", f"{found / runs:.1%}",
                   f"{others / runs:.1%}", f"{planted.count('slower') / runs:.1%}"]  # fmt: skip
        total = runs * len(slowed.seen)
        yield [f"{share:.0%}", "all of these", "", f"{found_all / total:.1%}", f"{others_all / total:.1%}", ""]


def other_rates(
    rule: Callable[[np.ndarray, random.Random], bool], same: Recording, data: Mapping[str, np.ndarray],
    dice: random.Random, runs: int,
) -> Iterator[str]:  # fmt: skip
    """For another rule: how many runs over all cases name one falsely, and how often each planted share is found."""
    false = sum(any(rule(turns, dice) for turns in same.turns.values()) for _ in tqdm(range(runs), leave=False))
    yield f"{false / runs:.0%}"
    for share in SHARES:
        slowed = Recording(data, f"{share}|")
        exact = [
            moved(turns, (1 + share) / np.exp(np.mean(slowed.seen[label]))) for label, turns in slowed.turns.items()
        ]
        yield f"{np.mean([rule(turns, dice) for turns in exact for _ in range(runs // 5)]):.0%}"


def moved(turns: np.ndarray, factor: float) -> np.ndarray:
    """The turns with the head's multiplied by a factor."""
    return turns * np.array([1.0, factor])[:, None]


def asv_rule(turns: np.ndarray, dice: random.Random) -> bool:
    """asv continuous: processes base, head, base, head, values pooled; a factor of 1.1, and asv's own test."""
    from asv._stats import is_different
    from asv_runner.statistics import compute_stats

    first = dice.randrange(len(turns) - 3)
    base, head = (
        [float(value) for side in turns[[first + row, first + row + 2], row] for value in side[~np.isnan(side)]]
        for row in (0, 1)
    )
    (middle, stats), (other, others) = compute_stats(base, 1), compute_stats(head, 1)
    return bool(is_different(base, head, stats, others) and middle < other / 1.1)


def pytest_rule(turns: np.ndarray, dice: random.Random) -> bool:
    """pytest-benchmark: the median of one process against the stored median of another, measured at another time."""
    first, second = dice.sample(range(len(turns)), 2)
    return bool(np.nanmedian(turns[second, 1]) / np.nanmedian(turns[first, 0]) > 1.1)


def real(share: float, runs: int) -> None:
    """Whole gates of the default suite, really run: one case slowed by a share, another each time; 0 slows none."""
    for number in range(runs):
        label = SLOWED[number % len(SLOWED)] if share else ""
        with tempfile.TemporaryDirectory() as folder:
            repository, outcome = Path(folder) / "repository", Path(folder) / "gate.json"
            subprocess.run(["git", "clone", "-q", ".", str(repository)], check=True)
            cases = [case for case in every_case() if case.label == label]
            head = plant(repository, cases, share) if share else "HEAD"
            started = time.monotonic()
            command = [sys.executable, "-m", "bench.cli", "gate", "--base", "HEAD", "--head", head]
            done = subprocess.run(
                [*command, "--json", str(outcome)], cwd=repository, capture_output=True, text=True, check=False,
                env={**os.environ, "PYTHONPATH": str(repository)},
            )  # fmt: skip
            if not outcome.exists():
                raise SystemExit(done.stderr)
            rows = json.loads(outcome.read_text())["cases"]
        counts = Counter(row["verdict"] for row in rows)
        slower = [f"{row['case']['workload']} {row['ratio'] - 1:+.1%}" for row in rows if row["verdict"] == "slower"]
        took_s, what = time.monotonic() - started, label or "identical sides"
        print(f"{share:.0%} {what}: exit code {done.returncode} after {took_s:.0f} s; {dict(counts)}; "
              f"slower: {', '.join(slower) or 'none'}", flush=True)  # fmt: skip


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("record", "draw", "real"))
    parser.add_argument("file", type=Path, nargs="?", default=Path("trials.npz"))
    parser.add_argument("--share", type=float, default=0.0, help="real: by how much a case is slowed, such as 0.05")
    parser.add_argument("--runs", type=int, help="draw: gates per line (default 500); real: gates (default 1)")
    parser.add_argument("--budget", type=float, default=BUDGET_S, help=f"draw: seconds of a gate (default {BUDGET_S})")
    options = parser.parse_args()
    if options.what == "record":
        record(options.file)
    elif options.what == "draw":
        draw(options.file, options.runs or 500, options.budget)
    else:
        real(options.share, options.runs or 1)


if __name__ == "__main__":
    main()
