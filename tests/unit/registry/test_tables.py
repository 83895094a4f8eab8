"""Tables: the cells that `kubectl get` prints."""

from __future__ import annotations

from datetime import timedelta

import pytest

from common.api.kinds import (
    CONFIGMAPS,
    ENDPOINTSLICES,
    EVENTS,
    HOSTS,
    LEASES,
    MUTATINGADMISSIONPOLICYBINDINGS,
    NAMESPACES,
    NODES,
    REPLICASETS,
    SECRETS,
    SERVICEACCOUNTS,
    VALIDATINGADMISSIONPOLICYBINDINGS,
    Resource,
)
from common.api.meta import Object, format_time
from common.api.podstate import status_word
from common.errors import BadRequest
from console.registry.scale import scale_of
from console.registry.tables import scale_table, table

from .builders import DEPLOYMENTS, NOW, PODS, REGISTRY, SERVICES, changed, created, deployment, named, pod, row, service

AGO = format_time(NOW - timedelta(minutes=3))
SEPARATORS = "|"


def cells(resource: Resource, obj: Object, *, wide: bool = False) -> dict[str, object]:
    found = table(row(resource), [obj], NOW, {}, "None")
    shown = [column["priority"] == 0 or wide for column in found["columnDefinitions"]]
    pairs = zip(found["columnDefinitions"], found["rows"][0]["cells"], shown, strict=True)
    return {column["name"]: cell for column, cell, visible in pairs if visible}


def aged(obj: Object, **fields: object) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "creationTimestamp": AGO}, **fields}


def running(**more: object) -> Object:
    return {"name": "main", "ready": True, "restartCount": 0, "state": {"running": {}}, **more}


def with_status(status: Object, **spec: object) -> Object:
    return aged(pod(**spec), status=status)


def waiting(reason: str, **more: object) -> Object:
    return {"name": "main", "restartCount": 0, "state": {"waiting": {"reason": reason}}, **more}


def ended(**how: object) -> Object:
    return {"name": "main", "restartCount": 0, "state": {"terminated": how}}


INIT = {"initContainers": [{"name": "i", "image": "i"}, {"name": "j", "image": "j"}]}
SIDECAR = {"initContainers": [{"name": "s", "image": "s", "restartPolicy": "Always"}]}


@pytest.mark.parametrize(
    ("status", "spec", "word"),
    [
        ({}, {}, "Pending"),
        ({"phase": "Running", "containerStatuses": [running()]}, {}, "Running"),
        ({"phase": "Pending", "containerStatuses": [waiting("ContainerCreating")]}, {}, "ContainerCreating"),
        ({"phase": "Running", "containerStatuses": [waiting("CrashLoopBackOff")]}, {}, "CrashLoopBackOff"),
        ({"phase": "Succeeded", "containerStatuses": [ended(reason="Completed", exitCode=0)]}, {}, "Completed"),
        ({"phase": "Failed", "containerStatuses": [ended(reason="Error", exitCode=1)]}, {}, "Error"),
        ({"phase": "Failed", "containerStatuses": [ended(exitCode=2)]}, {}, "ExitCode:2"),
        ({"phase": "Failed", "containerStatuses": [ended(signal=9, exitCode=137)]}, {}, "Signal:9"),
        ({"phase": "Failed", "reason": "Evicted"}, {}, "Evicted"),
        (
            {"phase": "Running", "containerStatuses": [running(), ended(reason="Completed", exitCode=0)]},
            {},
            "NotReady",
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]},
            {},
            "SchedulingGated",
        ),
        ({"phase": "Pending", "initContainerStatuses": [running(name="i")]}, INIT, "Init:0/2"),
        (
            {"initContainerStatuses": [ended(exitCode=0), waiting("PodInitializing")]},
            INIT,
            "Init:1/2",
        ),
        ({"initContainerStatuses": [waiting("ImagePullBackOff")]}, INIT, "Init:ImagePullBackOff"),
        ({"initContainerStatuses": [ended(reason="Error", exitCode=1)]}, INIT, "Init:Error"),
        ({"initContainerStatuses": [ended(exitCode=3)]}, INIT, "Init:ExitCode:3"),
        (
            {
                "phase": "Running",
                "initContainerStatuses": [running(name="s", started=True)],
                "containerStatuses": [running()],
            },
            SIDECAR,
            "Running",
        ),
    ],
)
def test_the_status_word_of_a_pod(status: Object, spec: Object, word: str) -> None:
    assert status_word(with_status(status, **spec)) == word


