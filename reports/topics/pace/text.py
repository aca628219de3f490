"""The machine's pace in words."""

from __future__ import annotations

from collections.abc import Sequence

from reports.format import units
from reports.read.frames import Figure
from reports.topics.pace.figures import DIFFERS, Pace, common_change, is_another, pace_of, ratio, reference_ratio

WORTH_SAYING = 0.005
ALLOWED = "That may be in a step's time or not: the intervals allow for both."
LEVELLED = (
    "Step times of both are told as at a pace between the two; how a step follows it, its launches tell, and for what\n"
    "they do not the intervals allow."
)
USUAL = "Absolute times are of the machine as it usually was."
USUAL_BY_WORK = "Step times are told as of the machine as it usually was, by work that was timed beside their values."
STEADY = 1.05  # a pace that wandered by less is not worth a number


def pace_text(figures: Sequence[Figure]) -> str:
    """How much the machine's speed wandered while these were taken; empty where nobody looked."""
    pace = pace_of(figures)
    if pace is None:
        return ""
    stolen = f"; up to {units.percent(pace.stolen)} of its time went to other machines" if pace.stolen else ""
    if pace.wandered < STEADY:
        return f"The machine's speed was steady: an empty loop took {loop(pace)} beside every launch{stolen}."
    return (
        "The machine's speed wandered: beside the slowest tenth of the launches an empty loop took "
        f"{units.ratio(pace.wandered)} times as\nlong as beside the fastest ({loop(pace)} usually){stolen}. "
        f"{USUAL_BY_WORK if any(figure.paces for figure in figures) else USUAL}"
    )


def loop(pace: Pace) -> str:
    """The usual seconds of the loop."""
    return units.quantity(pace.median_s, "s")


def compared_text(base: Sequence[Figure], head: Sequence[Figure], labels: tuple[str, str]) -> str:
    """Whether the machine itself differed between two sides; empty where it was not watched for both."""
    by_loop, by_work = ratio(pace_of(base), pace_of(head)), reference_ratio(base, head)
    slower = by_work or by_loop
    if slower is None or by_loop is None:
        return ""
    seen_by = "the same work beside every value" if by_work else "an empty loop beside every launch"
    if is_another(slower):
        way = "slower" if slower > 1 else "faster"
        return (
            f"The machine itself was {units.percent(abs(slower - 1))} {way} for {labels[1]} than for {labels[0]}, by "
            f"{seen_by}.\n{LEVELLED if by_work else ALLOWED}"
        )
    as_fast = f"The machine was as fast for {labels[1]} as for {labels[0]}, by {seen_by}."
    common = common_change(base, head)
    if common is None or abs(common - 1) < WORTH_SAYING:
        return as_fast
    way = "longer" if common > 1 else "shorter"
    share = units.percent(min(abs(common - 1), DIFFERS))
    most = " of it" if abs(common - 1) > DIFFERS else ""
    return (
        f"{as_fast}\nBut half of all step times are {units.percent(abs(common - 1))} {way} or more, and what all have "
        f"in common may be\nthe machine's: the intervals allow for {share}{most}."
    )
