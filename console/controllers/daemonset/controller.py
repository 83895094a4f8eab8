"""The DaemonSet controller: acts on `plan` and keeps the status.

Neighbours: the scheduler binds a daemon pod to the one node that its affinity names; the node lifecycle controller
taints nodes. Expectations keep a mirror that lags from making a pod twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from common.api.kinds import CONTROLLERREVISIONS, DAEMONSETS, NODES, PODS
from common.api.meta import Key, Object, controller_of, key, labels, name, namespace, uid
from common.api.revisions import REVISION_HASH, hash_of, ordered
from common.api.selectors import from_label_selector
from common.errors import ApiError, InternalError, NotFound
from console.controllers import revisions
from console.controllers.base import BY_CONTROLLER, ORPHANS, Controller, Kit, controller_index, finish_all, slow_start
from console.controllers.ownership import claim, concerned, settle
from console.controllers.podcontrol import PodControl

from .model import World
from .nodes import new_pod, target
from .plan import Plan, plan, what_ended

FIRST_HOLD = 1.0  # seconds before a node whose daemon pod failed gets the next one, doubled each time
LONGEST_HOLD = 15 * 60.0


class DaemonSetController(Controller[Key]):
    """Keys are DaemonSets."""

    name: ClassVar[str] = "daemonset-controller"
    workers: ClassVar[int] = 2

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._control = PodControl(kit, DAEMONSETS, self.events)
        self.expectations = self._control.expectations
        self._failed: dict[tuple[str, str], tuple[float, float]] = {}  # owner uid and node: held until, for how long
        for resource in (PODS, CONTROLLERREVISIONS):
            self.index(resource, BY_CONTROLLER, controller_index)
        self._sets = self.follow(DAEMONSETS, lambda obj: [key(obj)])
        self._revisions = self.follow(CONTROLLERREVISIONS, self._owners)
        self._nodes = self.mirror(NODES)
        self._nodes.listen(self._node_changed)
        self._pods = self.mirror(PODS)
        self._control.follow(self._pods, self._owners, self.queue)

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        """Heartbeats change nothing here: only what decides where pods belong counts."""
        if old is not None and new is not None and _placement(old) == _placement(new):
            return
        for owner in self._sets.items():
            self.queue.add(key(owner))

    def _owners(self, obj: Object) -> Iterable[Key]:
        return concerned(obj, DAEMONSETS, self._sets.items())

    async def sync(self, key: Key) -> None:
        owner = self._sets.get(key)
        if owner is None:
            self.expectations.forget(key)
            return
        orphans = self._revisions.by_index(BY_CONTROLLER, ORPHANS + key.namespace)
        if await revisions.adopt(self.client, owner, DAEMONSETS, orphans):
            return  # the mirror will show them and bring the key back
        known = ordered(owner, self._revisions.by_index(BY_CONTROLLER, uid(owner)))
        collisions = int((owner.get("status") or {}).get("collisionCount") or 0)
        try:
            newest = await revisions.newest(self.client, owner, DAEMONSETS, known, collisions)
        except revisions.Collision:
            await self._write_status(owner, {**(owner.get("status") or {}), "collisionCount": collisions + 1})
            return
        pods = await self._own_pods(owner)
        if pods is None:
            return  # the mirror will show the change and bring the key back
        if await self._merge(newest, known, pods):
            return  # so will it show that there is one revision of the template
        held = self._held(owner)
        todo = plan(World(owner, hash_of(newest), list(self._nodes.items()), pods, frozenset(held), self.clock.now()))
        waits = [*held.values(), *([todo.again_in] if todo.again_in is not None else [])]
        await self._carry_out(key, owner, hash_of(newest), todo)
        if waits:
            self.queue.add_after(key, min(waits) + 0.001)
        digests = {labels(pod).get(REVISION_HASH, "") for pod in pods}
        live = {name(newest), *(name(item) for item in known if hash_of(item) in digests)}
        await revisions.forget(self.client, revisions.forgotten(owner, known, live))

    async def _merge(self, newest: Object, known: list[Object], pods: list[Object]) -> bool:
        """Pods of another revision of the same template are pods of the newest, and the other goes: they run what they
        should, under another name. True when there was one."""
        twins = revisions.twins(newest, known)
        digests = {hash_of(twin) for twin in twins} - {hash_of(newest)}
        for pod in pods:
            if labels(pod).get(REVISION_HASH) in digests:
                changed = {"uid": uid(pod), "labels": {REVISION_HASH: hash_of(newest)}}
                await self.client.patch(PODS, name(pod), {"metadata": changed}, namespace(pod))
        await revisions.forget(self.client, twins)
        return bool(twins)

    async def _own_pods(self, owner: Object) -> list[Object] | None:
        """The pods that belong to the DaemonSet; None while some are being adopted or released."""
        selector = from_label_selector(owner["spec"].get("selector"))
        candidates = self._pods.by_index(BY_CONTROLLER, uid(owner))
        candidates += self._pods.by_index(BY_CONTROLLER, ORPHANS + namespace(owner))
        claimed = claim(owner, selector, (pod for pod in candidates if controller_of(pod) or target(pod)))
        if await settle(self.client, claimed, owner, DAEMONSETS, PODS):
            return None
        return claimed.owned

    def _held(self, owner: Object) -> dict[str, float]:
        """Nodes whose pod failed of late, with the seconds that they have to wait."""
        now = self.clock.monotonic()
        stale = [mark for mark, (until, wait) in self._failed.items() if now > until + 2 * wait]
        for mark in stale:
            del self._failed[mark]
        return {
            node: until - now for (owner_uid, node), (until, _) in self._failed.items()
            if owner_uid == uid(owner) and until > now
        }  # fmt: skip

    async def _carry_out(self, key: Key, owner: Object, digest: str, todo: Plan) -> None:
        failure: Exception | None = None
        waiting = self.expectations.remaining(key)
        if waiting:
            self.queue.add_after(key, waiting)
        else:
            try:
                await self._act(key, owner, digest, todo)
            except (ApiError, TimeoutError, OSError) as error:
                failure = error
        if todo.status != (owner.get("status") or {}):
            await self._write_status(owner, todo.status)
        if failure is not None:
            raise InternalError(str(failure))

    async def _act(self, key: Key, owner: Object, digest: str, todo: Plan) -> None:
        for pod in todo.ended:
            self._hold(owner, target(pod))
            reason, text = what_ended(pod, target(pod))
            self.events.warning(DAEMONSETS, owner, reason, text)
        nodes = iter(todo.create)
        await slow_start(
            len(todo.create), lambda: self._control.create(key, owner, new_pod(owner, digest, next(nodes)))
        )
        await finish_all([self._control.delete(key, owner, pod) for pod in todo.delete])

    def _hold(self, owner: Object, node: str) -> None:
        mark = (uid(owner), node)
        wait = min(self._failed[mark][1] * 2, LONGEST_HOLD) if mark in self._failed else FIRST_HOLD
        self._failed[mark] = (self.clock.monotonic() + wait, wait)

    async def _write_status(self, owner: Object, status: Object) -> None:
        try:
            await self.client.update(DAEMONSETS, {**owner, "status": status}, subresource="status")
        except NotFound:
            return


def _placement(node: Object) -> object:
    spec = node.get("spec") or {}
    return labels(node), spec.get("taints"), spec.get("unschedulable")
