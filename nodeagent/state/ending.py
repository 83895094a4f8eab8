"""A pod's end: tables first, then connections, then hooks and signals, then what is left on the host.

The order is the contract of docs/architecture.md, "A pod's end": SIGTERM before the tables have lost the pod would
fail requests of clients that did nothing wrong.
"""

from __future__ import annotations

from common.api.meta import parse_time

from .container import ContainerTrack, Phase
from .instructions import Drain, ReportGone, TearDown
from .moment import Moment
from .spec import ContainerKind, grace_seconds, host_network
from .starting import restarts
from .stopping import stop
from .turn import Ending, PodState, SandboxPhase, Stage, Turn, Why

RELEASE_SECONDS = 3.0  # a lost console must not hold a pod longer; a living one answers within 2 s
DRAIN_SHARE = 1 / 3  # of the grace period, for established connections to end
TEARDOWN_RETRY = 2.0
TEARDOWN_RETRY_MAX = 60.0

_RANK = {Why.FINISHED: 0, Why.FAILED: 1, Why.DELETED: 2, Why.UNASSIGNED: 3}


def request(turn: Turn, why: Why, grace: float) -> None:
    """Let the pod end for that reason. A repeated request may shorten the grace period, never lengthen it."""
    state, now = turn.state, turn.now
    deadline = now.mono + grace
    if state.ending is None:
        state.ending = Ending(why, grace, deadline)
        if state.ending.final and state.any_up and state.ever_ready and not host_network(state.pod):
            state.ending.stage = Stage.RELEASE
            state.ending.stage_until = min(now.mono + RELEASE_SECONDS, now.mono + grace / 2)
        return
    ending = state.ending
    if deadline < ending.deadline:
        ending.deadline, ending.grace = deadline, grace
        ending.stage_until = min(ending.stage_until, now.mono + grace / 2)
        for track in state.containers.values():
            if track.stop is not None:
                track.stop.deadline = min(track.stop.deadline, deadline)
    if _RANK[why] > _RANK[ending.why]:
        ending.why = why
        _sweep_what_was_kept(ending)


def _sweep_what_was_kept(ending: Ending) -> None:
    # A pod that ended by itself keeps its containers for their logs; when it is deleted after that, they go too.
    if ending.stage is Stage.DONE and ending.final and ending.kept:
        ending.stage = Stage.TEARDOWN


def released(turn: Turn) -> None:
    ending = turn.state.ending
    if ending is not None and ending.stage is Stage.RELEASE:
        _drain(turn, ending)


def drained(turn: Turn) -> None:
    ending = turn.state.ending
    if ending is not None and ending.stage is Stage.DRAIN:
        ending.stage = Stage.STOP


def advance(turn: Turn) -> None:
    """Go on with the ending as far as it can now."""
    ending = turn.state.ending
    if ending is None:
        return
    if ending.stage is Stage.RELEASE and (not turn.state.any_up or turn.due(ending.stage_until)):
        _drain(turn, ending)
    if ending.stage is Stage.DRAIN and (not turn.state.any_up or turn.due(ending.stage_until)):
        ending.stage = Stage.STOP
    if ending.stage is Stage.STOP and turn.state.engine_up:
        _stop_all(turn, ending)
    if ending.stage is Stage.TEARDOWN and turn.state.engine_up:
        _tear_down(turn, ending)


def _drain(turn: Turn, ending: Ending) -> None:
    addresses = turn.state.sandbox.addresses
    if not addresses:
        ending.stage = Stage.STOP
        return
    seconds = min(ending.grace * DRAIN_SHARE, max(ending.deadline - turn.now.mono, 0.0))
    ending.stage, ending.stage_until = Stage.DRAIN, turn.now.mono + seconds
    turn.say(Drain(addresses, seconds))


def _stop_all(turn: Turn, ending: Ending) -> None:
    """App and init containers together, sidecars after them in reverse order; all at once past the deadline."""
    state = turn.state
    grace = max(ending.deadline - turn.now.mono, 0.0)
    others = state.of_kind(ContainerKind.APP, ContainerKind.INIT, ContainerKind.EPHEMERAL)
    for track in others:
        _stop(turn, track, grace)
    sidecars = [track for track in reversed(state.of_kind(ContainerKind.SIDECAR)) if track.up]
    late = bool(sidecars) and turn.due(ending.deadline)
    if late:
        for track in sidecars:
            _stop(turn, track, grace)
    elif sidecars and not any(track.up for track in others):
        _stop(turn, sidecars[0], grace)
    if not state.any_up and state.sandbox.phase not in {SandboxPhase.STARTING, SandboxPhase.RESETTING}:
        ending.stage = Stage.TEARDOWN


def _stop(turn: Turn, track: ContainerTrack, grace: float) -> None:
    if track.phase is Phase.RUNNING and track.stop is None:
        stop(turn, track, grace, f"Stopping container {track.name}")


def _tear_down(turn: Turn, ending: Ending) -> None:
    if not ending.step.busy and turn.due(ending.step.retry_at):
        ending.step.begin()
        ending.kept = not ending.final
        turn.say(TearDown(keep_containers=ending.kept))


def torn_down(turn: Turn, error: str) -> None:
    """The result of a TearDown."""
    state, ending = turn.state, turn.state.ending
    if ending is None or not ending.step.busy:
        return
    if error:
        ending.step.fail(turn.now, TEARDOWN_RETRY, TEARDOWN_RETRY_MAX)
        turn.warn("FailedKillPod", f"error killing pod: {error}")
        return
    ending.step.succeed()
    ending.stage = Stage.DONE
    state.sandbox.phase, state.sandbox.id = SandboxPhase.NONE, ""
    _sweep_what_was_kept(ending)


def say_gone(turn: Turn) -> None:
    """After the last status: the pod's object may go."""
    ending = turn.state.ending
    if ending is not None and ending.final and ending.stage is Stage.DONE and not turn.state.gone:
        turn.state.gone = True
        turn.say(ReportGone())


def look_for_the_end(turn: Turn) -> None:
    """A pod ends by itself when its containers are through, or when it is over its active deadline."""
    state = turn.state
    if state.ending is not None or not state.observed:
        return
    if not state.restarting and _finished(state):
        request(turn, Why.FINISHED, grace_seconds(state.pod))
    elif _over_deadline(turn, turn.now):
        state.failure = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
        turn.normal("DeadlineExceeded", "Pod was active on the node longer than specified deadline")
        request(turn, Why.FAILED, grace_seconds(state.pod))


def _finished(state: PodState) -> bool:
    failed_init = any(
        track.kind is ContainerKind.INIT
        and track.phase is Phase.DEAD
        and not track.ready
        and not restarts(state, track)
        for track in state.inits
    )
    if failed_init and not state.initialised:
        return True
    return state.initialised and all(
        track.phase is Phase.DEAD and not restarts(state, track) for track in state.apps
    )  # fmt: skip


def _over_deadline(turn: Turn, now: Moment) -> bool:
    seconds = (turn.state.pod.get("spec") or {}).get("activeDeadlineSeconds")
    if seconds is None or not turn.state.start_time:
        return False
    age = (now.wall - parse_time(turn.state.start_time)).total_seconds()
    return turn.due(now.mono + float(seconds) - age)
