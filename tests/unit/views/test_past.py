"""How a rollout went before anybody looked: begun and ended when the objects say so, with what they know of between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from common.api.meta import Object, format_time
from console.views import past, rollouts
from console.views.course import Course

NOW = datetime(2026, 11, 22, 9, 0, 0, tzinfo=UTC)


def ago(seconds: float) -> str:
    return format_time(NOW - timedelta(seconds=seconds))


def replicaset(name: str, revision: int, replicas: int, seconds: float) -> Object:
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d", "controller": True}
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": name, "ownerReferences": [owner],
                     "creationTimestamp": ago(seconds),
                     "annotations": {"deployment.kubernetes.io/revision": str(revision)}},
        "spec": {"replicas": replicas},
    }  # fmt: skip


def pod(owner: str, number: int, made: float, ready: float | None, kind: str = "ReplicaSet") -> Object:
    ref = {"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": owner, "controller": True}
    conditions = [] if ready is None else [{"type": "Ready", "status": "True", "lastTransitionTime": ago(ready)}]
    return {
        "metadata": {"name": f"{owner}-{number}", "namespace": "ns", "ownerReferences": [ref],
                     "labels": {"controller-revision-hash": "web-b"}, "creationTimestamp": ago(made)},
        "spec": {"containers": []}, "status": {"phase": "Running", "conditions": conditions},
    }  # fmt: skip


def deployment(revision: int, *, ended: float | None = None) -> Object:
    reason = "ReplicaSetUpdated" if ended is None else "NewReplicaSetAvailable"
    said = {
        "type": "Progressing",
        "status": "True",
        "reason": reason,
        "message": "m",
        "lastUpdateTime": ago(ended or 0),
    }
    done = 3 if ended is not None else 1
    return {
        "kind": "Deployment", "apiVersion": "apps/v1",
        "metadata": {"name": "web", "namespace": "ns", "uid": "d", "generation": 1,
                     "annotations": {"deployment.kubernetes.io/revision": str(revision)}},
        "spec": {"replicas": 3, "strategy": {"type": "RollingUpdate"}},
        "status": {"observedGeneration": 1, "replicas": 3 if ended is not None else 4, "updatedReplicas": done,
                   "availableReplicas": 3, "readyReplicas": 3, "conditions": [said]},
    }  # fmt: skip


def scaled(name: str, before: int, after: int, seconds: float) -> Object:
    way = "up" if after > before else "down"
    return {
        "reason": "ScalingReplicaSet", "message": f"Scaled {way} replica set {name} from {before} to {after}",
        "involvedObject": {"uid": "d"}, "lastTimestamp": ago(seconds), "metadata": {"name": "e"},
    }  # fmt: skip


def told(workload: Object, kept_in: list[Object], pods: list[Object], events: list[Object]) -> list[Any]:
    """Seconds since it began, with how many new ones were ready and how many old ones left; behind them how long it
    took, None while it goes on."""
    found = past.told(workload, kept_in, rollouts.progress(workload, kept_in, pods, NOW), events, NOW)
    assert found is not None
    steps = [(round((at - found.began).total_seconds()), ready, old) for at, ready, old in found.moments()]
    return [*steps, None if found.ended is None else round((found.ended - found.began).total_seconds())]


def test_a_deployment_under_way() -> None:
    kept_in = [replicaset("web-a", 1, 1, 9000), replicaset("web-b", 2, 3, 72)]
    pods = [pod("web-a", 1, 9000, 8990), pod("web-b", 1, 70, 50), pod("web-b", 2, 45, 20), pod("web-b", 3, 5, None)]
    events = [
        scaled("web-a", 2, 1, 20), scaled("web-a", 3, 2, 50), scaled("web-b", 0, 1, 72), scaled("web-b", 1, 2, 49),
        scaled("web-a", 0, 3, 9000), {"reason": "Other", "message": "Scaled up replica set web-a from 0 to 9"},
    ]  # fmt: skip
    assert told(deployment(2), kept_in, pods, events) == [(0, 0, 3), (22, 1, 2), (52, 2, 1), None]


def test_steps_of_one_second_are_in_order() -> None:
    kept_in = [replicaset("web-a", 1, 0, 9000), replicaset("web-b", 2, 3, 30)]
    events = [scaled("web-a", 1, 0, 10), scaled("web-a", 3, 2, 10), scaled("web-a", 2, 1, 10)]
    assert told(deployment(2), kept_in, [], events) == [(0, 0, 3), (20, 0, 0), None]


def test_the_way_back_begins_when_its_replicaset_is_filled_again_not_when_that_was_made() -> None:
    kept_in = [replicaset("web-a", 3, 3, 9000), replicaset("web-b", 2, 0, 600)]
    pods = [pod("web-a", number, 40, 30) for number in range(3)]
    events = [scaled("web-a", 0, 1, 45), scaled("web-b", 3, 0, 30)]
    assert told(deployment(3, ended=28), kept_in, pods, events) == [(0, 0, 3), (15, 3, 0), (17, 3, 0), 17]
    # Events are gone after an hour: no earlier than the revision that it came from.
    assert told(deployment(3, ended=28), kept_in, pods, [])[-1] == 572


def test_what_was_replaced_or_scaled_after_the_end_is_none_of_it() -> None:
    kept_in = [replicaset("web-a", 1, 0, 9000), replicaset("web-b", 2, 3, 600)]
    pods = [pod("web-b", 1, 599, 590), pod("web-b", 2, 580, 570), pod("web-b", 3, 60, 50)]
    events = [scaled("web-b", 0, 3, 30)]
    assert told(deployment(2, ended=560), kept_in, pods, events) == [(0, 0, 0), (10, 1, 0), (30, 2, 0), (40, 3, 0), 40]


def test_nothing_is_told_without_the_revision() -> None:
    workload = deployment(2)
    assert past.told(workload, [], rollouts.progress(workload, [], [], NOW), [], NOW) is None


def statefulset() -> tuple[Object, list[Object]]:
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "s", "controller": True}
    kept_in: list[Object] = [
        {"metadata": {"name": name, "namespace": "ns", "uid": name, "ownerReferences": [owner],
                      "creationTimestamp": ago(seconds)}, "revision": revision}
        for name, revision, seconds in (("web-a", 1, 9000), ("web-b", 2, 100))
    ]  # fmt: skip
    workload = {
        "kind": "StatefulSet", "metadata": {"name": "web", "namespace": "ns", "uid": "s", "generation": 1},
        "spec": {"replicas": 3}, "status": {"observedGeneration": 1, "updateRevision": "web-b", "updatedReplicas": 2},
    }  # fmt: skip
    return workload, kept_in


def test_each_new_pod_of_a_statefulset_has_replaced_an_old_one() -> None:
    workload, kept_in = statefulset()
    pods = [pod("s", 2, 90, 80, "StatefulSet"), pod("s", 1, 70, 60, "StatefulSet")]
    assert told(workload, kept_in, pods, []) == [(0, 0, 2), (10, 1, 2), (20, 1, 1), (30, 2, 1), None]


def test_a_course_goes_on_from_what_was_told_and_stops_at_the_end() -> None:
    kept_in = [replicaset("web-a", 1, 1, 9000), replicaset("web-b", 2, 3, 100)]
    pods = [pod("web-a", 1, 9000, 8990), pod("web-b", 1, 90, 50)]
    events = [scaled("web-a", 3, 2, 50), scaled("web-a", 2, 1, 50)]
    under_way = rollouts.progress(deployment(2), kept_in, pods, NOW)
    found = past.told(deployment(2), kept_in, under_way, events, NOW)
    assert found is not None
    course = Course()
    course.tell(2, found, NOW, 5000.0)
    course.note(under_way, 5000.0)
    assert (course.seconds(5000.0), course.ready(2, 5000.0), course.old(2, 5000.0)) == (100, [1, 1], [1, 1])
    assert course.seconds(4910.0) == 10, "it begins when the rollout began, however short that is ago"
    complete = rollouts.progress(deployment(2, ended=0), kept_in, pods[1:], NOW)
    course.note(complete, 5020.0)
    course.note(under_way, 5600.0)
    assert course.ended
    assert (course.seconds(6000.0), course.old(6, 6000.0)) == (120, [3, 3, 1, 1, 1, None])
