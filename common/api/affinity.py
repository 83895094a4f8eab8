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
    names: frozenset[str] | None = None
    """The only nodes that the required terms name; None when one of them names none."""

    @classmethod
    def of(cls, spec: Object) -> NodeAffinity:
        affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
        required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
        preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms = tuple(Term.of(term) for term in required.get("nodeSelectorTerms") or ()) if required else None
        return cls(
            selector=tuple(sorted((spec.get("nodeSelector") or {}).items())),
            required=terms,
            names=_names(terms),
            preferred=tuple((int(item["weight"]), Term.of(item["preference"])) for item in preferred),
        )

    def allows(self, labels: Mapping[str, str], name: str) -> bool:
        if any(labels.get(key) != value for key, value in self.selector):
            return False
        return self.required is None or any(term.matches(labels, name) for term in self.required)

    def preference(self, labels: Mapping[str, str], name: str) -> int:
        """The sum of the weights of the preferred terms that the node meets."""
        return sum(weight for weight, term in self.preferred if term.matches(labels, name))


def _names(terms: tuple[Term, ...] | None) -> frozenset[str] | None:
    found: set[str] = set()
    for term in terms or ():
        named = [item.values for item in term.fields if item.operator == "In"]
        if not named:
            return None
        found.update(set(named[0]).intersection(*named))
    return frozenset(found) if terms else None
