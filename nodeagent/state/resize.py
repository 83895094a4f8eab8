"""Resizing containers in place: what is allocated to them, what the running ones have, and the way between.

`ContainerTrack.spec` has the resources that the node has allocated; what the pod's spec wishes beyond that waits for
the node's decision (`ResizeDecided`), which `nodeagent/resizes.py` makes. Nothing of this is kept in a file: after a
restart of the agent the reported status says what was allocated, and the engine what the containers have.
"""

from __future__ import annotations

import json

from common.api import meta, quantity
from common.api.meta import Object
from common.api.resizing import (
    CPU_PERIOD,
    DEFERRED,
    RESIZABLE,
    SHARES_PER_CORE,
    Figures,
    bounded,
    figures,
    restarts,
    same,
)

from .container import ContainerTrack
from .events import ContainerUpdated, ContainerUpdateFailed, ResizeDecided
from .instructions import UpdateContainer
from .spec import ContainerKind, containers, grace_seconds
from .stopping import stop
from .turn import PodState, Turn

RETRY_BASE, RETRY_MAX = 1.0, 30.0
_RESIZED = (ContainerKind.APP, ContainerKind.SIDECAR)
_REASONS = {DEFERRED: "ResizeDeferred"}


def allocated_at_first(pod: Object, container: Object) -> Object:
    """The container with what was allocated to it before this agent began, as far as the status tells."""
    status = pod.get("status") or {}
    shown = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    entry: Object = next((item for item in shown if item.get("name") == container.get("name")), {})
    known = {
        "requests": entry.get("allocatedResources") or {},
        "limits": (entry.get("resources") or {}).get("limits") or {},
    }
    if not any(known.values()):
        return container
    resources = _with_resizable(container.get("resources") or {}, known)
    return container if same(resources, container.get("resources") or {}) else {**container, "resources": resources}


def _with_resizable(resources: Object, other: Object) -> Object:
    """The resources with the other's cpu and memory."""
    result = dict(resources)
    for part in ("requests", "limits"):
        fixed = {name: value for name, value in (resources.get(part) or {}).items() if name not in RESIZABLE}
        amounts = fixed | {name: value for name, value in (other.get(part) or {}).items() if name in RESIZABLE}
        result.pop(part, None)
        if amounts:
            result[part] = amounts
    return result


def as_allocated(track: ContainerTrack, spec: Object) -> Object:
    """A newer definition of the container, with the resources that it has for now."""
    if track.kind not in _RESIZED:
        return spec
    return {**spec, "resources": track.spec.get("resources") or {}}


def is_wished(state: PodState) -> bool:
    """Whether the spec asks for other resources than are allocated."""
    return any(
        not same(spec.get("resources") or {}, state.containers[str(spec.get("name"))].spec.get("resources") or {})
        for kind, spec in containers(state.pod)
        if kind in _RESIZED and str(spec.get("name")) in state.containers
    )


def allocated_pod(state: PodState) -> Object:
    """The pod with the resources that it holds on the node."""
    spec = dict(state.pod.get("spec") or {})
    for name in ("containers", "initContainers"):
        if spec.get(name):
            tracks = state.containers
            spec[name] = [
                tracks[str(item.get("name"))].spec if str(item.get("name")) in tracks else item for item in spec[name]
            ]
    return {"metadata": state.pod.get("metadata") or {}, "spec": spec}


def decided(turn: Turn, event: ResizeDecided) -> None:
    """The node takes the wish on, or says why not (yet)."""
    state = turn.state
    if event.reason:
        if state.resize != (event.reason, event.message):
            state.resize = (event.reason, event.message)
            reason = _REASONS.get(event.reason, "ResizeInfeasible")
            turn.warn(reason, f"Pod resize Pending: {_story(state, event.message)}")
        return
    state.resize = ("", "")
    for kind, spec in containers(state.pod):
        track = state.containers.get(str(spec.get("name")))
        if track is not None and kind in _RESIZED:
            track.spec = {**track.spec, "resources": spec.get("resources") or {}}
            track.update.hurry()
    turn.normal("ResizeStarted", f"Pod resize started: {_story(state)}")


