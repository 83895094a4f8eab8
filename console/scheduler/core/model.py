"""Pods and nodes as the scheduler sees them.

Pods that ask the same of a node share one `PodClass`, so that filters and scores are worked out once for all of them.
Amounts are integers: millicores of cpu, bytes of memory and storage, whole units of anything else.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

import orjson

from common.api import quantity
from common.api.affinity import NodeAffinity
from common.api.conditions import get_condition
from common.api.meta import Key, Object, controller_of, is_deleting, key, labels, metadata, name, namespace, uid
from common.api.meta import annotations as annotations_of
from common.api.pods import held_apart, requests
from common.api.resizing import is_infeasible
from common.api.taints import Taint, Toleration, taints_of, tolerations_of
from common.encoding import encode_to_keep

from .terms import Carried, PodAffinity, Spread
from .volumes import NONE, VolumeNeeds

Amounts: TypeAlias = dict[str, int]
# What a pod without requests counts as when nodes are compared (not when they are filtered): Kubernetes' figures.
SCORED_CPU = 100
SCORED_MEMORY = 200 * 2**20
HARD = frozenset({"NoSchedule", "NoExecute"})
ANY_ADDRESS = frozenset({"", "0.0.0.0", "::"})


@dataclass(frozen=True, slots=True)
class HostPort:
    ip: str
    protocol: str
    port: int

    def clashes(self, other: HostPort) -> bool:
        if (self.protocol, self.port) != (other.protocol, other.port):
            return False
        return self.ip == other.ip or self.ip in ANY_ADDRESS or other.ip in ANY_ADDRESS


@dataclass(frozen=True, eq=False)
class PodClass:
    """What a pod asks of a node. Compared by identity: `classify` gives equal pods the same one."""

    requests: tuple[tuple[str, int], ...]
    scored_cpu: int
    scored_memory: int
    ports: tuple[HostPort, ...]
    affinity: NodeAffinity
    tolerations: tuple[Toleration, ...]
    workload: str  # uid of the controller; empty for pods that have none and are no replicas of each other
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    priority: int
    preempts: bool
    scheduler: str
    pod_affinity: PodAffinity
    spread: tuple[Spread, ...]
    carried: tuple[Carried, ...]
    volumes: VolumeNeeds = NONE


@dataclass(frozen=True, slots=True)
class PodInfo:
    """A pod: `priority` orders the queue, `gated` keeps it out of it. One that is `deleting` holds its place until it
    is gone. `started` is RFC 3339, empty before; `nominated` the node that victims were asked to leave for it."""

    uid: str
    key: Key
    priority: int
    gated: bool
    kind: PodClass
    deleting: bool = False
    started: str = ""
    nominated: str = ""


def whole_amounts(exact: Mapping[str, Fraction]) -> Amounts:
    """Rounded up, as Kubernetes does."""
    return {item: math.ceil(value * 1000 if item == "cpu" else value) for item, value in exact.items()}


class Classes:
    """Finds the class of a pod; a class lives as long as some pod has it. With `annotations` pods that differ in
    theirs get classes of their own: plugins may look at them, nothing built in does."""

    def __init__(self, *, annotations: bool = False) -> None:
        self._annotations = annotations
        self._known: WeakValueDictionary[tuple[bytes, VolumeNeeds], PodClass] = WeakValueDictionary()

    def info(self, pod: Object, volumes: VolumeNeeds = NONE) -> PodInfo:
        """`volumes` is what the pod's claims ask at the moment."""
        spec = pod.get("spec") or {}
        status = pod.get("status") or {}
        return PodInfo(
            uid=uid(pod),
            key=key(pod),
            priority=int(spec.get("priority") or 0),
            gated=bool(spec.get("schedulingGates")),
            kind=self._classify(pod, spec, volumes),
            deleting=is_deleting(pod),
            started=str(status.get("startTime") or ""),
            nominated=str(status.get("nominatedNodeName") or ""),
        )

    def _classify(self, pod: Object, spec: Object, volumes: VolumeNeeds) -> PodClass:
        owner = controller_of(pod)
        workload = str(owner.get("uid")) if owner else ""
        # A digest of every field that `_parse` reads; a pod that differs in one of them gets another class.
        digest = encode_to_keep(
            [
                workload, namespace(pod), labels(pod), annotations_of(pod) if self._annotations else None,
                spec.get("priority"), spec.get("preemptionPolicy"), spec.get("schedulerName"),
                spec.get("topologySpreadConstraints"), spec.get("resources"),
                [[item.get("resources"), item.get("ports")] for item in spec.get("containers") or ()],
                [[item.get("resources"), item.get("restartPolicy"), item.get("ports")]
                 for item in spec.get("initContainers") or ()],
                held_apart(pod), is_infeasible(pod), spec.get("overhead"),
                spec.get("nodeSelector"), spec.get("affinity"), spec.get("tolerations"),
            ],
            option=orjson.OPT_SORT_KEYS,
        )  # fmt: skip
        known = self._known.get((digest, volumes))
        if known is None:
            noted = annotations_of(pod) if self._annotations else {}
            known = self._known[digest, volumes] = _parse(pod, spec, workload, noted, volumes)
        return known


