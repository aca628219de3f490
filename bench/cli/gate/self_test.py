"""`torchpace gate --self-test`: this machine's own noise, and which changes a gate can see on it in which time."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bench.cli.gate.options import plan, rule_of
from bench.records.errors import UsageError

if TYPE_CHECKING:
    from bench.gate.lanes import Hosts
    from bench.gate.revisions import Side

ENOUGH_TRIALS = 10  # a spread is then known to a quarter or so


def run(options: argparse.Namespace, sides: Mapping[str, Side], hosts: Hosts) -> int:
    """Gate the head against itself, and say what could have been seen. 1 when a change is found where there is none."""
    from bench.cli.gate.trials import START_S, surveyed, trials_file, try_cases  # noqa: PLC0415 - imports torch
    from reports.topics.gate.figures import Jury, Open  # noqa: PLC0415
    from reports.topics.gate.resolution import noise, text  # noqa: PLC0415

    class Listener(Jury):
        """A jury that goes on listening until it knows the spread of every case."""

        def open(self) -> Open:
            return (
                [],
                [],
                [
                    case
                    for case, known in self.heard.items()
                    if len(known.took_s) < ENOUGH_TRIALS and not known.problems
                ],
            )

    selection, gate = plan(options, sides)
    survey = surveyed(gate, selection, hosts)
    jury = Listener(survey.cases, rule_of(options))
    path = trials_file(gate.run, old=False)
    interrupted = try_cases(gate, survey, jury, path, hosts, "listened to")
    rows = noise(
        {case: known.observations for case, known in jury.heard.items()},
        {case: known.took_s for case, known in jury.heard.items()},
    )
    if not rows:
        raise UsageError("no case had two trials in this time; give it more --budget or --trials, or fewer cases")
    print(text(rows, rule_of(options), gate.lanes, START_S))
    false = [row for row in jury.close() if row.verdict in ("slower", "faster")]
    print(f"\nFalse changes found in this run: {len(false)} of {len(rows)} cases.")
    for row in false:
        print(f"{row.verdict}: {row.case.label}")
    print(f"Trials in {path}")
    return 130 if interrupted else int(bool(false))
