"""Exact figures of two revisions as text: what changed, which operators came and went, a count. Computes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.format import units
from reports.format.tables import grid, title
from reports.topics.exact.figures import CHANGED, WHOLE_CASE, ExactRow, Parts

NAMED = 8  # parts that are named in one line; the largest differences come first
SMALL_COUNT = 100_000  # counts below it are shown in full, others with a prefix
FEW_CASES = 3  # so many cases are named where others are counted
ORDER = ("same", "worse", "allowed", "better", "changed", "new", "missing", "broken", "n/a")


def exact_text(rows: Sequence[ExactRow], style: str = "table") -> str:
    """What changed as a table and in words, what could not be compared and why, and how many figures that was of."""
    changed = [row for row in rows if row.verdict in CHANGED]
    parts = [changed_table(changed, style), changed_lines(changed, style), other_lines(rows, style), closing(rows)]
    return "\n\n".join(part for part in parts if part)


def changed_table(rows: Sequence[ExactRow], style: str) -> str:
    """Base, head and difference of every figure that changed."""
    if not rows:
        return ""
    columns = ["device", "dtype", "mode", "threads"]
    shown = [name for name in columns if name == "mode" or len({getattr(row.case, name) for row in rows}) > 1]
    cells = []
    for row in rows:
        base, head = amounts(row)
        cells.append(
            [row.case.workload, row.case.point_text, *[str(getattr(row.case, name)) for name in shown], row.metric,
             base, head, difference(row), row.verdict]
        )  # fmt: skip
    headers = ["workload", "point", *shown, "metric", "base", "head", "change", "verdict"]
    return f"{title('Exact figures', style)}\n\n{grid(headers, cells, style, 3 + len(shown))}"


def amounts(row: ExactRow) -> tuple[str, str]:
    """Base and head as people read them; in full where they are small counts, or would look the same."""
    assert row.base is not None
    assert row.head is not None
    read = units.quantity(row.base, row.unit), units.quantity(row.head, row.unit)
    small = row.unit == "1" and max(row.base, row.head) < SMALL_COUNT
    if not small and read[0] != read[1]:
        return read
    suffix = " B" if row.unit == "B" else ""
    return units.count(row.base) + suffix, units.count(row.head) + suffix


def difference(row: ExactRow) -> str:
    """How much head is more than base, with a sign."""
    if row.base is None or row.head is None:
        return units.DASH
    return signed(row.head - row.base, row.unit)


def signed(amount: float, unit: str) -> str:
    """An amount with its sign and unit: '+3', '-1.50 MiB', '0'."""
    if amount == 0:
        return "0"
    sign = "+" if amount > 0 else "-"
    whole = unit == "1" and abs(amount) < SMALL_COUNT
    return sign + (units.count(abs(amount)) if whole else units.quantity(abs(amount), unit))


def changed_lines(rows: Sequence[ExactRow], style: str) -> str:
    """For every figure that changed, which of its parts came and which went."""
    lines = [
        f"- {label(row)}, {row.metric}: {'; '.join(filter(None, (parts_text(row.came, row.went, style), row.reason)))}"
        for row in rows
        if row.came or row.went or row.reason
    ]
    return f"{title('What came and went', style)}\n\n" + "\n".join(lines) if lines else ""


def label(row: ExactRow) -> str:
    """The row's case in words."""
    case = row.case
    extra = "" if case.threads == 1 else f" {case.threads} threads"
    return f"{case.label} {case.device} {case.dtype} {case.mode}{extra}"


def parts_text(came: Parts, went: Parts, style: str = "table") -> str:
    """Such as '+2 aten::mul, -1 aten::addcmul': what came before what went, larger differences first."""
    signs = [(name, count) for name, count in came] + [(name, -count) for name, count in went]
    ordered = sorted(signs, key=lambda part: (part[1] < 0, -abs(part[1]), part[0]))
    largest = sorted(ordered, key=lambda part: -abs(part[1]))[:NAMED]
    shown = ordered if len(ordered) <= NAMED + 1 else [part for part in ordered if part in largest]
    more = len(ordered) - len(shown)
    named = [f"{signed(count, '1')} {quoted(name, style)}" for name, count in shown]
    return ", ".join(named) + (f" and {more} more" if more else "")


def quoted(name: str, style: str) -> str:
    """A part's name; as code in Markdown, which would take its underscores for emphasis."""
    return f"`{name}`" if style == "markdown" and "`" not in name else name


def other_lines(rows: Sequence[ExactRow], style: str) -> str:
    """What is on one side only, broken or unknown, alike ones together."""
    groups: dict[tuple[str, str, str], list[ExactRow]] = {}
    for row in rows:
        if row.verdict not in (*CHANGED, "same"):
            groups.setdefault((row.metric, row.verdict, row.reason), []).append(row)
    if not groups:
        return ""
    lines = [other_line(*key, found) for key, found in groups.items()]
    return f"{title('Not compared', style)}\n\n" + "\n".join(lines)


def other_line(metric: str, verdict: str, reason: str, rows: Sequence[ExactRow]) -> str:
    """One kind of gap: where, what, why."""
    where = "; ".join(label(row) for row in rows) if len(rows) <= FEW_CASES else f"{len(rows)} cases"
    what = {"new": "in head only", "missing": "in base only", "n/a": "not available"}.get(verdict, verdict)
    return f"- {where}: {f'{metric} ' if metric else ''}{what}" + (f" ({reason})" if reason else "")


def closing(rows: Sequence[ExactRow]) -> str:
    """Such as '86 cases, 512 figures: 510 same, 2 worse.'."""
    figures = [row for row in rows if row.metric != WHOLE_CASE and row.verdict != "n/a"]
    whole = [row for row in rows if row.metric == WHOLE_CASE]
    unknown = sum(row.metric != WHOLE_CASE and row.verdict == "n/a" for row in rows)
    text = f"{counted(len({row.case for row in rows}), 'case')}, {counted(len(figures), 'figure')}"
    text += f": {verdicts(figures)}" if figures else ""
    gaps = [f"cases {verdicts(whole)}"] if whole else []
    gaps += [f"{counted(unknown, 'figure')} not available"] if unknown else []
    return text + (f"; {', '.join(gaps)}." if gaps else ".")


def verdicts(rows: Sequence[ExactRow]) -> str:
    """How many rows have each verdict."""
    counts = Counter(row.verdict for row in rows)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in ORDER if counts[verdict])


def counted(number: int, noun: str) -> str:
    """'1 case', '2 cases'."""
    return f"{number} {noun}{'s' * (number != 1)}"
