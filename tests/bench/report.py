"""A figure, what it is compared with, and tables of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SMALLER = frozenset({"s", "ms", "us", "MiB", "KiB", "%"})
"""Units of which less is better; of the others (rates) more is."""


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` of ours in `unit`; `baseline` is the same thing done by `peer` in the same run, when there is one. `goal`
    is what we want to reach or to be ahead of, measured elsewhere on another day: a direction, no comparison."""

    name: str
    value: float
    unit: str
    peer: str = ""
    baseline: float = 0.0
    goal: float = 0.0

    @property
    def beside(self) -> str:
        """The ratio to the peer, and what the peer had."""
        if not self.peer or not self.baseline:
            return ""
        return f"{self.value / self.baseline:.2f} x {self.peer} ({_shown(self.baseline)})"

    @property
    def verdict(self) -> str:
        """How much of the goal was reached; above 1 it is met."""
        if not self.goal or not self.value:
            return ""
        reached = self.goal / self.value if self.unit in SMALLER else self.value / self.goal
        return f"{reached:.2f} of {_shown(self.goal)}"

    def __str__(self) -> str:
        return " ".join([f"{self.name:<62} {_shown(self.value):>9} {self.unit:<5}", self.beside, self.verdict]).rstrip()


def _shown(value: float) -> str:
    """Three digits that mean something."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(title: str, figures: Iterable[Figure]) -> str:
    """Lines for people: what, how much, beside what, and of which goal."""
    rows = [("", "measured", "beside a peer of the same run", "goal reached")]
    rows += [(item.name, f"{_shown(item.value)} {item.unit}", item.beside, item.verdict) for item in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [f"-- {title}"]
    for row in rows:
        name, value, beside, verdict = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        lines.append(f"{name}  {value.strip().rjust(widths[1])}  {beside}  {verdict}".rstrip())
    return "\n".join(lines)
