"""What a gate found, as text for a terminal and as Markdown for a comment. Computes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.records.record import GATE_TURNS, IN_TURNS, Environment
from reports.format import units
from reports.format.tables import grid, plain
from reports.stats.sequential import LIKELY, OPEN, POWER, Rule
from reports.topics.gate.figures import TRIED, VERDICTS, GateRow

WORTH_A_LINE = ("slower", LIKELY, "faster", "undecided", "allowed")
ON_ONE_SIDE = ("new", "missing", "n/a")  # verdicts of cases that did not run on both


@dataclass(frozen=True, slots=True)
class Headline:
    """What a reader must know besides the rows: the sides, the machine, how to repeat it, and what to be told."""

    base: str
    head: str
    machine: str
    command: str
    rule: Rule
    notes: tuple[str, ...] = ()


def signed(ratio: float | None, is_factor: bool | None = None) -> str:
    """A ratio as a change, such as '+3.2 %', or as a factor, such as '× 2.50'; a dash for None.

    is_factor: None for whatever the ratio is usually written as.
    """
    if ratio is None:
        return units.DASH
    if is_factor if is_factor is not None else is_large(ratio):
        return f"× {units.ratio(ratio)}"
    return f"{100 * (ratio - 1):+.1f} %"


def is_large(ratio: float) -> bool:
    """Whether a change is rather said as a factor."""
    return abs(100 * (ratio - 1)) >= 99.95


def change(row: GateRow) -> str:
    """The row's change with its interval, such as '+3.2 % [+1.9 %, +4.5 %]', all three written alike."""
    if row.low is None or row.high is None:
        return signed(row.ratio)
    every = (row.ratio, row.low, row.high)
    is_factor = any(is_large(ratio) for ratio in every if ratio is not None)
    middle, low, high = (signed(ratio, is_factor) for ratio in every)
    return f"{middle} [{low}, {high}]"


def sentence(rows: Sequence[GateRow]) -> str:
    """The verdict in one sentence, the bad news first."""
    counts = Counter(row.verdict for row in rows)
    if counts["slower"]:
        number = counts["slower"]
        start = f"{number} of {len(rows)} cases {'is' if number == 1 else 'are'} slower"
    elif counts["broken"]:
        start = f"{counts['broken']} of {len(rows)} cases cannot be compared, because they are broken"
    elif counts[LIKELY]:
        number = counts[LIKELY]
        start = f"{number} of {len(rows)} cases {'is' if number == 1 else 'are'} likely slower, and not yet decided"
    elif counts["undecided"]:
        start = f"No case was found to be slower, but {counts['undecided']} of {len(rows)} could not be decided"
    else:
        start = "No case is slower"
    if absent := sum(counts[name] for name in ON_ONE_SIDE):
        start += f", {absent} did not run on both sides"
    if parts := sum(bool(row.slower_part) for row in rows):
        start += f", {parts} {'has' if parts == 1 else 'have'} a slower part"
    others = [f"{counts[name]} {name}" for name in VERDICTS if counts[name]]
    return f"{start}: {', '.join(others)}."


def certainty(headline: Headline, rows: Sequence[GateRow]) -> str:
    """How sure the verdicts are, in words."""
    rule = headline.rule
    lines = [
        f"slower: more than {units.percent(rule.slower_than)} slower, whatever the machine's noise; the chance that "
        f"any case is called so wrongly is at most {units.percent(rule.false_alarms)} in all.",
        f"same: surely within {units.percent(rule.same_within)}; [ ] is each case's {1 - rule.doubt:.0%} interval, "
        "valid however often one looks.",
    ]
    tried = [row.detectable for row in rows if row.verdict in TRIED]
    seen = sorted(size for size in tried if size is not None)
    if seen:
        unknown = len(tried) - len(seen)
        of = f"the {len(seen)} cases with trials enough to say so ({unknown} have not)" if unknown else "the cases"
        lines.append(
            f"With these trials a slowdown of {units.percent(seen[len(seen) // 2])} would have been found in half of "
            f"{of}, and one of {units.percent(seen[-1])} in all of them, each with a chance of {POWER:.0%}."
        )
    return "\n".join(lines)


