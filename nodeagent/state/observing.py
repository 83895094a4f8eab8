"""Comparing what the machine believes with what the engine has: after a restart of either.

A container that is found running is taken over as it is; nothing is ever restarted because the agent was.
"""

from __future__ import annotations

from common.api.meta import Object

from . import resize
from .container import ContainerTrack, Ended, Phase
from .events import Seen
from .instructions import RemoveContainer
from .moment import Moment
from .probe import READINESS, STARTUP
from .spec import container_hash
from .starting import restarts
from .turn import PodState, SandboxPhase, Stage, Turn

UNKNOWN = "ContainerStatusUnknown"
_UNKNOWN_MESSAGE = "The container could not be located when the pod was looked at. The container used to be Running"
KILLED = 137


def observe(turn: Turn, seen: tuple[Seen, ...]) -> None:
    """Take over a complete picture of the pod's containers."""
    state = turn.state
    first = not state.observed
    state.engine_up = state.observed = True
    for track in state.containers.values():
        runs = sorted((item for item in seen if item.container == track.name), key=lambda item: item.attempt)
        _container(turn, track, runs)
        if first:
            _recall_attempts(track, state.pod)
    if any(track.phase is not Phase.WAITING for track in state.apps):
        state.initialised = True
    _sandbox(turn, [item for item in seen if not item.container])


def _sandbox(turn: Turn, seen: list[Seen]) -> None:
    state, sandbox = turn.state, turn.state.sandbox
    if sandbox.phase in {SandboxPhase.STARTING, SandboxPhase.RESETTING, SandboxPhase.LOST}:
        return
    if state.ending is not None and state.ending.stage is Stage.DONE:
        return
    living = max((item for item in seen if item.running), key=lambda item: item.attempt, default=None)
    if living is not None and sandbox.phase is SandboxPhase.NONE:
        sandbox.phase, sandbox.id = SandboxPhase.RUNNING, living.id
        sandbox.attempt, sandbox.addresses = living.attempt, living.addresses
    elif living is None and (sandbox.phase is SandboxPhase.RUNNING or seen or state.any_running):
        dead = max(seen, key=lambda item: item.attempt, default=None)
        sandbox.attempt = max(sandbox.attempt, dead.attempt if dead else 0)
        lose_sandbox(turn, dead.id if dead else "")


def lose_sandbox(turn: Turn, sandbox_id: str) -> None:
    """The container that owns the pod's namespaces is dead."""
    sandbox = turn.state.sandbox
    sandbox.phase, sandbox.id = SandboxPhase.LOST, sandbox_id
    if turn.state.ending is None:
        sandbox.addresses = ()
        turn.normal("SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")


def sandbox_gone(state: PodState) -> None:
    """The lost sandbox was removed: all starts again in a new one, init containers included."""
    sandbox = state.sandbox
    sandbox.phase, sandbox.id = SandboxPhase.NONE, ""
    sandbox.attempt += 1
    sandbox.step.succeed()
    state.volumes.done = False
    state.initialised = False
    for track in state.inits:
        track.must_restart = track.phase is Phase.DEAD
    for track in state.apps:
        # It did not crash, its namespaces went: no back-off, but only what the policy lets run again.
        track.must_restart = track.phase is Phase.DEAD and restarts(state, track)


def _container(turn: Turn, track: ContainerTrack, runs: list[Seen]) -> None:
    if track.phase is Phase.STARTING:
        return  # its result is on the way
    latest = runs[-1] if runs else None
    if track.phase is Phase.RUNNING and (latest is None or latest.attempt <= track.attempt):
        _check_running(turn, track, next((run for run in runs if run.id == track.id), None))
    elif latest is not None and (latest.attempt > track.attempt or track.phase is Phase.WAITING):
        _take_over(turn, track, runs)


def _check_running(turn: Turn, track: ContainerTrack, run: Seen | None) -> None:
    if run is None:
        track.die(Ended(track.id, KILLED, UNKNOWN, _UNKNOWN_MESSAGE, track.started_at, turn.now.text, turn.now.mono))
    elif not run.running:
        track.die(ended(run, turn.now))


def _take_over(turn: Turn, track: ContainerTrack, runs: list[Seen]) -> None:
    latest = runs[-1]
    if latest.attempt < track.attempt:
        return
    track.attempt = latest.attempt
    if len(runs) > 1:
        track.last = ended(runs[-2], turn.now)
    if latest.created_only:
        turn.say(RemoveContainer(latest.id))
        return
    track.id, track.image_id, track.started_at = latest.id, latest.image_id, latest.started_at
    if not latest.running:
        track.die(ended(latest, turn.now))
        # It may have been stopped in order to be replaced, by an agent that did not live to do so.
        track.must_restart = latest.spec_hash != container_hash(track.spec)
        return
    track.run(latest.id, latest.started_at, latest.spec_hash, turn.now)
    track.identity = latest.identity
    resize.found_running(turn.state, track, latest.figures)
    track.image.succeed()
    track.hook.succeed()
    _recall_readiness(track, turn.state.pod)


def _recall_attempts(track: ContainerTrack, pod: Object) -> None:
    """Count on from what was reported: an attempt that could not run has left nothing in the engine."""
    entry = _previous_status(track, pod)
    count = int(entry.get("restartCount") or 0)
    if track.phase is not Phase.WAITING:
        track.attempt = max(track.attempt, count)
    elif entry.get("containerID") or "terminated" in {**entry.get("state", {}), **entry.get("lastState", {})}:
        track.attempt = max(track.attempt, count + 1)


def _previous_status(track: ContainerTrack, pod: Object) -> Object:
    status = pod.get("status") or {}
    lists = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    entries = [entry for name in lists for entry in status.get(name) or ()]
    return next((entry for entry in entries if entry.get("name") == track.name), {})


def _recall_readiness(track: ContainerTrack, pod: Object) -> None:
    """Keep the last reported readiness of the same run until a probe says something new: a restarted agent must not
    take healthy pods out of the tables."""
    entry = _previous_status(track, pod)
    if not str(entry.get("containerID", "")).endswith(track.id):
        return
    if STARTUP in track.probes and entry.get("started"):
        track.started = True
        track.probes[STARTUP].verdict = True
    if READINESS in track.probes:
        track.probes[READINESS].verdict = bool(entry.get("ready"))


def ended(run: Seen, now: Moment) -> Ended:
    """How a dead container that the engine remembers has ended."""
    return Ended(
        run.id,
        run.exit_code,
        reason_of(run.exit_code, oom_killed=run.oom_killed),
        run.message,
        run.started_at,
        run.finished_at,
        now.mono_of(run.finished_at),
    )


def reason_of(exit_code: int, *, oom_killed: bool) -> str:
    if oom_killed:
        return "OOMKilled"
    return "Completed" if exit_code == 0 else "Error"