def test_a_deleted_pod_is_terminating() -> None:
    found = with_status({"phase": "Running", "containerStatuses": [running()]})
    found["metadata"]["deletionTimestamp"] = AGO
    assert status_word(found) == "Terminating"
    found["status"]["reason"] = "NodeLost"
    assert status_word(found) == "Unknown"


def test_restarts_tell_when() -> None:
    last = {"terminated": {"finishedAt": AGO}}
    status = {"phase": "Running", "containerStatuses": [running(restartCount=2, lastState=last)]}
    assert cells(PODS, with_status(status))["Restarts"] == "2 (3m ago)"
    assert cells(PODS, with_status({}))["Restarts"] == "0"


def test_pods() -> None:
    status = {"phase": "Running", "podIP": "10.42.0.5", "containerStatuses": [running()]}
    found = cells(PODS, changed(with_status(status), "spec.nodeName", "n1"), wide=True)
    assert found == {
        "Name": "p",
        "Ready": "1/1",
        "Status": "Running",
        "Restarts": "0",
        "Age": "3m",
        "IP": "10.42.0.5",
        "Node": "n1",
        "Nominated Node": "<none>",
        "Readiness Gates": "<none>",
    }


def test_sidecars_count_as_ready_containers() -> None:
    status = {"initContainerStatuses": [running(name="s", started=True)], "containerStatuses": [running()]}
    assert cells(PODS, with_status(status, **SIDECAR))["Ready"] == "2/2"


