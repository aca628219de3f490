"""Numbers as people read them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.format import units


@given(st.floats(1e-12, 1e15), st.sampled_from(["s", "1"]))
def test_no_printed_number_shows_1000_or_more_of_a_prefix(value: float, unit: str) -> None:
    text = units.quantity(value, unit)
    number = float(text.split()[0])
    assert number < 1000 or text.endswith((" s", " P"))


@given(st.floats(1, 1e15))
def test_bytes_stay_below_1024_of_a_prefix(value: float) -> None:
    assert float(units.quantity(value, "B").split()[0]) < 1024


@given(st.floats(1e-9, 1e12))
def test_what_is_printed_is_the_value_to_three_digits(value: float) -> None:
    text = units.quantity(value, "s")
    number, prefix = re.fullmatch(r"([\d.]+) (\S+)", text).groups()  # type: ignore[union-attr]
    scale = {name: scale for scale, name in units.scales("s")}[prefix]
    assert float(number) * scale == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "s", "—"),
        (float("nan"), "s", "—"),
        (float("inf"), "s", "—"),
        (0.0, "s", "0 s"),
        (0.0, "B", "0 B"),
        (0.0, "1", "0"),
        (0.00123, "s", "1.23 ms"),
        (999.6e-6, "s", "1.00 ms"),
        (1023, "B", "1023 B"),
        (1024, "B", "1.00 KiB"),
        (50_100_000, "B", "47.8 MiB"),
        (4.58e9, "1", "4.58 G"),
        (8, "1", "8.00"),
    ],
)
def test_quantities(value: float | None, unit: str, text: str) -> None:
    assert units.quantity(value, unit) == text


def test_rates_ratios_and_shares() -> None:
    assert units.rate(2419.0, "sample") == "2.42 k sample/s"
    assert units.rate(None, "sample") == "—"
    assert units.ratio(1.0449) == "1.04"
    assert units.percent(0.0312) == "3.1 %"
    assert units.percent(0.27) == "27 %"
    assert units.percent(None) == "—"
