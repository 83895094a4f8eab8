"""How many pods of some sort are where: one counter per (question, value of a topology key).

Affinity and spreading ask how many pods that match something run in each zone, on each host. Asking all pods anew for
every decision would cost the square of the cluster, so each question gets a counter when a class of pods first asks
it; binds and nodes that come and go keep it true. Counters that nobody holds any more vanish.
"""

from __future__ import annotations

import sys
from collections import Counter as Multiset
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary, WeakValueDictionary

from common.api.affinity import NodeAffinity
from common.api.selectors import Selector
from common.api.taints import Toleration, untolerated

from .changelog import ChangeLog
from .model import HARD, NodeInfo, PodClass, PodInfo
from .terms import Carried, Namespaces, PodTerm

NO_DOMAIN = sys.maxsize


class Question(Protocol):
    """Which pods, on which nodes, by which label of the node. Equal questions share a counter."""

    @property
    def key(self) -> str: ...

    @property
    def ending_too(self) -> bool:
        """Whether pods that are being deleted still count."""
        ...

    def counts(self, kind: PodClass, namespaces: Namespaces) -> bool: ...

    def admits(self, node: NodeInfo) -> bool: ...


@dataclass(frozen=True)
class MatchingAll:
    """Pods that match all of the terms."""

    terms: tuple[PodTerm, ...]
    key: str
    ending_too: bool = True

    def counts(self, kind: PodClass, namespaces: Namespaces) -> bool:
        return all(term.matches(kind.namespace, kind.labels, namespaces) for term in self.terms)

    def admits(self, _node: NodeInfo) -> bool:
        return True


@dataclass(frozen=True)
class Carriers:
    """Pods that carry a term themselves."""

    carried: Carried
    ending_too: bool = True

    @property
    def key(self) -> str:
        return self.carried.term.key

    def counts(self, kind: PodClass, _namespaces: Namespaces) -> bool:
        return self.carried in kind.carried

    def admits(self, _node: NodeInfo) -> bool:
        return True


@dataclass(frozen=True)
class SpreadOver:
    """Pods of a spread constraint, on nodes that have all of `keys` and where the pod may go as its policies say."""

    namespace: str
    selector: Selector
    key: str
    keys: tuple[str, ...]
    affinity: NodeAffinity | None
    tolerations: tuple[Toleration, ...] | None
    ending_too: bool = False

    def counts(self, kind: PodClass, _namespaces: Namespaces) -> bool:
        return kind.namespace == self.namespace and self.selector.matches(kind.labels)

    def admits(self, node: NodeInfo) -> bool:
        if any(key not in node.labels for key in self.keys):
            return False
        if self.affinity is not None and not self.affinity.allows(node.labels, node.name):
            return False
        return self.tolerations is None or not untolerated(node.facts.taints, self.tolerations, HARD)


@dataclass(frozen=True)
class OfWorkload:
    """Replicas of one workload."""

    workload: str
    key: str
    ending_too: bool = False

    def counts(self, kind: PodClass, _namespaces: Namespaces) -> bool:
        return kind.workload == self.workload

    def admits(self, _node: NodeInfo) -> bool:
        return True


class Counter:
    """`counts`: pods by value of the key. `log`: the values whose count changed."""

    __slots__ = ("__weakref__", "_domains", "_levels", "_where", "counts", "log", "question", "total")

    def __init__(self, question: Question) -> None:
        self.question = question
        self.counts: dict[str, int] = {}
        self.total = 0
        self.log: ChangeLog[str] = ChangeLog()
        self._where: dict[str, str] = {}  # node -> its value, of nodes that are admitted
        self._domains: Multiset[str] = Multiset()  # nodes by value
        self._levels: Multiset[int] = Multiset()  # domains by count

    @property
    def domains(self) -> int:
        return len(self._domains)

    def least(self) -> int:
        """The lowest count of a domain; `NO_DOMAIN` when there is none."""
        return min(self._levels, default=NO_DOMAIN)

    def add_node(self, node: NodeInfo, namespaces: Namespaces) -> None:
        value = node.labels.get(self.question.key)
        if value is None or not self.question.admits(node):
            return
        self._where[node.name] = value
        if not self._domains[value]:
            self._levels[self.counts.get(value, 0)] += 1
        self._domains[value] += 1
        for pod in node.pods.values():
            if self.question.counts(pod.kind, namespaces):
                self.change(node.name, pod, 1)

    def remove_node(self, node: NodeInfo, namespaces: Namespaces) -> None:
        value = self._where.get(node.name)
        if value is None:
            return
        for pod in node.pods.values():
            if self.question.counts(pod.kind, namespaces):
                self.change(node.name, pod, -1)
        del self._where[node.name]
        self._domains[value] -= 1
        if not self._domains[value]:
            del self._domains[value]
            self._shift(self.counts.get(value, 0), None)

    def change(self, node_name: str, pod: PodInfo, sign: int) -> None:
        """One pod more or less of those that count."""
        value = self._where.get(node_name)
        if value is None or (pod.deleting and not self.question.ending_too):
            return
        before = self.counts.get(value, 0)
        after = before + sign
        if after:
            self.counts[value] = after
        else:
            del self.counts[value]
        self.total += sign
        self._shift(before, after)
        self.log.add(value)

    def _shift(self, before: int, after: int | None) -> None:
        self._levels[before] -= 1
        if not self._levels[before]:
            del self._levels[before]
        if after is not None:
            self._levels[after] += 1


class Counters:
    """All counters of a cluster, and the terms that its pods carry."""

    def __init__(self, nodes: Callable[[], Iterable[NodeInfo]], namespaces: Namespaces) -> None:
        self._nodes = nodes
        self._namespaces = namespaces
        self._live: WeakValueDictionary[Question, Counter] = WeakValueDictionary()
        self._interested: WeakKeyDictionary[PodClass, tuple[Counter, ...]] = WeakKeyDictionary()
        self.carried: Multiset[Carried] = Multiset()
        self.carried_log: ChangeLog[Carried] = ChangeLog()

    def counter(self, question: Question) -> Counter:
        found = self._live.get(question)
        if found is None:
            found = Counter(question)
            for node in self._nodes():
                found.add_node(node, self._namespaces)
            self._live[question] = found
            self._interested.clear()
        return found

    def forget(self) -> None:
        """Namespaces changed their labels: whoever holds a counter asks anew."""
        self._live.clear()
        self._interested.clear()

    def node_added(self, node: NodeInfo) -> None:
        for counter in list(self._live.values()):
            counter.add_node(node, self._namespaces)
        for pod in node.pods.values():
            self._carry(pod.kind, 1)

    def node_removed(self, node: NodeInfo) -> None:
        for counter in list(self._live.values()):
            counter.remove_node(node, self._namespaces)
        for pod in node.pods.values():
            self._carry(pod.kind, -1)

    def pod_changed(self, node: NodeInfo, pod: PodInfo, sign: int) -> None:
        """A pod came to a node (1) or left it (-1)."""
        counters = self._interested.get(pod.kind)
        if counters is None:
            live = list(self._live.values())
            counters = tuple(item for item in live if item.question.counts(pod.kind, self._namespaces))
            self._interested[pod.kind] = counters
        for counter in counters:
            counter.change(node.name, pod, sign)
        if pod.kind.carried:
            self._carry(pod.kind, sign)

    def _carry(self, kind: PodClass, sign: int) -> None:
        for carried in kind.carried:
            before = self.carried[carried]
            self.carried[carried] = before + sign
            if not self.carried[carried]:
                del self.carried[carried]
            if not before or not before + sign:
                self.carried_log.add(carried)
