"""Rows as tables for a terminal or Markdown. Computes nothing; every figure keeps its unit and how sure it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.records.metrics import METRICS, POOLED, metric_of
from bench.records.record import UNCHECKED, Environment
from reports.format import units
from reports.format.tables import grid, plain, title
from reports.read.frames import Figure
from reports.read.names import subject_and_name
from reports.read.rows import DERIVED, NAMES, Row, by_case
from reports.topics.cells import half_width, interval, telling, value, varying
from reports.topics.ladder.text import ladder_text
from reports.topics.latency.text import latency_text
from reports.topics.notes import machine, missing_table, warnings_text
from reports.topics.overview.answer import answer_text
from reports.topics.scaling.text import scaling_text
from reports.topics.training.text import training_text

MOST_COLUMNS = 2  # of figures that only some measure: more of them are a table of their own
POOLED_NOTE = "95 %: half the interval of the step time over its values, whose processes nobody kept apart."
STEPS_NOTES = {
    "95 %": "95 %: half the interval of the step time over two or more fresh processes.",
    "spread": "spread: middle half of all values.",
}

GAINS_NOTE = (
    "break-even: steps until compiling has paid for itself. first call: compiling and running once, with empty\n"
    "caches; warm: with the disk cache of an earlier process."
)


def overview_text(
    rows: Sequence[Row], environments: Mapping[str, Environment], style: str = "table", figures: Sequence[Figure] = ()
) -> str:
    """The answer; every case by itself, how long a call takes, what compiling gained, where training led; ladders."""
    parts = [plain(machine(environments, rows), style), plain(answer_text(rows, figures, environments), style)]
    parts.append(gains_table(rows, style))
    parts += [steps_table(rows, style), latency_text(figures, style)]
    parts += [outcomes_table(rows, style), missing_table(rows, style), warnings_text(rows, style)]
    parts += [ladder_text(figures, style), scaling_text(figures, style), training_text(figures, style)]
    return "\n\n".join(part for part in parts if part)


def steps_table(rows: Sequence[Row], style: str) -> str:
    """Step time with its interval and spread, throughput, and the metrics that have a column: a table per subject."""
    measured = measured_columns(rows)
    cases = {
        key: found
        for key, found in by_case(rows).items()
        if any(name in found and found[name].base is not None for name in ("step_time", *measured))
    }
    if not cases:
        return ""
    shown = telling(list(cases))
    apart = measured if len(measured) > MOST_COLUMNS else []
    more = [*(metric.name for metric in METRICS.values() if "steps" in metric.shown), *([] if apart else measured)]
    columns = ["point", *[NAMES[index] for index in shown], "step time", "95 %", "spread", "throughput",
               *(metric_of(name).words for name in more)]  # fmt: skip
    some_unchecked = any(unchecked(found) for found in cases.values())
    columns += ["answers"] * some_unchecked
    foreign = {key: notes_of(found) for key, found in cases.items()}
    columns += ["notes"] * any(foreign.values())
    left = 2 + len(shown)
    lines = [
        [*subject_and_name(key[0]), key[1], *[key[index + 2] for index in shown], *step_cells(found),
         *(cell(found, m) for m in more), *(["not checked" if unchecked(found) else "checked"] * some_unchecked),
         *[foreign[key]] * any(foreign.values())]
        for key, found in cases.items()
    ]  # fmt: skip
    kept = [i for i in range(len(columns)) if i < left - 1 or {line[i + 2] for line in lines} - {units.DASH}]
    subjects: dict[str, list[list[str]]] = defaultdict(list)
    for subject, name, *rest in lines:
        subjects[subject].append([name, *(rest[i] for i in kept)])
    tables = [grid([subject, *(columns[i] for i in kept)], cells, style, left) for subject, cells in subjects.items()]
    told = [columns[i] for i in kept]
    note = " ".join(text for name, text in notes_for(cases).items() if name in told)
    further = further_table(cases, apart, shown, style)
    return "\n\n".join(part for part in (title("Steps", style), *tables, note, further) if part)


def notes_for(cases: Mapping[tuple[str, ...], Mapping[str, Row]]) -> dict[str, str]:
    """What the columns mean; where nobody kept processes apart, an interval is over values."""
    steps = [found["step_time"] for found in cases.values() if "step_time" in found]
    pooled = steps and all(POOLED in row.warnings for row in steps if row.base_low is not None)
    return {**STEPS_NOTES, **({"95 %": POOLED_NOTE} if pooled else {})}


def further_table(
    cases: Mapping[tuple[str, ...], Mapping[str, Row]], metrics: Sequence[str], shown: Sequence[int], style: str
) -> str:
    """A line per case and figure, where there are too many kinds of figures for a column each."""
    cells = [
        [key[0], key[1], *[key[index + 2] for index in shown], metric_of(name).words, cell(found, name)]
        for key, found in cases.items()
        for name in metrics
        if name in found and found[name].base is not None
    ]
    headers = ["workload", "point", *[NAMES[index] for index in shown], "figure", "value"]
    return f"{title('Further figures', style)}\n\n{grid(headers, cells, style, len(headers) - 1)}" if cells else ""


def notes_of(found: Mapping[str, Row]) -> str:
    """What somebody noted beside a benchmark of their own; this suite's have a table for what they note."""
    row = next(iter(found.values()))
    return "" if row.device else row.data


