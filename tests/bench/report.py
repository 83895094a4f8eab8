"""A figure and what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` of ours in `unit`; `baseline` is the same thing done by `peer` in the same run, when there is one."""

    name: str
    value: float
    unit: str
    peer: str = ""
    baseline: float = 0.0

    def __str__(self) -> str:
        text = f"{self.name:<58} {self.value:>10.2f} {self.unit}"
        if self.peer and self.baseline:
            text += f"   {self.value / self.baseline:>6.2f} x {self.peer} ({self.baseline:.2f} {self.unit})"
        return text
