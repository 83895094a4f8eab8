"""All pods of this node: one machine each, fed from the assignment and the engine, its instructions carried out.

Each pod's events are handled one after another on the event loop; instructions run as tasks beside each other. What is
found in the engine is compared with the assignment whenever the engine's event stream (re)starts, so that no event is
needed for correctness, only for speed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TypeVar

from common.aio import Tasks
from common.api import meta, pods
from common.api.meta import Object, format_time
from common.clock import Clock

from . import found as found_in
from .assignment import Assignment, Change
from .executor import Executor, Surface
from .reports import Reports
from .resizes import Resizes
from .runtime.base import ContainerInfo, ContainerState, EngineEvent, RuntimeFailure
from .state import events
from .state import instructions as do
from .state.admission import admit
from .state.events import Event
from .state.machine import PodMachine
from .state.moment import Moment
from .volumes import follows_objects

log = logging.getLogger(__name__)
T = TypeVar("T")
MAX_EARLY_DEATHS = 1000
LOOK_AGAIN_SECONDS = 1.0  # after a look at the engine that failed
KILLED = 137


class PodRunner:
    """One pod: its machine, the tasks of its instructions, and the timer for its next look at the clock."""

    def __init__(self, pod: Object, surface: Surface, host_ips: tuple[str, ...], fleet: Pods) -> None:
        self._clock: Clock = surface.clock
        self._fleet = fleet
        self.machine = PodMachine(pod, host_ips, self._now())
        self.executor = Executor(self.machine, surface, self.tell)
        self._tasks = Tasks(f"pod/{meta.key(pod)}")
        self._timer: tuple[float, asyncio.Task[None]] | None = None
        self._reported: Object | None = None

    @property
    def uid(self) -> str:
        return meta.uid(self.machine.pod)

    def _now(self) -> Moment:
        return Moment(self._clock.now(), self._clock.monotonic())

    def tell(self, event: Event) -> None:
        """Handle one event now and begin with what follows from it."""
        instructions = self.machine.handle(event, self._now())
        if self.machine.state.reported is not self._reported:
            self._reported = self.machine.state.reported
            self._fleet.note_readiness(self.uid, self._reported)
        for instruction in instructions:
            match instruction:
                case do.EmitEvent() | do.ReportStatus() | do.ReportGone():
                    self._fleet.say(self, instruction)
                case _:
                    self._tasks.start(type(instruction).__name__, self._run(instruction))
        self._set_timer()

    async def _run(self, instruction: do.Instruction) -> None:
        answer = await self.executor.run(instruction)
        if answer is not None:
            self.tell(answer)
        if isinstance(answer, events.ContainerStarted):
            await self._fleet.catch_up(self, answer.id)

    def _set_timer(self) -> None:
        wanted = self.machine.wake_at
        if self._timer is not None:
            if wanted == self._timer[0]:
                return
            self._timer[1].cancel()
            self._timer = None
        if wanted is not None:
            self._timer = (wanted, self._tasks.start("timer", self._wake(wanted)))

    async def _wake(self, moment: float) -> None:
        await self._clock.sleep(max(moment - self._clock.monotonic(), 0.0))
        # From here on this task handles the event itself, so it must not be the one that a new timer cancels.
        self._timer = None
        self.tell(events.Tick())

    async def close(self) -> None:
        await self._tasks.close()


class Pods:
    """`node` gives the Node as assigned (empty before that), `changed` is called when a pod's readiness or the
    engine's state may have changed; `holds` says of a pod that it must not be started yet."""

    def __init__(
        self,
        surface: Surface,
        assignment: Assignment,
        reports: Reports,
        *,
        node: Callable[[], Object],
        changed: Callable[[], None],
        holds: Callable[[Object], bool] = lambda _pod: False,
    ) -> None:
        self._holds = holds
        self._surface = surface
        self._assignment = assignment
        self._reports = reports
        self._node = node
        self._changed = changed
        self._runners: dict[str, PodRunner] = {}
        self._unready: dict[str, tuple[str, ...]] = {}
        self._gone: set[str] = set()
        self._unclaimed: dict[str, list[ContainerInfo]] = {}
        self._early_deaths: OrderedDict[str, EngineEvent] = OrderedDict()
        self._oom: OrderedDict[str, None] = OrderedDict()
        self._tasks = Tasks("pods")
        self._refresh_due = asyncio.Event()
        self._resizes = Resizes(self._holding, node)
        self._looked = False
        self.engine_error = "the engine was not asked yet"
        self.engine_known = False  # `engine_error` comes from the engine: it was looked at, or found lost

    def start(self) -> None:
        """Begin to watch the engine; pods are looked at when it first answers."""
        self._assignment.listen(self._assignment_changed)
        self._tasks.start("engine", self._watch_engine())
        self._tasks.start("refresh", self._refresh_volumes())
        self._tasks.start("resizes", self._resizes.run())

    async def close(self) -> None:
        """Stop looking; containers go on."""
        await self._tasks.close()
        await asyncio.gather(*(runner.close() for runner in self._runners.values()))

    def runner(self, namespace: str, name: str) -> PodRunner | None:
        """The pod of that name; of several the one that is not being deleted."""
        found = [
            runner for runner in self._runners.values() if meta.key(runner.machine.pod) == meta.Key(namespace, name)
        ]
        return min(found, key=lambda runner: meta.is_deleting(runner.machine.pod), default=None)

    def all(self) -> list[PodRunner]:
        return list(self._runners.values())

    def unready_addresses(self) -> frozenset[str]:
        """Addresses of pods here that must not get new connections, whatever the EndpointSlices say."""
        return frozenset().union(*self._unready.values())

    def note_readiness(self, uid: str, status: Object | None) -> None:
        """The pod has that status now. Kept by pod: to look at all of them for each status of one takes too long."""
        pod: Object = {"status": status or {}}
        addresses = () if pods.is_ready(pod) else tuple(pods.ips(pod))
        if addresses:
            self._unready[uid] = addresses
        else:
            self._unready.pop(uid, None)

    def refresh_volumes(self) -> None:
        """Something that files in volumes are made of changed."""
        self._refresh_due.set()

    def with_volumes(self) -> list[Object]:
        """The pods that have their volumes and are not ending."""
        states = (runner.machine.state for runner in self._runners.values())
        return [state.pod for state in states if state.volumes.done and state.ending is None]

    def say_of(self, uid: str, kind: str, reason: str, message: str) -> None:
        """Record an event about a pod, if it is still here."""
        if (runner := self._runners.get(uid)) is not None:
            self.say(runner, do.EmitEvent(kind, reason, message))

    def evict(self, uid: str, message: str) -> None:
        """End a pod that holds more of the node than it may."""
        if (runner := self._runners.get(uid)) is not None:
            runner.tell(events.Evicted(message))

    def assigned(self) -> list[Object]:
        """The pods that this node shall run, started or not."""
        return self._assignment.objects("pods")

    def fence(self, pod_uid: str, message: str) -> None:
        """End a pod that may be replaced elsewhere."""
        if (runner := self._runners.get(pod_uid)) is not None:
            runner.tell(events.Fenced(message))

    def reconsider(self) -> None:
        """Start what was held."""
        self._sync_pods()

    # From the assignment

    def _assignment_changed(self, change: Change) -> None:
        if "cluster" in change.resources:
            self._tasks.start("look", self._look())  # the labels to look for are others now
        for uid in change.released:
            if (runner := self._runners.get(uid)) is not None:
                runner.tell(events.Released())
        if "pods" in change.resources:
            self._sync_pods()
        if change.resources & {"configmaps", "secrets", "persistentvolumeclaims", "persistentvolumes"}:
            for runner in self.all():
                runner.tell(events.ReferencesChanged())
        if change.resources & {"configmaps", "secrets", "pods"}:
            self._refresh_due.set()

    def _sync_pods(self) -> None:
        if not self._looked:
            return  # nobody knows yet what runs already; the first look at the engine comes back here
        wanted = {meta.uid(pod): pod for pod in self._assignment.objects("pods")}
        for uid in self._gone - wanted.keys():
            self._gone.discard(uid)
            self._reports.forget(uid)
        for uid, pod in sorted(wanted.items(), key=lambda item: self._turn(*item)):
            if uid not in self._gone and not self._is_held(uid, pod):
                self._assign(uid, pod)
        if self._assignment.pods_known:
            for uid in self._runners.keys() - wanted.keys():
                self._runners[uid].tell(events.Unassigned())
            self._end_strangers(wanted)
        self._resizes.look_again()

    def _turn(self, uid: str, pod: Object) -> tuple[bool, str]:
        """What was admitted has its place; of those that come together the older is admitted first, as kubelet does."""
        known = uid in self._runners or _was_admitted(pod, self._unclaimed.get(uid, []))
        return not known, str(meta.metadata(pod).get("creationTimestamp") or "")

    def _is_held(self, uid: str, pod: Object) -> bool:
        """Only what does not run: after a restart of the agent its containers go on."""
        if uid in self._runners or not self._holds(pod):
            return False
        return not any(info.state is ContainerState.RUNNING for info in self._unclaimed.get(uid, ()))

    def _assign(self, uid: str, pod: Object) -> None:
        runner = self._runners.get(uid)
        if runner is not None:
            if runner.machine.pod is not pod:
                runner.tell(events.Assigned(pod))
            return
        found = self._unclaimed.pop(uid, [])
        refusal = self._refusal(pod, found)
        runner = self._runners[uid] = PodRunner(pod, self._surface, self._surface.around().host_ips, self)
        if refusal is not None:
            runner.tell(refusal)
            return
        runner.tell(events.Assigned(pod))
        if not self.engine_error:
            self._tasks.start("observe", self._observe(runner, found))

    def _refusal(self, pod: Object, found: list[ContainerInfo]) -> events.Rejected | None:
        if _was_admitted(pod, found):
            return None
        others, apparmor = [runner.machine.allocated for runner in self._holding()], self._surface.confinement.apparmor
        refusal = admit(pod, others, self._node(), apparmor=apparmor)
        return events.Rejected(refusal.reason, refusal.message) if refusal is not None else None

    def _holding(self) -> list[PodRunner]:
        """The pods that hold resources of the node."""
        return [runner for runner in self._runners.values() if not _is_over(runner.machine.state.reported)]

    def _end_strangers(self, wanted: dict[str, Object]) -> None:
        """Containers of pods that are not assigned (any more), found in the engine: end them like deleted pods."""
        for uid in [uid for uid in self._unclaimed if uid not in wanted and uid not in self._runners]:
            found = self._unclaimed.pop(uid)
            if uid in self._gone:
                continue
            log.info("pod %s/%s is not assigned to this node: ending it", found[0].pod_namespace, found[0].pod_name)
            runner = self._runners[uid] = PodRunner(found_in.stand_in(found), self._surface, (), self)
            runner.tell(events.Unassigned())
            self._tasks.start("observe", self._observe(runner, found))

    # From the engine

    async def _watch_engine(self) -> None:
        async for event in self._surface.runtime.events():
            await self._engine_event(event)

    async def _engine_event(self, event: EngineEvent) -> None:
        match event.kind:
            case "reconnected":
                await self._look()
            case "lost":
                self._engine_lost("the Docker Engine does not answer; is dockerd running?")
            case "oom":
                _note(self._oom, event.container_id, None)
            case "die":
                self._tasks.start("death", self._death(event))

    def _engine_lost(self, why: str) -> None:
        if self.engine_error != why:
            log.warning("%s", why)
        self.engine_error, self.engine_known = why, True
        for runner in self.all():
            runner.tell(events.EngineLost())
        self._changed()

    async def _look(self) -> None:
        """Until it succeeds: an engine that refuses one answer sends no event after which to look again."""
        while True:
            try:
                await self._look_at_everything()
            except RuntimeFailure as failure:
                self._engine_lost(failure.message)
            except Exception as error:
                log.exception("what the engine has cannot be read")
                self._engine_lost(f"what the engine has cannot be read: {error}")
            else:
                return
            await self._surface.clock.sleep(LOOK_AGAIN_SECONDS)

    async def _look_at_everything(self) -> None:
        found: dict[str, list[ContainerInfo]] = {}
        for info in await self._surface.runtime.list_containers():
            found.setdefault(info.pod_uid, []).append(info)
        if self.engine_error:
            log.info("the container engine answers; it has %d containers of ours", sum(map(len, found.values())))
        for uid, infos in found.items():
            if addresses := found_in.sandbox_addresses(infos):
                self._surface.network.adopt(uid, addresses)
        self._unclaimed = {uid: infos for uid, infos in found.items() if uid not in self._runners}
        self.engine_error, self.engine_known = "", True
        self._looked = True
        for runner in self.all():
            await self._observe(runner, found.get(runner.uid, []))
        self._sync_pods()
        self._changed()

    async def _observe(self, runner: PodRunner, found: Iterable[ContainerInfo]) -> None:
        seen = []
        for info in found:
            message = await runner.executor.last_words(info) if info.state is ContainerState.EXITED else ""
            seen.append(found_in.seen(info, message))
        runner.tell(events.Observed(tuple(seen)))

    async def _death(self, event: EngineEvent) -> None:
        runner = self._runner_of(event.container_id)
        if runner is None:
            # It may have died before the call that started it has returned.
            _note(self._early_deaths, event.container_id, event)
            return
        if runner.machine.state.sandbox.id == event.container_id:
            runner.tell(events.SandboxDied(event.container_id))
            return
        track = runner.machine.state.by_id(event.container_id)
        if track is None:
            return
        oom = event.container_id in self._oom
        if event.exit_code == KILLED and not oom:
            oom = await self._oom_killed(event.container_id)
        finished = format_time(self._surface.clock.now())
        uid = meta.uid(runner.machine.pod)
        info = ContainerInfo(
            event.container_id, uid, "", "", track.name, track.attempt, ContainerState.EXITED, exit_code=event.exit_code
        )
        message = await runner.executor.last_words(info)
        runner.tell(events.ContainerDied(event.container_id, event.exit_code, finished, oom, message))

    async def _oom_killed(self, container_id: str) -> bool:
        """The engine's word; its event about it may come late, or never when the engine is going down itself."""
        try:
            info = await self._surface.runtime.inspect(container_id)
        except RuntimeFailure:
            return False
        return info is not None and info.oom_killed

    def _runner_of(self, container_id: str) -> PodRunner | None:
        for runner in self._runners.values():
            state = runner.machine.state
            if state.sandbox.id == container_id or state.by_id(container_id) is not None:
                return runner
        return None

    async def catch_up(self, runner: PodRunner, container_id: str) -> None:
        """A container was started: if it is known to have died meanwhile, say so."""
        event = self._early_deaths.pop(container_id, None)
        if event is not None:
            await self._death(event)

    # To the control plane

    def say(self, runner: PodRunner, instruction: do.EmitEvent | do.ReportStatus | do.ReportGone) -> None:
        pod = runner.machine.pod
        match instruction:
            case do.EmitEvent():
                self._reports.event(self._event(pod, instruction))
            case do.ReportStatus(status):
                self._reports.pod(meta.namespace(pod), meta.name(pod), meta.uid(pod), status)
                self._resizes.look_again()
                self._changed()
            case do.ReportGone():
                self._pod_gone(runner)

    def _pod_gone(self, runner: PodRunner) -> None:
        uid = runner.uid
        self._runners.pop(uid, None)
        self._unready.pop(uid, None)
        self._gone.add(uid)
        if self._assignment.by_uid("pods", uid) is not None:
            self._reports.gone(uid)
        else:
            self._reports.forget(uid)
        self._tasks.start("close", runner.close())
        self._resizes.look_again()
        self._changed()

    def _event(self, pod: Object, said: do.EmitEvent) -> Object:
        about: Object = {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": meta.namespace(pod),
            "name": meta.name(pod),
            "uid": meta.uid(pod),
            "resourceVersion": meta.resource_version(pod),
        }
        if said.container:
            about["fieldPath"] = _field_path(pod, said.container)
        moment = format_time(self._surface.clock.now())
        node = self._surface.around().node_name
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": meta.namespace(pod)},
            "involvedObject": about,
            "type": said.type,
            "reason": said.reason,
            "message": said.message,
            "count": 1,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "source": {"component": "kubelet", "host": node},
            "reportingComponent": "kubelet",
            "reportingInstance": node,
        }

    async def _refresh_volumes(self) -> None:
        """Files made of ConfigMaps, Secrets and pod fields follow their objects."""
        volumes = self._surface.volumes
        while volumes is not None:
            await self._refresh_due.wait()
            self._refresh_due.clear()
            for runner in self.all():
                state = runner.machine.state
                if state.volumes.done and state.ending is None and follows_objects(state.pod):
                    try:
                        await asyncio.to_thread(
                            volumes.refresh, runner.machine.pod, self._assignment, runner.executor.around()
                        )
                    except OSError as error:
                        log.warning("volumes of pod %s keep old contents: %s", meta.key(runner.machine.pod), error)


def _note(store: OrderedDict[str, T], key: str, value: T) -> None:
    store[key] = value
    while len(store) > MAX_EARLY_DEATHS:
        store.popitem(last=False)


def _was_admitted(pod: Object, found: list[ContainerInfo]) -> bool:
    """What runs already, or has run, was admitted before."""
    started = (pod.get("status") or {}).get("startTime")
    return bool(found or started) or pods.is_terminal(pod) or meta.is_deleting(pod)


def _is_over(status: Object | None) -> bool:
    return (status or {}).get("phase") in pods.TERMINAL_PHASES


def _field_path(pod: Object, container: str) -> str:
    spec = pod.get("spec") or {}
    for kind in ("initContainers", "ephemeralContainers"):
        if any(item.get("name") == container for item in spec.get(kind) or ()):
            return f"spec.{kind}{{{container}}}"
    return f"spec.containers{{{container}}}"
