"""What is used, in tables: amounts of pods, shares of nodes. `-` where nothing was measured."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from common.api.meta import Object
from console.views import amounts
from console.views.status import Tone
from console.views.usage import use

CELLS = 5  # of a bar
HIGH, FULL = 75, 90  # percent


def used(resource: str) -> Callable[[Object], str]:
    """The amount: `12m`, `38Mi`."""

    def value(obj: Object) -> str:
        found = use(obj)
        if found is None:
            return "-"
        return amounts.milli(found.cpu) if resource == "cpu" else amounts.size(found.memory)

    return value


def used_order(resource: str) -> Callable[[Object], Fraction]:
    """The largest first; what was not measured last."""

    def value(obj: Object) -> Fraction:
        found = use(obj)
        return Fraction(1) if found is None else -dict(found.items())[resource]

    return value


def percent(node: Object, resource: str) -> int | None:
    """How much of what a node offers is used."""
    found = use(node)
    if found is None:
        return None
    return amounts.share(dict(found.items())[resource], amounts.allocatable(node).get(resource, Fraction()))


def bar(resource: str) -> Callable[[Object], str]:
    """The share of a node with a bar: `██░░░ 38%`."""

    def value(node: Object) -> str:
        share = percent(node, resource)
        if share is None:
            return "-"
        filled = min(round(share * CELLS / 100), CELLS)
        return "█" * filled + "░" * (CELLS - filled) + f"{share:>4}%"

    return value


def share_order(resource: str) -> Callable[[Object], int]:
    """The fullest first; what was not measured last."""

    def value(node: Object) -> int:
        share = percent(node, resource)
        return 1 if share is None else -share

    return value


def fullness(resource: str) -> Callable[[Object], Tone]:
    def tone(node: Object) -> Tone:
        share = percent(node, resource)
        if share is None:
            return Tone.DIM
        return Tone.BAD if share >= FULL else Tone.WARN if share >= HIGH else Tone.TEXT

    return tone
