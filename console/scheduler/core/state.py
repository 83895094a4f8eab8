"""The cluster as the scheduler believes it to be: nodes in slots, pods on them, and a log of the slots that changed.

A pod that was just decided is on its node at once (assumed), long before the API says so; `remove` undoes it. Rows of
scores read the log to know which columns to work out anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from .model import NodeFacts, NodeInfo, PodInfo

LOG_LIMIT = 65536  # entries; who is further behind works everything out anew


class ClusterState:
    """Slots keep a node's column while others come and go; an empty slot is None and used again."""

    def __init__(self, log_limit: int = LOG_LIMIT) -> None:
        self._log_limit = log_limit
        self.slots: list[NodeInfo | None] = []
        self._by_name: dict[str, int] = {}
        self._placed: dict[str, str] = {}
        self._by_node: dict[str, dict[str, PodInfo]] = {}
        self._log: list[int] = []
        self._log_start = 0

    def nodes(self) -> Iterable[NodeInfo]:
        return (node for node in self.slots if node is not None)

    def node(self, name: str) -> NodeInfo | None:
        slot = self._by_name.get(name)
        return None if slot is None else self.slots[slot]

    def __len__(self) -> int:
        return len(self._by_name)

    def set_node(self, facts: NodeFacts) -> bool:
        """Add or revise a node; False when nothing that matters changed. Pods may have been there before it."""
        known = self.node(facts.name)
        if known is not None:
            if known.facts == facts:
                return False
            known.revise(facts)
            self._changed(self._by_name[facts.name])
            return True
        node = NodeInfo.of(facts)
        for pod in self._by_node.get(facts.name, {}).values():
            node.add(pod)
        slot = self._free_slot()
        self.slots[slot] = node
        self._by_name[facts.name] = slot
        self._changed(slot)
        return True

    def _free_slot(self) -> int:
        for slot, node in enumerate(self.slots):
            if node is None:
                return slot
        self.slots.append(None)
        return len(self.slots) - 1

    def remove_node(self, name: str) -> None:
        slot = self._by_name.pop(name, None)
        if slot is not None:
            self.slots[slot] = None
            self._changed(slot)

    def place(self, pod: PodInfo, node_name: str) -> bool:
        """Put the pod on the node, from wherever it was; False when it is there already with the same needs."""
        if self._placed.get(pod.uid) == node_name and self._by_node[node_name][pod.uid].kind is pod.kind:
            return False
        self.remove(pod.uid)
        self._placed[pod.uid] = node_name
        self._by_node.setdefault(node_name, {})[pod.uid] = pod
        slot = self._by_name.get(node_name)
        if slot is not None and (node := self.slots[slot]) is not None:
            node.add(pod)
            self._changed(slot)
        return True

    def remove(self, pod_uid: str) -> bool:
        """Take the pod off its node; False when it is on none."""
        node_name = self._placed.pop(pod_uid, None)
        if node_name is None:
            return False
        pods = self._by_node[node_name]
        del pods[pod_uid]
        if not pods:
            del self._by_node[node_name]
        slot = self._by_name.get(node_name)
        if slot is not None and (node := self.slots[slot]) is not None:
            node.remove(pod_uid)
            self._changed(slot)
        return True

    def where(self, pod_uid: str) -> str | None:
        return self._placed.get(pod_uid)

    @property
    def position(self) -> int:
        """The end of the log; rises with every change."""
        return self._log_start + len(self._log)

    def changed_since(self, position: int) -> set[int] | None:
        """The slots that changed, or None when the log does not reach back so far."""
        if position < self._log_start:
            return None
        return set(self._log[position - self._log_start :])

    def _changed(self, slot: int) -> None:
        self._log.append(slot)
        if len(self._log) > self._log_limit:
            half = len(self._log) // 2
            del self._log[:half]
            self._log_start += half