def _story(state: PodState, error: str = "") -> str:
    """The resize as kubelet's events tell it."""
    told: Object = {
        "containers": [
            {"name": track.name, "resources": track.spec.get("resources") or {}} for track in state.of_kind(*_RESIZED)
        ],
        "generation": meta.generation(state.pod),
    }
    if error:
        told["error"] = error
    return json.dumps(told, separators=(",", ":"))


def in_progress(state: PodState) -> bool:
    """Whether a running container has not yet what is allocated to it."""
    return any(_is_behind(track) for track in state.containers.values())


def _is_behind(track: ContainerTrack) -> bool:
    return track.actual is not None and not same(track.actual, track.spec.get("resources") or {})


def problem(state: PodState) -> str:
    """Why a container could not be resized at the last try."""
    return next((track.update_error for track in state.containers.values() if track.update_error), "")


def advance(turn: Turn, track: ContainerTrack) -> None:
    """Bring a running container to what is allocated to it: by an update, or anew when its policy says so."""
    if track.actual is None or track.stop is not None or not _is_behind(track):
        return
    wanted = track.spec.get("resources") or {}
    if restarts(track.spec, track.actual, wanted):
        track.must_restart = True
        stop(turn, track, grace_seconds(turn.state.pod), f"Container {track.name} resize requires restart")
    elif figures(track.actual) == figures(wanted):
        _arrive(turn, track, wanted)
    elif not track.update.busy and turn.due(track.update.retry_at):
        track.update.begin()
        turn.say(UpdateContainer(track.name, track.attempt, track.id, figures(track.actual), wanted))


def updated(turn: Turn, event: ContainerUpdated) -> None:
    track = turn.state.at(event.container, event.attempt)
    if track is not None and track.actual is not None:
        track.update.succeed()
        _arrive(turn, track, event.resources)


def _arrive(turn: Turn, track: ContainerTrack, resources: Object) -> None:
    behind = in_progress(turn.state)
    track.actual, track.update_error = resources, ""
    if behind and not in_progress(turn.state):
        turn.normal("ResizeCompleted", f"Pod resize completed: {_story(turn.state)}")


def update_failed(turn: Turn, event: ContainerUpdateFailed) -> None:
    track = turn.state.at(event.container, event.attempt)
    if track is None or not track.update.busy:
        return
    track.update.fail(turn.now, RETRY_BASE, RETRY_MAX)
    if track.update_error != event.message:
        track.update_error = event.message
        turn.warn("ResizeError", f"Pod resize error: {_story(turn.state, event.message)}", track)


def started(turn: Turn, track: ContainerTrack, resources: Object | None) -> None:
    """It has just been started, with these resources."""
    if track.kind in _RESIZED:
        _arrive(turn, track, track.spec.get("resources") or {} if resources is None else resources)


def found_running(state: PodState, track: ContainerTrack, has: Figures | None) -> None:
    """After a restart of the agent: what the running container has, from the engine's figures. One that has what the
    spec wishes was given it before, though nobody may have heard of it."""
    if track.kind not in _RESIZED:
        return
    wished = next((spec for _, spec in containers(state.pod) if spec.get("name") == track.name), track.spec)
    if has == figures(wished.get("resources") or {}):
        track.spec = {**track.spec, "resources": wished.get("resources") or {}}
    allocated = track.spec.get("resources") or {}
    expected = figures(bounded(allocated, state.pod))
    track.actual = allocated if has is None or has == expected else _described(allocated, expected, has)


def _described(allocated: Object, expected: Figures, has: Figures) -> Object:
    """Resources with these figures; where they are as expected, and what they do not tell, is as allocated."""
    requests, limits = dict(allocated.get("requests") or {}), dict(allocated.get("limits") or {})
    if has.shares != expected.shares:
        requests["cpu"] = quantity.format_milli(-(-has.shares * 1000 // SHARES_PER_CORE))
    if has.quota != expected.quota:
        limits["cpu"] = quantity.format_milli(has.quota * 1000 // CPU_PERIOD) if has.quota else None
    if has.memory != expected.memory:
        limits["memory"] = str(has.memory) if has.memory else None
    parts = {"requests": requests, "limits": {name: value for name, value in limits.items() if value is not None}}
    return {part: amounts for part, amounts in parts.items() if amounts}
