"""What a class of pods makes of a node that depends on other nodes too: spreading, pods near and far, preferences that
count in relation to what other nodes have.

`Relations` holds the counters that the class asks about, so that looking at a node costs a few dictionary lookups. It
knows which nodes a change elsewhere concerns, and when it must be made anew.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .counters import NO_DOMAIN, Carriers, Counter, MatchingAll, OfWorkload, SpreadOver
from .model import NodeInfo, PodClass
from .refusal import Refusal
from .state import ZONE, ClusterState
from .terms import PodTerm, Spread

_SPREAD, _AFFINITY = "PodTopologySpread", "InterPodAffinity"
_SKEWED = "node(s) didn't match pod topology spread constraints"
_UNLABELLED = f"{_SKEWED} (missing required label)"
_NO_COMPANY = "node(s) didn't match pod affinity rules"
_UNWANTED_COMPANY = "node(s) didn't match pod anti-affinity rules"
_UNWELCOME = "node(s) didn't satisfy existing pods anti-affinity rules"
# What users write outweighs what a profile prefers by itself (at most 6), so that it decides.
SOFT_SPREAD_WEIGHT, AFFINITY_WEIGHT, PREFERENCE_WEIGHT = 8.0, 8.0, 8.0
ZONE_WEIGHT = 5.0  # the first replica in another zone is worth more than a used node that is filled well


@dataclass(frozen=True, slots=True)
class _Constraint:
    spread: Spread
    counter: Counter
    own: int  # 1 when the pod itself will count

    def level(self) -> int:
        """The count that the others are compared with."""
        least = self.counter.least()
        return 0 if self.counter.domains < self.spread.min_domains else least

    def allows(self, value: str) -> bool:
        least = self.level()
        return least == NO_DOMAIN or self.counter.counts.get(value, 0) + self.own - least <= self.spread.max_skew

    def evenness(self, value: str | None) -> float:
        """1 where fewest are, less the more there are; 0 without the label."""
        if value is None:
            return 0.0
        least = self.level()
        over = 0 if least == NO_DOMAIN else max(self.counter.counts.get(value, 0) - least, 0)
        return 1.0 / (1 + over)


class _Followed:
    """Some counters, and up to where their changes were seen."""

    __slots__ = ("_positions", "_state", "keys")

    def __init__(self, state: ClusterState, counters: list[Counter]) -> None:
        self._state = state
        self._positions = [(counter, counter.log.position) for counter in counters]
        self.keys = tuple(dict.fromkeys(counter.question.key for counter in counters))

    def changed(self) -> set[int] | None:
        """The slots in domains whose count changed since the last time, None for all."""
        slots: set[int] | None = set()
        for index, (counter, position) in enumerate(self._positions):
            now = counter.log.position
            if now == position:
                continue
            values = counter.log.since(position)
            self._positions[index] = (counter, now)
            if values is None:
                slots = None
            elif slots is not None:
                for value in values:
                    slots |= self._state.domain(counter.question.key, value)
        return slots


class Relations:
    """Of one class in one state."""

    def __init__(self, kind: PodClass, state: ClusterState) -> None:
        self._kind = kind
        self._state = state
        self._generation = state.generation
        self._hard = _constraints(kind, state, hard=True)
        self._soft = _constraints(kind, state, hard=False)
        counters, terms = state.counters, kind.pod_affinity
        self._zone = (
            counters.counter(OfWorkload(kind.workload, ZONE))
            if state.has_zones and kind.workload and not kind.spread
            else None
        )
        self._near = [counters.counter(MatchingAll(terms.required, term.key)) for term in terms.required]
        self._first_of_its_kind = all(
            term.matches(kind.namespace, kind.labels, state.namespaces) for term in terms.required
        )
        self._apart = [counters.counter(MatchingAll((term,), term.key)) for term in terms.forbidden]
        self._drawn = [(weight, counters.counter(MatchingAll((term,), term.key))) for weight, term in terms.preferred]
        self._carried_position = counters.carried_log.position
        self._unwelcome: list[Counter] = []
        for carried in counters.carried:
            if self._concerned_by(carried.term):
                counter = counters.counter(Carriers(carried))
                if carried.weight is None:
                    self._unwelcome.append(counter)
                else:
                    self._drawn.append((carried.weight, counter))
        self._followed = _Followed(
            state,
            [
                *(item.counter for item in self._hard),
                *self._near,
                *self._apart,
                *self._unwelcome,
                *(counter for _, counter in self._drawn),
            ],
        )
        self._evened = _Followed(
            state, [*(item.counter for item in self._soft), *([self._zone] if self._zone is not None else [])]
        )
        self._hard_levels, self._soft_levels = self._levels()

    def _concerned_by(self, term: PodTerm) -> bool:
        return term.matches(self._kind.namespace, self._kind.labels, self._state.namespaces)

    def _levels(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Changes of the first concern whether nodes will do, of the second how even they are: on every node."""
        hard = [item.level() for item in self._hard]
        if self._near:
            hard.append(min(self._near[0].total, 1))
        soft = [item.level() for item in self._soft]
        if self._zone is not None:
            soft.append(self._zone.least())
        return tuple(hard), tuple(soft)

    @property
    def matters(self) -> bool:
        """Whether the class stands in any relation at all."""
        return bool(self._followed.keys or self._evened.keys or self._kind.affinity.preferred)

    @property
    def compares(self) -> bool:
        """Whether nodes are measured by each other."""
        return bool(self._drawn or self._kind.affinity.preferred)

    @property
    def is_stale(self) -> bool:
        """Whether terms of pods that came or went concern this class, so that it needs another `Relations`."""
        if self._generation != self._state.generation:
            return True
        log = self._state.counters.carried_log
        if log.position == self._carried_position:
            return False
        changed = log.since(self._carried_position)
        self._carried_position = log.position
        return changed is None or any(self._concerned_by(carried.term) for carried in changed)

    def changed(self) -> tuple[set[int] | None, set[int] | None]:
        """The slots of which changes since the last time concern `fits` and `company`, and those of which they concern
        `evenness`; None for all of them."""
        looked, evened = self._followed.changed(), self._evened.changed()
        hard, soft = self._levels()
        if hard != self._hard_levels:
            looked = None
        if soft != self._soft_levels:
            evened = None
        self._hard_levels, self._soft_levels = hard, soft
        return looked, evened

    # A node

    def domains(self, node: NodeInfo) -> tuple[str | None, ...]:
        """Where the node is, as far as the class asks; `fits` and `company` depend on nothing else."""
        return tuple([node.labels.get(key) for key in self._followed.keys])

    def even_domains(self, node: NodeInfo) -> tuple[str | None, ...]:
        """Where the node is, as far as `evenness` depends on it."""
        return tuple([node.labels.get(key) for key in self._evened.keys])

    def fits(self, node: NodeInfo) -> bool:
        return next(self.refusals(node), None) is None

    def refusals(self, node: NodeInfo) -> Iterator[Refusal]:
        labels = node.labels
        for item in self._hard:
            value = labels.get(item.spread.key)
            if value is None:
                yield Refusal(_SPREAD, (_UNLABELLED,), (_UNLABELLED,), resolvable=False)
            elif not item.allows(value):
                yield Refusal(_SPREAD, (_SKEWED,), (_SKEWED,), resolvable=True)
        if self._near and not self._has_company(node):
            yield Refusal(_AFFINITY, (_NO_COMPANY,), (_NO_COMPANY,), resolvable=False)
        if any(_here(counter, node) for counter in self._apart):
            yield Refusal(_AFFINITY, (_UNWANTED_COMPANY,), (_UNWANTED_COMPANY,), resolvable=True)
        if any(_here(counter, node) for counter in self._unwelcome):
            yield Refusal(_AFFINITY, (_UNWELCOME,), (_UNWELCOME,), resolvable=True)

    def _has_company(self, node: NodeInfo) -> bool:
        if any(counter.question.key not in node.labels for counter in self._near):
            return False
        if all(_here(counter, node) for counter in self._near):
            return True
        # The first of pods that want to be together may go anywhere.
        return self._first_of_its_kind and not any(counter.total for counter in self._near)

    def evenness(self, node: NodeInfo) -> float:
        """What spreading says of the node, weighted."""
        score = 0.0
        if self._soft:
            even = [item.evenness(node.labels.get(item.spread.key)) for item in self._soft]
            score += SOFT_SPREAD_WEIGHT * (sum(even) / len(even))
        if self._zone is not None and (value := node.labels.get(ZONE)) is not None:
            score += ZONE_WEIGHT / (1 + self._zone.counts.get(value, 0) - self._zone.least())
        return score

    def preference(self, node: NodeInfo) -> int:
        """What node affinity says of the node; counts in relation to the best of all nodes."""
        preferred = self._kind.affinity.preferred
        return self._kind.affinity.preference(node.labels, node.name) if preferred else 0

    def company(self, node: NodeInfo) -> int:
        """What pods there say of the node; counts between the worst and the best of all nodes."""
        return sum(weight * _here(counter, node) for weight, counter in self._drawn)


