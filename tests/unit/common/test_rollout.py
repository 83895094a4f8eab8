"""The rollout as people see it: kubectl's messages, the history and the way back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from common.api import rollout


def deployment(replicas: int = 3, *, generation: int = 2, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "uid": "d", "generation": generation, "annotations": {"x": "y"}},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": 2, **status},
    }


def replica_set(revision: str, image: str, owner: str = "d", cause: str = "") -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"web-{revision}",
            "annotations": {rollout.REVISION: revision} | ({rollout.CHANGE_CAUSE: cause} if cause else {}),
            "ownerReferences": [{"uid": owner, "controller": True}],
        },
        "spec": {
            "template": {
                "metadata": {"labels": {"app": "web", "pod-template-hash": "h"}},
                "spec": {"containers": [{"image": image}]},
            }
        },
    }


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (deployment(generation=3), "Waiting for deployment spec update to be observed..."),
        (
            deployment(updatedReplicas=1),
            'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...',
        ),
        (
            deployment(replicas=3, updatedReplicas=3)
            | {"status": {"observedGeneration": 2, "replicas": 5, "updatedReplicas": 3}},
            'Waiting for deployment "web" rollout to finish: 2 old replicas are pending termination...',
        ),
        (
            deployment()
            | {"status": {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 1}},
            'Waiting for deployment "web" rollout to finish: 1 of 3 updated replicas are available...',
        ),
    ],
)
def test_waiting_says_for_what(obj: dict[str, Any], message: str) -> None:
    assert rollout.progress(obj) == rollout.Progress(message)


def test_done_and_failed() -> None:
    full = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
    assert rollout.progress(deployment() | {"status": full}).done
    assert rollout.progress(deployment(replicas=0)).done
    conditions = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "m"}]
    late = rollout.progress(deployment() | {"status": {**full, "conditions": conditions}})
    assert late.failed
    assert not late.done


def test_history_has_only_own_replica_sets_in_order() -> None:
    sets = [replica_set("10", "c"), replica_set("2", "b", cause="why"), replica_set("9", "x", owner="other")]
    assert [(each.number, each.change_cause) for each in rollout.history(deployment(), sets)] == [(2, "why"), (10, "")]


def test_undo_takes_the_one_before_or_the_one_named() -> None:
    revisions = rollout.history(deployment(), [replica_set("1", "a"), replica_set("2", "b"), replica_set("3", "c")])
    assert rollout.revision_to_undo(revisions).number == 2
    assert rollout.revision_to_undo(revisions, 1).number == 1
    with pytest.raises(rollout.NoRevision, match="unable to find revision 7; revisions kept: 1, 2, 3"):
        rollout.revision_to_undo(revisions, 7)
    with pytest.raises(rollout.NoRevision, match="no rollout history"):
        rollout.revision_to_undo(revisions[:1])


def test_undo_brings_the_template_back_without_the_hash_and_only_to_the_same_object() -> None:
    (revision,) = rollout.history(deployment(), [replica_set("1", "a", cause="first")])
    test, replace, cause = rollout.undo_patch(deployment(), revision)
    assert test == {"op": "test", "path": "/metadata/uid", "value": "d"}
    assert replace["value"] == {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"image": "a"}]},
    }
    assert cause["value"] == "first"


def test_restart_changes_the_template_and_pause_the_deployment() -> None:
    patch = rollout.restart_patch(datetime(2026, 1, 2, tzinfo=UTC))
    assert patch["spec"]["template"]["metadata"]["annotations"] == {rollout.RESTARTED_AT: "2026-01-02T00:00:00Z"}
    assert rollout.pause_patch(paused=True) == {"spec": {"paused": True}}
    assert rollout.pause_patch(paused=False) == {"spec": {"paused": None}}


def stateful(*, partition: int = 0, kind: str = "RollingUpdate", **status: Any) -> dict[str, Any]:
    rolling = {"rollingUpdate": {"partition": partition}} if kind == "RollingUpdate" else {}
    return {
        "kind": "StatefulSet",
        "metadata": {"name": "db", "uid": "d", "generation": 2},
        "spec": {"replicas": 3, "updateStrategy": {"type": kind, **rolling}},
        "status": {"observedGeneration": 2, **status},
    }


@pytest.mark.parametrize(
    ("obj", "message", "done"),
    [
        (stateful(observedGeneration=1), "Waiting for statefulset spec update to be observed...", False),
        (stateful(readyReplicas=1), "Waiting for 2 pods to be ready...", False),
        (
            stateful(readyReplicas=3, partition=1, updatedReplicas=1),
            "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...",
            False,
        ),
        (
            stateful(readyReplicas=3, partition=1, updatedReplicas=2),
            "partitioned roll out complete: 2 new pods have been updated...",
            True,
        ),
        (
            stateful(readyReplicas=3, updatedReplicas=1, updateRevision="db-2", currentRevision="db-1"),
            "waiting for statefulset rolling update to complete 1 pods at revision db-2...",
            False,
        ),
        (
            stateful(readyReplicas=3, updatedReplicas=3, updateRevision="db-2", currentRevision="db-2"),
            "statefulset rolling update complete 3 pods at revision db-2...",
            True,
        ),
    ],
)
def test_a_statefulset_says_where_it_is(obj: dict[str, Any], message: str, done: bool) -> None:
    assert rollout.progress(obj) == rollout.Progress(message, done=done)


def daemons(**status: Any) -> dict[str, Any]:
    return {
        "kind": "DaemonSet",
        "metadata": {"name": "log", "uid": "d", "generation": 1},
        "spec": {"updateStrategy": {"type": "RollingUpdate"}},
        "status": {"observedGeneration": 1, "desiredNumberScheduled": 3, **status},
    }


@pytest.mark.parametrize(
    ("obj", "message", "done"),
    [
        (daemons(observedGeneration=0), "Waiting for daemon set spec update to be observed...", False),
        (
            daemons(updatedNumberScheduled=1),
            'Waiting for daemon set "log" rollout to finish: 1 out of 3 new pods have been updated...',
            False,
        ),
        (
            daemons(updatedNumberScheduled=3, numberAvailable=2),
            'Waiting for daemon set "log" rollout to finish: 2 of 3 updated pods are available...',
            False,
        ),
        (daemons(updatedNumberScheduled=3, numberAvailable=3), 'daemon set "log" successfully rolled out', True),
    ],
)
def test_a_daemonset_says_where_it_is(obj: dict[str, Any], message: str, done: bool) -> None:
    assert rollout.progress(obj) == rollout.Progress(message, done=done)


def test_what_is_updated_by_hand_has_no_rollout_to_wait_for() -> None:
    assert rollout.progress(stateful(kind="OnDelete")).failed


def test_revisions_of_a_statefulset_are_controllerrevisions() -> None:
    kept = [
        {
            "metadata": {
                "name": f"db-{number}",
                "annotations": {rollout.CHANGE_CAUSE: f"cause {number}"},
                "ownerReferences": [{"uid": "d", "controller": True}],
            },
            "data": {"spec": {"template": {"$patch": "replace", "spec": {"containers": [{"image": str(number)}]}}}},
            "revision": number,
        }
        for number in (3, 2)
    ]
    found = rollout.history(stateful(), kept)
    assert [(item.number, item.change_cause) for item in found] == [(2, "cause 2"), (3, "cause 3")]
    patch = rollout.undo_patch(stateful(), rollout.revision_to_undo(found))
    assert patch[1]["value"] == {"spec": {"containers": [{"image": "2"}]}}
