"""`PodMachine`: one pod on this node. `handle(event, now)` takes what happened and returns what to do about it.

Each turn lets the event change the facts, then looks at everything once, so that nothing depends on the order in
which events arrive and a lost wake-up is repaired by the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from common.api import meta

from . import ending, events, observing, probing, resize, restartall, starting, status, stopping
from .container import ContainerTrack, Ended, Phase
from .fence import FENCE_GRACE_SECONDS
from .instructions import Instruction, ReportStatus, RunHook
from .moment import Moment
from .spec import ContainerKind, container_hash, containers, grace_seconds
from .steps import BACKOFF_BASE, BACKOFF_MAX, CrashBackoff
from .turn import Ending, PodState, SandboxPhase, Stage, Turn, Why

STORY_LENGTH = 200  # enough for the last minutes of a crash loop
RETRY_BASE = 1.0  # seconds; sandbox and start failures are mostly the engine's, and pass
RETRY_MAX = 30.0
CONFIG_RETRY_MAX = 10.0  # a missing reference is also looked at again as soon as it appears
VOLUME_RETRY_BASE = 0.5  # kubelet's base for failing mounts
VOLUME_RETRY_MAX = 120.0
PULL_ERROR_SHOWN = 2.0  # seconds that ErrImagePull is shown before its back-off is
CANNOT_RUN = 128
ENGINE_UNAVAILABLE = "EngineUnavailable"
UNASSIGNED_GRACE_MIN = 1.0  # kubelet's minimum for pods that were deleted by force
EVICTION_GRACE = 1.0  # seconds, as kubelet's immediate eviction has


class PodMachine:
    """Created by the first `Assigned` (or for what was found of an unknown pod); done when `gone`."""

    def __init__(self, pod: meta.Object, host_ips: tuple[str, ...], now: Moment) -> None:
        tracks = {
            str(container.get("name", "")): ContainerTrack(kind, resize.allocated_at_first(pod, container))
            for kind, container in containers(pod)
        }
        previous = pod.get("status") or {}
        self.state = PodState(pod=pod, containers=tracks, host_ips=host_ips)
        self.state.start_time = previous.get("startTime") or now.text
        self.state.ever_ready = status.is_ready(previous)
        if previous.get("phase") in {"Succeeded", "Failed"}:
            self._freeze(previous, now)
        self.wake_at: float | None = None
        self._story: deque[str] = deque(maxlen=STORY_LENGTH)

    def _freeze(self, previous: meta.Object, now: Moment) -> None:
        # It ended before this agent looked: it never runs again, only leftovers are put away.
        self.state.frozen = previous
        self.state.reported = previous
        self.state.ending = Ending(Why.FINISHED, 0.0, now.mono)

    @property
    def gone(self) -> bool:
        return self.state.gone

    @property
    def pod(self) -> meta.Object:
        return self.state.pod

    @property
    def allocated(self) -> meta.Object:
        """The pod with the resources that it holds on the node, whatever its spec wishes."""
        return resize.allocated_pod(self.state)

    @property
    def wishes_resize(self) -> bool:
        """Whether the node has to decide about other resources for it."""
        return self.state.ending is None and resize.is_wished(self.state)

    def handle(self, event: events.Event, now: Moment) -> list[Instruction]:
        """The instructions that follow from the event; `wake_at` says when time alone will matter next."""
        state = self.state
        if state.gone:
            return []
        turn = Turn(state, now)
        _HANDLERS[type(event)](turn, event)
        restartall.advance(turn)
        ending.look_for_the_end(turn)
        if state.ending is None:
            starting.advance(turn)
        ending.advance(turn)
        probing.advance(turn)
        for track in state.containers.values():
            stopping.advance(turn, track)
        self._report(turn)
        ending.say_gone(turn)
        self.wake_at = None if state.gone else turn.wake_at
        self._remember(event, turn)
        return turn.out

    def _report(self, turn: Turn) -> None:
        state = turn.state
        if state.frozen is not None or not (state.observed or state.rejected):
            return  # before the engine was looked at, any status would be a guess
        current = status.build(state, turn.now)
        state.ever_ready = state.ever_ready or status.is_ready(current)
        if current != state.reported:
            state.reported = current
            if state.ending is None or state.ending.why is not Why.UNASSIGNED:
                turn.say(ReportStatus(current))

    def _remember(self, event: events.Event, turn: Turn) -> None:
        if turn.out or not isinstance(event, events.Tick):
            said = ", ".join(_brief(instruction) for instruction in turn.out) or "nothing"
            self._story.append(f"{turn.now.text} {_brief(event)} -> {said}")

    def story(self) -> list[str]:
        """The last turns, oldest first: what happened and what was done about it."""
        return list(self._story)

    def validate(self) -> None:
        """Raise AssertionError, with the story, when the state contradicts itself."""
        for broken in _broken_invariants(self.state):
            raise AssertionError("\n".join([broken, *self._story]))


def _brief(item: Any) -> str:
    text = repr(item)
    return type(item).__name__ if isinstance(item, events.Assigned | ReportStatus) else text[:160]


def _broken_invariants(state: PodState) -> list[str]:
    problems = []
    for track in state.containers.values():
        if (track.phase is Phase.RUNNING) != bool(track.id and track.ended is None):
            problems.append(f"{track.name}: running and identity disagree")
        if track.stop is not None and track.phase is not Phase.RUNNING:
            problems.append(f"{track.name}: being stopped without running")
        if track.ready and track.phase is Phase.RUNNING and not track.started:
            problems.append(f"{track.name}: ready before it has started")
        if track.probes and track.phase is not Phase.RUNNING:
            problems.append(f"{track.name}: probes of a container that does not run")
        if track.start.busy != (track.phase is Phase.STARTING):
            problems.append(f"{track.name}: a start in flight and its phase disagree")
    if state.ending is not None and state.ending.stage is Stage.DONE and state.any_up:
        problems.append("ended with containers up")
    if state.gone and (state.ending is None or not state.ending.final):
        problems.append("gone without having been deleted")
    return problems


# One function an event. They change facts; what follows from them is found by the sweep in `handle`.


def _assigned(turn: Turn, event: events.Assigned) -> None:
    state = turn.state
    state.pod = event.pod
    for kind, spec in containers(event.pod):
        name = str(spec.get("name", ""))
        if kind is ContainerKind.EPHEMERAL and name not in state.containers:
            state.containers[name] = ContainerTrack(kind, spec)
        track = state.containers.get(name)
        if track is None:
            continue
        if track.spec.get("image") != spec.get("image"):
            track.crash = CrashBackoff()  # another image may not crash
            if track.phase is Phase.WAITING:
                track.image.done = track.image.busy = False
                track.image.hurry()
        track.spec = resize.as_allocated(track, spec)
    if not resize.is_wished(state):
        state.resize = ("", "")
    if meta.is_deleting(event.pod):
        seconds = meta.metadata(event.pod).get("deletionGracePeriodSeconds")
        ending.request(turn, Why.DELETED, grace_seconds(event.pod) if seconds is None else float(seconds))


def _unassigned(turn: Turn, _: events.Unassigned) -> None:
    pod = turn.state.pod
    seconds = meta.metadata(pod).get("deletionGracePeriodSeconds")
    grace = grace_seconds(pod) if seconds is None else float(seconds)
    ending.request(turn, Why.UNASSIGNED, max(grace, UNASSIGNED_GRACE_MIN))
    ending.released(turn)


def _released(turn: Turn, _: events.Released) -> None:
    ending.released(turn)


def _rejected(turn: Turn, event: events.Rejected) -> None:
    turn.state.failure = (event.reason, f"Pod was rejected: {event.message}")
    turn.state.rejected = True
    turn.warn(event.reason, event.message)
    turn.state.ending = Ending(Why.FAILED, 0.0, turn.now.mono, stage=Stage.DONE)


def _evicted(turn: Turn, event: events.Evicted) -> None:
    if turn.state.ending is None:
        turn.state.failure = ("Evicted", event.message)
        turn.warn("Evicted", event.message)
        ending.request(turn, Why.FAILED, EVICTION_GRACE)


def _fenced(turn: Turn, event: events.Fenced) -> None:
    if turn.state.ending is None:
        turn.state.failure = ("Fenced", event.message)
        turn.warn("Fenced", event.message)
    ending.request(turn, Why.FAILED, FENCE_GRACE_SECONDS)


def _host_addresses(turn: Turn, event: events.HostAddresses) -> None:
    turn.state.host_ips = event.addresses


def _references_changed(turn: Turn, _: events.ReferencesChanged) -> None:
    turn.state.volumes.hurry()
    for track in turn.state.containers.values():
        if track.waiting[0] == "CreateContainerConfigError":
            track.start.hurry()


def _volumes_ready(turn: Turn, _: events.VolumesReady) -> None:
    turn.state.volumes.succeed()


def _volumes_failed(turn: Turn, event: events.VolumesFailed) -> None:
    turn.state.volumes.fail(turn.now, VOLUME_RETRY_BASE, VOLUME_RETRY_MAX)
    turn.warn("FailedMount", event.message)


def _sandbox_started(turn: Turn, event: events.SandboxStarted) -> None:
    sandbox = turn.state.sandbox
    if sandbox.phase is SandboxPhase.STARTING:
        sandbox.phase, sandbox.id, sandbox.addresses = SandboxPhase.RUNNING, event.id, event.addresses
        sandbox.step.succeed()


def _sandbox_failed(turn: Turn, event: events.SandboxFailed) -> None:
    sandbox = turn.state.sandbox
    if sandbox.phase is SandboxPhase.RESETTING:
        sandbox.phase = SandboxPhase.LOST
        sandbox.step.fail(turn.now, RETRY_BASE, RETRY_MAX)
    elif sandbox.phase is SandboxPhase.STARTING:
        sandbox.phase = SandboxPhase.NONE
        sandbox.step.fail(turn.now, RETRY_BASE, RETRY_MAX)
        if event.devices:
            turn.warn("FailedPrepareDynamicResources", f"Failed to prepare dynamic resources: {event.message}")
        else:
            turn.warn("FailedCreatePodSandBox", f"Failed to create pod sandbox: {event.message}")


def _sandbox_died(turn: Turn, event: events.SandboxDied) -> None:
    sandbox = turn.state.sandbox
    if sandbox.phase is SandboxPhase.RUNNING and sandbox.id == event.id:
        observing.lose_sandbox(turn, event.id)


def _sandbox_gone(turn: Turn, _: events.SandboxGone) -> None:
    if turn.state.sandbox.phase is SandboxPhase.RESETTING:
        observing.sandbox_gone(turn.state)


def _image_pulling(turn: Turn, event: events.ImagePulling) -> None:
    track = turn.state.containers.get(event.container)
    if track is not None:
        turn.normal("Pulling", f'Pulling image "{event.image}"', track)


def _wanted_image(turn: Turn, container: str, image: str) -> ContainerTrack | None:
    """The container if it still waits for that image; the result may come after a change of the pod."""
    track = turn.state.containers.get(container)
    if track is None or not track.image.busy or track.spec.get("image") != image:
        return None
    return track


def _image_ready(turn: Turn, event: events.ImageReady) -> None:
    track = _wanted_image(turn, event.container, event.image)
    if track is None:
        return
    track.image.succeed()
    track.image_id = event.image_id
    track.waiting = ("", "")
    if event.pulled_seconds is None:
        turn.normal(
            "Pulled",
            f'Container image "{event.image}" already present on machine and can be accessed by the pod',
            track,
        )
    else:
        took = f"{event.pulled_seconds:.3f}s"
        size = f" Image size: {event.size} bytes." if event.size else ""
        turn.normal(
            "Pulled", f'Successfully pulled image "{event.image}" in {took} ({took} including waiting).{size}', track
        )


def _image_failed(turn: Turn, event: events.ImageFailed) -> None:
    track = _wanted_image(turn, event.container, event.image)
    if track is None:
        return
    if event.reason == ENGINE_UNAVAILABLE:
        track.image.busy = False
        return
    track.image.fail(turn.now, BACKOFF_BASE, BACKOFF_MAX)
    track.waiting = (event.reason, event.message)
    track.pull_error_until = turn.now.mono + PULL_ERROR_SHOWN
    if event.reason == "ErrImagePull":
        turn.warn("Failed", f'Failed to pull image "{event.volume or event.image}": {event.message}', track)
    elif event.reason == "ErrImageNeverPull":
        turn.warn("ErrImageNeverPull", event.message, track)
    turn.warn("Failed", f"Error: {event.reason}", track)


def _container_started(turn: Turn, event: events.ContainerStarted) -> None:
    track = turn.state.at(event.container, event.attempt)
    if track is None or track.phase is not Phase.STARTING:
        return
    track.image_id = event.image_id or track.image_id
    track.run(event.id, event.started_at, container_hash(track.spec), turn.now)
    track.identity = event.identity
    turn.normal("Created", "Container created", track)
    turn.normal("Started", "Container started", track)
    resize.started(turn, track, event.resources)
    if track.lifecycle("postStart"):
        track.hook.begin()
        turn.say(RunHook(track.name, track.attempt, track.id, "postStart", None))


def _container_failed(turn: Turn, event: events.ContainerFailed) -> None:
    track = turn.state.at(event.container, event.attempt)
    if track is None or track.phase is not Phase.STARTING:
        return
    if event.reason == ENGINE_UNAVAILABLE:
        # Whether it was made after all, the next look at the engine tells.
        track.phase, track.start.busy = Phase.WAITING, False
        return
    turn.warn("Failed", f"Error: {event.message}", track)
    if event.reason == "RunContainerError":
        # It exists and could not run: for the restart policy that is an end like any other.
        moment = turn.now
        track.die(Ended("", CANNOT_RUN, "ContainerCannotRun", event.message, "", moment.text, moment.mono))
        return
    track.phase = Phase.WAITING
    track.waiting = (event.reason, event.message)
    limit = CONFIG_RETRY_MAX if event.reason == "CreateContainerConfigError" else RETRY_MAX
    track.start.fail(turn.now, RETRY_BASE, limit)


def _container_died(turn: Turn, event: events.ContainerDied) -> None:
    track = turn.state.by_id(event.id)
    if track is None or track.phase is not Phase.RUNNING:
        return
    reason = observing.reason_of(event.exit_code, oom_killed=event.oom_killed)
    finished = event.finished_at or turn.now.text
    track.die(Ended(event.id, event.exit_code, reason, event.message, track.started_at, finished, turn.now.mono))


def _stop_failed(turn: Turn, event: events.StopFailed) -> None:
    track = turn.state.at(event.container, event.attempt)
    if track is not None:
        stopping.failed(turn, track)


def _hook_done(turn: Turn, event: events.HookDone) -> None:
    track = turn.state.at(event.container, event.attempt)
    if track is None or track.phase is not Phase.RUNNING:
        return
    if event.hook == "preStop":
        stopping.hook_done(turn, track, event.error)
    elif track.hook.busy:
        track.hook.succeed()
        if event.error:
            turn.warn("FailedPostStartHook", "PostStartHook failed", track)
            stopping.stop(turn, track, grace_seconds(turn.state.pod), "FailedPostStartHook")


def _probe_done(turn: Turn, event: events.ProbeDone) -> None:
    track = turn.state.at(event.container, event.attempt)
    if track is not None:
        probing.done(turn, track, event)


def _drained(turn: Turn, _: events.Drained) -> None:
    ending.drained(turn)


def _torn_down(turn: Turn, _: events.TornDown) -> None:
    ending.torn_down(turn, "")


def _tear_down_failed(turn: Turn, event: events.TearDownFailed) -> None:
    ending.torn_down(turn, event.message or "unknown error")


def _engine_lost(turn: Turn, _: events.EngineLost) -> None:
    turn.state.engine_up = False


def _observed(turn: Turn, event: events.Observed) -> None:
    # Whatever failed for want of an engine need not wait any longer.
    turn.state.sandbox.step.hurry()
    observing.observe(turn, event.seen)


def _tick(turn: Turn, _: events.Tick) -> None:
    """Time is looked at in every turn."""


_HANDLERS: dict[type, Callable[[Turn, Any], None]] = {
    events.Assigned: _assigned,
    events.Unassigned: _unassigned,
    events.Released: _released,
    events.Rejected: _rejected,
    events.Evicted: _evicted,
    events.Fenced: _fenced,
    events.HostAddresses: _host_addresses,
    events.ReferencesChanged: _references_changed,
    events.VolumesReady: _volumes_ready,
    events.VolumesFailed: _volumes_failed,
    events.SandboxStarted: _sandbox_started,
    events.SandboxFailed: _sandbox_failed,
    events.SandboxDied: _sandbox_died,
    events.SandboxGone: _sandbox_gone,
    events.ImagePulling: _image_pulling,
    events.ImageReady: _image_ready,
    events.ImageFailed: _image_failed,
    events.ContainerStarted: _container_started,
    events.ContainerUpdated: resize.updated,
    events.ContainerUpdateFailed: resize.update_failed,
    events.ResizeDecided: resize.decided,
    events.ContainerFailed: _container_failed,
    events.ContainerDied: _container_died,
    events.StopFailed: _stop_failed,
    events.HookDone: _hook_done,
    events.ProbeDone: _probe_done,
    events.Drained: _drained,
    events.TornDown: _torn_down,
    events.TearDownFailed: _tear_down_failed,
    events.EngineLost: _engine_lost,
    events.Observed: _observed,
    events.Tick: _tick,
}
