"""Rows of scores: one a pod class, one column a node.

A decision is the maximum of a row; a bind changes one node, so one column of each row that is used again. That makes a
decision cost microseconds where a loop over all nodes costs milliseconds. `choose_naively` is that loop: the meaning
of the rows, which tests compare with them.
"""

from __future__ import annotations

import math
from collections import OrderedDict

from .model import NodeInfo, PodClass
from .scores import Profile
from .state import ClusterState

REFUSED = -math.inf
ROW_LIMIT = 512  # rows kept; a row of 1,000 nodes takes about 25 KB


class Row:
    """The scores of one class on all slots, `REFUSED` where it cannot go."""

    __slots__ = ("_kind", "_position", "_profile", "_static", "_versions", "scores")

    def __init__(self, kind: PodClass, profile: Profile) -> None:
        self._kind = kind
        self._profile = profile
        self._position = -1
        self._static: list[float | None] = []
        self._versions: list[tuple[NodeInfo | None, int]] = []
        self.scores: list[float] = []

    def catch_up(self, state: ClusterState) -> None:
        """Work out anew the columns that changed since the last time."""
        if self._position == state.position:
            return
        missing = len(state.slots) - len(self.scores)
        if missing > 0:
            self.scores += [REFUSED] * missing
            self._static += [None] * missing
            self._versions += [(None, -1)] * missing
        changed = None if self._position < 0 else state.changed_since(self._position)
        for slot in range(len(state.slots)) if changed is None else changed:
            self._rescore(slot, state.slots[slot])
        self._position = state.position

    def _rescore(self, slot: int, node: NodeInfo | None) -> None:
        if node is None:
            self.scores[slot] = REFUSED
            self._versions[slot] = (None, -1)
            return
        seen, version = self._versions[slot]
        if seen is not node or version != node.version:
            self._static[slot] = self._profile.static_score(self._kind, node)
            self._versions[slot] = (node, node.version)
        static = self._static[slot]
        dynamic = None if static is None else self._profile.dynamic_score(self._kind, node)
        self.scores[slot] = REFUSED if static is None or dynamic is None else static + dynamic


class Rows:
    """The rows of the classes that were decided lately."""

    def __init__(self, state: ClusterState, profile: Profile) -> None:
        self._state = state
        self._profile = profile
        self._rows: OrderedDict[PodClass, Row] = OrderedDict()

    def choose(self, kind: PodClass) -> str | None:
        """The name of the best node (of equal ones that in the lowest slot), None when none will do."""
        row = self._rows.get(kind)
        if row is None:
            row = self._rows[kind] = Row(kind, self._profile)
            if len(self._rows) > ROW_LIMIT:
                self._rows.popitem(last=False)
        self._rows.move_to_end(kind)
        row.catch_up(self._state)
        best = max(row.scores, default=REFUSED)
        if best == REFUSED:
            return None
        node = self._state.slots[row.scores.index(best)]
        return node.name if node is not None else None


def choose_naively(state: ClusterState, profile: Profile, kind: PodClass) -> str | None:
    """The same choice by looking at every node."""
    best: tuple[float, str] | None = None
    for node in state.nodes():
        score = profile.score(kind, node)
        if score is not None and (best is None or score > best[0]):
            best = (score, node.name)
    return best[1] if best else None