def test_deployments_and_replicasets() -> None:
    obj = aged(created(DEPLOYMENTS, deployment(replicas=3)))
    obj["status"] = {"replicas": 3, "readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1}
    assert list(cells(DEPLOYMENTS, obj, wide=True).values()) == [
        "web", "2/3", 3, 1, "3m", "main", "app:1", "app=web",
    ]  # fmt: skip
    assert list(cells(REPLICASETS, obj).values()) == ["web", 3, 3, 2, "3m"]


def test_services() -> None:
    ports = [
        {"port": 80, "nodePort": 30080, "name": "a"},
        {"port": 53, "protocol": "UDP", "nodePort": 30053, "name": "b"},
    ]
    obj = aged(created(SERVICES, service(type="NodePort", ports=ports, clusterIP="10.43.0.7")))
    assert list(cells(SERVICES, obj, wide=True).values()) == [
        "web", "NodePort", "10.43.0.7", "<none>", "80:30080/TCP,53:30053/UDP", "3m", "app=web",
    ]  # fmt: skip
    balanced = created(SERVICES, service(type="LoadBalancer"))
    assert cells(SERVICES, balanced)["External-IP"] == "<pending>"
    balanced["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    assert cells(SERVICES, balanced)["External-IP"] == "192.0.2.1"


def test_nodes() -> None:
    obj = aged({"metadata": {"name": "n", "labels": {"node-role.kubernetes.io/worker": ""}}})
    obj["spec"] = {"unschedulable": True}
    obj["status"] = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [{"type": "InternalIP", "address": "192.0.2.4"}],
        "nodeInfo": {"kubeletVersion": "v1.36.0", "osImage": "Debian"},
    }
    found = cells(NODES, obj, wide=True)
    assert list(found.values())[:7] == [
        "n",
        "Ready,SchedulingDisabled",
        "worker",
        "3m",
        "v1.36.0",
        "192.0.2.4",
        "<none>",
    ]
    obj["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    assert cells(NODES, changed(obj, "spec.unschedulable", None))["Status"] == "NotReady"
    assert cells(NODES, aged(obj, status={}, spec={}))["Status"] == "Unknown"


def test_events() -> None:
    obj = named(
        "e",
        involvedObject={"kind": "Pod", "name": "p", "fieldPath": "spec.containers{main}"},
        type="Warning",
        reason="BackOff",
        message="Back-off restarting\n",
        lastTimestamp=AGO,
        count=4,
        source={"component": "agent", "host": "n1"},
    )
    assert list(cells(EVENTS, obj).values()) == ["3m", "Warning", "BackOff", "pod/p", "Back-off restarting"]
    wide = cells(EVENTS, obj, wide=True)
    assert (wide["Source"], wide["Count"], wide["Subobject"]) == ("agent, n1", 4, "spec.containers{main}")


@pytest.mark.parametrize(
    ("resource", "obj", "expected"),
    [
        (NAMESPACES, named("n", status={"phase": "Active"}), ["n", "Active", "3m"]),
        (CONFIGMAPS, named("c", data={"a": ""}, binaryData={"b": ""}), ["c", 2, "3m"]),
        (SECRETS, named("s", type="Opaque", data={"a": ""}), ["s", "Opaque", 1, "3m"]),
        (SERVICEACCOUNTS, named("a"), ["a", 0, "3m"]),
        (LEASES, named("l", spec={"holderIdentity": "me"}), ["l", "me", "3m"]),
        (
            ENDPOINTSLICES,
            named(
                "e",
                addressType="IPv4",
                ports=[{"port": 80}],
                endpoints=[{"addresses": [f"10.0.0.{n}"]} for n in range(1, 6)],
            ),
            ["e", "IPv4", "80", "10.0.0.1,10.0.0.2,10.0.0.3 + 2 more...", "3m"],
        ),
        (ENDPOINTSLICES, named("e", addressType="IPv4"), ["e", "IPv4", "<unset>", "<unset>", "3m"]),
        (
            HOSTS,
            named(
                "h", status={"phase": "Discovered", "addresses": ["192.0.2.1", "fd00::1"], "cpu": "4", "memory": "8Gi"}
            ),
            ["h", "Discovered", "<none>", "192.0.2.1,fd00::1", "4", "8Gi", "3m"],
        ),
    ],
)
def test_small_tables(resource: Resource, obj: Object, expected: list[object]) -> None:
    assert list(cells(resource, aged(obj)).values()) == expected


@pytest.mark.parametrize("resource", [VALIDATINGADMISSIONPOLICYBINDINGS, MUTATINGADMISSIONPOLICYBINDINGS])
@pytest.mark.parametrize(
    ("reference", "shown"),
    [
        (None, "<unset>"),
        ({"name": "limits", "namespace": "team"}, "team/limits"),
        ({"name": "limits"}, "*/limits"),
        ({"selector": {"matchLabels": {"a": "b"}}}, "a=b"),
    ],
)
def test_a_binding_tells_which_parameters_it_gives(resource: Resource, reference: Object | None, shown: str) -> None:
    spec: Object = {"policyName": "p"} if reference is None else {"policyName": "p", "paramRef": reference}
    assert list(cells(resource, aged(named("b", spec=spec))).values()) == ["b", "p", shown, "3m"]


def test_rows_carry_what_was_asked_for() -> None:
    obj = aged(named("c"))
    full = table(row(CONFIGMAPS), [obj], NOW, {"resourceVersion": "7"}, "Object")
    assert (full["kind"], full["apiVersion"], full["metadata"]) == ("Table", "meta.k8s.io/v1", {"resourceVersion": "7"})
    assert full["rows"][0]["object"] == obj
    partial = table(row(CONFIGMAPS), [obj], NOW, {}, "")["rows"][0]["object"]
    assert partial == {
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"],
    }  # fmt: skip
    assert table(row(CONFIGMAPS), [obj], NOW, {}, "None")["rows"][0]["object"] is None
    with pytest.raises(BadRequest, match=r"must be 'Metadata', 'Object', 'None', or empty$"):
        table(row(CONFIGMAPS), [], NOW, {}, "All")


def test_every_kind_prints_an_object_that_says_nothing() -> None:
    for found in REGISTRY.rows():
        rows = table(found, [{"metadata": {"name": "x"}}], NOW, {}, "None")["rows"]
        assert all(isinstance(cell, str | int) for cell in rows[0]["cells"])


def test_a_scale_shows_what_is_wanted_and_what_there_is() -> None:
    obj = changed(aged(created(DEPLOYMENTS, deployment(replicas=3))), "status", {"replicas": 2})
    found = scale_table(scale_of(row(DEPLOYMENTS), obj), NOW, "")
    assert [column["name"] for column in found["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]
    assert found["rows"][0]["cells"] == [obj["metadata"]["name"], 3, 2, "3m"]
    assert found["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
