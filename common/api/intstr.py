"""IntOrString fields: absolute numbers or percentages, as in `maxSurge: 25%`."""

from __future__ import annotations

import math


def scaled(value: int | str, total: int, *, round_up: bool) -> int:
    """The absolute number that `value` means of `total`; ValueError when it is neither integer nor percentage."""
    if isinstance(value, int):
        return value
    digits = value.removesuffix("%")
    if digits == value or not digits.isdecimal():
        raise ValueError(f"{value!r} is neither an integer nor a percentage (e.g '5%')")
    share = int(digits) * total / 100
    return math.ceil(share) if round_up else math.floor(share)
