"""What goes with its owner, what stays behind, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from .plane import Plane, until

CONTAINERS = [{"name": "nginx", "image": "httpd:1"}]
CIRCLE = ("pod1", "pod2", "pod3")


def _template(name: str) -> Any:
    return {"metadata": {"labels": {"gctest": name}}, "spec": {"containers": CONTAINERS}}


def _controller(plane: Plane, space: str, replicas: int, name: str = "simpletest.rc") -> Any:
    """A ReplicationController with all its pods."""
    spec = {"replicas": replicas, "selector": {"gctest": name}, "template": _template(name)}
    made = plane.create(f"{space}/replicationcontrollers", {"metadata": {"name": name}, "spec": spec})
    until(lambda: len(_of(plane, space, name)) == replicas, "its pods")
    return made


def _of(plane: Plane, space: str, name: str) -> list[Any]:
    found: list[Any] = plane.get(f"{space}/pods", labelSelector=f"gctest={name}")["items"]
    return found


def _options(made: Any, policy: str) -> Any:
    return {"propagationPolicy": policy, "preconditions": {"uid": made["metadata"]["uid"]}}


def _deployment(plane: Plane, space: str) -> tuple[str, str, Any]:
    """The paths of Deployments and ReplicaSets, and a Deployment with its ReplicaSet."""
    path = space.replace("/api/v1", "/apis/apps/v1")
    spec = {"replicas": 2, "selector": {"matchLabels": {"gctest": "web"}}, "template": _template("web")}
    made = plane.create(f"{path}/deployments", {"metadata": {"name": "simpletest.deployment"}, "spec": spec})
    until(lambda: plane.get(f"{path}/replicasets")["items"], "a ReplicaSet")
    until(lambda: len(_of(plane, space, "web")) == 2, "its pods")
    return f"{path}/deployments", f"{path}/replicasets", made


def test_a_deployment_takes_its_replicasets_along(plane: Plane, space: str) -> None:
    deployments, replicasets, made = _deployment(plane, space)
    plane.delete(f"{deployments}/simpletest.deployment", options=_options(made, "Background"))
    until(lambda: not plane.get(replicasets)["items"], "no ReplicaSets")
    until(lambda: not _of(plane, space, "web"), "no pods")


def test_a_deployment_leaves_orphans_when_asked_to(plane: Plane, space: str) -> None:
    deployments, replicasets, made = _deployment(plane, space)
    plane.delete(f"{deployments}/simpletest.deployment", options=_options(made, "Orphan"))
    until(lambda: not plane.get(deployments)["items"], "no Deployment")
    (left,) = plane.get(replicasets)["items"]
    assert "ownerReferences" not in left["metadata"]
    assert len(_of(plane, space, "web")) == 2


def test_pods_go_behind_their_controller(plane: Plane, space: str) -> None:
    made = _controller(plane, space, 2)
    plane.delete(f"{space}/replicationcontrollers/simpletest.rc", options=_options(made, "Background"))
    assert plane.get(f"{space}/replicationcontrollers")["items"] == []
    until(lambda: not _of(plane, space, "simpletest.rc"), "no pods")


@pytest.mark.parametrize("policy", ["Orphan", ""])
def test_pods_stay_when_their_controller_leaves_orphans(plane: Plane, space: str, policy: str) -> None:
    made = _controller(plane, space, 10)
    options = _options(made, policy) if policy else {"preconditions": {"uid": made["metadata"]["uid"]}}
    plane.delete(f"{space}/replicationcontrollers/simpletest.rc", options=options)
    until(lambda: not plane.get(f"{space}/replicationcontrollers")["items"], "no controller")
    left = _of(plane, space, "simpletest.rc")
    assert len(left) == 10
    assert all("ownerReferences" not in pod["metadata"] for pod in left)


def test_a_controller_in_the_foreground_waits_for_its_pods(plane: Plane, space: str) -> None:
    made = _controller(plane, space, 3)
    path = f"{space}/replicationcontrollers/simpletest.rc"
    held = _of(plane, space, "simpletest.rc")[0]["metadata"]["name"]
    plane.patch(f"{space}/pods/{held}", {"metadata": {"finalizers": ["example.com/hold"]}})
    marked = plane.delete(path, options=_options(made, "Foreground"))
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    until(lambda: len(_of(plane, space, "simpletest.rc")) == 1, "one pod left")
    assert plane.get(path)["metadata"]["deletionTimestamp"]
    plane.patch(f"{space}/pods/{held}", {"metadata": {"finalizers": None}})
    until(lambda: not plane.exists(path), "no controller")
    assert _of(plane, space, "simpletest.rc") == []


def test_who_has_another_owner_stays_and_forgets_the_one_that_goes(plane: Plane, space: str) -> None:
    going = _controller(plane, space, 4, "going")
    staying = _controller(plane, space, 0, "staying")
    reference = {"apiVersion": "v1", "kind": "ReplicationController", "name": "staying",
                 "uid": staying["metadata"]["uid"]}  # fmt: skip
    both = [pod["metadata"] for pod in _of(plane, space, "going")[:2]]
    for metadata in both:
        owners = [*metadata["ownerReferences"], reference]
        plane.patch(f"{space}/pods/{metadata['name']}", {"metadata": {"ownerReferences": owners}})
    plane.delete(f"{space}/replicationcontrollers/going", options=_options(going, "Foreground"))
    until(lambda: not plane.exists(f"{space}/replicationcontrollers/going"), "no controller")
    left = _of(plane, space, "going")
    assert {pod["metadata"]["name"] for pod in left} == {metadata["name"] for metadata in both}
    for pod in left:
        assert "deletionTimestamp" not in pod["metadata"]
        assert pod["metadata"]["ownerReferences"] == [reference]


@pytest.mark.parametrize("policy", ["Foreground", "Background"])
def test_a_circle_of_owners_holds_nobody(plane: Plane, space: str, policy: str) -> None:
    made = {}
    for name in CIRCLE:
        pod = {"metadata": {"name": name}, "spec": {"containers": CONTAINERS}}
        made[name] = plane.create(f"{space}/pods", pod)["metadata"]["uid"]
    for name, owner in zip(CIRCLE, (CIRCLE[2], CIRCLE[0], CIRCLE[1]), strict=True):
        reference = {"apiVersion": "v1", "kind": "Pod", "name": owner, "uid": made[owner], "controller": True,
                     "blockOwnerDeletion": True}  # fmt: skip
        plane.patch(f"{space}/pods/{name}", {"metadata": {"ownerReferences": [reference]}})
    plane.delete(f"{space}/pods/pod1", options={"propagationPolicy": policy})
    until(lambda: not plane.get(f"{space}/pods")["items"], "no pods")


def _configmap(plane: Plane, space: str, title: str, **reference: str) -> Any:
    obj = {"metadata": {"name": title, "ownerReferences": [reference]}}
    return plane.create(f"{space}/configmaps", obj)


def test_an_owner_that_never_was_takes_its_dependents_along(plane: Plane, space: str) -> None:
    _configmap(plane, space, "a", apiVersion="v1", kind="Secret", name="none", uid="00000000-none")
    until(lambda: not plane.exists(f"{space}/configmaps/a"), "no ConfigMap")


def test_a_namesake_of_the_owner_owns_nothing(plane: Plane, space: str) -> None:
    plane.create(f"{space}/secrets", {"metadata": {"name": "owner"}})
    _configmap(plane, space, "a", apiVersion="v1", kind="Secret", name="owner", uid="00000000-other")
    until(lambda: not plane.exists(f"{space}/configmaps/a"), "no ConfigMap")


def _warnings(plane: Plane, path: str, reason: str) -> list[Any]:
    return [event for event in plane.get(path)["items"] if event["reason"] == reason]


def test_an_owner_in_another_namespace_is_none_and_an_event_says_so(plane: Plane, space: str) -> None:
    there = plane.create("/api/v1/namespaces/default/secrets", {"metadata": {"generateName": "elsewhere-"}})["metadata"]
    reference = {"apiVersion": "v1", "kind": "Secret", "name": there["name"], "uid": there["uid"]}
    _configmap(plane, space, "a", **reference)
    until(lambda: not plane.exists(f"{space}/configmaps/a"), "no ConfigMap")
    until(lambda: _warnings(plane, f"{space}/events", "OwnerRefInvalidNamespace"), "an event")
    (event,) = _warnings(plane, f"{space}/events", "OwnerRefInvalidNamespace")
    where = space.rpartition("/")[2]
    assert event["message"] == (
        f"ownerRef [v1/Secret, namespace: {where}, name: {there['name']}, uid: {there['uid']}] does not exist in "
        f'namespace "{where}"'
    )
    assert (event["type"], event["source"]["component"]) == ("Warning", "garbage-collector-controller")
    assert event["involvedObject"]["name"] == "a"
    assert plane.exists(f"/api/v1/namespaces/default/secrets/{there['name']}")


def test_a_cluster_scoped_dependent_of_a_namespaced_owner_stays(plane: Plane, space: str) -> None:
    owner = plane.create(f"{space}/secrets", {"metadata": {"name": "owner"}})["metadata"]
    name = f"dependent-{space.rpartition('/')[2]}"
    path = f"/apis/scheduling.k8s.io/v1/priorityclasses/{name}"
    reference = {"apiVersion": "v1", "kind": "Secret", "name": "owner", "uid": owner["uid"]}
    plane.create(path.rpartition("/")[0], {"metadata": {"name": name, "ownerReferences": [reference]}, "value": 1})
    events = "/api/v1/namespaces/default/events"

    def told() -> bool:
        found = _warnings(plane, events, "OwnerRefInvalidNamespace")
        return any(event["involvedObject"]["name"] == name for event in found)

    until(told, "an event")
    assert plane.exists(path)
    plane.delete(path)


def test_a_cluster_scoped_owner_takes_namespaced_dependents_along(plane: Plane, space: str) -> None:
    classes, name = "/apis/scheduling.k8s.io/v1/priorityclasses", f"owner-{space.rpartition('/')[2]}"
    owner = plane.create(classes, {"metadata": {"name": name}, "value": 1})["metadata"]
    _configmap(plane, space, "a", apiVersion="scheduling.k8s.io/v1", kind="PriorityClass", name=name, uid=owner["uid"])
    plane.delete(f"{classes}/{name}")
    until(lambda: not plane.exists(f"{space}/configmaps/a"), "no ConfigMap")


def test_an_owner_of_a_kind_that_is_unknown_keeps_its_dependents(plane: Plane, space: str) -> None:
    _configmap(plane, space, "kept", apiVersion="example.com/v9", kind="Nothing", name="x", uid="00000000-x")
    _configmap(plane, space, "gone", apiVersion="v1", kind="Secret", name="none", uid="00000000-none")
    until(lambda: not plane.exists(f"{space}/configmaps/gone"), "no ConfigMap")
    assert plane.exists(f"{space}/configmaps/kept")


def test_many_dependents_are_gone_soon(plane: Plane, space: str) -> None:
    owner = plane.create(f"{space}/secrets", {"metadata": {"name": "owner"}})["metadata"]
    for number in range(300):
        _configmap(plane, space, f"cm-{number}", apiVersion="v1", kind="Secret", name="owner", uid=owner["uid"])
    plane.delete(f"{space}/secrets/owner")
    until(lambda: len(plane.get(f"{space}/configmaps")["items"]) == 1, "only the root certificates")


def test_a_delete_holds_to_what_it_knows(plane: Plane, space: str) -> None:
    made = plane.create(f"{space}/configmaps", {"metadata": {"name": "a"}})["metadata"]
    path = f"{space}/configmaps/a"
    status = plane.delete(path, 409, {"preconditions": {"uid": "other"}})
    assert status["reason"] == "Conflict"
    assert status["message"] == (
        'Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (other) does not match the UID '
        f"in record ({made['uid']}). The object might have been deleted and then recreated"
    )
    status = plane.delete(path, 409, {"preconditions": {"resourceVersion": "1"}})
    assert status["message"] == (
        'Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition (1) does not match '
        f"the ResourceVersion in record ({made['resourceVersion']}). The object might have been modified"
    )
    status = plane.delete(path, 422, {"propagationPolicy": "Sideways"})
    assert (
        'Unsupported value: "Sideways": supported values: "Foreground", "Background", "Orphan", "nil"'
        in status["message"]
    )
    right = {"uid": made["uid"], "resourceVersion": made["resourceVersion"]}
    assert plane.delete(path, 200, {"preconditions": right})["details"]["uid"] == made["uid"]
