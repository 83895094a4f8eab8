"""The Deployment controller: acts on `plan`.

Neighbours: the ReplicaSet controller makes the pods. The name of a ReplicaSet is the hash of its template, so that a
create that is tried twice finds the first one instead of making a second. Until the mirror shows one that was made the
Deployment is left alone: for a template that changes meanwhile another one would be made of full size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from common.api.kinds import DEPLOYMENTS, LOADBALANCERS, PODS, REPLICASETS
from common.api.meta import (
    Key,
    Object,
    controller_of,
    is_controlled_by,
    is_deleting,
    key,
    name,
    namespace,
    resource_version,
    uid,
)
from common.api.pods import is_terminal
from common.api.rollout import REVISION, wants_auto_rollback
from common.api.selectors import from_label_selector
from common.errors import AlreadyExists, ApiError, NotFound, ServiceUnavailable, conflict
from console.controllers.base import BY_CONTROLLER, ORPHANS, Controller, Kit, controller_index
from console.controllers.expectations import Expectations
from console.controllers.ownership import claim, concerned, settle

from .autorollback import NOTHING_KNOWN, Signals, Traffic, crash_of, is_good, traffic_by_pod
from .model import Action, Annotate, Create, Delete, Family, Member, RollBack, Scale, SetRevision, Spec, same_template
from .plan import plan
from .status import shown

TRAFFIC_SECONDS = 5.0  # between looks at what proxies counted: as often as agents tell


class DeploymentController(Controller[Key]):
    """Keys are Deployments."""

    name: ClassVar[str] = "deployment-controller"
    workers: ClassVar[int] = 5

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self.index(REPLICASETS, BY_CONTROLLER, controller_index)
        self.index(PODS, BY_CONTROLLER, controller_index)
        self._deployments = self.follow(DEPLOYMENTS, lambda obj: [key(obj)])
        self._expectations: Expectations[Key] = Expectations(kit.clock)
        self._replicasets = self.follow(REPLICASETS, self._owners)
        self._replicasets.listen(self._replicaset_changed)
        self._pods = self.mirror(PODS)
        self._pods.listen(self._pod_changed)

    def _owners(self, replicaset: Object) -> Iterable[Key]:
        return concerned(replicaset, DEPLOYMENTS, self._deployments.items())

    def _replicaset_changed(self, _old: Object | None, new: Object | None) -> None:
        if new is not None:
            for owner in self._owners(new):
                self._expectations.seen(owner, name(new))

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        """Only the end of a pod matters by itself (Recreate waits for it), and that it crash-loops; the rest comes as
        ReplicaSet status."""
        pod = new if new is not None else old
        if pod is None or (new is not None and not is_terminal(new) and not crash_of([new])):
            return
        ref = controller_of(pod)
        replicaset = self._replicasets.get(Key(namespace(pod), str(ref.get("name")))) if ref else None
        if replicaset is not None:
            for owner in self._owners(replicaset):
                self.queue.add(owner)

    async def sync(self, key: Key) -> None:
        deployment = self._deployments.get(key)
        if deployment is None:
            self._expectations.forget(key)
            return
        if waiting := self._expectations.remaining(key):
            self.queue.add_after(key, waiting)
            return
        selector = from_label_selector(deployment["spec"].get("selector"))
        candidates = self._replicasets.by_index(BY_CONTROLLER, uid(deployment))
        candidates += self._replicasets.by_index(BY_CONTROLLER, ORPHANS + key.namespace)
        claimed = claim(deployment, selector, candidates)
        if await settle(self.client, claimed, deployment, DEPLOYMENTS, REPLICASETS):
            return
        old_pods_running = self._old_pods_running(deployment, claimed.owned)
        signals = await self._signals(deployment, claimed.owned)
        todo = plan(deployment, claimed.owned, old_pods_running, self.clock.now(), signals)
        for action in todo.actions:
            deployment = await self._act(deployment, action)
        wanted = shown(todo.status)
        if wanted != (deployment.get("status") or {}):
            await self._write_status(deployment, wanted)
        if todo.again_in is not None:
            self.queue.add_after(key, todo.again_in)

    def _old_pods_running(self, deployment: Object, replicasets: list[Object]) -> bool:
        template = Spec.of(deployment).template
        return any(
            not is_terminal(pod)
            for replicaset in replicasets
            if not same_template(replicaset["spec"]["template"], template)
            for pod in self._pods.by_index(BY_CONTROLLER, uid(replicaset))
        )

    async def _signals(self, deployment: Object, replicasets: list[Object]) -> Signals:
        """What is known of a new revision that may be left; it is looked at again while it is not known to be good."""
        family = Family.of(Spec.of(deployment), replicasets)
        if not wants_auto_rollback(deployment) or family.new is None or is_good(family.new):
            return NOTHING_KNOWN
        self.queue.add_after(key(deployment), TRAFFIC_SECONDS)
        crash = crash_of(self._pods.by_index(BY_CONTROLLER, family.new.uid))
        seen = traffic_by_pod(await self._balancer(), namespace(deployment))
        return Signals(crash, self._traffic([family.new], seen), self._traffic(family.old, seen))

    async def _balancer(self) -> Object:
        try:
            return await self.client.get(LOADBALANCERS, "cluster")
        except (NotFound, ServiceUnavailable):
            return {}  # nobody counts, so requests say nothing of a revision

    def _traffic(self, members: Iterable[Member], seen: Mapping[str, Traffic]) -> Traffic | None:
        """What came to the pods of these revisions; None when no proxy counts any of them."""
        counted = [
            seen[name(pod)]
            for member in members
            for pod in self._pods.by_index(BY_CONTROLLER, member.uid)
            if name(pod) in seen
        ]
        return sum(counted, Traffic(0, 0)) if counted else None

    async def _act(self, deployment: Object, action: Action) -> Object:
        """Returns the Deployment as it is after that."""
        home = namespace(deployment)
        match action:
            case Create(obj):
                await self._create(deployment, obj)
            case Scale():
                await self._scale(deployment, action)
            case Annotate(member, patch):
                await self.client.patch(REPLICASETS, member.name, _guarded(member.obj, patch), home)
            case Delete(member):
                await self._forget(member.obj)
            case SetRevision(revision):
                patch = _guarded(deployment, {"metadata": {"annotations": {REVISION: str(revision)}}})
                return await self.client.patch(DEPLOYMENTS, name(deployment), patch, home)
            case RollBack(changed, _, message):
                # A replace, so refused when anybody changed the Deployment since it was looked at.
                written = await self.client.update(DEPLOYMENTS, changed)
                self.events.warning(DEPLOYMENTS, deployment, "AutoRollback", message)
                return written
        return deployment

    async def _create(self, deployment: Object, replicaset: Object) -> None:
        owner, made = key(deployment), name(replicaset)
        self._expectations.expect(owner, made)
        try:
            await self._make(deployment, replicaset)
        except Exception:  # what was made though the answer was lost is found when it is made again
            self._expectations.seen(owner, made)
            raise

    async def _make(self, deployment: Object, replicaset: Object) -> None:
        try:
            await self.client.create(REPLICASETS, replicaset, namespace(deployment))
        except AlreadyExists:
            await self._existing(deployment, replicaset)
        except ApiError as error:
            text = f'Failed to create new replica set "{name(replicaset)}": {error}'
            self.events.warning(DEPLOYMENTS, deployment, "ReplicaSetCreateError", text)
            raise
        else:
            self._tell_scaled(deployment, name(replicaset), 0, replicaset["spec"]["replicas"])

    async def _existing(self, deployment: Object, wanted: Object) -> None:
        """A ReplicaSet of that name is there: our own that the mirror lacks yet, or one whose hash collides."""
        found = await self.client.get(REPLICASETS, name(wanted), namespace(deployment))
        same = same_template(found["spec"]["template"], wanted["spec"]["template"])
        if is_controlled_by(found, deployment) and same:
            return
        if not is_deleting(found):
            status = dict(deployment.get("status") or {})
            status["collisionCount"] = int(status.get("collisionCount") or 0) + 1
            await self._write_status(deployment, status)
        raise conflict(REPLICASETS.group_resource, name(wanted), "another ReplicaSet has this name")

    async def _scale(self, deployment: Object, action: Scale) -> None:
        member = action.member
        patch = {"metadata": {"annotations": action.annotations}, "spec": {"replicas": action.size}}
        await self.client.patch(REPLICASETS, member.name, _guarded(member.obj, patch), namespace(deployment))
        self._tell_scaled(deployment, member.name, member.size, action.size)

    def _tell_scaled(self, deployment: Object, replicaset: str, before: int, after: int) -> None:
        if before != after:
            way = "up" if after > before else "down"
            text = f"Scaled {way} replica set {replicaset} from {before} to {after}"
            self.events.normal(DEPLOYMENTS, deployment, "ScalingReplicaSet", text)

    async def _forget(self, replicaset: Object) -> None:
        try:
            await self.client.delete(
                REPLICASETS, name(replicaset), namespace(replicaset), uid=uid(replicaset),
                propagation_policy="Background",
            )  # fmt: skip
        except NotFound:
            return

    async def _write_status(self, deployment: Object, status: Object) -> None:
        """Conditional on the revision that was planned from, so that a newer status is never overwritten."""
        await self.client.update(DEPLOYMENTS, {**deployment, "status": status}, subresource="status")


def _guarded(obj: Object, patch: Object) -> Object:
    """The patch, conditional on the object as it was planned from: sizes are decided on what was seen."""
    guard = {"uid": uid(obj), "resourceVersion": resource_version(obj)}
    return {**patch, "metadata": {**patch.get("metadata", {}), **guard}}
