"""A gate between two sides, from survey to rows, with a progress bar: what `gate`, `bisect` and the self-test share."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bench.gate.revisions import FOLDER
from bench.records.errors import UsageError

if TYPE_CHECKING:
    from bench.gate.lanes import Gate, Hosts
    from bench.records.record import Case, Environment, Record
    from bench.runs.plan import Selection
    from reports.topics.gate.figures import GateRow, Jury


START_S = 5.0  # what starting a pair of hosts takes, about: for telling people, not for measuring
SHORT_TRIAL_S = 1.0  # likewise, a trial


@dataclass(frozen=True, slots=True)
class Survey:
    """What both sides have: the cases to try, rows for those that cannot be, and where everything runs."""

    cases: Sequence[Case]
    rows: Sequence[GateRow]
    environments: Mapping[tuple[str, str], Environment]


def surveyed(gate: Gate, selection: Selection, hosts: Hosts) -> Survey:
    """Ask both sides' hosts what they have. Raises UsageError when one does not import or nothing is selected."""
    from bench.gate.survey import survey  # noqa: PLC0415
    from reports.topics.gate.figures import paired  # noqa: PLC0415

    found, environments, reasons = survey(gate, selection, hosts)
    both, rows = paired(found["base"], found["head"])
    if not both and not rows:
        raise UsageError(reasons.get("head") or "neither side has any case to compare")
    if prepare_digits(both, gate):
        hosts.close()  # those that come after them import what reads digits
    return Survey(both, rows, environments)


def too_little(gate: Gate, cases: int) -> str:
    """What to say before measuring where even the first look, after so many trials of each case, is out of reach."""
    from reports.stats.sequential import LOOKS  # noqa: PLC0415 - imports scipy

    if gate.most_trials is not None:
        if gate.most_trials >= LOOKS[0]:
            return ""
        return f"--trials {gate.most_trials} decides only what is plain: the first look comes after {LOOKS[0]} trials"
    need_s = LOOKS[0] * (START_S + cases * SHORT_TRIAL_S) / gate.lanes
    if gate.budget_s >= need_s:
        return ""
    of = f"{cases} case{'s' if cases > 1 else ''}"
    return (
        f"{gate.budget_s:.0f} s are too little for {of}: {LOOKS[0]} trials of each, before which only what is plain is "
        f"decided, take some {need_s:.0f} s; give more --budget, or fewer GLOBs"
    )


def prepare_digits(both: Sequence[Case], gate: Gate) -> bool:
    """Have digits ready if any case of the suite reads them, so that no trial draws them; whether one does."""
    from bench.cli.data import draw_digits  # noqa: PLC0415
    from workloads.base import load_suite  # noqa: PLC0415

    suite = {} if gate.module else load_suite()
    reads = any(case.workload in suite and suite[case.workload].data == "mnist" for case in both)
    if reads:
        draw_digits()
    return reads


def try_cases(
    gate: Gate,
    survey: Survey,
    jury: Jury,
    path: Path,
    hosts: Hosts,
    description: str = "decided",
    done: Mapping[Case, int] | None = None,
) -> bool:
    """Run trials until the jury has heard enough or time is up; whether they were interrupted. Raises UsageError.

    hosts: of both sides, for the first trials. done: the number of each case's next trial, where it has had some.
    """
    from tqdm import tqdm  # noqa: PLC0415

    from bench.gate.trials import Trials  # noqa: PLC0415
    from bench.records.files import Writer  # noqa: PLC0415

    writer = Writer(path)
    total = len(survey.cases)
    with tqdm(total=total, unit="case", desc=description, dynamic_ncols=True, bar_format=BAR) as bar:

        def heard(case: Case, records: Mapping[str, Record], took_s: float) -> None:
            jury.hear(case, records, took_s)
            for line in jury.news():
                bar.write(f"torchpace: {line}", file=sys.stderr)
            bar.n = total - sum(map(len, jury.open()))
            bar.set_postfix_str(f"{sum(jury.trials().values())} trials{most_left(trials.deadline - time.monotonic())}")

        trials = Trials(gate, survey.environments, writer, jury.open, heard, hosts, done)
        try:
            trials.run()
        except KeyboardInterrupt:
            return True
        finally:
            writer.close()
    return False


BAR = "{desc} {n_fmt}/{total_fmt} |{bar}| {elapsed}{postfix}"  # how long it will take is not to be told from the cases


def most_left(seconds: float) -> str:
    """How long a gate may still take, for its progress bar; nothing where its trials are counted instead."""
    if seconds == math.inf:
        return ""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f", at most {minutes}:{rest:02d} left"


def trials_file(run: str, old: bool) -> Path:
    """Where trials go: a new file, or the last one of such a gate. Raises UsageError when there is none.

    The folder hides itself from git: what a gate writes must not change the working tree that it judges.
    """
    if old:
        found = sorted(FOLDER.glob(f"{run}-*.jsonl"))
        if not found:
            raise UsageError(f"nothing to resume: no {FOLDER}/{run}-*.jsonl, so these sides were not gated here before")
        return found[-1]
    try:
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / ".gitignore").write_text("*\n")
    except OSError as error:
        raise UsageError(f"cannot write {FOLDER}/, where trials are kept: {error.strerror}") from error
    return FOLDER / f"{run}-{datetime.now():%Y%m%d-%H%M%S}.jsonl"


def resume(jury: Jury, path: Path, run: str, survey: Survey) -> dict[Case, int]:
    """Have the jury hear the stored trials; the number that each case's next trial gets.

    Raises UsageError when they were taken in another environment, such as with another torch.
    """
    from bench.records.files import read  # noqa: PLC0415
    from reports.topics.gate.figures import trials_of  # noqa: PLC0415

    if not path.stat().st_size:  # that gate ended before its first trial did
        return {}
    records = read(path).records
    known = {environment.id for environment in survey.environments.values()}
    if not known.issuperset(record.environment for record in records):
        raise UsageError(f"the trials in {path} were taken in another environment than there is now; gate anew")
    done: dict[Case, int] = {}
    trials = [record for record in records if record.run.rpartition("/")[0] == run]  # and not their parts
    for record in trials:  # numbers have gaps where a trial was cut off
        done[record.case] = max(done.get(record.case, 0), record.launch + 1)
    for case, sides in trials_of(records, run):
        if case in jury.heard:
            jury.hear(case, sides)
    return done
