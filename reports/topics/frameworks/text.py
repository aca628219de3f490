"""One step in several frameworks as tables for a terminal or Markdown. Computes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from reports.format import units
from reports.format.html import short
from reports.format.tables import folded, grid, plain, title
from reports.read.frames import Figure
from reports.stats.intervals import Ratio, Summary
from reports.topics.cells import UNKNOWN, WIDEST, placed, sureness
from reports.topics.frameworks.figures import BASE, Comparison, Member, comparisons, versions
from reports.topics.frameworks.why import LONGER, Cause, why

HEADERS = [
    "framework", "how", "step time", "95 %", "/ torch eager [95 %]", "first call", "process memory", "busy threads",
]  # fmt: skip
NOTE = (
    "/ torch eager: step time over PyTorch's eager step's, from pairs of turns; below 1 is faster. first call: the\n"
    "first step of a fresh process that has imported the framework, with compiling it, never before, where that is\n"
    "done; *: where nothing at all was compiled before. process memory: the most that the process held, framework\n"
    "and numbers included, since allocators differ. busy threads: how many ran, or waited for a core, at a time, of\n"
    "all that there were; a part of one more is work that is handed from thread to thread. Answers agree with\n"
    "float64's, after the turns for other numbers, too. why: in which operators the difference to torch eager is, as\n"
    "each framework's own profiler names them, in shares of the step time."
)
LONGEST_NAME = 40  # characters of an operator's
APART = "They did not all take turns: those ratios are of launches at other times."


def frameworks_text(figures: Sequence[Figure], style: str = "table") -> str:
    """A table per step; empty when there is none."""
    found = comparisons(figures)
    if not found:
        return ""
    said = ", ".join(f"{name} {version}" for name, version in sorted(versions(found).items()))
    notes = [NOTE, *([] if all(each.in_turns for each in found) else [APART])]
    return "\n\n".join([
        title("Frameworks", style), *([plain(said, style)] if said else []),
        *[table(each, style) for each in found], "\n".join(notes),
    ])  # fmt: skip


def table(found: Comparison, style: str) -> str:
    """One step, headed by its workload and where it was measured; below it what was not the same, and who is absent."""
    device = placed(found.device, found.members[0].figure) if found.members else found.device
    where = ", ".join(part for part in (device, found.rest) if part)
    body = grid(HEADERS, [row(member) for member in found.members], style, 2) if found.members else "nothing measured"
    lines = [folded(line, style) for line in (*reasons(found), *not_the_same(found), *absences(found))]
    return "\n\n".join([plain(f"{found.workload} ({where})", style), body, *(["\n".join(lines)] if lines else [])])


def row(member: Member) -> list[str]:
    """The cells of a framework in one of its ways."""
    return [
        member.framework, member.how, units.quantity(member.time.estimate, "s"), known(member.time),
        against(member.ratio), first(member), units.quantity(member.bytes, "B"), busy(member),
    ]  # fmt: skip


def known(time: Summary) -> str:
    """How sure a time is."""
    return sureness(time.estimate, time.low, time.high)


def first(member: Member) -> str:
    """Its first call; with a star where it was the first of the machine."""
    return units.quantity(member.first_s, "s") + "*" * member.at_first


def busy(member: Member) -> str:
    """How many threads ran at a time, and of how many."""
    return units.ratio(member.busy) + (f" of {member.alive}" if member.busy and member.alive else "")


def against(ratio: Ratio | None) -> str:
    """A ratio with its interval, such as '0.52 [0.50, 0.54]'."""
    if ratio is None:
        return units.DASH
    if ratio.low is not None and ratio.high is not None and not ratio.high <= WIDEST * ratio.low:
        return UNKNOWN
    ends = [units.ratio(end) for end in (ratio.low, ratio.high) if end is not None]
    return units.ratio(ratio.value) + (f" [{', '.join(ends)}]" if len(ends) > 1 else "")


def not_the_same(found: Comparison) -> list[str]:
    """What was not the same, a line for each fact: 'layout: NCHW (torch), NHWC (jax, tensorflow)'."""
    busier = [f"{member.name} kept {units.ratio(member.busy)} busy" for member in found.members if member.is_busier]
    given = f" where {found.members[0].figure.threads} was given" if busier else ""
    threads = [f"not the same: threads: {', '.join(busier)}{given}"] if busier else []
    return threads + [
        f"not the same: {name}: " + ", ".join(f"{value} ({', '.join(who)})" for value, who in sorted(values.items()))
        for name, values in sorted(found.differs.items())
    ]


def reasons(found: Comparison) -> list[str]:
    """Why who is faster or slower, a line for each, as the profiles say."""
    known = why(found)
    unsaid = ", ".join(known.disturbed)
    return [sentence(cause) for cause in known.causes] + (
        [f"why: not known of {unsaid}: a profiler makes the step over {LONGER} times as long"] if unsaid else []
    )


def sentence(cause: Cause) -> str:
    """'why: jax jit +21 ms: convolution +20 ms (convolution 28 ms; torch eager: aten::convolution 8 ms)'."""
    kind = f"{cause.kind} {signed(cause.in_kind_s)}" if cause.kind else "no kind of operator stands out"
    own, base = longest(cause.own), longest(cause.base)
    return f"why: {cause.name} {signed(cause.more_s)}: {kind} ({own}; {' '.join(BASE)}: {base})"


def longest(operators: Sequence[tuple[str, float]]) -> str:
    """'convolution 28 ms, reduce-window 3 ms'."""
    named = (f"{short(name, LONGEST_NAME)} {units.quantity(seconds, 's')}" for name, seconds in operators)
    return ", ".join(named) or "nothing"


def signed(seconds: float) -> str:
    """'+20 ms'."""
    return f"{'+' if seconds > 0 else '-'}{units.quantity(abs(seconds), 's')}"


def absences(found: Comparison) -> list[str]:
    """Why who has no figure: those of one reason in one line."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for name, status, reason in found.absent:
        reasons.setdefault(("broken" if status == "broken" else "not available", reason), []).append(name)
    return [f"{status}: {', '.join(names)}: {reason}" for (status, reason), names in reasons.items()]


def as_json(found: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Every step for programs: seconds and bytes; ratios with the ends of their 95 % intervals."""
    return [
        {
            "workload": each.workload, "device": each.device, "point": each.rest, "in_turns": each.in_turns,
            "members": [
                {
                    "framework": member.framework, "how": member.how, "source": member.figure.source,
                    "step_time": {"value": member.time.estimate, "low": member.time.low, "high": member.time.high},
                    "over_torch_eager": ends(member.ratio), "first_call": member.first_s,
                    "process_memory": member.bytes, "busy_threads": member.busy, "facts": dict(member.figure.facts),
                }
                for member in each.members
            ],
            "why": [asdict(cause) for cause in why(each).causes], "not_the_same": each.differs,
            "absent": [{"name": name, "status": status, "reason": reason} for name, status, reason in each.absent],
        }
        for each in found
    ]  # fmt: skip


def ends(found: Ratio | None) -> dict[str, float | None] | None:
    """A ratio with its interval."""
    return None if found is None else {"value": found.value, "low": found.low, "high": found.high}
