"""What a pod asks about other pods: affinity, anti-affinity, spreading over a topology. Parsed and comparable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from common.api.meta import Object
from common.api.selectors import NOTHING, Requirement, Selector, from_label_selector

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
HARD_AFFINITY_WEIGHT = 1  # what a pod's required affinity is worth to those that match it: Kubernetes' default

Namespaces = Mapping[str, Mapping[str, str]]
"""The labels of namespaces by their names."""


@dataclass(frozen=True, slots=True)
class PodTerm:
    """Pods by label and namespace, counted over the values of a topology key."""

    selector: Selector
    namespaces: frozenset[str]
    namespace_selector: Selector
    key: str

    @classmethod
    def of(cls, data: Object, own_namespace: str, own_labels: Mapping[str, str]) -> PodTerm:
        named = frozenset(data.get("namespaces") or ())
        chosen = data.get("namespaceSelector")
        return cls(
            selector=_with_label_keys(
                from_label_selector(data.get("labelSelector")),
                own_labels,
                data.get("matchLabelKeys") or (),
                data.get("mismatchLabelKeys") or (),
            ),
            namespaces=named if named or chosen is not None else frozenset({own_namespace}),
            namespace_selector=NOTHING if chosen is None else from_label_selector(chosen),
            key=data["topologyKey"],
        )

    def matches(self, namespace: str, labels: Mapping[str, str], namespaces: Namespaces) -> bool:
        inside = namespace in self.namespaces or self.namespace_selector.matches(namespaces.get(namespace, {}))
        return inside and self.selector.matches(labels)


def _with_label_keys(
    selector: Selector, own: Mapping[str, str], same: Iterable[str], other: Iterable[str] = ()
) -> Selector:
    """The selector, narrowed to pods that have this pod's values of some labels and others than its of others."""
    if selector.nothing:
        return selector
    more = [Requirement(key, "In", (own[key],)) for key in same if key in own]
    more += [Requirement(key, "NotIn", (own[key],)) for key in other if key in own]
    return Selector((*selector.requirements, *(item for item in more if item not in selector.requirements)))


@dataclass(frozen=True, slots=True)
class Carried:
    """What a pod that runs means to those that come. `weight` None keeps those that match away; a number draws them
    into its topology or, below zero, out of it."""

    term: PodTerm
    weight: int | None


@dataclass(frozen=True, slots=True)
class PodAffinity:
    required: tuple[PodTerm, ...] = ()
    forbidden: tuple[PodTerm, ...] = ()
    preferred: tuple[tuple[int, PodTerm], ...] = ()
    """With negative weights for anti-affinity."""

    @classmethod
    def of(cls, affinity: Object, namespace: str, labels: Mapping[str, str]) -> PodAffinity:
        def terms(kind: str) -> tuple[PodTerm, ...]:
            found = (affinity.get(kind) or {}).get(_REQUIRED) or ()
            return tuple(PodTerm.of(item, namespace, labels) for item in found)

        def weighted(kind: str, sign: int) -> list[tuple[int, PodTerm]]:
            found = (affinity.get(kind) or {}).get(_PREFERRED) or ()
            return [(sign * int(item["weight"]), PodTerm.of(item["podAffinityTerm"], namespace, labels))
                    for item in found]  # fmt: skip

        return cls(
            required=terms("podAffinity"),
            forbidden=terms("podAntiAffinity"),
            preferred=(*weighted("podAffinity", 1), *weighted("podAntiAffinity", -1)),
        )

    def carried(self) -> tuple[Carried, ...]:
        return (
            *(Carried(term, None) for term in self.forbidden),
            *(Carried(term, HARD_AFFINITY_WEIGHT) for term in self.required),
            *(Carried(term, weight) for weight, term in self.preferred),
        )


@dataclass(frozen=True, slots=True)
class Spread:
    """One topologySpreadConstraint. `honor_affinity` and `honor_taints` leave out nodes where the pod cannot go."""

    max_skew: int
    key: str
    hard: bool
    selector: Selector
    min_domains: int
    honor_affinity: bool
    honor_taints: bool

    @classmethod
    def all_of(cls, spec: Object, labels: Mapping[str, str]) -> tuple[Spread, ...]:
        return tuple(
            cls(
                max_skew=int(item["maxSkew"]),
                key=item["topologyKey"],
                hard=item["whenUnsatisfiable"] == "DoNotSchedule",
                selector=_with_label_keys(
                    from_label_selector(item.get("labelSelector")), labels, item.get("matchLabelKeys") or ()
                ),
                min_domains=int(item.get("minDomains") or 1),
                honor_affinity=(item.get("nodeAffinityPolicy") or "Honor") == "Honor",
                honor_taints=(item.get("nodeTaintsPolicy") or "Ignore") == "Honor",
            )
            for item in spec.get("topologySpreadConstraints") or ()
        )
