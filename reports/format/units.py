"""Numbers as people read them. The only place with prefixes; inside, everything is s, B or 1."""

from __future__ import annotations

import math

SCALES = {
    "s": ((1e-9, "ns"), (1e-6, "µs"), (1e-3, "ms"), (1.0, "s")),
    "B": ((1, "B"), (2.0**10, "KiB"), (2.0**20, "MiB"), (2.0**30, "GiB"), (2.0**40, "TiB")),
    "1": ((1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"), (1e15, "P")),
}
DASH = "—"


def three_digits(value: float) -> str:
    """The number to three significant digits, whole from 100 on, without an exponent: 0.00123, 12.3, 123, 1023."""
    if value == 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    rounded = round(value, decimals)
    if rounded == 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(rounded))))  # 9.996 rounds to 10.0, not to 10.00
    return f"{rounded:.{decimals}f}"


def quantity(value: float | None, unit: str) -> str:
    """The value with the prefix that leaves 1 to 999 before the point (1023 for bytes); a dash for None or NaN."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return f"0 {unit}".replace(" 1", "")
    scales = SCALES[unit]
    limit = 1024 if unit == "B" else 1000
    for number, (scale, name) in enumerate(scales):
        text = three_digits(value / scale)
        if abs(float(text)) < limit or number == len(scales) - 1:
            if unit == "B" and scale == 1 and value == int(value):
                text = str(int(value))
            return f"{text} {name}".strip()
    raise AssertionError("the last scale takes everything")


def count(value: float | None) -> str:
    """A whole number without a prefix; a dash for None."""
    return DASH if value is None or not math.isfinite(value) else f"{value:,.0f}"


def rate(value: float | None, item: str) -> str:
    """Items per second, such as '2.42 k sample/s'."""
    return DASH if value is None or not math.isfinite(value) else f"{quantity(value, '1')} {item}/s"


def percent(share: float | None) -> str:
    """A share as a percentage with two digits, such as '1.3 %'; a dash for None."""
    if share is None or not math.isfinite(share):
        return DASH
    value = 100 * share
    # Not quite all is not all: 99.8 % is no 100 %.
    return f"{value:.1f} %" if abs(value) < 9.95 or 99 < abs(value) < 99.95 else f"{value:.0f} %"


def ratio(value: float | None) -> str:
    """A ratio with three digits, such as '1.04'; a dash for None."""
    return DASH if value is None or not math.isfinite(value) else three_digits(value)