def _parse(pod: Object, spec: Object, workload: str, noted: Mapping[str, str], volumes: VolumeNeeds) -> PodClass:
    asked = whole_amounts(requests(pod))
    own = labels(pod)
    pod_affinity = PodAffinity.of(spec.get("affinity") or {}, namespace(pod), own)
    return PodClass(
        requests=tuple(sorted((item, amount) for item, amount in asked.items() if amount > 0)),
        scored_cpu=asked.get("cpu") or SCORED_CPU,
        scored_memory=asked.get("memory") or SCORED_MEMORY,
        ports=tuple(_host_ports(spec)),
        affinity=NodeAffinity.of(spec),
        tolerations=tolerations_of(pod),
        workload=workload,
        namespace=namespace(pod),
        labels=own,
        annotations=noted,
        priority=int(spec.get("priority") or 0),
        preempts=spec.get("preemptionPolicy") != "Never",
        scheduler=str(spec.get("schedulerName") or ""),
        pod_affinity=pod_affinity,
        spread=Spread.all_of(spec, own),
        carried=pod_affinity.carried(),
        volumes=volumes,
    )


def _host_ports(spec: Object) -> Iterable[HostPort]:
    sidecars = [item for item in spec.get("initContainers") or () if item.get("restartPolicy") == "Always"]
    for container in [*(spec.get("containers") or ()), *sidecars]:
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                yield HostPort(port.get("hostIP") or "", port.get("protocol") or "TCP", int(port["hostPort"]))


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What the Node object says; two equal ones are the same node to the scheduler."""

    name: str
    labels: tuple[tuple[str, str], ...]
    taints: tuple[Taint, ...]
    unschedulable: bool
    allocatable: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, node: Object) -> NodeFacts:
        spec = node.get("spec") or {}
        status = node.get("status") or {}
        allocatable = status.get("allocatable") or status.get("capacity") or {}
        exact = {item: quantity.parse(value) for item, value in allocatable.items()}
        return cls(
            name=name(node),
            labels=tuple(sorted(labels(node).items())),
            taints=_taints(node),
            unschedulable=bool(spec.get("unschedulable")) or bool(metadata(node).get("deletionTimestamp")),
            allocatable=tuple(sorted(whole_amounts(exact).items())),
        )


def _taints(node: Object) -> tuple[Taint, ...]:
    """The node's taints, and the one that its Ready condition will bring as soon as its controller has seen it."""
    taints = list(taints_of(node))
    ready = (get_condition(node, "Ready") or {}).get("status")
    if ready != "True":
        cause = "unreachable" if ready == "Unknown" else "not-ready"
        implied = Taint(f"node.kubernetes.io/{cause}", "", "NoSchedule")
        if implied not in taints:
            taints.append(implied)
    return tuple(taints)


@dataclass(slots=True)
class NodeInfo:
    """A node and what its pods take of it. `version` rises with each change of its facts."""

    facts: NodeFacts
    version: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    allocatable: Amounts = field(default_factory=dict)
    requested: Amounts = field(default_factory=dict)
    free: Amounts = field(default_factory=dict)
    pods: dict[str, PodInfo] = field(default_factory=dict)
    ports: Counter[HostPort] = field(default_factory=Counter)
    workloads: Counter[str] = field(default_factory=Counter)
    scored_cpu: int = 0
    scored_memory: int = 0

    @classmethod
    def of(cls, facts: NodeFacts) -> NodeInfo:
        node = cls(facts)
        node.revise(facts)
        return node

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def pod_room(self) -> int:
        return self.allocatable.get("pods", 0) - len(self.pods)

    def revise(self, facts: NodeFacts) -> None:
        self.facts = facts
        self.version += 1
        self.labels = dict(facts.labels)
        self.allocatable = dict(facts.allocatable)
        self.free = {item: amount - self.requested.get(item, 0) for item, amount in self.allocatable.items()}

    def add(self, pod: PodInfo) -> None:
        if pod.uid not in self.pods:
            self.pods[pod.uid] = pod
            self._account(pod.kind, 1)

    def remove(self, pod_uid: str) -> None:
        pod = self.pods.pop(pod_uid, None)
        if pod is not None:
            self._account(pod.kind, -1)

    def _account(self, kind: PodClass, sign: int) -> None:
        for item, amount in kind.requests:
            self.requested[item] = self.requested.get(item, 0) + sign * amount
            self.free[item] = self.free.get(item, 0) - sign * amount
        self.scored_cpu += sign * kind.scored_cpu
        self.scored_memory += sign * kind.scored_memory
        for port in kind.ports:
            self.ports[port] += sign
        self.workloads[kind.workload] += sign
        if not self.workloads[kind.workload]:
            del self.workloads[kind.workload]


def copy_node(node: NodeInfo) -> NodeInfo:
    """An independent node with the same pods, to try things on."""
    twin = NodeInfo.of(node.facts)
    for pod in node.pods.values():
        twin.add(pod)
    return twin


def quantities(amounts: Mapping[str, int]) -> dict[str, Any]:
    """Amounts as the API writes them."""
    written: dict[str, Any] = {}
    for item, amount in sorted(amounts.items()):
        if item == "cpu":
            written[item] = quantity.format_milli(amount)
        elif item == "memory" or "storage" in item or item.startswith("hugepages-"):
            written[item] = quantity.format_bytes(amount)
        else:
            written[item] = str(amount)
    return written
