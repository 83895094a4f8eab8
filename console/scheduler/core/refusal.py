"""A filter's no."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """`reasons` tell people about this node, `counted` is what the message about all nodes counts: the same, but where
    Kubernetes is less exact there. What is `resolvable` could be had by removing pods."""

    name: str
    reasons: tuple[str, ...]
    counted: tuple[str, ...]
    resolvable: bool
