"""Stopping one container: preStop hook, stop signal, SIGKILL when the grace period is over."""

from __future__ import annotations

from .container import ContainerTrack, Phase, Stop
from .instructions import RunHook, StopContainer
from .turn import Turn

MIN_GRACE = 2.0  # seconds that a process gets after its preStop hook has used up the grace period (as kubelet)
KILL_RETRY = 5.0  # a process that survives SIGKILL hangs in the kernel: ask again, but rarely


def stop(turn: Turn, track: ContainerTrack, grace: float, message: str) -> None:
    """Begin to stop a running container; one that is being stopped already only gets an earlier deadline."""
    if track.phase is not Phase.RUNNING:
        return
    deadline = turn.now.mono + grace
    if track.stop is not None:
        track.stop.deadline = min(track.stop.deadline, deadline)
        return
    turn.normal("Killing", message, track)
    track.stop = Stop(deadline)
    if grace <= 0:
        _kill(turn, track, track.stop)
    elif track.lifecycle("preStop"):
        turn.say(RunHook(track.name, track.attempt, track.id, "preStop", grace))
    else:
        _signal(turn, track, track.stop)


def hook_done(turn: Turn, track: ContainerTrack, error: str) -> None:
    if error:
        turn.warn("FailedPreStopHook", "PreStopHook failed", track)
    if track.stop is not None and track.stop.stage == "hook":
        track.stop.deadline = max(track.stop.deadline, turn.now.mono + MIN_GRACE)
        _signal(turn, track, track.stop)


def advance(turn: Turn, track: ContainerTrack) -> None:
    """Go on with a stop whose time has come."""
    if track.stop is None or not turn.state.engine_up:
        return
    stopping = track.stop
    match stopping.stage:
        case "hook" if turn.due(stopping.deadline):
            hook_done(turn, track, "")
        case "due" if turn.due(stopping.retry_at):
            _signal(turn, track, stopping)
        case "signalled" if turn.due(stopping.deadline):
            _kill(turn, track, stopping)
        case "killed" if turn.due(stopping.retry_at):
            _kill(turn, track, stopping)


def failed(turn: Turn, track: ContainerTrack) -> None:
    """The engine did not take it: again in a second."""
    if track.stop is not None and track.stop.stage in {"signalled", "killed"}:
        if track.stop.stage == "signalled":
            track.stop.stage = "due"
        track.stop.retry_at = turn.now.mono + 1.0


def _signal(turn: Turn, track: ContainerTrack, stopping: Stop) -> None:
    stopping.stage = "signalled"
    turn.say(StopContainer(track.name, track.attempt, track.id))
    turn.due(stopping.deadline)


def _kill(turn: Turn, track: ContainerTrack, stopping: Stop) -> None:
    stopping.stage = "killed"
    stopping.retry_at = turn.now.mono + KILL_RETRY
    turn.say(StopContainer(track.name, track.attempt, track.id, kill=True))
    turn.due(stopping.retry_at)
