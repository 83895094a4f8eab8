"""Restarting a whole pod in place, when a container ends as one of its rules with `RestartAllContainers` says.

Whatever runs is killed at once, without hooks and grace; then all begin anew in the same sandbox with the same volumes,
init containers first, whatever their own policies say. Nothing of it is kept in a file: an agent that restarts in the
middle finds the container that asked for it dead, and begins again.
"""

from __future__ import annotations

from .container import ContainerTrack, Phase
from .instructions import RemoveContainer
from .spec import RESTART_ALL, ContainerKind, rule_action
from .stopping import stop
from .turn import PodState, Turn

_RESTARTED = (ContainerKind.INIT, ContainerKind.SIDECAR, ContainerKind.APP)


def advance(turn: Turn) -> None:
    """Begin a restart that a dead container asks for, and go on with one that is under way."""
    state = turn.state
    if state.ending is not None or not state.observed or not state.engine_up:
        return
    if not state.restarting:
        state.restarting = any(_asks(track) for track in state.containers.values())
    if not state.restarting:
        return
    tracks = state.of_kind(*_RESTARTED)
    for track in tracks:
        if track.phase is Phase.RUNNING:
            stop(turn, track, 0.0, f"Stopping container {track.name}")
    if not any(track.up for track in tracks):
        _begin_anew(turn, tracks)


def _begin_anew(turn: Turn, tracks: list[ContainerTrack]) -> None:
    state = turn.state
    state.restarting = state.initialised = False
    for track in tracks:
        if track.phase is not Phase.DEAD:
            continue
        if _asks(track) and track.ended is not None and track.ended.id:
            # What is left of it would ask again when another agent looks at it.
            turn.say(RemoveContainer(track.ended.id))
        track.must_restart = True


def _asks(track: ContainerTrack) -> bool:
    if track.phase is not Phase.DEAD or track.ended is None or track.must_restart:
        return False
    return rule_action(track.spec, track.ended.exit_code) == RESTART_ALL


def could_restart(state: PodState) -> bool:
    """Whether any container has such a rule."""
    return any(
        rule.get("action") == RESTART_ALL
        for track in state.containers.values()
        for rule in track.spec.get("restartPolicyRules") or ()
    )
