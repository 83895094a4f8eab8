"""The plan of a Deployment: what is made, annotated and forgotten, and what its status says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from common.api.conditions import get_condition
from common.api.meta import Object
from console.controllers.deployment.model import Annotate, Create, Delete, Scale, SetRevision
from console.controllers.deployment.plan import Plan, plan
from tests.fakes.api import copy
from tests.fakes.objects import deployment

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def stored(obj: Object, uid: str = "d") -> Object:
    obj["metadata"] |= {"uid": uid, "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return obj


def made(web: Object, available: int = 0) -> Object:
    """The ReplicaSet that the plan makes, with that many pods available."""
    step = plan(web, [], False, NOW).actions[0]
    assert isinstance(step, Create)
    obj = stored(copy(step.obj), "rs")
    size = obj["spec"]["replicas"]
    figures = {"replicas": size, "readyReplicas": available, "availableReplicas": available, "observedGeneration": 1}
    return {**obj, "status": figures}


def progressing(todo: Plan) -> tuple[str, str, str]:
    condition = get_condition({"status": todo.status}, "Progressing")
    assert condition is not None
    return condition["status"], condition["reason"], condition["message"]


def test_the_first_step_makes_a_replicaset_of_the_template() -> None:
    web = stored(deployment("web", 3))
    web["metadata"]["annotations"] = {
        "kubernetes.io/change-cause": "first", "kubectl.kubernetes.io/last-applied-configuration": "{}"
    }  # fmt: skip
    todo = plan(web, [], False, NOW)
    create, revision = todo.actions
    assert isinstance(create, Create)
    assert revision == SetRevision(1)
    obj = create.obj
    digest = obj["metadata"]["labels"]["pod-template-hash"]
    assert obj["metadata"]["name"] == f"web-{digest}"
    assert obj["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": digest}
    assert obj["spec"]["template"]["metadata"]["labels"] == {"app": "web", "pod-template-hash": digest}
    assert obj["metadata"]["annotations"] == {
        "kubernetes.io/change-cause": "first",
        "deployment.kubernetes.io/revision": "1",
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
    }
    assert progressing(todo) == ("True", "NewReplicaSetCreated", f'Created new replica set "web-{digest}"')


def test_planning_changes_nothing_that_it_got() -> None:
    web = stored(deployment("web", 3))
    replicaset = made(web, 1)
    before = copy([web, replicaset])
    plan(web, [replicaset], False, NOW)
    assert [web, replicaset] == before


def test_a_collision_changes_the_name() -> None:
    web = stored(deployment("web"))
    first = plan(web, [], False, NOW).actions[0]
    second = plan({**web, "status": {"collisionCount": 1}}, [], False, NOW).actions[0]
    assert isinstance(first, Create)
    assert isinstance(second, Create)
    assert first.obj["metadata"]["name"] != second.obj["metadata"]["name"]


def settled(web: Object, replicaset: Object) -> Object:
    """The Deployment as it is when it has come to rest."""
    web["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "1"}
    for _ in range(3):
        web = {**web, "status": plan(web, [replicaset], False, NOW).status}
    return web


def test_a_converged_deployment_plans_nothing() -> None:
    web = stored(deployment("web", 3))
    replicaset = made(web, 3)
    web = settled(web, replicaset)
    todo = plan(web, [replicaset], False, NOW + timedelta(days=1))
    assert (todo.actions, todo.status, todo.again_in) == ((), web["status"], None)
    assert progressing(todo)[:2] == ("True", "NewReplicaSetAvailable")


def test_the_deadline_runs_from_the_last_progress() -> None:
    web = stored(deployment("web", 3, progressDeadlineSeconds=60))
    replicaset = made(web, 1)
    web = settled(web, replicaset)
    waiting = plan(web, [replicaset], False, NOW + timedelta(seconds=59))
    assert progressing(waiting)[1] == "ReplicaSetUpdated"
    assert waiting.again_in == 2.0
    late = plan(web, [replicaset], False, NOW + timedelta(seconds=61))
    name = replicaset["metadata"]["name"]
    assert progressing(late) == (
        "False", "ProgressDeadlineExceeded", f'ReplicaSet "{name}" has timed out progressing.'
    )  # fmt: skip
    web = {**web, "status": late.status}
    after = copy(replicaset)
    after["status"] |= {"readyReplicas": 2, "availableReplicas": 2}
    assert progressing(plan(web, [after], False, NOW + timedelta(seconds=70)))[1] == "ReplicaSetUpdated"


def test_without_a_deadline_there_is_no_progressing() -> None:
    web = stored(deployment("web", 3, progressDeadlineSeconds=2**31 - 1))
    assert get_condition({"status": plan(web, [made(web)], False, NOW).status}, "Progressing") is None


def test_going_back_gives_the_old_replicaset_the_next_revision() -> None:
    web = stored(deployment("web", 3))
    first = made(web, 0)
    first["spec"]["replicas"] = 0
    second = made(stored(deployment("web", 3, image="hello:2")), 3)
    second["metadata"] |= {"uid": "rs2"}
    second["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "2"
    annotate, revision = plan(web, [first, second], False, NOW).actions
    assert isinstance(annotate, Annotate)
    assert annotate.patch["metadata"]["annotations"] == {
        "deployment.kubernetes.io/revision": "3", "deployment.kubernetes.io/revision-history": "1"
    }  # fmt: skip
    assert revision == SetRevision(3)


def test_only_empty_revisions_beyond_the_limit_are_forgotten() -> None:
    web = stored(deployment("web", 1, revisionHistoryLimit=1))
    current = made(web, 1)
    current["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "4"
    old = []
    for revision, size in (("1", 0), ("2", 0), ("3", 0)):
        obj = copy(made(stored(deployment("web", 1, image=f"hello:{revision}x"))))
        obj["metadata"]["uid"] = revision
        obj["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = revision
        obj["spec"]["replicas"] = size
        obj["status"] = {"replicas": 0, "observedGeneration": 1}
        old.append(obj)
    old[1]["metadata"]["generation"] = 2
    web["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "4"}
    actions = plan(web, [current, *old], False, NOW).actions
    assert [action.member.revision for action in actions if isinstance(action, Delete)] == [1]


def test_a_change_of_scale_reaches_the_replicaset_with_its_annotations() -> None:
    web = stored(deployment("web", 3))
    replicaset = made(web, 3)
    web = settled(web, replicaset)
    web["spec"]["replicas"] = 5
    (scale,) = plan(web, [replicaset], False, NOW).actions
    assert isinstance(scale, Scale)
    assert (scale.size, scale.annotations["deployment.kubernetes.io/max-replicas"]) == (5, "7")


def test_min_ready_seconds_reach_the_replicaset() -> None:
    web = stored(deployment("web", 3))
    replicaset = made(web, 3)
    web = settled(web, replicaset)
    web["spec"]["minReadySeconds"] = 5
    (annotate,) = plan(web, [replicaset], False, NOW).actions
    assert isinstance(annotate, Annotate)
    assert annotate.patch == {"spec": {"minReadySeconds": 5}}


def test_a_deployment_that_is_being_deleted_only_keeps_its_status() -> None:
    web = stored(deployment("web", 3))
    web["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    todo = plan(web, [], False, NOW)
    assert (todo.actions, todo.status["observedGeneration"]) == ((), 1)


def test_a_replicasets_failure_shows_in_the_deployment() -> None:
    web = stored(deployment("web", 1))
    replicaset = made(web)
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"}
    replicaset["status"]["conditions"] = [failure]
    todo = plan(web, [replicaset], False, NOW)
    condition = get_condition({"status": todo.status}, "ReplicaFailure")
    assert condition is not None
    assert (condition["reason"], condition["message"]) == ("FailedCreate", "quota")
    replicaset["status"]["conditions"] = []
    todo = plan({**web, "status": todo.status}, [replicaset], False, NOW)
    assert get_condition({"status": todo.status}, "ReplicaFailure") is None


def test_a_template_that_differs_only_in_its_hash_label_is_the_same() -> None:
    web = stored(deployment("web", 1))
    replicaset = made(web)
    assert not [action for action in plan(web, [replicaset], False, NOW).actions if isinstance(action, Create)]
