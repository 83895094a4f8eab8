"""What pods ask of nodes against what nodes offer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from common.api import pods
from common.api.meta import Object

from . import amounts

SHOWN = ("cpu", "memory", "pods")


@dataclass(frozen=True, slots=True)
class Usage:
    """One resource of one node, in base units (cores, bytes, pods)."""

    resource: str
    asked: Fraction
    offered: Fraction

    @property
    def free(self) -> Fraction:
        return max(self.offered - self.asked, Fraction())

    @property
    def text(self) -> str:
        """`1250m of 4`."""
        return f"{amounts.amount(self.resource, self.asked)} of {amounts.amount(self.resource, self.offered)}"

    @property
    def percent(self) -> int:
        return amounts.share(self.asked, self.offered)


def usage(node: Object, on_it: Iterable[Object]) -> list[Usage]:
    """Requests of the node's pods that have not ended, by resource."""
    asked: dict[str, Fraction] = dict.fromkeys(SHOWN, Fraction())
    for pod in on_it:
        if pods.is_terminal(pod):
            continue
        for resource, value in {**pods.requests(pod), "pods": Fraction(1)}.items():
            asked[resource] = asked.get(resource, Fraction()) + value
    offered = amounts.allocatable(node)
    return [Usage(resource, asked[resource], offered.get(resource, Fraction())) for resource in SHOWN]
