"""The scheduler's shell: informers feed the core, decisions become bindings, refusals become conditions and events.

A decision is taken into account at once and bound in the background, many at a time, so that the store can commit them
in groups; a binding that fails is undone and the pod waits again. One task decides, so no two decisions see the same
free capacity. What a pod that fits nowhere may displace is `preemptor`'s, what it is told `telling`'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary

from common.aio import Tasks, WorkQueue
from common.api import storage
from common.api.kinds import NAMESPACES, NODES, PODS
from common.api.meta import Key, Object, is_deleting, key, labels, metadata, name, uid
from common.api.pods import is_terminal, node_name
from common.client import Client, SharedInformers
from common.clock import Clock
from common.errors import ApiError, Conflict, NotFound
from common.events import Recorder

from .core.evaluation import Evaluation
from .core.extensions import extend
from .core.fitting import fit, moves
from .core.model import Classes, NodeFacts, PodClass, PodInfo
from .core.preemption import Preemption
from .core.queue import SchedulingQueue
from .core.rows import Rows
from .core.scores import DEFAULT_SCHEDULER, SCHEDULERS, profile
from .core.state import ClusterState
from .core.verdict import blocked, first_refusals, summary, verdicts
from .core.volumes import NONE
from .preemptor import Preemptor
from .telling import GATED, Teller
from .volumes import VolumeBinder, VolumesNotBound

log = logging.getLogger(__name__)

NAMES = frozenset({DEFAULT_SCHEDULER, *SCHEDULERS})
BINDS_IN_FLIGHT = 256  # what one group commit of the store can take; more would only wait there
DECISIONS_IN_A_ROW = 64  # then others get the loop: at some 20 us each that is about a millisecond
RETELL_SECONDS = 10.0  # how old the message of a waiting pod may get while nodes come and go
FIRST_ASK_SECONDS, LAST_ASK_SECONDS = 0.05, 5.0  # between questions after a failed binding, doubling


class Scheduler:
    """Schedules the pods of `default-scheduler` and of the names that choose a profile. `profile_name` is `pack` or
    `spread`; ValueError for another. `extensions` are named plugins (`core/extensions.py`). `informers` are those of
    the process, which whoever made them closes; a scheduler by itself has its own."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        profile_name: str = "pack",
        extensions: Sequence[tuple[str, object]] = (),
        informers: SharedInformers | None = None,
    ) -> None:
        self._client = client
        self._clock = clock
        self._profile = extend(profile(profile_name), extensions)
        self._state = ClusterState()
        self._rows = Rows(self._state, self._profile)
        self._queue = SchedulingQueue()
        self._classes = Classes(annotations=bool(extensions))
        self._owns_informers = informers is None
        self._informers = informers or SharedInformers(client, clock)
        self._nodes = self._informers.get(NODES)
        self._pods = self._informers.get(PODS)
        self._namespaces = self._informers.get(NAMESPACES)
        self._events = Recorder(client, clock, DEFAULT_SCHEDULER)
        self._preemptor = Preemptor(client, clock, self._state, self._informers, self._events)
        self._teller = Teller(client, clock, self._pods, self._queue, self._events, self._preemptor.node_of)
        self._tasks = Tasks("scheduler")
        self._binds = Tasks("scheduler/bind")
        self._room = asyncio.Semaphore(BINDS_IN_FLIGHT)
        self._wake = asyncio.Event()
        self._retries: WorkQueue[Key] = WorkQueue(clock, "scheduler-retry")
        self._told_at = -1
        self._volumes = VolumeBinder(client, clock, self._informers, self._state.where, self._volumes_changed)
        self._volumes_stale = False
        self._parked_stale = False
        self._refused: WeakKeyDictionary[PodClass, tuple[int, str]] = WeakKeyDictionary()

    def start(self) -> None:
        self._namespaces.listen(self._namespace_changed)
        self._nodes.listen(self._node_changed)
        self._pods.listen(self._pod_changed)
        self._volumes.start()
        self._informers.start()
        self._events.start()
        self._tasks.start("decide", self._run())
        self._tasks.start("retry", self._retry_loop())
        self._tasks.start("retell", self._retell_loop())
        self._teller.start()

    async def close(self) -> None:
        """Stop deciding; bindings on their way are abandoned, the API knows which arrived."""
        await self._tasks.close()
        await self._binds.close()
        await self._preemptor.close()
        await self._teller.close()
        await self._retries.close()
        await self._events.close()
        if self._owns_informers:
            await self._informers.close()

    # What the mirrors say

    def _namespace_changed(self, old: Object | None, new: Object | None) -> None:
        changed = new if new is not None else old
        if changed is not None and self._state.set_namespace(name(changed), None if new is None else labels(new)):
            self._look_again()

    def _node_changed(self, old: Object | None, new: Object | None) -> None:
        if new is None:
            if old is not None:
                self._state.remove_node(name(old))
        else:
            try:
                changed = self._state.set_node(NodeFacts.of(new))
            except (ValueError, KeyError) as error:
                log.warning("node %s is left out, its object cannot be read: %s", name(new), error)
                self._state.remove_node(name(new))
                changed = True
            if not changed:
                return
        self._look_again()

    def _pod_changed(self, old: Object | None, new: Object | None) -> None:
        if old is not None and (new is None or uid(new) != uid(old)):
            self._forget(uid(old))
        if new is None:
            return
        if is_terminal(new):
            self._forget(uid(new))
            return
        try:
            info = self._info(new)
        except (ValueError, KeyError) as error:
            log.warning("pod %s is left out, its spec cannot be read: %s", key(new), error)
            return
        if node_name(new):
            self._queue.remove(info.uid)
            self._retries.forget(info.key)
            self._preemptor.bound(info.uid)
            if self._state.place(info, node_name(new)):
                self._look_again()
        else:
            self._offer(new, info)

    def _info(self, pod: Object) -> PodInfo:
        return self._classes.info(pod, self._volumes.needs(pod))

    def _look_again(self) -> None:
        """Pods that fitted nowhere may fit now. A pod more that waits changes nothing for them: with thousands that
        do, looking at all for each would stop everything else."""
        self._parked_stale = True
        self._wake.set()

    def _volumes_changed(self) -> None:
        self._volumes_stale = True
        self._look_again()

    def _look_at_volumes(self) -> None:
        """Pods that wait with claims: what they ask of a node has changed with claims, volumes or other pods."""
        self._volumes_stale = False
        for waiting in list(self._queue):
            pod = self._pods.get(waiting.key)
            if pod is not None and uid(pod) == waiting.uid and storage.claim_names(pod):
                self._pod_changed(None, pod)

    def _forget(self, pod_uid: str) -> None:
        self._queue.remove(pod_uid)
        if self._preemptor.withdraw(pod_uid) or self._state.remove(pod_uid):
            self._volumes_stale = True  # a claim that it used may be free now
            self._look_again()

    def _offer(self, pod: Object, info: PodInfo) -> None:
        """Queue a pod that has no node, unless it is ending, held back, another scheduler's or being bound."""
        if is_deleting(pod) or (pod["spec"].get("schedulerName") or DEFAULT_SCHEDULER) not in NAMES:
            self._forget(info.uid)
            return
        if info.gated:
            self._queue.remove(info.uid)
            self._teller.hold_back(info)
            return
        reserved = self._preemptor.node_of(info.uid)
        if self._state.where(info.uid) is None or reserved:
            if reserved or info.nominated:
                self._preemptor.nominate(info, reserved or info.nominated)
            self._queue.add(info)
            self._wake.set()

    # Decisions

    async def _run(self) -> None:
        await self._namespaces.synced.wait()
        await self._nodes.synced.wait()
        await self._pods.synced.wait()
        await self._volumes.synced()
        self._volumes_stale = True
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._volumes_stale:
                self._look_at_volumes()
            for pod in self._preemptor.ready(self._profile):
                self._queue.wake_one(pod.uid)
            if self._parked_stale:
                self._parked_stale = False
                for kind in self._queue.parked_classes():
                    if self._rows.choose(kind) is not None:
                        self._queue.wake(kind)
            placed = await self._drain()
            # A pod that was placed may be the company that another waits for, or even out what another spreads over.
            if placed and any(kind.pod_affinity.required or kind.spread for kind in self._queue.parked_classes()):
                self._look_again()

    async def _drain(self) -> int:
        """Decide on all that is queued; how many pods got a node."""
        decided = placed = 0
        while True:
            # Room first: a pod that was taken from the queue could vanish while we wait.
            await self._room.acquire()
            pod = self._queue.pop()
            if pod is None:
                self._room.release()
                return placed
            bound = self._decide(pod)
            decided += 1
            placed += bound
            if not bound:
                self._room.release()
            # Looking for victims takes milliseconds, after which others get the loop at once.
            if not bound or decided % DECISIONS_IN_A_ROW == 0:
                await asyncio.sleep(0)

    def _decide(self, pod: PodInfo) -> bool:
        """Find a node for the pod and begin to bind it; False when there is none. What fails unforeseen costs this pod
        its turn, and no other."""
        try:
            chosen = self._choose(pod)
            if chosen is None:
                self._refuse(pod)
                return False
        except Exception:
            log.exception("pod %s cannot be scheduled for an unforeseen reason", pod.key)
            self._queue.park(pod)
            self._teller.refuse(pod, "the scheduler failed on this pod; the log of the control plane has the reason")
            return False
        self._state.place(pod, chosen)
        self._binds.start(f"{pod.key}", self._bind(pod, chosen))
        return True

    def _choose(self, pod: PodInfo) -> str | None:
        """The node that victims left to the pod when it fits there, else the best one."""
        reserved = self._preemptor.withdraw(pod.uid)
        if not reserved:
            return self._rows.choose(pod.kind)
        node = self._state.node(reserved)
        if node is not None and Evaluation(pod.kind, self._state, self._profile).fits(node):
            return reserved
        chosen = self._rows.choose(pod.kind)
        if chosen is None and node is not None:
            self._preemptor.nominate(pod, reserved)
        return chosen

    def _refuse(self, pod: PodInfo) -> None:
        """No node will do: make room if that is right, park the pod and tell it."""
        known = self._refused.get(pod.kind)
        if known is not None and known[0] == self._state.log.position:
            message = known[1]
        else:
            way, message = self._look_for_room(pod)
            if isinstance(way, Preemption):
                if not self._preemptor.carry_out(pod, way):
                    self._queue.add(pod)
                    self._wake.set()
                    return
            else:
                self._refused[pod.kind] = (self._state.log.position, message)
        self._queue.park(pod)
        self._teller.refuse(pod, message)

    def _look_for_room(self, pod: PodInfo) -> tuple[Preemption | str, str]:
        """What preemption could do, and the message that the pod gets."""
        if pod.kind.volumes.blocked:
            return "", blocked(pod.kind.volumes.blocked, len(self._state))
        reserved = self._preemptor.withdraw(pod.uid)
        refusals = first_refusals(Evaluation(pod.kind, self._state, self._profile), self._state)
        way = self._preemptor.attempt(replace(pod, nominated=reserved), self._profile, refusals)
        if reserved:
            self._preemptor.nominate(pod, reserved)
        said = "" if isinstance(way, Preemption) else way
        return way, summary(refusals, len(self._state), said, devices=pod.kind.volumes.devices)

    async def _bind(self, pod: PodInfo, node: str) -> None:
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod.key.name, "namespace": pod.key.namespace, "uid": pod.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        try:
            if pod.kind.volumes is not NONE:
                await self._bind_volumes(pod, node)
            await self._client.post(PODS, pod.key.name, "binding", body, pod.key.namespace)
        except (ApiError, TimeoutError, OSError, VolumesNotBound) as error:
            level = logging.DEBUG if isinstance(error, Conflict | NotFound) else logging.WARNING
            log.log(level, "binding %s to %s failed: %s", pod.key, node, error)
            await self._undo(pod)
        else:
            obj = self._pods.get(pod.key)
            self._queue.remove(pod.uid)
            self._retries.forget(pod.key)
            if obj is not None:
                self._events.normal(PODS, obj, "Scheduled", f"Successfully assigned {pod.key} to {node}")
        finally:
            self._room.release()

    async def _bind_volumes(self, pod: PodInfo, node: str) -> None:
        """Others may bind meanwhile: a provisioner that never answers must not keep pods without claims waiting."""
        obj, place = self._pods.get(pod.key), self._state.node(node)
        if obj is None or place is None:
            raise VolumesNotBound(f"pod or node {node} went meanwhile")
        self._room.release()
        try:
            await self._volumes.bind(obj, place.labels, node)
        finally:
            await self._room.acquire()

    async def _undo(self, pod: PodInfo) -> None:
        """Take the reservation back once the API has said where the pod is: a binding whose answer was lost may hold,
        and its room must not be given away before the mirror shows it."""
        failures = 0
        while True:
            try:
                found = await self._client.get(PODS, pod.key.name, pod.key.namespace)
            except NotFound:
                break
            except (ApiError, TimeoutError, OSError):
                await self._clock.sleep(min(FIRST_ASK_SECONDS * 2.0**failures, LAST_ASK_SECONDS))
                failures = min(failures + 1, 16)
            else:
                if uid(found) == pod.uid and node_name(found):
                    self._state.place(pod, node_name(found))
                    return
                break
        self._state.remove(pod.uid)
        self._retries.retry(pod.key)
        self._look_again()

    async def _retry_loop(self) -> None:
        while True:
            pod_key = await self._retries.get()
            pod = self._pods.get(pod_key)
            if pod is None:
                self._retries.forget(pod_key)
            elif not node_name(pod):
                self._pod_changed(None, pod)
            self._retries.done(pod_key)

    # What waiting pods are told

    async def _retell_loop(self) -> None:
        while True:
            await self._clock.sleep(RETELL_SECONDS)
            if self._told_at == self._state.log.position:
                continue
            for kind in self._queue.parked_classes():
                self._retell(self._queue.parked(kind))
                await asyncio.sleep(0)
            self._told_at = self._state.log.position

    def _retell(self, pods: list[PodInfo]) -> None:
        """Bring parked pods of one class up to date; when they could displace others by now they are tried again."""
        waiting = [pod for pod in pods if not self._preemptor.node_of(pod.uid)]
        for pod in waiting[:1] + [pod for pod in pods if pod not in waiting]:
            way, message = self._look_for_room(pod)
            if isinstance(way, Preemption):
                self._queue.wake_one(pod.uid)
                self._wake.set()
            else:
                for other in waiting if pod in waiting else [pod]:
                    self._teller.refuse(other, message)

    def explain(self, pod: Object) -> Object:
        """An Explanation (docs/architecture.md): the verdict on every node. A pod that runs is judged as if anew."""
        info = self._info(pod)
        nodes = verdicts(info, self._state, self._profile)
        return {
            "kind": "Explanation",
            "apiVersion": "quarterdeck.io/v1",
            "pod": {field: metadata(pod).get(field, "") for field in ("namespace", "name", "uid")},
            "message": self._conclusion(pod, info, sum(node["fits"] for node in nodes)),
            "nodes": nodes,
        }

    def fit(self, pod: Object, replicas: int) -> Object:
        """The status of a Fit (docs/architecture.md): where that many pods of this kind would land."""
        owner = {"kind": "Fit", "name": name(pod), "uid": uid(pod), "controller": True}
        one = {**pod, "metadata": {**metadata(pod), "ownerReferences": [owner]}}
        info = self._info(one)
        return fit(
            [replace(info, uid=f"{info.uid}/{index}") for index in range(replicas)],
            self._state,
            self._rows,
            self._profile,
        )

    def moves(self, node: str, pods: Sequence[Object]) -> list[Object]:
        """Where pods of a node would land if it took none: `moves` of a Fit (docs/architecture.md)."""
        return moves([self._info(pod) for pod in pods], node, self._state, self._profile)

    def _conclusion(self, pod: Object, info: PodInfo, fitting: int) -> str:
        if node_name(pod):
            return f"{info.key} is assigned to {node_name(pod)}"
        if info.gated:
            return GATED
        if reserved := self._preemptor.node_of(info.uid):
            return f"{info.key} waits for pods of lower priority to leave {reserved}"
        if fitting:
            return f"{fitting}/{len(self._state)} nodes are available."
        return self._look_for_room(info)[1]
