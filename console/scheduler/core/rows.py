"""Rows of scores: one a pod class, one column a node.

A decision is the maximum of a row. A bind changes one node, so one column of each row that is used again, and for a
class that asks about other pods the columns of the nodes in the same domain. That makes a decision cost microseconds
where a loop over all nodes (`evaluation`) costs milliseconds.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable

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


class _Related:
    """What a class's relations add to its row; empty for a class that stands in none."""

    __slots__ = ("_company", "_evenness", "_measure", "_preference", "_scores", "relations")

    def __init__(self, relations: Relations) -> None:
        self.relations = relations
        self._evenness: list[float] = []  # REFUSED where a relation forbids the node
        self._preference: list[int] = []
        self._company: list[int] = []
        self._measure = Range.over((), ())
        self._scores: list[float] = []

    def catch_up(
        self, state: ClusterState, static: list[float | None], base: list[float], changed: set[int] | None
    ) -> list[float]:
        """The row of scores. `changed` are the slots that changed themselves, None for all."""
        size = len(base)
        missing = size - len(self._scores)
        if missing > 0:
            self._evenness += [REFUSED] * missing
            self._preference += [0] * missing
            self._company += [0] * missing
            self._scores += [REFUSED] * missing
        elsewhere = self.relations.changed()
        slots: Iterable[int] = range(size) if changed is None or elsewhere is None else changed | elsewhere
        for slot in slots:
            self._look(slot, state.slots[slot], possible=static[slot] is not None)
        possible = [slot for slot in range(size) if static[slot] is not None] if self.relations.compares else []
        measure = Range.over([self._preference[slot] for slot in possible], [self._company[slot] for slot in possible])
        if measure != self._measure:
            self._measure = measure
            slots = range(size)
        for slot in slots:
            even = self._evenness[slot]
            related = even + measure.score(self._preference[slot], self._company[slot])
            self._scores[slot] = REFUSED if base[slot] == REFUSED else base[slot] + related
        return self._scores

    def _look(self, slot: int, node: NodeInfo | None, *, possible: bool) -> None:
        if node is None or not possible:
            self._evenness[slot] = REFUSED
            return
        relations = self.relations
        self._evenness[slot] = relations.evenness(node) if relations.fits(node) else REFUSED
        if relations.compares:
            self._preference[slot] = relations.preference(node)
            self._company[slot] = relations.company(node)


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