def measured_columns(rows: Sequence[Row]) -> list[str]:
    """The metrics that have a column among the steps where they were measured, and were."""
    measured = dict.fromkeys(row.metric for row in rows if row.verdict == "measured" and row.metric not in DERIVED)
    return [name for name in measured if "steps if measured" in metric_of(name).shown]


def unchecked(found: Mapping[str, Row]) -> bool:
    """Whether nobody looked at what the case answers."""
    return "step_time" in found and UNCHECKED in found["step_time"].warnings


def step_cells(found: Mapping[str, Row]) -> list[str]:
    """The step time of a case, how sure it is, its spread, and the throughput."""
    step = found.get("step_time")
    return [base(found, "step_time"), half_width(step), units.percent(step.spread if step else None),
            base(found, "throughput")]  # fmt: skip


def base(found: Mapping[str, Row], metric: str) -> str:
    """A metric of a case, from its rows by metric."""
    return value(found[metric].base, found[metric]) if metric in found else units.DASH


def cell(found: Mapping[str, Row], metric: str) -> str:
    """A metric of a case with half its interval, where it is not exact."""
    row = found.get(metric)
    sure = half_width(row) if row is not None and metric_of(metric).assumes == "noise" else units.DASH
    return base(found, metric) if sure == units.DASH else f"{base(found, metric)} {sure}"


def gains_table(rows: Sequence[Row], style: str) -> str:
    """What the other modes gained: eager step and theirs, speedup, first calls, break-even, graph breaks."""
    cases = by_case(rows)
    gained = {key: found for key, found in cases.items() if "speedup" in found}
    if not gained:
        return ""
    shown = varying(list(gained))
    steps, costs = [], []
    for key, found in gained.items():
        eager, speedup, pays = cases[(*key[:4], "eager", *key[5:])], found["speedup"], found.get("break_even_steps")
        case = [key[0], key[1], *[key[index + 2] for index in shown]]
        steps.append([
            *case, base(eager, "step_time"), base(found, "step_time"), interval(speedup), speedup.verdict,
            value(pays.head, pays) if pays else units.DASH,
        ])  # fmt: skip
        costs.append([*case, *(base(found, name) for name in ("first_call", "first_call_warm", "graph_breaks"))])
    headers = ["workload", "point", *(NAMES[index] for index in shown)]
    by_compile_alone = all(key[4].startswith("compile") for key in gained)
    parts = [
        title("torch.compile" if by_compile_alone else "Modes against eager", style),
        grid([*headers, "eager", "this mode", "speedup [95 %]", "verdict", "break-even"], steps, style, len(headers)),
        grid([*headers, "first call", "warm", "breaks"], costs, style, len(headers)),
        GAINS_NOTE,
    ]
    return "\n\n".join(parts)


def outcomes_table(rows: Sequence[Row], style: str) -> str:
    """Where training led, for the workloads that train a fixed number of steps."""
    names = [metric.name for metric in METRICS.values() if "outcomes" in metric.shown]
    cases = {
        key: found
        for key, found in by_case(rows).items()
        if key[4] == "eager" and any(name in found and found[name].base is not None for name in names)
    }
    if not cases:
        return ""
    shown = varying(list(cases))
    cells = [
        [key[0], key[1], *[key[index + 2] for index in shown], *[base(found, name) for name in names],
         next(iter(found.values())).data]
        for key, found in cases.items()
    ]  # fmt: skip
    headers = ["workload", "point", *(NAMES[index] for index in shown)]
    headers += [*(metric_of(name).words for name in names), "data"]
    return f"{title('What training led to', style)}\n\n{grid(headers, cells, style, 2 + len(shown))}"
