"""Whole gates drawn from recorded trials by the gate's own rule; beside it, what other tools' rules say of them."""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from tabulate import tabulate
from tqdm import tqdm

from reports.stats.plain import FAR
from reports.stats.sequential import LOOKS, Rule, decide, is_open, observe
from tests.perf.gate_record import SHARES

BUDGET_S = 200.0  # of a drawn gate: what ten minutes for the 86 cases of the whole suite leave for those recorded
DRAWN = (0.01, 0.02, *SHARES)  # shares that were not recorded are drawn from the trials of the smallest that was, moved
HOST_START_S, LANES = 5.0, 2  # as seen on two cores


def draw(path: Path, runs: int, budget_s: float) -> None:
    """Print the tables of rates."""
    data = dict(np.load(path))
    same, dice = Recording(data, "same|"), random.Random(0)
    spreads = [np.std(seen, ddof=1) for seen in same.seen.values()]
    print(f"{len(same.seen)} cases, {sum(map(len, same.seen.values()))} trials of identical sides; spread of a trial: "
          f"median {np.median(spreads):.2%}, largest {max(spreads):.2%}\n")  # fmt: skip
    far = sum(abs(value) > FAR for seen in same.seen.values() for value in seen)
    print(f"{far} of these trials take the sides more than {math.expm1(FAR):.0%} apart\n")
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
    headers = ["rule", "identical: runs that name a case", *(f"{share:.0%} found" for share in DRAWN)]
    print(tabulate([[name, *other_rates(rule, same, data, dice, runs)] for name, rule in rules.items()], headers))


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


def recording_for(data: Mapping[str, np.ndarray], share: float) -> Recording:
    """The trials that a share is drawn from."""
    return Recording(data, f"{max(share, SHARES[0])}|")


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


def power_rows(
    same: Recording, data: Mapping[str, np.ndarray], budget_s: float, dice: random.Random, runs: int
) -> Iterator[list[str]]:
    """Per planted share and case: how often gates find it at exactly that share, and at the size it came out."""
    for share in DRAWN:
        slowed = recording_for(data, share)
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
            as_planted = [f"{np.expm1(np.mean(seen)):+.1%}", f"{planted.count('slower') / runs:.1%}"]
            size, as_it_came = as_planted if share in SHARES else ("", "")
            yield [f"{share:.0%}", target, size, f"{found / runs:.1%}", f"{others / runs:.1%}", as_it_came]
        total = runs * len(slowed.seen)
        yield [f"{share:.0%}", "all of these", "", f"{found_all / total:.1%}", f"{others_all / total:.1%}", ""]


def other_rates(
    rule: Callable[[np.ndarray, random.Random], bool], same: Recording, data: Mapping[str, np.ndarray],
    dice: random.Random, runs: int,
) -> Iterator[str]:  # fmt: skip
    """For another rule: how many runs over all cases name one falsely, and how often each planted share is found."""
    false = sum(any(rule(turns, dice) for turns in same.turns.values()) for _ in tqdm(range(runs), leave=False))
    yield f"{false / runs:.0%}"
    for share in DRAWN:
        slowed = recording_for(data, share)
        exact = [
            moved(turns, (1 + share) / np.exp(np.mean(slowed.seen[label]))) for label, turns in slowed.turns.items()
        ]
        yield f"{np.mean([rule(turns, dice) for turns in exact for _ in range(runs // 5)]):.0%}"


def moved(turns: np.ndarray, factor: float) -> np.ndarray:
    """The turns with the head's multiplied by a factor."""
    changed: np.ndarray = turns * np.array([1.0, factor])[:, None]
    return changed


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
