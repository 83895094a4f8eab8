"""The pod's status as the API shows it, computed from what the machine knows. Pure: the same state, the same status."""

from __future__ import annotations

from common.api import meta
from common.api.meta import Object
from common.api.pods import DISRUPTED, qos_class
from common.api.resizing import IN_PROGRESS, PENDING

from . import resize, restartall
from .container import ContainerTrack, Ended, Phase
from .moment import Moment
from .spec import ContainerKind, host_network, wants_restart
from .turn import PodState, SandboxPhase, Stage

RUNTIME = "docker"


def build(state: PodState, now: Moment) -> Object:
    """The complete Pod.status. Conditions of others (readiness gates) are kept as the API has them."""
    phase = phase_of(state)
    status: Object = {
        "observedGeneration": meta.generation(state.pod),
        "phase": phase,
        "conditions": _conditions(state, phase, now),
        "startTime": state.start_time,
        "qosClass": qos_class(state.pod),
    }
    if state.failure is not None:
        status["reason"], status["message"] = state.failure
    if state.host_ips:
        status["hostIP"] = state.host_ips[0]
        status["hostIPs"] = [{"ip": address} for address in state.host_ips]
    if addresses := addresses_of(state):
        status["podIP"] = addresses[0]
        status["podIPs"] = [{"ip": address} for address in addresses]
    if state.rejected:
        return status
    if state.inits:
        status["initContainerStatuses"] = [_container_status(state, track) for track in state.inits]
    status["containerStatuses"] = [_container_status(state, track) for track in state.apps]
    if visitors := state.of_kind(ContainerKind.EPHEMERAL):
        status["ephemeralContainerStatuses"] = [_container_status(state, track) for track in visitors]
    return status


def addresses_of(state: PodState) -> tuple[str, ...]:
    """The pod's addresses; those of an ended sandbox are still shown, as kubelet does."""
    if host_network(state.pod):
        return state.host_ips if state.sandbox.id or state.ending else ()
    return state.sandbox.addresses


def phase_of(state: PodState) -> str:
    """kubelet's rules for Pending, Running, Succeeded and Failed."""
    if state.failure is not None and _stopped(state):
        return "Failed"
    apps = state.apps
    if _stopped(state):
        return "Succeeded" if apps and all(_exit(track) == 0 for track in apps) else "Failed"
    return "Running" if apps and all(_has_run(track) for track in apps) else "Pending"


def _stopped(state: PodState) -> bool:
    return state.ending is not None and state.ending.stage in {Stage.TEARDOWN, Stage.DONE}


def _has_run(track: ContainerTrack) -> bool:
    return track.phase is Phase.RUNNING or track.ended is not None or track.last is not None


def _exit(track: ContainerTrack) -> int | None:
    return track.ended.exit_code if track.ended is not None else None


def _conditions(state: PodState, phase: str, now: Moment) -> list[Object]:
    previous = (state.reported or state.pod.get("status") or {}).get("conditions") or []
    current = (state.pod.get("status") or {}).get("conditions") or []
    old = {condition.get("type"): condition for condition in previous}
    generation = meta.generation(state.pod)
    result = []
    for kind, status, reason, message in _own_conditions(state, phase):
        same = old.get(kind, {}).get("status") == status
        condition: Object = {
            "type": kind,
            "status": status,
            "observedGeneration": generation,
            "lastProbeTime": None,
            "lastTransitionTime": old[kind].get("lastTransitionTime") if same else now.text,
        }
        if reason:
            condition["reason"] = reason
        if message:
            condition["message"] = message
        result.append(condition)
    own = {condition["type"] for condition in result} | {PENDING, IN_PROGRESS}
    result += [condition for condition in current if condition.get("type") not in own]
    return result


def _own_conditions(state: PodState, phase: str) -> list[tuple[str, str, str, str]]:
    sandbox_up = state.sandbox.phase is SandboxPhase.RUNNING and not _stopped(state)
    containers = _containers_ready(state, phase)
    disrupted = []
    if state.failure is not None and state.failure[0] == "Evicted":
        disrupted.append((DISRUPTED, "True", "TerminationByKubelet", state.failure[1]))
    return [
        *disrupted,
        *_resizing(state),
        ("PodReadyToStartContainers", "True" if sandbox_up else "False", "", ""),
        ("Initialized", *_initialised(state, phase)),
        ("Ready", *_ready(state, containers)),
        ("ContainersReady", *containers),
        ("PodScheduled", "True", "", ""),
        *_restarting_all(state, phase),
    ]


def _restarting_all(state: PodState, phase: str) -> list[tuple[str, str, str, str]]:
    """Whether all containers are being stopped to begin anew; nothing for a pod in which no rule asks for that."""
    if not restartall.could_restart(state):
        return []
    if state.restarting:
        why = "container exited with restart policy rule"
        return [("AllContainersRestarting", "True", "RestartAllContainersStarted", why)]
    reason = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase, "")
    return [("AllContainersRestarting", "False", reason, "")]


def _resizing(state: PodState) -> list[tuple[str, str, str, str]]:
    """How far a resize in place is; nothing when the pod has what it asks."""
    result = []
    if state.resize[0]:
        result.append((PENDING, "True", *state.resize))
    if state.ending is None and resize.in_progress(state):
        why = resize.problem(state)
        result.append((IN_PROGRESS, "True", "Error" if why else "", why))
    return result


