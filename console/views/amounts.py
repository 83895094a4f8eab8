"""Amounts of resources for reading: short, right-aligned, never wrong by more than the last digit shown."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from common.api import quantity
from common.api.meta import Object

_UNITS = (("Ti", 2**40), ("Gi", 2**30), ("Mi", 2**20), ("Ki", 2**10))


def amount(resource: str, value: Fraction | None) -> str:
    """An amount in the usual unit of its resource: `250m`, `2`, `512Mi`, `1.5Gi`; `-` for none."""
    if not value:
        return "-"
    if resource == "cpu":
        return cores(value)
    return size(value) if resource in {"memory", "ephemeral-storage"} else str(int(value))


def cores(value: Fraction) -> str:
    """CPU: millicores below one core or with a fraction, else cores."""
    milli = round(value * 1000)
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"


def milli(value: Fraction) -> str:
    """CPU in use, in millicores rounded up: what uses anything at all never shows as nothing."""
    return f"{-(-value * 1000 // 1)}m"


def size(value: Fraction | int) -> str:
    """Bytes in the largest binary unit, with one decimal below ten."""
    for suffix, unit in _UNITS:
        if value >= unit:
            scaled = float(value) / unit
            text = f"{scaled:.1f}".removesuffix(".0") if scaled < 10 else f"{scaled:.0f}"
            return f"{text}{suffix}"
    return f"{int(value)}B"


def parsed(value: Any) -> Fraction | None:
    """The value of a quantity that another machine sent; None when it is none."""
    try:
        return quantity.parse(value) if value is not None else None
    except ValueError:
        return None


def allocatable(node: Object) -> dict[str, Fraction]:
    """What pods may ask of the node, by resource name, in base units."""
    offered = (node.get("status") or {}).get("allocatable") or {}
    return {name: value for name, text in offered.items() if (value := parsed(text)) is not None}


def share(used: Fraction, total: Fraction) -> int:
    """A percentage, rounded down but never to 0 when something is used."""
    if not total or not used:
        return 0
    return max(1, int(used * 100 / total))


def fingerprint(text: str) -> str:
    """The first eight bytes of a hexadecimal fingerprint in pairs of bytes, enough to compare by eye."""
    if text == "-":
        return text
    return ":".join(text[start : start + 4] for start in range(0, 16, 4))
