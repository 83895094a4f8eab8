"""Kubernetes quantities: `500m`, `1.5Gi`, `2e3`.

Values are exact (`fractions.Fraction`), so that sums of requests never drift. Source of the grammar: the Kubernetes
documentation of `resource.Quantity`.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache

_SUFFIXES = {
    "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": Fraction(1),
    "k": Fraction(10**3), "M": Fraction(10**6), "G": Fraction(10**9),
    "T": Fraction(10**12), "P": Fraction(10**15), "E": Fraction(10**18),
    "Ki": Fraction(2**10), "Mi": Fraction(2**20), "Gi": Fraction(2**30),
    "Ti": Fraction(2**40), "Pi": Fraction(2**50), "Ei": Fraction(2**60),
}  # fmt: skip
_PATTERN = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d{1,3})|([numkMGTPE]|[KMGTPE]i)?)", re.ASCII)


@lru_cache(maxsize=4096)
def parse(text: str | int | float) -> Fraction:
    """The value of a quantity; raises ValueError naming the text when it is none."""
    match = _PATTERN.fullmatch(str(text))
    if match is None:
        raise ValueError(
            f"{text!r} is not a quantity: a number with an optional suffix n u m k M G T P E Ki Mi Gi Ti Pi Ei"
        )
    number, exponent, suffix = match.groups()
    value = Fraction(number)
    if exponent:
        return value * Fraction(10) ** int(exponent[1:])
    return value * _SUFFIXES[suffix or ""]


@lru_cache(maxsize=4096)
def canonical(text: str | int | float) -> str:
    """The one spelling of a quantity that Kubernetes stores: an integer with the largest suffix of its family (0.5 ->
    `500m`, 1024Mi -> `1Gi`, 1000e3 -> `1e6`). Below a thousand-millionth it is rounded up."""
    match = _PATTERN.fullmatch(str(text))
    value = parse(text)
    exponent, suffix = (match[2], match[3] or "") if match else (None, "")
    if suffix.endswith("i") and abs(value) >= 1024 and value.denominator == 1:
        return _scaled(value, 1024, _BINARY)
    if exponent:
        return _scaled(value, 1000, {power: f"{exponent[0]}{power * 3}" if power else "" for power in range(-3, 7)})
    return _scaled(value, 1000, _DECIMAL)


_DECIMAL = dict(zip(range(-3, 7), ("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), strict=True))
_BINARY = dict(enumerate(("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")))


def _scaled(value: Fraction, base: int, suffixes: dict[int, str]) -> str:
    if not value:
        return "0"
    lowest, highest = min(suffixes), max(suffixes)
    power = lowest
    mantissa = Fraction(math.ceil(value / Fraction(base) ** lowest))
    while power < highest and mantissa % base == 0:
        mantissa /= base
        power += 1
    return f"{mantissa}{suffixes[power]}"


def milli(text: str | int | float) -> int:
    """The value in thousandths, rounded up as Kubernetes does (`MilliValue`): cpu in millicores."""
    return math.ceil(parse(text) * 1000)


def whole(text: str | int | float) -> int:
    """The value in units, rounded up (`Value`): memory in bytes."""
    return math.ceil(parse(text))


def format_milli(value: int) -> str:
    """Thousandths as a quantity: 1500 -> `1500m`, 2000 -> `2`."""
    return str(value // 1000) if value % 1000 == 0 else f"{value}m"


def format_bytes(value: int) -> str:
    """Bytes with the largest binary suffix that keeps them exact: 1572864 -> `1536Ki`."""
    for suffix in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki"):
        unit = int(_SUFFIXES[suffix])
        if value and value % unit == 0:
            return f"{value // unit}{suffix}"
    return str(value)
