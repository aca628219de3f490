"""Numbers as people read them. The only place with prefixes; inside, every unit is without one: s, B, J, 1."""

from __future__ import annotations

import math
import re

PREFIXES = (
    (1e-12, "p"), (1e-9, "n"), (1e-6, "µ"), (1e-3, "m"), (1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T"),
    (1e15, "P"),
)  # fmt: skip
BINARY = ((1.0, ""), (2.0**10, "Ki"), (2.0**20, "Mi"), (2.0**30, "Gi"), (2.0**40, "Ti"))
DASH = "—"
# Units that take a prefix. Others are somebody's own: they have one ('ms', 'MiB'), or are none of physics ('images').
TAKES_PREFIX = re.compile(r"(?:1|s|B|J|W|Wh|V|A|K|Hz|FLOP|OP|bit)?(?:/.*)?$")


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


def scales(unit: str) -> tuple[tuple[float, str], ...]:
    """The prefixes that a unit takes, each as its factor and the unit's symbol with it, the smallest first.

    Any symbol takes all of them, whatever it is a symbol of. Bytes are counted in powers of 1024; nobody reads
    kiloseconds; and a count, or an amount whose unit is not known, has no thousandths.
    """
    if unit == "B":
        return tuple((factor, f"{prefix}B") for factor, prefix in BINARY)
    symbol = unit.removeprefix("1")  # of "1/s", too
    least, most = {"s": (1e-9, 1.0), "1": (1.0, math.inf), "": (1.0, math.inf)}.get(unit, (0.0, math.inf))
    return tuple((factor, f"{prefix}{symbol}") for factor, prefix in PREFIXES if least <= factor <= most)


def quantity(value: float | None, unit: str) -> str:
    """The value with the prefix that leaves 1 to 999 before the point (1023 for bytes); a dash for None or NaN."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return f"0 {unit.removeprefix('1')}".strip()
    if not TAKES_PREFIX.match(unit):
        return f"{three_digits(value) if 1e-4 <= abs(value) < 1e6 else f'{value:.3g}'} {unit}"
    limit = 1024 if unit == "B" else 1000
    found = scales(unit)
    for number, (scale, symbol) in enumerate(found):
        if math.isinf(value / scale) and number < len(found) - 1:
            continue
        text = three_digits(value / scale)
        if number == len(found) - 1 and abs(value / scale) >= 1e15:
            text = f"{value / scale:.3g}"  # there is no larger prefix
        if abs(float(text)) < limit or number == len(found) - 1:
            if unit == "B" and scale == 1 and value == int(value):
                text = str(int(value))
            return f"{text} {symbol}".strip()
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
