"""Tells pods why they wait: the PodScheduled condition, the node they are nominated for, and an event.

Decisions only note what is to be said; the writes go on beside them, and of several the last counts.
"""

from __future__ import annotations

from collections.abc import Callable

from common.aio import Tasks, WorkQueue, run_workers
from common.api.conditions import get_condition
from common.api.kinds import PODS
from common.api.meta import Key, Object, is_deleting, name, resource_version, uid
from common.api.pods import node_name, with_condition
from common.client import Client, Informer
from common.clock import Clock
from common.errors import NotFound
from common.events import Recorder

from .core.model import PodInfo
from .core.queue import SchedulingQueue

TELLERS = 8
GATED = "Scheduling is blocked due to non-empty scheduling gates"


class Teller:
    """`queue` remembers what each pod was told, `nominated` says which node a pod (by uid) has room reserved on."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        pods: Informer,
        queue: SchedulingQueue,
        events: Recorder,
        nominated: Callable[[str], str],
    ) -> None:
        self._client = client
        self._clock = clock
        self._pods = pods
        self._queue = queue
        self._events = events
        self._nominated = nominated
        self._to_tell: WorkQueue[Key] = WorkQueue(clock, "scheduler-tell")
        self._tasks = Tasks("scheduler/tell")

    def start(self) -> None:
        run_workers(self._to_tell, self._write, TELLERS, self._tasks, "scheduler-tell")

    async def close(self) -> None:
        await self._tasks.close()
        await self._to_tell.close()

    def refuse(self, pod: PodInfo, message: str) -> None:
        """No node takes the pod; nothing happens when it was told that already."""
        if self._queue.tell(pod.uid, message):
            self._to_tell.add(pod.key)
            obj = self._pods.get(pod.key)
            if obj is not None:
                self._events.warning(PODS, obj, "FailedScheduling", message)

    def hold_back(self, pod: PodInfo) -> None:
        """The pod has scheduling gates."""
        self._to_tell.add(pod.key)

    async def _write(self, pod_key: Key) -> None:
        """Bring the pod's PodScheduled condition to what it was told."""
        pod = self._pods.get(pod_key)
        if pod is None or node_name(pod) or is_deleting(pod):
            return
        if pod["spec"].get("schedulingGates"):
            reason, message = "SchedulingGated", GATED
        else:
            reason, message = "Unschedulable", self._queue.told(uid(pod)) or ""
        status: Object = pod.get("status") or {}
        old = get_condition(pod, "PodScheduled") or {}
        nominated = self._nominated(uid(pod))
        before = str(status.get("nominatedNodeName") or "")
        if not message or (old.get("reason"), old.get("message"), before) == (reason, message, nominated or before):
            return
        now = self._clock.now()
        patch = {
            "metadata": {"uid": uid(pod), "resourceVersion": resource_version(pod)},
            "status": {
                "conditions": with_condition(pod, "PodScheduled", "False", reason, message, now),
                **({"nominatedNodeName": nominated} if nominated else {}),
            },
        }
        try:
            await self._client.patch(PODS, name(pod), patch, pod_key.namespace, subresource="status")
        except NotFound:
            return
