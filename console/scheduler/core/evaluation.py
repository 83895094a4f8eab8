"""A class of pods against every node, looked at anew: the meaning of rows of scores, and what explanations say.

Rows give the same answers faster; tests compare the two.
"""

from __future__ import annotations

from collections.abc import Iterator

from .filters import refusals_of
from .model import NodeInfo, PodClass
from .refusal import Refusal
from .relations import Range, Relations
from .scores import Profile, profile_for
from .state import ClusterState


class Evaluation:
    """Of the state as it is when a method is called; `profile` is that of pods which ask for none of their own."""

    def __init__(self, kind: PodClass, state: ClusterState, profile: Profile) -> None:
        self._kind = kind
        self._state = state
        self._profile = profile_for(kind, profile)
        self._known = Relations(kind, state)

    @property
    def _relations(self) -> Relations:
        if self._known.is_stale:
            self._known = Relations(self._kind, self._state)
        return self._known

    def refusals(self, node: NodeInfo) -> Iterator[Refusal]:
        """What speaks against the node, in the order in which Kubernetes asks; empty when the pod fits."""
        yield from refusals_of(self._profile.filters, self._kind, node)
        yield from self._relations.refusals(node)

    def fits(self, node: NodeInfo) -> bool:
        return next(self.refusals(node), None) is None

    def scores(self) -> dict[str, float]:
        """The nodes that the pod fits on, in the order of their slots, with their scores."""
        kind, relations = self._kind, self._relations
        static = [(node, self._profile.static_score(kind, node)) for node in self._state.nodes()]
        possible = [(node, score) for node, score in static if score is not None]
        preferences = [relations.preference(node) for node, _ in possible]
        companies = [relations.company(node) for node, _ in possible]
        measure = Range.over(preferences, companies)
        found: dict[str, float] = {}
        for (node, fixed), preference, company in zip(possible, preferences, companies, strict=True):
            dynamic = self._profile.dynamic_score(kind, node)
            if dynamic is not None and relations.fits(node):
                related = relations.evenness(node) + measure.score(preference, company)
                found[node.name] = (fixed + dynamic) + related
        return found


def choose_naively(state: ClusterState, profile: Profile, kind: PodClass) -> str | None:
    """The best node, of equal ones that in the lowest slot, by looking at all of them."""
    scores = Evaluation(kind, state, profile).scores()
    return max(scores, key=lambda name: scores[name]) if scores else None
