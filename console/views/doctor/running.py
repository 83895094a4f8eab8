"""What is wrong with pods. Pods of one owner that fail alike are one finding: a crash loop of forty is one cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from common.api import conditions, meta, pods, podstate
from common.api.kinds import PODS
from common.api.meta import Object
from console.views.status import FAULTS, Tone, pod_status

from .finding import Finding, Severity, of

SLOW = timedelta(minutes=2)  # until a pod that is only on its way is called stuck
_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_CONFIGURATION = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


def healthy(pod: Object) -> bool:
    """Whether nothing can be found about the pod, now or later, as long as it stays as it is."""
    tone = pod_status(pod).tone
    return tone is Tone.DONE or (tone is Tone.OK and not meta.is_deleting(pod))


def of_pods(troubled: Iterable[Object], now: datetime) -> Iterator[Finding]:
    """One finding for pods of the same owner with the same problem; it names the first."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for pod in sorted(troubled, key=meta.key):
        found = _of_pod(pod, now)
        if found is not None:
            owner = meta.controller_of(pod) or {}
            same = (meta.namespace(pod), str(owner.get("uid") or meta.uid(pod)), found.problem)
            groups.setdefault(same, []).append(found)
    for first, *others in groups.values():
        more = f" (and {len(others)} more like it)" if others else ""
        yield replace(first, why=first.why + more)


def _of_pod(pod: Object, now: datetime) -> Finding | None:
    word = podstate.status_word(pod)
    reason = word.removeprefix("Init:")
    if meta.is_deleting(pod):
        return _leaving(pod, now)
    if reason in _IMAGE:
        advice = "name an image that exists (i on its workload), or bring it: `quarterdeck image push IMAGE`"
        return of(pod, PODS, Severity.CRITICAL, "ImageMissing", _waiting(pod) or reason, advice, _made(pod))
    if reason in _CONFIGURATION:
        advice = "E shows its events; a Secret, ConfigMap or command that it names is not as it says"
        return of(pod, PODS, Severity.CRITICAL, reason, _waiting(pod) or reason, advice, _made(pod))
    if word == "Pending" and _unplaced(pod):
        why = str((conditions.get_condition(pod, "PodScheduled") or {}).get("message") or "no node takes it")
        advice = "W tells what speaks against each node"
        return of(pod, PODS, Severity.WARNING, "Unschedulable", why, advice, _made(pod))
    if _of_job(pod):
        return None  # its Job tells, and tries again
    if pod_status(pod).tone is Tone.BAD:
        advice = "p shows what it wrote before it ended, d how it ended"
        return of(pod, PODS, Severity.CRITICAL, reason, _ended(pod) or _waiting(pod) or word, advice, _made(pod))
    return _slow(pod, word, now)


def _leaving(pod: Object, now: datetime) -> Finding | None:
    due = str(meta.metadata(pod).get("deletionTimestamp"))
    if now - meta.parse_time(due) < SLOW:
        return None
    advice = "see that its node is Ready; finalizers that nobody removes hold it too (y)"
    return of(pod, PODS, Severity.WARNING, "StuckTerminating", "it should be gone and is not", advice, due)


def _slow(pod: Object, word: str, now: datetime) -> Finding | None:
    ready = conditions.get_condition(pod, "Ready") or {}
    since = str(ready.get("lastTransitionTime") or "") or _made(pod)
    if not since or now - meta.parse_time(since) < SLOW:
        return None
    if word in {"Running", "NotReady"}:
        why = str(ready.get("message") or "its readiness probe fails")
        return of(pod, PODS, Severity.WARNING, "NotReady", why, "E shows what its probes say, l its logs", since)
    severity = Severity.WARNING if pod_status(pod).tone in FAULTS else Severity.NOTICE
    return of(pod, PODS, severity, "SlowStart", _waiting(pod) or f"still {word}", "E shows what it waits for", since)


def _unplaced(pod: Object) -> bool:
    return (conditions.get_condition(pod, "PodScheduled") or {}).get("status") == "False"


def _of_job(pod: Object) -> bool:
    return pods.is_terminal(pod) and (meta.controller_of(pod) or {}).get("kind") == "Job"


def _containers(pod: Object) -> list[Object]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _waiting(pod: Object) -> str:
    states = ((item.get("state") or {}).get("waiting") or {} for item in _containers(pod))
    return next((str(state["message"]) for state in states if state.get("message")), "")


def _ended(pod: Object) -> str:
    """How the container that fails ended, and how often."""
    for item in _containers(pod):
        ended = (item.get("state") or {}).get("terminated") or (item.get("lastState") or {}).get("terminated")
        if ended and not item.get("ready"):
            again = f", {item['restartCount']} restarts" if item.get("restartCount") else ""
            code = f"exit code {ended.get('exitCode', 0)}"
            return f"container {item.get('name')} ended: {podstate.ended_word(ended)}, {code}{again}"
    return str((pod.get("status") or {}).get("message") or "")


def _made(pod: Object) -> str:
    return str(meta.metadata(pod).get("creationTimestamp") or "")
