"""Trials recorded for `gate_rates draw`: every workload with identical sides, some with a side that is slowed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from tqdm import tqdm

from bench.gate.lanes import Gate, Hosts, lanes_for
from bench.gate.revisions import Checkouts, Side
from bench.gate.survey import survey
from bench.gate.trials import Trials
from bench.records.files import Writer
from bench.records.record import Case, Record
from bench.runs.plan import Selection
from tests.perf.gate_slowed import SLOWED, every_case, plant

SHARES = (0.03, 0.05, 0.10)
# Left out of the hundred trials: whole loops, and the subjects that train the same networks and read the same digits.
LONG = ("linear_regression.loop", "mnist_cnn.train_epoch", "data_loading.*", "training_choices.*")
TRIALS, SLOWED_TRIALS = 100, 48
PART = 16  # trials of every case after which the file is written: what is recorded is kept when one stops
ROUNDS = 25  # turns that are kept of a trial, for the other rules


def record(path: Path) -> None:
    """Record everything that the file does not have yet, and write it there."""
    kept: dict[str, np.ndarray] = dict(np.load(path)) if path.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        repository, log = Path(folder) / "repository", Path(folder) / "trials.jsonl"
        subprocess.run(["git", "clone", "-q", ".", str(repository)], check=True)
        with Checkouts(repository) as checkouts:
            base = checkouts.side("base", "HEAD", sys.executable)
            cases = [case for case in every_case() if case.label in SLOWED]
            for prefix, share in [*((f"{share}|", share) for share in SHARES), ("same|", 0.0)]:
                labels, trials = (SLOWED, SLOWED_TRIALS) if share else ((), TRIALS)
                if had(kept, prefix) >= trials:
                    continue
                commit = plant(repository, cases, share) if share else "HEAD"
                head = checkouts.side(f"head-{share}", commit, sys.executable)
                while (wanted := trials - had(kept, prefix)) > 0:
                    part = min(PART, wanted)
                    keep(kept, prefix, recorded({"base": base, "head": head}, labels, part, log))
                    np.savez_compressed(path, **kept)  # type: ignore[arg-type]


def recorded(sides: Mapping[str, Side], labels: Sequence[str], trials: int, log: Path) -> Recorder:
    """So many trials of the labelled cases (of one point of every workload, when none is labelled)."""
    gate = Gate("rates", sides, budget_s=1e9, lanes=lanes_for(["cpu"], 1))
    with Hosts(sides, None) as hosts:
        found, environments, _ = survey(gate, Selection(modes=("eager",), globs=labels), hosts)
    recorder = Recorder(chosen(found["head"]) if not labels else found["head"], trials)
    writer = Writer(log)
    Trials(gate, environments, writer, recorder.open, recorder.hear).run()
    writer.close()
    return recorder


def chosen(cases: Sequence[Case]) -> list[Case]:
    """One case of every workload but the LONG ones: its first point, or the one that is slowed."""
    by_workload: dict[str, Case] = {}
    for case in cases:
        if any(fnmatchcase(case.workload, glob) for glob in LONG):
            continue
        if case.workload not in by_workload or case.label in SLOWED:
            by_workload[case.workload] = case
    return list(by_workload.values())


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
