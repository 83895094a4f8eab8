"""Probes of running containers, and what their verdicts cause."""

from __future__ import annotations

from .container import ContainerTrack, Phase
from .events import ProbeDone
from .instructions import RunProbe
from .probe import LIVENESS, READINESS, STARTUP, ProbeTrack
from .spec import grace_seconds
from .stopping import stop
from .turn import Turn


def advance(turn: Turn) -> None:
    """Ask for every probe that is due."""
    for track in turn.state.containers.values():
        if track.phase is not Phase.RUNNING:
            continue
        for probe in track.probes.values():
            if not probe.busy and _active(turn, track, probe) and turn.due(probe.next_at):
                probe.begin(turn.now)
                turn.say(RunProbe(track.name, track.attempt, track.id, probe.kind))


def _active(turn: Turn, track: ContainerTrack, probe: ProbeTrack) -> bool:
    if probe.kind == READINESS:
        # Goes on while the pod ends, so that its condition stays true to the end.
        return track.started
    if probe.held or track.stop is not None or turn.state.ending is not None:
        return False
    return track.started is (probe.kind == LIVENESS)


def done(turn: Turn, track: ContainerTrack, event: ProbeDone) -> None:
    """Take the result of a probe of the current run."""
    probe = track.probes.get(event.kind)
    if probe is None or track.phase is not Phase.RUNNING:
        return
    title = event.kind.capitalize()
    if event.success is None:
        turn.warn("Unhealthy", f"{title} probe errored and resulted in unknown state: {event.message}", track)
    elif not event.success:
        turn.warn("Unhealthy", f"{title} probe failed: {event.message}", track)
    elif event.doubtful:
        turn.warn("ProbeWarning", f"{title} probe warning: {event.message}", track)
    failed = probe.finish(event.success)
    if event.kind == STARTUP and probe.verdict and not track.started:
        track.started = True
        for other in track.probes.values():
            other.next_at = min(other.next_at, turn.now.mono) if other.kind == READINESS else other.next_at
    if failed and event.kind in {STARTUP, LIVENESS} and turn.state.ending is None:
        seconds = (track.spec.get(f"{event.kind}Probe") or {}).get("terminationGracePeriodSeconds")
        grace = grace_seconds(turn.state.pod) if seconds is None else float(seconds)
        stop(turn, track, grace, f"Container {track.name} failed {event.kind} probe, will be restarted")