def _initialised(state: PodState, phase: str) -> tuple[str, str, str]:
    if phase == "Succeeded":
        return "True", "PodCompleted", ""
    if state.initialised or not state.inits:
        return "True", "", ""
    waiting = [track.name for track in state.inits if not (track.ready or _sidecar_started(track))]
    return "False", "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(waiting)}]"


def _sidecar_started(track: ContainerTrack) -> bool:
    return track.kind is ContainerKind.SIDECAR and track.started


def _containers_ready(state: PodState, phase: str) -> tuple[str, str, str]:
    if phase == "Succeeded":
        return "False", "PodCompleted", ""
    if phase == "Failed":
        return "False", "PodFailed", ""
    counted = state.of_kind(ContainerKind.SIDECAR, ContainerKind.APP)
    unready = [track.name for track in counted if not _is_ready(state, track)]
    if unready:
        return "False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    return "True", "", ""


def _is_ready(state: PodState, track: ContainerTrack) -> bool:
    """A process without its sandbox has no network: nobody can reach it, whatever its probes said last."""
    if (kept := _kept(state, track)) is not None:
        return bool(kept.get("ready"))
    reachable = state.sandbox.phase is SandboxPhase.RUNNING or state.ending is not None
    return track.ready and (reachable or track.kind is ContainerKind.INIT)


def _ready(state: PodState, containers: tuple[str, str, str]) -> tuple[str, str, str]:
    if containers[0] != "True":
        return containers
    conditions = (state.pod.get("status") or {}).get("conditions") or []
    have = {condition.get("type"): condition.get("status") for condition in conditions}
    problems = []
    for gate in (state.pod.get("spec") or {}).get("readinessGates") or ():
        kind = gate.get("conditionType")
        if kind not in have:
            problems.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif have[kind] != "True":
            problems.append(f'the status of pod readiness gate "{kind}" is not "True", but {have[kind]}')
    if problems:
        return "False", "ReadinessGatesNotReady", ", ".join(problems)
    return "True", "", ""


def _kept(state: PodState, track: ContainerTrack) -> Object | None:
    """What is still told of a container between the runs by an old and a new definition: kubelet stops and starts it in
    one step, and of a pod whose image changes nobody sees that it is not ready. None once the new run fails."""
    between = track.phase is not Phase.RUNNING and track.kind is ContainerKind.APP and not track.waiting[0]
    if not (track.replaced and between and state.ending is None and state.sandbox.phase is SandboxPhase.RUNNING):
        return None
    told = (state.reported or {}).get("containerStatuses") or ()
    return next((item for item in told if item.get("name") == track.name), None)


def _container_status(state: PodState, track: ContainerTrack) -> Object:
    if (kept := _kept(state, track)) is not None:
        return kept
    shown, last = _shown_state(state, track)
    status: Object = {
        "name": track.name,
        "image": str(track.spec.get("image", "")),
        "imageID": f"{RUNTIME}://{track.image_id}" if track.image_id else "",
        "restartCount": track.restart_count,
        "ready": _is_ready(state, track),
        "started": track.phase is Phase.RUNNING and track.started,
        "state": shown,
        "lastState": {"terminated": _terminated(last)} if last is not None else {},
    }
    container_id = track.id or (track.last.id if track.last is not None else "")
    if container_id:
        status["containerID"] = f"{RUNTIME}://{container_id}"
    resources = track.spec.get("resources") or {}
    if requests := resources.get("requests"):
        status["allocatedResources"] = requests
    status["resources"] = resources if track.actual is None else track.actual
    if mounts := track.spec.get("volumeMounts"):
        status["volumeMounts"] = [_mount(mount) for mount in mounts]
    if track.phase is Phase.RUNNING and track.identity is not None:
        user, group, groups = track.identity
        status["user"] = {"linux": {"uid": user, "gid": group, "supplementalGroups": list(groups)}}
    return status


def _mount(mount: Object) -> Object:
    shown: Object = {"name": mount.get("name"), "mountPath": mount.get("mountPath")}
    if mount.get("readOnly"):
        shown |= {"readOnly": True, "recursiveReadOnly": "Disabled"}
    return shown


def _shown_state(state: PodState, track: ContainerTrack) -> tuple[Object, Ended | None]:
    """The `state` to show and how the run before it ended."""
    if track.phase is Phase.RUNNING:
        return {"running": {"startedAt": track.started_at or None}}, track.last
    if track.ended is not None:
        if track.waiting[0] == "CrashLoopBackOff" and state.ending is None and _restarting(state, track):
            return _waiting(*track.waiting), track.ended
        return {"terminated": _terminated(track.ended)}, track.last
    reason, message = track.waiting
    return _waiting(reason or _first_reason(state), message), track.last


def _restarting(state: PodState, track: ContainerTrack) -> bool:
    ended = track.ended
    return ended is not None and wants_restart(track.kind, track.spec, state.pod, ended.exit_code)


def _first_reason(state: PodState) -> str:
    return "PodInitializing" if state.inits else "ContainerCreating"


def _waiting(reason: str, message: str) -> Object:
    waiting = {"reason": reason}
    if message:
        waiting["message"] = message
    return {"waiting": waiting}


def _terminated(ended: Ended) -> Object:
    result: Object = {
        "exitCode": ended.exit_code,
        "reason": ended.reason,
        "startedAt": ended.started_at or None,
        "finishedAt": ended.finished_at or None,
    }
    if ended.id:
        result["containerID"] = f"{RUNTIME}://{ended.id}"
    if ended.message:
        result["message"] = ended.message
    return result


def is_ready(status: Object) -> bool:
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())
