"""Taints of nodes and tolerations of pods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .meta import Object


@dataclass(frozen=True, slots=True)
class Taint:
    key: str
    value: str
    effect: str

    @classmethod
    def of(cls, data: Object) -> Taint:
        return cls(data["key"], data.get("value") or "", data["effect"])

    def __str__(self) -> str:
        return f"{{{self.key}: {self.value}}}"


@dataclass(frozen=True, slots=True)
class Toleration:
    """An empty key (with Exists) tolerates every key, an empty effect every effect. `seconds` limits for how long a
    NoExecute taint is tolerated."""

    key: str
    operator: str
    value: str
    effect: str
    seconds: int | None = None

    @classmethod
    def of(cls, data: Object) -> Toleration:
        return cls(
            data.get("key") or "",
            data.get("operator") or "Equal",
            data.get("value") or "",
            data.get("effect") or "",
            data.get("tolerationSeconds"),
        )

    def tolerates(self, taint: Taint) -> bool:
        if self.effect not in ("", taint.effect) or self.key not in ("", taint.key):
            return False
        return self.operator == "Exists" or self.value == taint.value


def untolerated(taints: Iterable[Taint], tolerations: Iterable[Toleration], effects: frozenset[str]) -> list[Taint]:
    """The taints with one of the effects that no toleration covers."""
    return [
        taint
        for taint in taints
        if taint.effect in effects and not any(toleration.tolerates(taint) for toleration in tolerations)
    ]


def tolerations_of(pod: Object) -> tuple[Toleration, ...]:
    return tuple(Toleration.of(item) for item in (pod.get("spec") or {}).get("tolerations") or ())


def taints_of(node: Object) -> tuple[Taint, ...]:
    return tuple(Taint.of(item) for item in (node.get("spec") or {}).get("taints") or ())
