"""Carries preemption out: tells victims why they go, deletes them with their grace period, keeps the room for whom
they left it.

A pod that waits for its victims is nominated: it stands on its node in the state already, so that nobody of its
priority or below takes what becomes free, and `status.nominatedNodeName` says so, also to a scheduler started again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from common.aio import Tasks
from common.api.kinds import PODDISRUPTIONBUDGETS, PODS
from common.api.meta import Key, Object, namespace, resource_version, uid
from common.api.pods import DISRUPTED, with_condition
from common.api.selectors import from_label_selector
from common.client import Client, SharedInformers
from common.clock import Clock
from common.errors import ApiError, Conflict, NotFound
from common.events import Recorder

from .core.evaluation import Evaluation
from .core.model import PodInfo
from .core.preemption import Budget, Preemption, preempt
from .core.refusal import Refusal
from .core.scores import DEFAULT_SCHEDULER, Profile
from .core.state import ClusterState

log = logging.getLogger(__name__)
_MESSAGE = f"{DEFAULT_SCHEDULER}: preempting to accommodate a higher priority pod"


def budget_of(obj: Object) -> Budget:
    status = obj.get("status") or {}
    return Budget(
        namespace=namespace(obj),
        selector=from_label_selector((obj.get("spec") or {}).get("selector")),
        allowed=int(status.get("disruptionsAllowed") or 0),
        disrupted=frozenset(status.get("disruptedPods") or ()),
    )


class Preemptor:
    """`state` is the scheduler's, which it shares."""

    def __init__(
        self, client: Client, clock: Clock, state: ClusterState, informers: SharedInformers, events: Recorder
    ) -> None:
        self._client = client
        self._clock = clock
        self._state = state
        self._pods = informers.get(PODS)
        self._events = events
        self._budgets = informers.get(PODDISRUPTIONBUDGETS)
        self._nominated: dict[str, PodInfo] = {}
        self._asked: set[str] = set()  # victims whose deletion is on its way
        self._tasks = Tasks("scheduler/preempt")

    async def close(self) -> None:
        await self._tasks.close()

    # Nominations

    def node_of(self, pod_uid: str) -> str:
        """Where the pod is nominated for; empty when it is not."""
        return self._state.where(pod_uid) or "" if pod_uid in self._nominated else ""

    def nominate(self, pod: PodInfo, node: str) -> None:
        self._nominated[pod.uid] = pod
        self._state.place(pod, node)

    def withdraw(self, pod_uid: str) -> str:
        """Give the pod's reserved room up; returns on which node it was, empty when it had none."""
        where = self.node_of(pod_uid)
        if self._nominated.pop(pod_uid, None) is not None:
            self._state.remove(pod_uid)
        return where

    def bound(self, pod_uid: str) -> None:
        """The pod has a node: it stands there for itself from now on."""
        self._nominated.pop(pod_uid, None)

    def ready(self, profile: Profile) -> list[PodInfo]:
        """The nominated pods that their nodes have room for by now."""
        return [pod for pod in self._nominated.values() if self._fits(pod, profile)]

    def _fits(self, pod: PodInfo, profile: Profile) -> bool:
        with self._state.trial() as trial:
            node = self._state.node(self.node_of(pod.uid))
            trial.remove(pod.uid)
            return node is not None and Evaluation(pod.kind, self._state, profile).fits(node)

    # Victims

    def attempt(self, pod: PodInfo, profile: Profile, refusals: Mapping[str, Refusal]) -> Preemption | str:
        """Look for victims; the pod's own nomination must be withdrawn. Text says why there are none."""
        return preempt(pod, self._state, profile, refusals, [budget_of(obj) for obj in self._budgets.items()])

    def carry_out(self, pod: PodInfo, way: Preemption) -> bool:
        """Make room and nominate the pod for it. False when only reservations stood in its way: it fits at once."""
        running = [victim for victim in way.victims if victim.uid not in self._nominated]
        for victim in way.victims:
            if victim.uid in self._nominated:
                self.withdraw(victim.uid)
                self._tasks.start(f"withdraw/{victim.key}", self._clear(victim))
        if not running:
            return False
        self.nominate(pod, way.node)
        going = [victim for victim in running if not victim.deleting and victim.uid not in self._asked]
        self._asked.update(victim.uid for victim in going)
        self._tasks.start(f"evict for {pod.key}", self._evict(pod, way.node, going))
        return True

    async def _evict(self, pod: PodInfo, node: str, victims: Iterable[PodInfo]) -> None:
        for victim in victims:
            try:
                await self._end(victim)
            except (ApiError, TimeoutError, OSError) as error:
                # The pod stays nominated and asks again after a while.
                log.warning("pod %s cannot be preempted for %s: %s", victim.key, pod.key, error)
            else:
                obj = self._pods.get(victim.key)
                if obj is not None:
                    self._events.normal(PODS, obj, "Preempted", f"Preempted by pod {pod.uid} on node {node}")
            finally:
                self._asked.discard(victim.uid)

    async def _end(self, victim: PodInfo) -> None:
        try:
            await self._say_why(victim.key, victim.uid)
            await self._client.delete(PODS, victim.key.name, victim.key.namespace, uid=victim.uid)
        except NotFound:
            return

    async def _say_why(self, pod_key: Key, pod_uid: str) -> None:
        """The DisruptionTarget condition; a pod that changes meanwhile is read again."""
        while True:
            pod = await self._client.get(PODS, pod_key.name, pod_key.namespace)
            if uid(pod) != pod_uid:
                return
            why = "PreemptionByScheduler"
            conditions = with_condition(pod, DISRUPTED, "True", why, _MESSAGE, self._clock.now())
            patch = {
                "metadata": {"uid": pod_uid, "resourceVersion": resource_version(pod)},
                "status": {"conditions": conditions},
            }
            try:
                await self._client.patch(PODS, pod_key.name, patch, pod_key.namespace, subresource="status")
            except Conflict:
                continue
            return

    async def _clear(self, pod: PodInfo) -> None:
        """A pod of higher priority takes the room that this one was nominated for."""
        patch = {"metadata": {"uid": pod.uid}, "status": {"nominatedNodeName": None}}
        try:
            await self._client.patch(PODS, pod.key.name, patch, pod.key.namespace, subresource="status")
        except (ApiError, TimeoutError, OSError) as error:
            log.debug("the nomination of %s is not cleared: %s", pod.key, error)
