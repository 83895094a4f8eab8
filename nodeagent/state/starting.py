"""Towards running: volumes, sandbox, init containers in order, app containers, restarts with back-off."""

from __future__ import annotations

from collections.abc import Iterator

from . import resize
from .container import ContainerTrack, Phase
from .instructions import EnsureImage, PrepareVolumes, RemoveContainer, ResetSandbox, StartContainer, StartSandbox
from .spec import ContainerKind, container_hash, grace_seconds, wants_restart
from .stopping import stop
from .turn import PodState, SandboxPhase, Turn


def advance(turn: Turn) -> None:
    """Plan whatever the pod needs next on its way to run, or to go on running."""
    state = turn.state
    if not state.engine_up or state.restarting:
        return
    if not state.volumes.busy and not state.volumes.done and turn.due(state.volumes.retry_at):
        state.volumes.begin()
        turn.say(PrepareVolumes())
    sandbox_up = _sandbox(turn)
    if state.sandbox.phase in {SandboxPhase.LOST, SandboxPhase.RESETTING}:
        return
    for track in _eligible(state):
        _container(turn, track, may_start=sandbox_up and state.volumes.done and not _held_back(state, track))


def _sandbox(turn: Turn) -> bool:
    state, sandbox = turn.state, turn.state.sandbox
    match sandbox.phase:
        case SandboxPhase.NONE if state.volumes.done and turn.due(sandbox.step.retry_at):
            sandbox.phase = SandboxPhase.STARTING
            turn.say(StartSandbox(sandbox.attempt))
        case SandboxPhase.LOST:
            _leave_lost_sandbox(turn)
    return sandbox.phase is SandboxPhase.RUNNING


def _leave_lost_sandbox(turn: Turn) -> None:
    # The network namespace is gone for good: what still runs in it cannot be reached and has to start again.
    state, sandbox = turn.state, turn.state.sandbox
    for track in state.containers.values():
        if track.phase is Phase.RUNNING:
            stop(turn, track, grace_seconds(state.pod), f"Stopping container {track.name}")
    if not state.any_up and turn.due(sandbox.step.retry_at):
        sandbox.phase = SandboxPhase.RESETTING
        turn.say(ResetSandbox(sandbox.id))


def _eligible(state: PodState) -> Iterator[ContainerTrack]:
    """Containers whose turn it is: those that look into the pod at any time, sidecars so far and the first unfinished
    init container, then all the rest."""
    yield from state.of_kind(ContainerKind.EPHEMERAL)
    for track in state.inits:
        if track.kind is ContainerKind.SIDECAR or not state.initialised:
            yield track
        if not state.initialised and not _init_done(track):
            return
    state.initialised = True
    yield from state.apps


def _init_done(track: ContainerTrack) -> bool:
    if track.kind is ContainerKind.SIDECAR:
        return track.phase is Phase.RUNNING and track.started and not track.hook.busy
    return track.ready and not track.must_restart


def _held_back(state: PodState, track: ContainerTrack) -> bool:
    """A postStart hook holds back the containers after it until it is through, as in Kubernetes."""
    for other in state.apps:
        if other is track or track.kind is not ContainerKind.APP:
            return False
        pending = other.phase is not Phase.DEAD and not other.image.failures
        if other.lifecycle("postStart") and not other.hook.done and pending:
            return True
    return False


def restarts(state: PodState, track: ContainerTrack) -> bool:
    """Whether a dead container is to run again."""
    if track.ended is None or track.must_restart:
        return True
    return wants_restart(track.kind, track.spec, state.pod, track.ended.exit_code)


def _container(turn: Turn, track: ContainerTrack, *, may_start: bool) -> None:
    if track.phase is Phase.RUNNING:
        _replace_outdated(turn, track)
        resize.advance(turn, track)
        return
    if track.phase is Phase.DEAD and not _restart(turn, track):
        return
    if track.phase is not Phase.WAITING or not _image(turn, track) or not may_start:
        return
    if turn.due(track.start.retry_at):
        track.phase = Phase.STARTING
        track.start.begin()
        turn.say(StartContainer(track.name, track.attempt))


def _restart(turn: Turn, track: ContainerTrack) -> bool:
    """Rearm a dead container when its back-off is over."""
    state = turn.state
    if track.ended is None or not restarts(state, track):
        return False
    if not track.must_restart and not turn.due(track.crash.restart_at(track.ended.at)):
        where = f"container={track.name} pod={state.describe()}"
        track.waiting = ("CrashLoopBackOff", f"back-off {_duration(track.crash.delay)} restarting failed {where}")
        if not track.backoff_said:
            track.backoff_said = True
            turn.warn("BackOff", f"Back-off restarting failed container {track.name} in pod {state.describe()}", track)
        return False
    track.crash.restarted(turn.now)
    track.backoff_said = False
    unwanted = track.rearm()
    if unwanted:
        turn.say(RemoveContainer(unwanted))
    return True


def _image(turn: Turn, track: ContainerTrack) -> bool:
    """Whether the image is here; asks for it when it is time to."""
    if track.image.done or track.image.busy:
        return track.image.done
    if turn.due(track.image.retry_at):
        track.image.begin()
        turn.say(EnsureImage(track.name, str(track.spec.get("image", ""))))
    elif track.waiting[0] == "ErrImagePull" and turn.due(track.pull_error_until):
        image = track.spec.get("image", "")
        track.waiting = ("ImagePullBackOff", f'Back-off pulling image "{image}": {track.waiting[1]}')
        turn.normal("BackOff", f'Back-off pulling image "{image}"', track)
        turn.warn("Failed", "Error: ImagePullBackOff", track)
    return False


def _replace_outdated(turn: Turn, track: ContainerTrack) -> None:
    if track.stop is None and track.run_hash != container_hash(track.spec):
        track.must_restart = track.replaced = True
        message = f"Container {track.name} definition changed, will be restarted"
        stop(turn, track, grace_seconds(turn.state.pod), message)


def _duration(seconds: float) -> str:
    """Go's way to print one: 10s, 1m20s, 5m0s."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
