"""How many replicas bring a metric to its target: Kubernetes' rules for what is missing, unready or within tolerance.

The rule is `ceil(current metric / wanted metric * pods)`. Where figures are missing, the answer errs against a change:
on the way up pods without figures use nothing, on the way down they use all they asked for, and a correction that turns
the direction around changes nothing. Values are thousandths. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from common.api import pods as pods_of
from common.api import quantity
from common.api.conditions import get_condition
from common.api.meta import Object, name, parse_time

from .model import CPU_INITIALIZATION, INITIAL_READINESS, Sample, Samples, Tolerances, is_ignored


class CannotCount(Exception):
    """There is nothing to count by; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """Pods by what their figures are worth. `ready` have good ones."""

    ready: int
    unready: frozenset[str]
    missing: frozenset[str]
    ignored: frozenset[str]


@dataclass(frozen=True, slots=True)
class Count:
    """The wanted number of replicas, and the use that it was made of: a share in percent, an average in thousandths."""

    replicas: int
    utilization: int | None
    average: int


def sort_pods(found: Collection[Object], samples: Samples, resource: str, now: datetime) -> Sorted:
    ready = 0
    unready, missing, ignored = set(), set(), set()
    for pod in found:
        if is_ignored(pod):
            ignored.add(name(pod))
        elif pods_of.phase(pod) == "Pending":
            unready.add(name(pod))
        elif (sample := samples.get(name(pod))) is None:
            missing.add(name(pod))
        elif resource == "cpu" and _is_unready(pod, sample, now):
            unready.add(name(pod))
        else:
            ready += 1
    return Sorted(ready, frozenset(unready), frozenset(missing), frozenset(ignored))


def _is_unready(pod: Object, sample: Sample, now: datetime) -> bool:
    """Whether the CPU figures of a pod are those of its start, which say nothing of its load."""
    condition = get_condition(pod, "Ready")
    started = (pod.get("status") or {}).get("startTime")
    if condition is None or not started:
        return True
    is_false = condition.get("status") == "False"
    since = parse_time(condition.get("lastTransitionTime") or started)
    if parse_time(started) + CPU_INITIALIZATION > now:
        return is_false or sample.timestamp < since + sample.window
    return is_false and parse_time(started) + INITIAL_READINESS > since


def by_utilization(
    current: int,
    target: int,
    resource: str,
    container: str,
    found: Sequence[Object],
    samples: Samples,
    tolerances: Tolerances,
    now: datetime,
) -> Count:
    """To bring the use of a resource to `target` percent of what pods request. CannotCount says why it cannot."""
    requests = _requests(found, resource, container)

    def ratio(values: Mapping[str, int]) -> tuple[float, int, int]:
        counted = [pod for pod in values if pod in requests]
        asked = sum(requests[pod] for pod in counted)
        if not asked:
            raise CannotCount("no metrics returned matched known pods")
        used = sum(values[pod] for pod in counted)
        share = used * 100 // asked
        return share / target, share, used // len(counted)

    def full(pod: str) -> int:
        return requests[pod] * max(100, target) // 100

    return _count(current, resource, found, samples, tolerances, now, ratio, full)


def by_average(
    current: int,
    target: int,
    resource: str,
    found: Sequence[Object],
    samples: Samples,
    tolerances: Tolerances,
    now: datetime,
) -> Count:
    """To bring the average over the pods to `target`. `resource` is empty for a metric that is no resource's."""

    def ratio(values: Mapping[str, int]) -> tuple[float, None, int]:
        average = sum(values.values()) // len(values)
        return average / target, None, average

    return _count(current, resource, found, samples, tolerances, now, ratio, lambda _pod: target)


def _count(
    current: int,
    resource: str,
    found: Sequence[Object],
    samples: Samples,
    tolerances: Tolerances,
    now: datetime,
    ratio: Callable[[Mapping[str, int]], tuple[float, int | None, int]],
    full: Callable[[str], int],
) -> Count:
    if not found:
        raise CannotCount("no pods returned by selector while calculating replica count")
    sorted_pods = sort_pods(found, samples, resource, now)
    left_out = sorted_pods.ignored | sorted_pods.unready
    values = {pod: sample.value for pod, sample in samples.items() if pod not in left_out}
    if not values:
        raise CannotCount("did not receive metrics for targeted pods (pods might be unready)")
    first, share, average = ratio(values)
    counts_unready = bool(sorted_pods.unready) and first > 1.0
    if not counts_unready and not sorted_pods.missing:
        replicas = current if tolerances.hold(first) else math.ceil(first * sorted_pods.ready)
        return Count(replicas, share, average)
    if first < 1.0:
        values |= {pod: full(pod) for pod in sorted_pods.missing}
    elif first > 1.0:
        values |= dict.fromkeys(sorted_pods.missing, 0)
    if counts_unready:
        values |= dict.fromkeys(sorted_pods.unready, 0)
    return Count(_corrected(current, first, ratio(values)[0], len(values), tolerances), share, average)


def _corrected(current: int, first: float, ratio: float, count: int, tolerances: Tolerances) -> int:
    """With the cautious figures: no change when those say the opposite of the plain ones."""
    if tolerances.hold(ratio) or (first < 1.0 < ratio) or (ratio < 1.0 < first):
        return current
    replicas = math.ceil(ratio * count)
    turned = (ratio < 1.0 and replicas > current) or (ratio > 1.0 and replicas < current)
    return current if turned else replicas


def _requests(found: Sequence[Object], resource: str, container: str) -> dict[str, int]:
    """What each pod requests, in thousandths; of one container, or of all."""
    requests: dict[str, int] = {}
    for pod in found:
        total = 0
        for item in _resident(pod):
            if container and item.get("name") != container:
                continue
            asked = ((item.get("resources") or {}).get("requests") or {}).get(resource)
            if asked is None:
                raise CannotCount(f"missing request for {resource} in container {item.get('name')} of Pod {name(pod)}")
            total += quantity.milli(asked)
        requests[name(pod)] = total
    return requests


def _resident(pod: Object) -> list[Object]:
    """Containers that run as long as the pod: sidecars too."""
    spec = pod.get("spec") or {}
    sidecars = [item for item in spec.get("initContainers") or () if item.get("restartPolicy") == "Always"]
    return [*(spec.get("containers") or ()), *sidecars]


def by_value(current: int, value: int, target: int, found: Sequence[Object], tolerances: Tolerances) -> int:
    """To bring one value that the whole target has to `target`; from no replicas on the ratio is their number."""
    ratio = value / target
    if current == 0:
        return math.ceil(ratio)
    if tolerances.hold(ratio):
        return current
    return math.ceil(ratio * sum(1 for pod in found if pods_of.phase(pod) == "Running" and pods_of.is_ready(pod)))


def by_share(replicas: int, value: int, target: int, tolerances: Tolerances) -> int:
    """To bring a value, shared among all replicas, to `target` each."""
    if replicas and tolerances.hold(value / (target * replicas)):
        return replicas
    return math.ceil(value / target)
