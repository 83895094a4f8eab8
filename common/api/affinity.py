"""Node selectors and node affinity, for all who ask which nodes a pod may go to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .meta import Object
from .selectors import Requirement


@dataclass(frozen=True, slots=True)
class Term:
    """One `nodeSelectorTerm`: all its requirements must hold; without any it matches no node."""

    labels: tuple[Requirement, ...]
    fields: tuple[Requirement, ...]

    @classmethod
    def of(cls, data: Object) -> Term:
        return cls(_requirements(data.get("matchExpressions")), _requirements(data.get("matchFields")))

    def matches(self, labels: Mapping[str, str], name: str) -> bool:
        if not self.labels and not self.fields:
            return False
        named = {"metadata.name": name}
        return all(item.matches(labels) for item in self.labels) and all(item.matches(named) for item in self.fields)


def _requirements(data: Iterable[Object] | None) -> tuple[Requirement, ...]:
    return tuple(Requirement(item["key"], item["operator"], tuple(item.get("values") or ())) for item in data or ())


@dataclass(frozen=True, slots=True)
class NodeAffinity:
    """Where a pod may go and where it would rather go. `required` is None when every node will do."""

    selector: tuple[tuple[str, str], ...]
    required: tuple[Term, ...] | None
    preferred: tuple[tuple[int, Term], ...]

    @classmethod
    def of(cls, spec: Object) -> NodeAffinity:
        affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
        required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
        preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        return cls(
            selector=tuple(sorted((spec.get("nodeSelector") or {}).items())),
            required=tuple(Term.of(term) for term in required.get("nodeSelectorTerms") or ()) if required else None,
            preferred=tuple((int(item["weight"]), Term.of(item["preference"])) for item in preferred),
        )

    def allows(self, labels: Mapping[str, str], name: str) -> bool:
        if any(labels.get(key) != value for key, value in self.selector):
            return False
        return self.required is None or any(term.matches(labels, name) for term in self.required)

    def preference(self, labels: Mapping[str, str], name: str) -> float:
        """The share of the preferred weights that the node has, 0 to 1."""
        total = sum(weight for weight, _ in self.preferred)
        met = sum(weight for weight, term in self.preferred if term.matches(labels, name))
        return met / total if total else 0.0