def _here(counter: Counter, node: NodeInfo) -> int:
    value = node.labels.get(counter.question.key)
    return 0 if value is None else counter.counts.get(value, 0)


def _constraints(kind: PodClass, state: ClusterState, *, hard: bool) -> list[_Constraint]:
    chosen = [item for item in kind.spread if item.hard is hard]
    keys = tuple(sorted({item.key for item in chosen}))
    return [
        _Constraint(
            item,
            state.counters.counter(
                SpreadOver(
                    kind.namespace,
                    item.selector,
                    item.key,
                    keys,
                    kind.affinity if item.honor_affinity else None,
                    kind.tolerations if item.honor_taints else None,
                )
            ),
            int(item.selector.matches(kind.labels)),
        )
        for item in chosen
    ]


@dataclass(frozen=True, slots=True)
class Range:
    """Over the nodes that no static filter refuses: what relative measures are measured by."""

    best_preference: int
    least_company: int
    most_company: int

    @classmethod
    def over(cls, preferences: Collection[int], companies: Collection[int]) -> Range:
        return cls(max(preferences, default=0), min(companies, default=0), max(companies, default=0))

    def score(self, preference: int, company: int) -> float:
        score = 0.0
        if self.best_preference > 0:
            score += PREFERENCE_WEIGHT * preference / self.best_preference
        if self.most_company > self.least_company:
            score += AFFINITY_WEIGHT * (company - self.least_company) / (self.most_company - self.least_company)
        return score
