"""The ReplicaSet controller: acts on `plan` and keeps the status.

Neighbours: Deployments make and scale ReplicaSets, the scheduler places the pods. Expectations keep a mirror that lags
from making a pod twice; batches that double keep a template that is always refused from being tried five hundred times.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import ClassVar

from common.api.kinds import PODS, REPLICASETS, REPLICATIONCONTROLLERS, Resource
from common.api.meta import Key, Object, controller_of, is_deleting, key, uid
from common.api.pods import is_active, node_name
from common.api.selectors import Selector, from_label_selector, from_labels
from common.errors import ApiError, InternalError, NotFound
from console.controllers.base import (
    BY_CONTROLLER,
    ORPHANS,
    Controller,
    Kit,
    controller_index,
    finish_all,
    slow_start,
)
from console.controllers.ownership import claim, concerned, settle
from console.controllers.podcontrol import PodControl

from .plan import Plan, new_pod, next_availability, plan, status


class ReplicaSetController(Controller[Key]):
    """Keys are ReplicaSets."""

    name: ClassVar[str] = "replicaset-controller"
    workers: ClassVar[int] = 5
    kind: ClassVar[Resource] = REPLICASETS

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._control = PodControl(kit, self.kind, self.events)
        self.expectations = self._control.expectations
        self.index(PODS, BY_CONTROLLER, controller_index)
        self.index(self.kind, BY_CONTROLLER, controller_index)
        self._replicasets = self.follow(self.kind, lambda obj: [key(obj)])
        self._pods = self.mirror(PODS)
        self._control.follow(self._pods, self._owners, self.queue)

    @staticmethod
    def selector(owner: Object) -> Selector:
        """Which pods are its own."""
        return from_label_selector(owner["spec"].get("selector"))

    def _owners(self, pod: Object) -> Iterable[Key]:
        if controller_of(pod) is None and is_deleting(pod):
            return []
        return concerned(pod, self.kind, self._replicasets.items(), self.selector)

    async def sync(self, key: Key) -> None:
        replicaset = self._replicasets.get(key)
        if replicaset is None:
            self.expectations.forget(key)
            return
        waiting = self.expectations.remaining(key)
        if waiting:
            self.queue.add_after(key, waiting)
        selector = self.selector(replicaset)
        candidates = self._pods.by_index(BY_CONTROLLER, uid(replicaset))
        candidates += self._pods.by_index(BY_CONTROLLER, ORPHANS + key.namespace)
        claimed = claim(replicaset, selector, (pod for pod in candidates if is_active(pod) or controller_of(pod)))
        if await settle(self.client, claimed, replicaset, self.kind, PODS):
            return  # the mirror will show the change and bring the key back
        now = self.clock.now()
        failure = None
        if not waiting:
            failure = await self._act(key, replicaset, plan(replicaset, claimed.owned, self._siblings(replicaset), now))
        await self._write_status(replicaset, status(replicaset, claimed.owned, failure, now))
        soon = next_availability(replicaset, claimed.owned, now)
        if soon is not None:
            self.queue.add_after(key, soon + 0.001)
        if failure is not None:
            raise InternalError(failure[1])

    def _siblings(self, replicaset: Object) -> Counter[str]:
        """Active pods by node, of all ReplicaSets of the same Deployment: a rollout should not leave doubles behind."""
        owner = controller_of(replicaset)
        family = self._replicasets.by_index(BY_CONTROLLER, str(owner.get("uid"))) if owner else [replicaset]
        return Counter(
            node_name(pod)
            for member in family
            for pod in self._pods.by_index(BY_CONTROLLER, uid(member))
            if is_active(pod)
        )

    async def _act(self, key: Key, replicaset: Object, todo: Plan) -> tuple[str, str] | None:
        try:
            if todo.create:
                make = self._control.create
                await slow_start(todo.create, lambda: make(key, replicaset, new_pod(replicaset, self.kind)))
            await finish_all([self._control.delete(key, replicaset, pod) for pod in todo.delete])
        except (ApiError, TimeoutError, OSError) as error:
            return ("FailedCreate" if todo.create else "FailedDelete"), str(error)
        return None

    def status_of(self, figures: Object) -> Object:
        """What of the figures the kind's status has."""
        return figures

    async def _write_status(self, replicaset: Object, figures: Object) -> None:
        new = self.status_of(figures)
        if new == (replicaset.get("status") or {}):
            return
        try:
            await self.client.update(self.kind, {**replicaset, "status": new}, subresource="status")
        except NotFound:
            return


class ReplicationControllerController(ReplicaSetController):
    """Keys are ReplicationControllers: the same work for the older kind, whose selector is plain labels."""

    name: ClassVar[str] = "replication-controller"
    kind: ClassVar[Resource] = REPLICATIONCONTROLLERS

    @staticmethod
    def selector(owner: Object) -> Selector:
        return from_labels(owner["spec"].get("selector"))

    def status_of(self, figures: Object) -> Object:
        return {field: value for field, value in figures.items() if field != "terminatingReplicas"}
