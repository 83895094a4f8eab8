"""ResourceQuotas: what is used is counted as objects come and go, and what is too much is refused."""

from __future__ import annotations

from typing import Any

import pytest

from common.api import quantity

from .plane import MERGE, Plane, until

HARD = {
    "pods": "5", "services": "10", "services.nodeports": "1", "services.loadbalancers": "1",
    "replicationcontrollers": "10", "resourcequotas": "1", "configmaps": "10", "secrets": "10",
    "persistentvolumeclaims": "10", "requests.storage": "10Gi", "cpu": "1", "memory": "500Mi",
    "ephemeral-storage": "50Gi", "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "10",
    "gold.storageclass.storage.k8s.io/requests.storage": "10Gi", "count/replicasets.apps": "5",
    "requests.example.com/dongle": "3",
}  # fmt: skip
DONGLE = "example.com/dongle"


def _quota(plane: Plane, space: str, name: str = "test-quota", scopes: tuple[str, ...] = (), **hard: str) -> str:
    """The path of a new quota whose status is there."""
    spec: dict[str, Any] = {"hard": hard or HARD}
    if scopes:
        spec["scopes"] = list(scopes)
    plane.create(f"{space}/resourcequotas", {"metadata": {"name": name}, "spec": spec})
    path = f"{space}/resourcequotas/{name}"
    until(lambda: plane.get(path)["status"].get("hard") == spec["hard"], "its status")
    return path


def _uses(plane: Plane, path: str, **wanted: str) -> None:
    """Wait until the quota's status says that so much is used; __ stands for /, _ for the dot."""
    names = {name.replace("__", "/").replace("_", "."): amount for name, amount in wanted.items()}

    def holds() -> bool:
        used = plane.get(path)["status"].get("used") or {}
        return all(quantity.parse(used.get(name, "-1")) == quantity.parse(amount) for name, amount in names.items())

    until(holds, f"{names} being used, not {plane.get(path)['status'].get('used')}")


def _pod(name: str, requests: Any = None, limits: Any = None, **spec: Any) -> Any:
    resources = {"requests": requests or {}, "limits": limits or {}}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "pause", "image": "pause:1", "resources": resources}], **spec},
    }


def test_its_status_is_there_at_once(plane: Plane, space: str) -> None:
    path = _quota(plane, space)
    _uses(plane, path, resourcequotas="1", pods="0", cpu="0", configmaps="1", secrets="0")


def test_a_service_counts_with_its_node_ports(plane: Plane, space: str) -> None:
    path = _quota(plane, space)

    def service(name: str, kind: str) -> Any:
        return {"metadata": {"name": name}, "spec": {"type": kind, "ports": [{"port": 80, "targetPort": 80}]}}

    plane.create(f"{space}/services", service("test-service", "ClusterIP"))
    plane.create(f"{space}/services", service("test-service-np", "NodePort"))
    status = plane.create(f"{space}/services", service("test-service-lb", "LoadBalancer"), 403)
    assert status["message"] == (
        'services "test-service-lb" is forbidden: exceeded quota: test-quota, requested: services.nodeports=1, '
        "used: services.nodeports=1, limited: services.nodeports=1"
    )
    _uses(plane, path, resourcequotas="1", services="2", services_nodeports="1")
    for name in ("test-service", "test-service-np"):
        plane.delete(f"{space}/services/{name}")
    _uses(plane, path, services="0", services_nodeports="0")


