"""The cluster as the scheduler believes it to be: nodes in slots, pods on them, and a log of the slots that changed.

A pod that was just decided is on its node at once (assumed), long before the API says so; `remove` undoes it. Rows of
scores read the log to know which columns to work out anew. `trial` tries changes out and takes them back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from .changelog import LIMIT, ChangeLog
from .counters import Counters
from .model import NodeFacts, NodeInfo, PodInfo

ZONE = "topology.kubernetes.io/zone"


class ClusterState:
    """Slots keep a node's column while others come and go; an empty slot is None and used again. `generation` rises
    when something changed that counters do not follow, so that everything is to be worked out anew."""

    def __init__(self, log_limit: int = LIMIT) -> None:
        self.slots: list[NodeInfo | None] = []
        self.namespaces: dict[str, Mapping[str, str]] = {}
        self.counters = Counters(self.nodes, self.namespaces)
        self.log: ChangeLog[int] = ChangeLog(log_limit)
        self.generation = 0
        self.has_zones = False
        self._by_name: dict[str, int] = {}
        self._placed: dict[str, str] = {}
        self._by_node: dict[str, dict[str, PodInfo]] = {}
        self._domains: dict[str, dict[str, set[int]]] = {}

    def nodes(self) -> Iterable[NodeInfo]:
        return (node for node in self.slots if node is not None)

    def node(self, name: str) -> NodeInfo | None:
        slot = self._by_name.get(name)
        return None if slot is None else self.slots[slot]

    def __len__(self) -> int:
        return len(self._by_name)

    def domain(self, key: str, value: str) -> set[int]:
        """The slots of the nodes with that label."""
        domains = self._domains.get(key)
        if domains is None:
            domains = self._domains[key] = {}
            for slot, node in enumerate(self.slots):
                if node is not None and (found := node.labels.get(key)) is not None:
                    domains.setdefault(found, set()).add(slot)
        return domains.get(value, set())

    def set_namespace(self, name: str, labels: Mapping[str, str] | None) -> bool:
        """Note a namespace's labels, None when it is gone; False when that is no news."""
        if self.namespaces.get(name) == labels:
            return False
        if labels is None:
            del self.namespaces[name]
        else:
            self.namespaces[name] = labels
        self.counters.forget()
        self.generation += 1
        return True

    def set_node(self, facts: NodeFacts) -> bool:
        """Add or revise a node; False when nothing that matters changed. Pods may have been there before it."""
        known = self.node(facts.name)
        if known is not None:
            if known.facts == facts:
                return False
            slot = self._by_name[facts.name]
            self._leave(slot, known)
            known.revise(facts)
            self._enter(slot, known)
            return True
        node = NodeInfo.of(facts)
        for pod in self._by_node.get(facts.name, {}).values():
            node.add(pod)
        slot = self._free_slot()
        self.slots[slot] = node
        self._by_name[facts.name] = slot
        self._enter(slot, node)
        return True

    def _free_slot(self) -> int:
        for slot, node in enumerate(self.slots):
            if node is None:
                return slot
        self.slots.append(None)
        return len(self.slots) - 1

    def remove_node(self, name: str) -> None:
        slot = self._by_name.pop(name, None)
        if slot is not None and (node := self.slots[slot]) is not None:
            self._leave(slot, node)
            self.slots[slot] = None

    def _enter(self, slot: int, node: NodeInfo) -> None:
        if not self.has_zones and ZONE in node.labels:
            self.has_zones = True
            self.generation += 1
        for key, domains in self._domains.items():
            if (value := node.labels.get(key)) is not None:
                domains.setdefault(value, set()).add(slot)
        self.counters.node_added(node)
        self.log.add(slot)

    def _leave(self, slot: int, node: NodeInfo) -> None:
        for key, domains in self._domains.items():
            if (value := node.labels.get(key)) is not None:
                domains[value].discard(slot)
        self.counters.node_removed(node)
        self.log.add(slot)

    def place(self, pod: PodInfo, node_name: str) -> bool:
        """Put the pod on the node, from wherever it was; False when it is there already and the same to others."""
        if self._placed.get(pod.uid) == node_name:
            known = self._by_node[node_name][pod.uid]
            if known.kind is pod.kind and known.deleting == pod.deleting:
                return False
        self.remove(pod.uid)
        self._placed[pod.uid] = node_name
        self._by_node.setdefault(node_name, {})[pod.uid] = pod
        slot = self._by_name.get(node_name)
        if slot is not None and (node := self.slots[slot]) is not None:
            node.add(pod)
            self.counters.pod_changed(node, pod, 1)
            self.log.add(slot)
        return True

    def remove(self, pod_uid: str) -> bool:
        """Take the pod off its node; False when it is on none."""
        node_name = self._placed.pop(pod_uid, None)
        if node_name is None:
            return False
        pods = self._by_node[node_name]
        pod = pods.pop(pod_uid)
        if not pods:
            del self._by_node[node_name]
        slot = self._by_name.get(node_name)
        if slot is not None and (node := self.slots[slot]) is not None:
            node.remove(pod_uid)
            self.counters.pod_changed(node, pod, -1)
            self.log.add(slot)
        return True

    def where(self, pod_uid: str) -> str | None:
        return self._placed.get(pod_uid)

    def placed(self, pod_uid: str) -> tuple[PodInfo, str] | None:
        """The pod as it was placed, and on which node, which may not be known itself."""
        node_name = self._placed.get(pod_uid)
        return None if node_name is None else (self._by_node[node_name][pod_uid], node_name)

    @contextmanager
    def trial(self) -> Iterator[Trial]:
        """Changes that are taken back at the end. Nothing may wait within: decisions would see them."""
        trial = Trial(self)
        try:
            yield trial
        finally:
            trial.take_back()


class Trial:
    """Places and removes pods, and remembers how it was."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._before: dict[str, tuple[PodInfo, str] | None] = {}

    def place(self, pod: PodInfo, node_name: str) -> None:
        self._note(pod.uid)
        self._state.place(pod, node_name)

    def remove(self, pod_uid: str) -> None:
        self._note(pod_uid)
        self._state.remove(pod_uid)

    def _note(self, pod_uid: str) -> None:
        if pod_uid not in self._before:
            self._before[pod_uid] = self._state.placed(pod_uid)

    def take_back(self) -> None:
        for pod_uid, before in self._before.items():
            if before is None:
                self._state.remove(pod_uid)
            else:
                self._state.place(*before)
        self._before.clear()
