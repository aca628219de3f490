"""`torchpace gate --exact`: what can be counted, compared for equality; a change names what came and went."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.gate.accept import COUNTS
from bench.cli.gate.accepted import Said, said, unused
from bench.cli.gate.options import plan
from bench.cli.gate.sides import describe, notes_on
from bench.gate.revisions import FOLDER, note_written
from bench.records.files import write_whole

if TYPE_CHECKING:
    from bench.gate.lanes import Hosts
    from bench.gate.revisions import Side
    from bench.records.record import Case
    from reports.topics.exact.figures import ExactRow


def run(options: argparse.Namespace, sides: Mapping[str, Side], hosts: Hosts) -> int:
    """Count both sides and show what changed; 0 nothing is worse, 1 something is, 2 the head breaks a case."""
    from tqdm import tqdm  # noqa: PLC0415 - these import torch

    from bench.cli.gate.trials import surveyed, trials_file  # noqa: PLC0415
    from bench.gate.exact import count  # noqa: PLC0415
    from bench.records.files import Writer  # noqa: PLC0415
    from reports.topics.exact.figures import compare_exact  # noqa: PLC0415
    from reports.topics.exact.files import as_json  # noqa: PLC0415
    from reports.topics.exact.text import exact_text  # noqa: PLC0415

    selection, gate = plan(options, sides, modes=[])
    survey = surveyed(gate, selection, hosts)
    hosts.close()
    accepted = said(options.settings.accepted, sides, Path.cwd())
    for note in (*notes_on(sides, survey.environments), *accepted.notes, *unused(accepted, survey.cases)):
        print(f"torchpace: {note}", file=sys.stderr)
    path = trials_file(gate.run, old=False)
    writer = Writer(path)
    own = {"base": list(survey.cases), "head": list(survey.cases)}
    for row in survey.rows:
        own["head" if row.verdict == "new" else "base"].append(row.case)
    simulated = options.instructions == "valgrind"
    total = sum(map(len, own.values())) * (1 + simulated)
    try:
        with tqdm(total=total, unit="case", desc="counted", dynamic_ncols=True) as bar:

            def counted(case: Case) -> None:
                bar.update()

            found = count(gate, own, survey.environments, writer, counted, simulated)
    finally:
        writer.close()
    rows = [allowed(row, accepted) for row in compare_exact(found["base"], found["head"])]
    print(f"base: {describe(sides['base'])}\nhead: {describe(sides['head'])}\n\n{exact_text(rows)}\n\nrecords: {path}")
    write_whole(FOLDER / COUNTS, as_json(rows))
    write(options, rows, (describe(sides["base"]), describe(sides["head"])))
    return exit_code(rows)


def write(options: argparse.Namespace, rows: Sequence[ExactRow], named: tuple[str, str]) -> None:
    """Write the files that were asked for. named: the sides in words."""
    from reports.topics.exact.files import as_json, as_junit  # noqa: PLC0415
    from reports.topics.exact.section import as_html  # noqa: PLC0415
    from reports.topics.exact.text import exact_text  # noqa: PLC0415

    command = shlex.join(["torchpace", *sys.argv[1:]])
    writers: dict[Path | None, Callable[[], str]] = {
        options.json: lambda: as_json(rows), options.markdown: lambda: exact_text(rows, "markdown") + "\n",
        options.junit: lambda: as_junit(rows, f"{named[0]} -> {named[1]}\n{command}"),
        options.html: lambda: as_html(rows, *named, command),
    }  # fmt: skip
    written = [path for path in writers if path]
    for path in written:
        write_whole(path, writers[path]())
    note_written(written)


def allowed(row: ExactRow, accepted: Said) -> ExactRow:
    """The row; allowed where it is worse and was accepted as such, by no more than that."""
    from dataclasses import replace  # noqa: PLC0415

    line = accepted.of(row.case, row.metric) if row.verdict == "worse" else None
    if line is None or row.base is None or row.head is None or not line.allows(row.base, row.head):
        return row
    return replace(row, verdict="allowed", head_reason=f"accepted: {line.because} ({line.source})")


def exit_code(rows: list[ExactRow]) -> int:
    """2 when the head breaks a case, 1 when a figure is worse, else 0."""
    if any(row.verdict == "broken" and row.head_reason for row in rows):
        return 2
    return int(any(row.verdict == "worse" for row in rows))
