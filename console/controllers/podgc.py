"""Pod garbage: pods that nobody else will ever finish.

Pods whose node was removed or declared out of service, pods deleted before they had a node, and the oldest ended pods
beyond a number that only runaway jobs reach.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from common.api.conditions import is_true
from common.api.kinds import NODES, PODS
from common.api.meta import Key, Object, is_deleting, metadata, name, namespace, resource_version, uid
from common.api.pods import DISRUPTED, is_terminal, node_name, with_condition
from common.api.taints import taints_of
from common.errors import Conflict, NotFound
from console.controllers.base import Controller, Kit

ENDED_LIMIT = 12500  # ended pods kept; Kubernetes' default
QUARANTINE = 5.0  # seconds without its node before a pod goes: a node that is made anew is back by then
SWEEP_SECONDS = 20.0
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
"""Taint by which an operator says that a lost node is switched off, so that its pods may be replaced."""


@dataclass(frozen=True, slots=True)
class Doomed:
    """A pod to delete and why. One that never ended `fails` first, with its disruption: whoever counts it has to
    know, and no agent is left to say so."""

    pod: Object
    why: str
    disruption: str = ""

    @property
    def fails(self) -> bool:
        return not is_terminal(self.pod)


def is_out_of_service(node: Object) -> bool:
    """Whether an operator vouches that a node that does not answer is off: nothing of it can still run."""
    return not is_true(node, "Ready") and any(taint.key == OUT_OF_SERVICE for taint in taints_of(node))


def plan(
    pods: Iterable[Object], gone_nodes: set[str], off_nodes: Collection[str] = (), limit: int = ENDED_LIMIT
) -> list[Doomed]:
    """`gone_nodes` are names of nodes that have been missing for long enough, `off_nodes` of those out of service."""
    doomed: list[Doomed] = []
    ended: list[Object] = []
    for pod in pods:
        node = node_name(pod)
        if node in gone_nodes:
            doomed.append(Doomed(pod, f"node {node} no longer exists", "PodGC: node no longer exists"))
        elif is_deleting(pod) and node in off_nodes:
            doomed.append(Doomed(pod, f"node {node} is out of service"))
        elif is_deleting(pod) and not node:
            doomed.append(Doomed(pod, "it was deleted before it had a node"))
        elif is_terminal(pod) and not is_deleting(pod):
            ended.append(pod)
    return doomed + [Doomed(pod, "too many ended pods") for pod in _oldest(ended, len(ended) - limit)]


def _oldest(pods: Sequence[Object], count: int) -> list[Object]:
    if count <= 0:
        return []
    return sorted(pods, key=lambda pod: (metadata(pod).get("creationTimestamp", ""), name(pod)))[:count]


class PodGarbageCollector(Controller[str]):
    """Its one key means a sweep over all pods."""

    name: ClassVar[str] = "pod-garbage-collector"
    workers: ClassVar[int] = 1

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._missing: dict[str, float] = {}
        self._pods = self.mirror(PODS)
        self._nodes = self.mirror(NODES)
        self._nodes.listen(self._node_changed)
        self._pods.listen(self._pod_changed)

    def _node_changed(self, _old: Object | None, new: Object | None) -> None:
        if new is None or is_out_of_service(new):
            self.queue.add("sweep")

    def _pod_changed(self, _old: Object | None, new: Object | None) -> None:
        if new is not None and is_deleting(new):
            node = self._nodes.get(Key("", node_name(new)))
            if node is not None and is_out_of_service(node):
                self.queue.add("sweep")

    async def begin(self) -> None:
        self.queue.add("sweep")

    async def sync(self, key: str) -> None:
        self.queue.add_after(key, SWEEP_SECONDS)
        gone = await self._gone_nodes(key)
        off = {name(node) for node in self._nodes.items() if is_out_of_service(node)}
        for doomed in plan(self._pods.items(), gone, off):
            pod = doomed.pod
            text = f"Deleting pod: {doomed.why}"
            self.events.normal(PODS, pod, "PodGarbageCollection", text)
            # At once: no agent is left to end it gracefully.
            try:
                if doomed.fails:
                    await self.client.patch(
                        PODS, name(pod), self._failure(doomed), namespace(pod), subresource="status"
                    )
                await self.client.delete(PODS, name(pod), namespace(pod), uid=uid(pod), grace_period_seconds=0)
            except NotFound:
                continue
            except Conflict:
                self.queue.add(key)  # it changed meanwhile: look again

    def _failure(self, doomed: Doomed) -> Object:
        pod, now = doomed.pod, self.clock.now()
        status: Object = {"phase": "Failed"}
        if doomed.disruption:
            reason = "DeletionByPodGC"
            status["conditions"] = with_condition(pod, DISRUPTED, "True", reason, doomed.disruption, now)
        return {"metadata": {"uid": uid(pod), "resourceVersion": resource_version(pod)}, "status": status}

    async def _gone_nodes(self, key: str) -> set[str]:
        """Nodes that pods name and that have been away for the quarantine; asked of the API itself before believed."""
        now = self.clock.monotonic()
        named = {node_name(pod) for pod in self._pods.items()} - {""}
        missing = {node for node in named if self._nodes.get(Key("", node)) is None}
        self._missing = {node: self._missing.get(node, now) for node in missing}
        gone: set[str] = set()
        for node, since in self._missing.items():
            left = since + QUARANTINE - now
            if left > 0:
                self.queue.add_after(key, left)
                continue
            try:
                await self.client.get(NODES, node)
            except NotFound:
                gone.add(node)
        return gone