def cells(rows: Sequence[GateRow]) -> list[list[str]]:
    """A line of the table per row."""
    return [
        [row.verdict, row.case.label, f"{row.case.device} {row.case.mode}", units.quantity(row.base, "s"),
         units.quantity(row.head, "s"), change(row), units.percent(row.detectable), str(row.trials)]
        for row in rows
    ]  # fmt: skip


HEADERS = ("", "case", "on", "base", "head", "change [interval]", "could see", "trials")


def table(rows: Sequence[GateRow], style: str) -> str:
    """The compared rows as a table; empty for none."""
    chosen = [row for row in rows if row.verdict in TRIED]
    return grid(HEADERS, cells(chosen), style, 3) if chosen else ""


def remark(row: GateRow) -> str:
    """What must be known of a row besides its figures: where the change is, what it still takes, and who says so."""
    takes = ""
    if row.verdict in OPEN:
        takes = "more than a gate gives any case"
        if row.needed_s is not None:
            takes = f"about {units.quantity(row.needed_s, 's')} more for this case alone"
    if row.verdict == LIKELY:
        takes = f"{change(row)} by itself; to be as sure of it among all cases takes {takes}"
    part = f"slower part: {row.slower_part}" if row.slower_part else ""
    return "; ".join(filter(None, (row.cause, part, takes, row.clocks, row.reason)))


def exceptions(rows: Sequence[GateRow], style: str) -> str:
    """What was not compared, and why; what the undecided would have needed; and who allowed what."""
    remarks = ((row, remark(row)) for row in rows)
    lines = [
        f"{row.verdict}: {row.case.label} ({row.case.device} {row.case.mode}): {said}" for row, said in remarks if said
    ]
    bullet = "- " * (style == "markdown")
    return "\n".join(f"{bullet}{plain(' '.join(line.split()), style)}" for line in lines)


def text(rows: Sequence[GateRow], headline: Headline, everything: bool = False) -> str:
    """The gate for a terminal: the rows that changed (or all), what was not compared, how sure, the verdict last."""
    shown = [row for row in rows if everything or row.verdict in WORTH_A_LINE]
    parts = [
        headline.machine, f"base: {headline.base}\nhead: {headline.head}", table(shown, "table"),
        exceptions(rows, "table"), certainty(headline, rows), "\n".join(headline.notes), sentence(rows),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def markdown(rows: Sequence[GateRow], headline: Headline) -> str:
    """The gate for a comment: the verdict, the changed rows, and the other ones folded away."""
    changed = [row for row in rows if row.verdict in WORTH_A_LINE]
    others = [row for row in rows if row.verdict in TRIED and row not in changed]
    summary = f"<summary>{'Other' if changed else 'All'} cases: {len(others)}</summary>"
    folded = f"<details>{summary}\n\n{table(others, 'markdown')}\n\n</details>" if others else ""
    sides, machine = (plain(text, "markdown") for text in (f"{headline.base} → {headline.head}", headline.machine))
    parts = [
        f"### torchpace: {sentence(rows)}", sides, table(changed, "markdown"), exceptions(rows, "markdown"),
        "\n".join(f"- {plain(note, 'markdown')}" for note in headline.notes), folded,
        f"<details><summary>How sure this is, and on which machine</summary>\n\n{certainty(headline, rows)}\n\n"
        f"{machine}\n\n</details>",
        f"Repeat it: `{headline.command}`",
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def machine_line(environments: Sequence[Environment]) -> str:
    """What the gate ran on, in a line per difference between the sides."""
    lines = []
    for environment in environments:
        facts = dict(environment.facts)
        parts = [
            f"torch {facts.get('torch')}", f"Python {facts.get('python')}", str(facts.get("gpu") or ""),
            str(facts.get("cpu") or ""), f"{facts.get('cores')} cores", str(facts.get("os") or ""),
            f"processes on {facts.get('affinity')}", f"{facts.get('lanes')} at a time",
            f"sides {facts[GATE_TURNS]}" if facts.get(GATE_TURNS, IN_TURNS) != IN_TURNS else "",
        ]  # fmt: skip
        lines.append(" · ".join(part for part in parts if part))
    return "\n".join(dict.fromkeys(lines))