@pytest.mark.parametrize(
    ("plural", "counted", "obj"),
    [
        ("secrets", "secrets", {"metadata": {"name": "one"}, "data": {"key": "dmFsdWU="}}),
        ("configmaps", "configmaps", {"metadata": {"name": "one"}, "data": {"key": "value"}}),
        ("replicationcontrollers", "replicationcontrollers",
         {"metadata": {"name": "one"}, "spec": {"replicas": 0, "selector": {"a": "b"}, "template": {
             "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}),
        ("replicasets", "count__replicasets_apps",
         {"metadata": {"name": "one"}, "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": {
             "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}),
    ],
)  # fmt: skip
def test_objects_are_counted_while_they_live(plane: Plane, space: str, plural: str, counted: str, obj: Any) -> None:
    home = space.replace("/api/v1", "/apis/apps/v1") if plural == "replicasets" else space
    before = len(plane.get(f"{home}/{plural}")["items"])
    path = _quota(plane, space)
    _uses(plane, path, **{counted: str(before)})
    plane.create(f"{home}/{plural}", obj)
    _uses(plane, path, **{counted: str(before + 1)})
    plane.delete(f"{home}/{plural}/one")
    _uses(plane, path, **{counted: str(before)})


def test_a_pod_counts_with_all_that_it_asks_for(plane: Plane, space: str) -> None:
    path = _quota(plane, space)
    asked = {"cpu": "500m", "memory": "252Mi", "ephemeral-storage": "30Gi", DONGLE: "2"}
    plane.create(f"{space}/pods", _pod("test-pod", asked, {DONGLE: "2"}))
    used = {"pods": "1", "cpu": "500m", "memory": "252Mi", "ephemeral-storage": "30Gi",
            "requests_example_com__dongle": "2"}  # fmt: skip
    _uses(plane, path, **used)
    too_much = _pod("fail-pod", {"cpu": "600m", "memory": "100Mi"})
    status = plane.create(f"{space}/pods", too_much, 403)
    assert "exceeded quota: test-quota, requested: cpu=600m, used: cpu=500m, limited: cpu=1" in status["message"]
    small = {"cpu": "500m", "memory": "100Mi", "ephemeral-storage": "10Gi", DONGLE: "2"}
    status = plane.create(f"{space}/pods", _pod("fail-pod-for-extended-resource", small, {DONGLE: "2"}), 403)
    assert "requested: requests.example.com/dongle=2, used: requests.example.com/dongle=2" in status["message"]
    path_of_pod = f"{space}/pods/test-pod"
    until(lambda: "conditions" in plane.get(path_of_pod)["status"], "the scheduler having looked at it")
    found = plane.get(path_of_pod)
    found["spec"]["containers"][0]["resources"]["requests"] = {"cpu": "100m", "memory": "100Mi"}
    assert plane.update(path_of_pod, found, 422)["reason"] == "Invalid"
    _uses(plane, path, **used)
    plane.delete(f"{space}/pods/test-pod", options={"gracePeriodSeconds": 0})
    _uses(plane, path, **dict.fromkeys(used, "0"))


def test_best_effort_and_the_others_are_counted_apart(plane: Plane, space: str) -> None:
    best = _quota(plane, space, "quota-besteffort", ("BestEffort",), pods="5")
    rest = _quota(plane, space, "quota-not-besteffort", ("NotBestEffort",), pods="5")
    plane.create(f"{space}/pods", _pod("besteffort-pod"))
    _uses(plane, best, pods="1")
    _uses(plane, rest, pods="0")
    plane.delete(f"{space}/pods/besteffort-pod", options={"gracePeriodSeconds": 0})
    _uses(plane, best, pods="0")
    amounts = {"cpu": "500m", "memory": "200Mi"}
    plane.create(f"{space}/pods", _pod("burstable-pod", amounts, {"cpu": "1", "memory": "400Mi"}))
    _uses(plane, rest, pods="1")
    _uses(plane, best, pods="0")
    plane.delete(f"{space}/pods/burstable-pod", options={"gracePeriodSeconds": 0})
    _uses(plane, rest, pods="0")


def test_pods_with_a_deadline_are_counted_apart(plane: Plane, space: str) -> None:
    hard = {"requests.cpu": "1", "requests.memory": "500Mi", "limits.cpu": "2", "limits.memory": "1Gi", "pods": "5"}
    short = _quota(plane, space, "quota-terminating", ("Terminating",), **hard)
    long = _quota(plane, space, "quota-not-terminating", ("NotTerminating",), **hard)
    amounts = ({"cpu": "500m", "memory": "200Mi"}, {"cpu": "1", "memory": "400Mi"})
    used = {"pods": "1", "requests_cpu": "500m", "requests_memory": "200Mi", "limits_cpu": "1",
            "limits_memory": "400Mi"}  # fmt: skip
    nothing = dict.fromkeys(used, "0")
    for spec, counting, idle in (({}, long, short), ({"activeDeadlineSeconds": 3600}, short, long)):
        plane.create(f"{space}/pods", _pod("pod", *amounts, **spec))
        _uses(plane, counting, **used)
        _uses(plane, idle, **nothing)
        plane.delete(f"{space}/pods/pod", options={"gracePeriodSeconds": 0})
        _uses(plane, counting, **nothing)


def test_it_is_updated_and_deleted(plane: Plane, space: str) -> None:
    path = _quota(plane, space, cpu="1", memory="500Mi")
    found = plane.get(path)
    assert found["spec"]["hard"] == {"cpu": "1", "memory": "500Mi"}
    found["spec"]["hard"] = {"cpu": "2", "memory": "1Gi"}
    assert plane.update(path, found)["spec"]["hard"] == {"cpu": "2", "memory": "1Gi"}
    until(lambda: plane.get(path)["status"]["hard"] == {"cpu": "2", "memory": "1Gi"}, "the new status")
    plane.delete(path)
    assert not plane.exists(path)


def test_it_is_listed_patched_and_deleted_by_label(plane: Plane, space: str) -> None:
    name = space.rpartition("/")[2]
    label = f"e2e-rq-label={name}"
    metadata = {"name": "rq", "labels": {"e2e-rq-label": name}}
    spec = {"hard": {"cpu": "1", "memory": "500Mi"}}
    plane.create(f"{space}/resourcequotas", {"metadata": metadata, "spec": spec})
    assert len(plane.get("/api/v1/resourcequotas", labelSelector=label)["items"]) == 1
    patch = {"metadata": {"labels": {name: "patched"}}, "spec": {"hard": {"memory": "750Mi"}}}
    patched = plane.patch(f"{space}/resourcequotas/rq", patch, "application/strategic-merge-patch+json")
    assert patched["metadata"]["labels"][name] == "patched"
    assert patched["spec"]["hard"] == {"cpu": "1", "memory": "750Mi"}
    plane.delete(f"{space}/resourcequotas", labelSelector=label)
    assert plane.get("/api/v1/resourcequotas", labelSelector=label)["items"] == []


def test_its_status_is_brought_back_to_what_it_says(plane: Plane, space: str) -> None:
    path = _quota(plane, space, cpu="500m", memory="500Mi")
    watch = plane.watch(f"{space}/resourcequotas", resourceVersion=plane.get(path)["metadata"]["resourceVersion"])
    other = {"cpu": "1", "memory": "1Gi"}
    found = plane.get(path)
    found["status"]["hard"] = other
    assert plane.update(f"{path}/status", found)["status"]["hard"] == other
    seen = [watch.next()[1]["status"]["hard"] for _ in range(2)]
    assert seen == [other, {"cpu": "500m", "memory": "500Mi"}]
    plane.patch(path, {"spec": {"hard": other}})
    until(lambda: plane.get(f"{path}/status")["status"]["hard"] == other, "the new status")
    patched = plane.patch(f"{path}/status", {"status": {"hard": {"cpu": "2"}}}, MERGE)
    assert patched["status"]["hard"] == {"cpu": "2", "memory": "1Gi"}
    assert patched["spec"]["hard"] == other
    until(lambda: plane.get(path)["status"]["hard"] == other, "the status of before")
    watch.close()


def test_objects_of_users_are_counted_while_they_live(plane: Plane, space: str) -> None:
    name = space.rpartition("/")[2]
    group = f"{name}.example.com"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    spec = {"group": group, "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo"}, "versions": [version]}
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    plane.create(definitions, {"metadata": {"name": f"foos.{group}"}, "spec": spec})
    path = _quota(plane, space, **{f"count/foos.{group}": "1"})
    foos = f"/apis/{group}/v1/namespaces/{name}/foos"
    until(lambda: plane.ask("GET", foos).code == 200, "the kind being served")
    foo = {"apiVersion": f"{group}/v1", "kind": "Foo", "metadata": {"name": "one"}}
    plane.create(foos, foo)
    counted = f"count/foos.{group}"
    until(lambda: plane.get(path)["status"]["used"] == {counted: "1"}, "one being counted")
    status = plane.create(foos, {**foo, "metadata": {"name": "two"}}, 403)
    assert status["message"] == (
        f'foos.{group} "two" is forbidden: exceeded quota: test-quota, requested: {counted}=1, used: {counted}=1, '
        f"limited: {counted}=1"
    )
    plane.delete(f"{foos}/one")
    until(lambda: plane.get(path)["status"]["used"] == {counted: "0"}, "none being counted")
    plane.create(foos, {**foo, "metadata": {"name": "two"}})
    plane.delete(f"{definitions}/foos.{group}")


def test_claims_are_counted_by_their_class(plane: Plane, space: str) -> None:
    path = _quota(plane, space)
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"metadata": {"name": "test-claim"}, "spec": {**spec, "storageClassName": "gold"}}
    plane.create(f"{space}/persistentvolumeclaims", claim)
    used = {
        "persistentvolumeclaims": "1", "requests_storage": "1Gi",
        "gold_storageclass_storage_k8s_io__persistentvolumeclaims": "1",
        "gold_storageclass_storage_k8s_io__requests_storage": "1Gi",
    }  # fmt: skip
    _uses(plane, path, **used)
    big = {**spec, "storageClassName": "gold", "resources": {"requests": {"storage": "10Gi"}}}
    status = plane.create(f"{space}/persistentvolumeclaims", {"metadata": {"name": "big"}, "spec": big}, 403)
    assert (
        "exceeded quota: test-quota, requested: gold.storageclass.storage.k8s.io/requests.storage=10Gi,"
        in (status["message"])
    )
    plane.delete(f"{space}/persistentvolumeclaims/test-claim")
    _uses(plane, path, **dict.fromkeys(used, "0"))


@pytest.mark.parametrize(
    ("scope", "inside", "outside"),
    [
        ({"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]},
         {"priorityClassName": "system-node-critical"}, {"priorityClassName": "system-cluster-critical"}),
        ({"scopeName": "PriorityClass", "operator": "NotIn", "values": ["system-node-critical"]},
         {"priorityClassName": "system-cluster-critical"}, {"priorityClassName": "system-node-critical"}),
        ({"scopeName": "PriorityClass", "operator": "Exists"},
         {"priorityClassName": "system-cluster-critical"}, {}),
        ({"scopeName": "CrossNamespacePodAffinity", "operator": "Exists"},
         {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
             {"topologyKey": "region", "namespaces": ["elsewhere"]}]}}},
         {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
             {"topologyKey": "region"}]}}}),
    ],
)  # fmt: skip
def test_a_selector_of_scopes_says_which_pods_count(
    plane: Plane, space: str, scope: Any, inside: Any, outside: Any
) -> None:
    spec = {"hard": {"pods": "1"}, "scopeSelector": {"matchExpressions": [scope]}}
    plane.create(f"{space}/resourcequotas", {"metadata": {"name": "scoped"}, "spec": spec})
    path = f"{space}/resourcequotas/scoped"
    plane.create(f"{space}/pods", _pod("outside", **outside))
    plane.create(f"{space}/pods", _pod("inside", **inside))
    _uses(plane, path, pods="1")
    status = plane.create(f"{space}/pods", _pod("too-many", **inside), 403)
    assert "exceeded quota: scoped, requested: pods=1, used: pods=1, limited: pods=1" in status["message"]
    plane.create(f"{space}/pods", _pod("outside-too", **outside))
    plane.delete(f"{space}/pods/inside", options={"gracePeriodSeconds": 0})
    _uses(plane, path, pods="0")
