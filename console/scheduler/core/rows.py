"""Rows of scores: one a pod class, one column a node.

A decision is the maximum of a row. A bind changes one node, so one column of each row that is used again, and for a
class that asks about other pods the columns of the nodes in the same domain. That makes a decision cost microseconds
where a loop over all nodes (`evaluation`) costs milliseconds.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Collection

from .model import NodeInfo, PodClass
from .relations import Range, Relations
from .scores import Profile, profile_for
from .state import ClusterState

REFUSED = -math.inf
ROW_LIMIT = 512  # rows kept; a row of 1,000 nodes takes about 25 KB


class Row:
    """The scores of one class on all slots, `REFUSED` where it cannot go."""

    __slots__ = ("_base", "_kind", "_position", "_profile", "_related", "_static", "_versions", "scores")

    def __init__(self, kind: PodClass, profile: Profile, state: ClusterState) -> None:
        self._kind = kind
        self._profile = profile
        self._position = -1
        self._static: list[float | None] = []
        self._versions: list[tuple[NodeInfo | None, int]] = []
        self._base: list[float] = []
        self._related = _Related(Relations(kind, state))
        self.scores: list[float] = []

    def catch_up(self, state: ClusterState) -> None:
        """Work out anew the columns that changed since the last time."""
        stale = self._related.relations.is_stale
        if not stale and self._position == state.log.position:
            return
        changed = state.log.since(self._position) if self._position >= 0 else None
        self._position = state.log.position
        missing = len(state.slots) - len(self._base)
        if missing > 0:
            self._base += [REFUSED] * missing
            self._static += [None] * missing
            self._versions += [(None, -1)] * missing
        everything = range(len(state.slots))
        for slot in everything if changed is None else changed:
            self._rescore(slot, state.slots[slot])
        if stale:
            self._related = _Related(Relations(self._kind, state))
            changed = None
        related = self._related
        if related.relations.matters:
            self.scores = related.catch_up(state, self._static, self._base, changed)
        else:
            self.scores = self._base

    def _rescore(self, slot: int, node: NodeInfo | None) -> None:
        if node is None:
            self._base[slot] = REFUSED
            self._versions[slot] = (None, -1)
            self._static[slot] = None
            return
        seen, version = self._versions[slot]
        if seen is not node or version != node.version:
            self._static[slot] = self._profile.static_score(self._kind, node)
            self._versions[slot] = (node, node.version)
        static = self._static[slot]
        dynamic = None if static is None else self._profile.dynamic_score(self._kind, node)
        self._base[slot] = REFUSED if static is None or dynamic is None else static + dynamic


class _Levels:
    """The values that nodes have, and how many have each: their range without asking all of them again."""

    __slots__ = ("_nodes", "_values")

    def __init__(self) -> None:
        self._nodes: Counter[int] = Counter()
        self._values: dict[int, int] = {}

    def note(self, slot: int, value: int | None) -> None:
        """The slot's value, None when its node is not compared."""
        before = self._values.pop(slot, None)
        if before is not None:
            self._nodes[before] -= 1
            if not self._nodes[before]:
                del self._nodes[before]
        if value is not None:
            self._values[slot] = value
            self._nodes[value] += 1

    def __getitem__(self, slot: int) -> int:
        return self._values.get(slot, 0)

    @property
    def values(self) -> Collection[int]:
        return self._nodes.keys()


class _Related:
    """What a class's relations add to its row; empty for a class that stands in none."""

    __slots__ = ("_company", "_evenness", "_fits", "_measure", "_preference", "_scores", "relations")

    def __init__(self, relations: Relations) -> None:
        self.relations = relations
        self._fits: list[bool] = []
        self._evenness: list[float] = []
        self._preference = _Levels()
        self._company = _Levels()
        self._measure = Range.over((), ())
        self._scores: list[float] = []

    def catch_up(
        self, state: ClusterState, static: list[float | None], base: list[float], changed: set[int] | None
    ) -> list[float]:
        """The row of scores. `changed` are the slots that changed themselves, None for all."""
        size = len(base)
        missing = size - len(self._scores)
        if missing > 0:
            self._fits += [False] * missing
            self._evenness += [0.0] * missing
            self._scores += [REFUSED] * missing
        elsewhere, uneven = self.relations.changed()
        everything = range(size)
        looked: Collection[int] = everything if changed is None or elsewhere is None else changed | elsewhere
        evened: Collection[int] = everything if changed is None or uneven is None else changed | uneven
        self._look(state, static, looked)
        self._even_out(state, evened)
        measure = Range.over(self._preference.values, self._company.values)
        if measure != self._measure:
            self._measure = measure
            looked = everything
        self._combine(everything if everything in (looked, evened) else {*looked, *evened}, base)
        return self._scores

    def _look(self, state: ClusterState, static: list[float | None], slots: Collection[int]) -> None:
        """Ask the relations anew; nodes of the same domains get the same answer."""
        relations, compares = self.relations, self.relations.compares
        known: dict[tuple[str | None, ...], tuple[bool, int]] = {}
        for slot in slots:
            node = state.slots[slot]
            if node is None or static[slot] is None:
                self._fits[slot] = False
                self._preference.note(slot, None)
                self._company.note(slot, None)
                continue
            domains = relations.domains(node)
            answer = known.get(domains)
            if answer is None:
                answer = known[domains] = (relations.fits(node), relations.company(node) if compares else 0)
            self._fits[slot] = answer[0]
            if compares:
                self._company.note(slot, answer[1])
                self._preference.note(slot, relations.preference(node))

    def _even_out(self, state: ClusterState, slots: Collection[int]) -> None:
        relations = self.relations
        known: dict[tuple[str | None, ...], float] = {}
        for slot in slots:
            node = state.slots[slot]
            if node is not None:
                domains = relations.even_domains(node)
                even = known.get(domains)
                if even is None:
                    even = known[domains] = relations.evenness(node)
                self._evenness[slot] = even

    def _combine(self, slots: Collection[int], base: list[float]) -> None:
        scores, evenness, preference, company = self._scores, self._evenness, self._preference, self._company
        measured: dict[tuple[int, int], float] = {}
        for slot in slots:
            if base[slot] == REFUSED or not self._fits[slot]:
                scores[slot] = REFUSED
                continue
            values = (preference[slot], company[slot])
            measure = measured.get(values)
            if measure is None:
                measure = measured[values] = self._measure.score(*values)
            scores[slot] = base[slot] + (evenness[slot] + measure)


class Rows:
    """The rows of the classes that were decided lately. `profile` is for pods that ask for none of their own."""

    def __init__(self, state: ClusterState, profile: Profile) -> None:
        self._state = state
        self._profile = profile
        self._rows: OrderedDict[PodClass, Row] = OrderedDict()

    def choose(self, kind: PodClass) -> str | None:
        """The name of the best node (of equal ones that in the lowest slot), None when none will do."""
        row = self._rows.get(kind)
        if row is None:
            row = self._rows[kind] = Row(kind, profile_for(kind, self._profile), self._state)
            if len(self._rows) > ROW_LIMIT:
                self._rows.popitem(last=False)
        self._rows.move_to_end(kind)
        row.catch_up(self._state)
        best = max(row.scores, default=REFUSED)
        if best == REFUSED:
            return None
        node = self._state.slots[row.scores.index(best)]
        return node.name if node is not None else None
