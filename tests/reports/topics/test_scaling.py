"""What more ranks give, from times that are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.records.files import Contents
from bench.records.record import RANKS, Case, Environment, Record
from reports.read.frames import Figure, figures, frame_of
from reports.topics.scaling.figures import Member, scalings
from reports.topics.scaling.text import added, as_json, scaling_text, share

STEP_S = {(1, "none"): 0.010, (1, "ddp"): 0.011, (2, "ddp"): 0.0125}
JITTER = (0.99, 1.0, 1.01)


def figures_of(found: list[Record]) -> list[Figure]:
    return figures(frame_of(Contents(tuple(found), {"e": Environment(())})))


def slowed(values: tuple[float, ...], times: float) -> tuple[float, ...]:
    return tuple(times * value for value in values)


def records(workload: str = "distributed.train_step", scaling: str = "strong", **changes: object) -> list[Record]:
    """Three launches of three cases in turns; a launch's speed is in all its values."""
    found = []
    for launch, speed in enumerate((1.0, 1.1, 0.9)):
        for (ranks, wrap), seconds in STEP_S.items():
            point = (("model", "padded"), ("scaling", scaling), ("ranks", ranks), ("wrap", wrap))
            values = tuple(seconds * speed * jitter for jitter in JITTER)
            items = 64 if scaling == "strong" else 64 * ranks
            found.append(
                Record(
                    "r", "e", Case(workload, 1, point, "cpu", "float32", "eager", 1), "step_time", values=values,
                    launch=launch, items=items, item="sample", turns=RANKS,
                    readings=tuple((f"rank {rank} s", slowed(values, 1 - 0.1 * rank)) for rank in range(ranks)),
                )
            )  # fmt: skip
    return [replace(record, **changes) for record in found]  # type: ignore[arg-type]


def members(found: list[Record]) -> dict[tuple[int, str], Member]:
    (scaling,) = scalings(figures_of(found))
    return {(member.ranks, member.wrap): member for member in scaling.members}


@pytest.mark.parametrize(("scaling", "efficiency"), [("strong", 0.4), ("weak", 0.8)])
def test_efficiency_is_of_the_unwrapped_process(scaling: str, efficiency: float) -> None:
    found = members(records(scaling=scaling))
    ratio = found[2, "ddp"].efficiency
    assert ratio is not None
    assert ratio.value == pytest.approx(efficiency)
    assert ratio.low is not None
    assert ratio.high is not None
    assert ratio.low == pytest.approx(efficiency, rel=1e-6)  # launches differ in speed, pairs do not
    assert found[1, "none"].efficiency is found[1, "none"].cost is None
    cost = found[1, "ddp"].cost
    assert cost is not None
    assert cost.value == pytest.approx(1.1)
    assert added(cost).startswith("+10.0 %")
    assert share(ratio).startswith(f"{efficiency:.0%}".replace("%", " %"))


def test_ranks_by_themselves_are_the_fastest_and_the_slowest() -> None:
    found = members(records())
    assert found[1, "none"].own is None
    assert found[2, "ddp"].own == pytest.approx((0.9 * 0.0125, 0.0125))


def test_a_collective_has_a_bus_and_no_efficiency() -> None:
    found = members(records("distributed.all_reduce"))
    assert found[2, "ddp"].bus == pytest.approx(64 / 0.0125, rel=0.01)  # 2 (n - 1) / n is 1 for two
    assert found[2, "ddp"].efficiency is None
    assert found[1, "none"].bus is None
    (scaling,) = scalings(figures_of(records("distributed.broadcast")))
    assert scaling.is_collective


def test_without_one_process_there_is_no_efficiency() -> None:
    found = members([record for record in records() if record.case.ranks == 2])
    assert (found[2, "ddp"].efficiency, found[2, "ddp"].gain) == (None, None)


def test_an_axis_of_that_name_that_says_something_else_is_none() -> None:
    case = Case("a.b", 1, (("ranks", "low"),), "cpu", "float32", "eager", 1)
    assert case.ranks == 0
    assert scalings(figures_of([Record("r", "e", case, "step_time", values=(1.0,))])) == []


def test_the_table_says_whose_turns_they_were() -> None:
    text = scaling_text(figures_of(records()))
    assert "They took turns in the same processes." in text
    assert "40 % [40 %, 40 %]" in text
    apart = scaling_text(figures_of(records(turns="")))
    assert "They took turns" not in apart
    assert scaling_text([]) == ""
    rows = as_json(scalings(figures_of(records())))
    assert [row["ranks"] for row in rows] == [1, 1, 2]
    assert rows[2]["efficiency"]["value"] == pytest.approx(0.4)


def test_talking_is_against_ranks_that_do_not() -> None:
    silent = [
        replace(
            record, values=slowed(record.values, 0.8),
            case=replace(record.case, point=tuple({**dict(record.case.point), "wrap": "ddp_no_sync"}.items())),
        )
        for record in records() if record.case.ranks == 2
    ]  # fmt: skip
    found = members([*records(), *silent])
    exposed = found[2, "ddp"].exposed
    assert exposed is not None
    assert exposed.value == pytest.approx(1.25)
    assert found[2, "ddp_no_sync"].exposed is found[1, "ddp"].exposed is None
    assert "+25.0 % [+25.0 %, +25.0 %]" in scaling_text(figures_of([*records(), *silent]))
