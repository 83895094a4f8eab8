"""The node lifecycle controller: taints nodes by their conditions, evicts pods and takes them out of Services.

Neighbours: `console/nodes` finds out whether a node is there and writes its Ready condition; ReplicaSets replace what
is evicted. After a start nothing is concluded from a node's silence for a while: the control plane was away, not it.
"""

from __future__ import annotations

from typing import ClassVar

from common.api.kinds import NODES, PODS
from common.api.meta import Key, Object, is_deleting, key, name, namespace, resource_version, uid
from common.api.pods import DISRUPTED, is_ready, is_terminal, node_name, with_condition
from common.api.taints import Taint
from common.errors import NotFound
from console.controllers.base import BY_NODE, Controller, Kit, finish_all

from .plan import leaving, readiness, revised_taints

START_GRACE = 20.0  # seconds; the longest deadline after which a node counts as lost, so each had its chance to answer

_DISRUPTION = "Taint manager: deleting due to NoExecute taint"


class NodeLifecycleController(Controller[str]):
    """Keys are node names."""

    name: ClassVar[str] = "node-lifecycle-controller"
    component: ClassVar[str] = "node-controller"

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._since: dict[tuple[str, Taint], float] = {}
        self._started = 0.0
        self.index(PODS, BY_NODE, lambda pod: [node_name(pod)] if node_name(pod) else [])
        self._nodes = self.mirror(NODES)
        self._nodes.listen(self._node_changed)
        self._pods = self.follow(PODS, lambda pod: [node_name(pod)] if node_name(pod) else [])

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        changed = new if new is not None else old
        if changed is not None:
            self.queue.add(name(changed))
        if old is None or new is None or readiness(old) != readiness(new):
            # Whether anything may be moved depends on the others.
            for node in self._nodes.items():
                self.queue.add(name(node))

    async def begin(self) -> None:
        self._started = self.clock.monotonic()

    async def sync(self, key: str) -> None:
        node = self._nodes.get(Key("", key))
        if node is None:
            self._forget_taints(key, set())
            return
        lost = readiness(node) != "True"
        grace = self._started + START_GRACE - self.clock.monotonic()
        if lost and grace > 0:
            self.queue.add_after(key, grace)
        evict = lost and grace <= 0 and any(readiness(other) == "True" for other in self._nodes.items())
        taints = revised_taints(node, evict, self.clock.now())
        if taints is not None:
            guard = {"uid": uid(node), "resourceVersion": resource_version(node)}
            node = await self.client.patch(NODES, key, {"metadata": guard, "spec": {"taints": taints or None}})
        pods = [pod for pod in self._pods.by_index(BY_NODE, key) if not is_terminal(pod)]
        if evict:
            pods = await self._mark_unready(node, pods)
        if not lost or evict:
            await self._evict(key, node, pods)

    async def _mark_unready(self, node: Object, pods: list[Object]) -> list[Object]:
        """Nobody can say how these pods are, so no connection may be sent to them. The pods as they are then."""
        marked: dict[str, Object | None] = {}

        async def mark(pod: Object) -> None:
            marked[uid(pod)] = await self._mark(pod, "Ready", "False", "NodeNotReady", "Node is not ready")
            self.events.warning(PODS, pod, "NodeNotReady", f"Node {name(node)} is not ready")

        await finish_all(mark(pod) for pod in pods if is_ready(pod))
        found = [marked.get(uid(pod), pod) for pod in pods]
        return [pod for pod in found if pod is not None]

    async def _mark(self, pod: Object, kind: str, status: str, reason: str, message: str) -> Object | None:
        """The pod with that condition; None when it is gone."""
        now = self.clock.now()
        patch = {
            "metadata": {"uid": uid(pod), "resourceVersion": resource_version(pod)},
            "status": {"conditions": with_condition(pod, kind, status, reason, message, now)},
        }
        try:
            return await self.client.patch(PODS, name(pod), patch, namespace(pod), subresource="status")
        except NotFound:
            return None

    async def _evict(self, node_key: str, node: Object, pods: list[Object]) -> None:
        staying = [pod for pod in pods if not is_deleting(pod)]
        now = self.clock.monotonic()
        seen: set[Taint] = set()

        def since(taint: Taint) -> float:
            seen.add(taint)
            return self._since.setdefault((node_key, taint), now)

        gone = leaving(node, staying, since, now)
        self._forget_taints(node_key, seen)
        for entry in gone:
            if entry.seconds > 0:
                self.queue.add_after(node_key, entry.seconds)
        await finish_all(self._delete(entry.pod) for entry in gone if entry.seconds <= 0)

    async def _delete(self, pod: Object) -> None:
        self.events.normal(PODS, pod, "TaintManagerEviction", f"Marking for deletion Pod {key(pod)}")
        try:
            await self._mark(pod, DISRUPTED, "True", "DeletionByTaintManager", _DISRUPTION)
            await self.client.delete(PODS, name(pod), namespace(pod), uid=uid(pod))
        except NotFound:
            return

    def _forget_taints(self, node_key: str, seen: set[Taint]) -> None:
        """A taint that comes back counts anew."""
        for entry in [entry for entry in self._since if entry[0] == node_key and entry[1] not in seen]:
            del self._since[entry]
