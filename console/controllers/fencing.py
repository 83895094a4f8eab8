"""Replaces what must not run twice once its lost node has certainly stopped it.

A pod of a StatefulSet on a node that nobody reaches stays Terminating: it may still run there. A node that is cut off
stops such pods by itself (its agent's `state/fence.py`), if the control plane meanwhile hears a majority of the nodes
that it knew. So when that was so for a whole lease the pod object is removed, and its controller makes the next one.
After a restart of the control plane the lease begins anew. Clusters of fewer than three nodes have no majority: there
an operator decides, and an event asks for that. A node whose host answers though its agent does not is left alone: no
agent is there to stop anything.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from common.api.conditions import get_condition
from common.api.kinds import NODES, PODS, STATEFULSETS
from common.api.meta import Key, Object, controller_of, is_deleting, name, namespace, uid
from common.api.pods import node_name
from common.errors import NotFound
from console.controllers.base import BY_NODE, Controller, Kit

LEASE_SECONDS = 45.0  # longer than a node needs to find itself cut off and to stop its pods, one restart of it included
LEAST_NODES = 3
LOST_REASON = "NodeStatusUnknown"  # what console/nodes says of a host that nobody reaches
ASK = "confirm that the host is off: kubectl taint node {node} node.kubernetes.io/out-of-service=off:NoExecute"


def is_lost(node: Object) -> bool:
    """Whether nobody reaches the node's host."""
    ready = get_condition(node, "Ready") or {}
    return ready.get("status") == "Unknown" and ready.get("reason") == LOST_REASON


@dataclass(frozen=True, slots=True)
class Lease:
    """Since when (monotonic) a lost node cannot but have stopped what it has, given the nodes that it knew."""

    since: float
    known: frozenset[str]


def revise(lease: Lease | None, nodes: Collection[str], ready: Collection[str], now: float) -> Lease:
    """The lease of a lost node after a look: it begins anew while no majority of those that the node knew is ready.
    Nodes that joined later count for nothing, those that were removed still count."""
    known = lease.known if lease is not None else frozenset(nodes)
    majority = len(known.intersection(ready)) * 2 > len(known)
    return Lease(lease.since if lease is not None and majority else now, known)


def has_ended(lease: Lease, now: float) -> bool:
    return len(lease.known) >= LEAST_NODES and now - lease.since >= LEASE_SECONDS


class FencingController(Controller[str]):
    """Keys are node names."""

    name: ClassVar[str] = "fencing-controller"
    workers: ClassVar[int] = 1

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._leases: dict[str, Lease] = {}
        self._asked: set[str] = set()
        self.index(PODS, BY_NODE, lambda pod: [node_name(pod)] if node_name(pod) else [])
        self._nodes = self.mirror(NODES)
        self._nodes.listen(self._node_changed)
        self._pods = self.follow(PODS, lambda pod: [node_name(pod)] if _is_concerned(pod) else [])

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        changed = new if new is not None else old
        if changed is None or (old is not None and new is not None and _readiness(old) == _readiness(new)):
            return
        # Whether a majority is ready matters to every node that is lost.
        for node in {name(changed), *self._leases}:
            self.queue.add(node)

    async def sync(self, key: str) -> None:
        node = self._nodes.get(Key("", key))
        if node is None or not is_lost(node):
            self._leases.pop(key, None)
            return
        now = self.clock.monotonic()
        nodes = list(self._nodes.items())
        ready = {name(item) for item in nodes if _readiness(item)[0] == "True"}
        lease = self._leases[key] = revise(self._leases.get(key), {name(item) for item in nodes}, ready, now)
        stuck = [pod for pod in self._pods.by_index(BY_NODE, key) if _is_concerned(pod)]
        if len(lease.known) < LEAST_NODES:
            self._ask(key, stuck)
        elif has_ended(lease, now):
            for pod in stuck:
                await self._release(key, pod)
        else:
            self.queue.add_after(key, lease.since + LEASE_SECONDS - now + 0.01)

    def _ask(self, node: str, stuck: list[Object]) -> None:
        for pod in stuck:
            if uid(pod) not in self._asked:
                self._asked.add(uid(pod))
                text = f"node {node} is lost and may still run this pod; {ASK.format(node=node)}"
                self.events.warning(PODS, pod, "FencingNeedsOperator", text)
        self._asked.intersection_update(uid(pod) for pod in self._pods.items())

    async def _release(self, node: str, pod: Object) -> None:
        text = f"node {node} is cut off and has stopped this pod by now"
        self.events.normal(PODS, pod, "Fenced", text)
        try:
            await self.client.delete(PODS, name(pod), namespace(pod), uid=uid(pod), grace_period_seconds=0)
        except NotFound:
            return


def _readiness(node: Object) -> tuple[str, str]:
    ready = get_condition(node, "Ready") or {}
    return str(ready.get("status") or ""), str(ready.get("reason") or "")


def _is_concerned(pod: Object) -> bool:
    return is_deleting(pod) and (controller_of(pod) or {}).get("kind") == STATEFULSETS.kind
