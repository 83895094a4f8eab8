"""What the header says about the cluster, kept up to date one object at a time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from common.api import conditions, meta, pods
from common.api.meta import Key, Object
from common.hosts import HOLLOW
from console.views import amounts
from console.views.status import FAULTS, node_status, pod_status


@dataclass(frozen=True, slots=True)
class Facts:
    """Shares are percentages of what pods ask against what ready nodes offer. Nodes are not known to those who may not
    look at them."""

    nodes: int = 0
    ready: int = 0
    pods: int = 0
    faults: int = 0
    cpu: int = 0
    memory: int = 0
    families: tuple[str, ...] = ()
    version: str = ""
    simulated: bool = False
    nodes_known: bool = True
    pods_known: bool = True


_NOTHING = Fraction()


@dataclass(frozen=True, slots=True)
class _Pod:
    cpu: Fraction
    memory: Fraction
    fault: bool
    spec: Object | None = None  # what the amounts were read from, if that alone decides


_ASKS_NOTHING = (_Pod(_NOTHING, _NOTHING, fault=False), _Pod(_NOTHING, _NOTHING, fault=True))


@dataclass(frozen=True, slots=True)
class _Node:
    ready: bool
    fault: bool
    cpu: Fraction
    memory: Fraction
    families: frozenset[str]
    version: str
    hollow: bool


class Tally:
    """Sums that a changed pod or node corrects, so that ten thousand pods are never counted again."""

    def __init__(self) -> None:
        self._pods: dict[Key, _Pod] = {}
        self._nodes: dict[Key, _Node] = {}
        self._cpu = self._memory = Fraction()
        self._faults = 0

    def pods(self, changes: Iterable[tuple[Key, Object | None]]) -> None:
        for key, pod in changes:
            old = self._pods.get(key)
            new = _of_pod(pod, old) if pod is not None else None
            if new is old:
                continue
            if old is not None:
                del self._pods[key]
                self._add(old, -1)
            if new is not None:
                self._pods[key] = new
                self._add(new, 1)

    def _add(self, pod: _Pod, sign: int) -> None:
        self._cpu += sign * pod.cpu
        self._memory += sign * pod.memory
        self._faults += sign * pod.fault

    def nodes(self, changes: Iterable[tuple[Key, Object | None]]) -> None:
        for key, node in changes:
            self._nodes.pop(key, None)
            if node is not None:
                self._nodes[key] = _of_node(node)

    def facts(self) -> Facts:
        nodes = self._nodes.values()
        ready = [node for node in nodes if node.ready]
        families = frozenset[str]().union(*(node.families for node in nodes))
        return Facts(
            nodes=len(nodes),
            ready=len(ready),
            pods=len(self._pods),
            faults=self._faults + sum(1 for node in nodes if node.fault),
            cpu=amounts.share(self._cpu, sum((node.cpu for node in ready), Fraction())),
            memory=amounts.share(self._memory, sum((node.memory for node in ready), Fraction())),
            families=tuple(sorted(families)),
            version=max((node.version for node in nodes), default=""),
            simulated=any(node.hollow for node in nodes),
        )


def _of_pod(pod: Object, before: _Pod | None) -> _Pod:
    """`before` itself where nothing changed. Feeds leave a spec that did not change the same object: what it asks for
    is then as it was."""
    fault = pod_status(pod).tone in FAULTS
    if pods.is_terminal(pod) or not pods.node_name(pod):
        return _ASKS_NOTHING[fault]
    spec = None if pods.held_apart(pod) else pod.get("spec")
    if before is not None and spec is not None and spec is before.spec:
        return before if fault is before.fault else replace(before, fault=fault)
    asked = pods.requests(pod)
    return _Pod(asked.get("cpu", _NOTHING), asked.get("memory", _NOTHING), fault, spec)


def _of_node(node: Object) -> _Node:
    offered = amounts.allocatable(node)
    ranges = (node.get("spec") or {}).get("podCIDRs") or ()
    return _Node(
        ready=conditions.is_true(node, "Ready"),
        fault=node_status(node).tone in FAULTS,
        cpu=offered.get("cpu", Fraction()),
        memory=offered.get("memory", Fraction()),
        families=frozenset("v6" if ":" in str(cidr) else "v4" for cidr in ranges),
        version=str(((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion") or ""),
        hollow=meta.labels(node).get(HOLLOW) == "true",
    )
