"""What Kubernetes' API server refuses, and in which words: measured with the same requests to a real one."""

from __future__ import annotations

import pytest

from common.api.kinds import (
    CSIDRIVERS,
    CSINODES,
    DAEMONSETS,
    DEPLOYMENTS,
    HORIZONTALPODAUTOSCALERS,
    LIMITRANGES,
    MUTATINGWEBHOOKCONFIGURATIONS,
    NAMESPACES,
    NETWORKPOLICIES,
    NODES,
    PERSISTENTVOLUMES,
    PODDISRUPTIONBUDGETS,
    PODS,
    RUNTIMECLASSES,
    SERVICEACCOUNTS,
    SERVICES,
    STATEFULSETS,
    STORAGECLASSES,
    VOLUMEATTACHMENTS,
)
from common.api.meta import Object
from common.errors import Forbidden

from .builders import causes, changed, created, deployment, named, pod, pod_of, service

STANDARD = "must be a standard resource type or fully qualified"


def fields(found: list[str]) -> list[str]:
    return [cause.partition(": ")[0] for cause in found]


def volume(source: Object) -> Object:
    return pod(volumes=[{"name": "v", **source}])


def persistent(**spec: object) -> Object:
    wanted = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], **spec}
    return {"metadata": {"name": "pv"}, "spec": wanted}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"gcePersistentDisk": {"partition": 256}}, ["persistentDisk.pdName", "persistentDisk.partition"]),
        ({"awsElasticBlockStore": {"volumeID": "v", "partition": -1}}, ["awsElasticBlockStore.partition"]),
        ({"iscsi": {"targetPortal": "p", "iqn": "disk", "lun": 256}}, ["iscsi.iqn", "iscsi.lun"]),
        ({"iscsi": {"targetPortal": "p", "iqn": "iqn.2001-04.com.example:a", "lun": 0}}, []),
        ({"iscsi": {"targetPortal": "p", "iqn": "eui.00", "lun": 0}}, ["iscsi.iqn"]),
        ({"iscsi": {"targetPortal": "p", "iqn": "naa.0", "lun": 0}}, ["iscsi.iqn"]),
        ({"iscsi": {"targetPortal": "p", "iqn": "eui.0123456789abcdef", "chapAuthSession": True}}, ["iscsi.secretRef"]),
        ({"fc": {"targetWWNs": ["w"], "wwids": ["x"]}}, ["fc.targetWWNs", "fc.lun"]),
        ({"fc": {"targetWWNs": ["w"], "lun": 256}}, ["fc.lun"]),
        ({"emptyDir": {"sizeLimit": "-1"}}, ["emptyDir.sizeLimit"]),
    ],
)  # fmt: skip
def test_sources_of_volumes(source: Object, expected: list[str]) -> None:
    assert fields(causes(PODS, volume(source))) == [f"spec.volumes[0].{name}" for name in expected]


def test_containers_have_no_volume_that_is_wrong() -> None:
    mounts = [{"name": "v", "mountPath": "/v"}]
    wrong = changed(pod_of(volumeMounts=mounts), "spec.volumes", [{"name": "v", "configMap": {}}])
    assert causes(PODS, wrong) == [
        "spec.volumes[0].configMap.name: Required value",
        'spec.containers[0].volumeMounts[0].name: Not found: "v"',
    ]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("app", "Always"),
        ("app:latest", "Always"),
        ("registry.example.com:5000/team/app", "Always"),
        ("localhost/app:1", "IfNotPresent"),
        ("a!b", "IfNotPresent"),
        ("App", "IfNotPresent"),
        ("../app", "IfNotPresent"),
    ],
)
def test_only_the_name_of_an_image_can_mean_its_latest_version(image: str, policy: str) -> None:
    assert created(PODS, pod_of(image=image))["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_keys_that_lead_out_of_a_volume_are_wrong_twice() -> None:
    reference = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "../x"}}}
    found = causes(PODS, pod_of(env=[reference]))
    assert fields(found) == ["spec.containers[0].env[0].valueFrom.configMapKeyRef.key"] * 2
    assert found[1].endswith("must not start with '..'")


def test_a_port_by_an_empty_name() -> None:
    probe = {"httpGet": {"port": ""}}
    assert fields(causes(PODS, pod_of(livenessProbe=probe))) == ["spec.containers[0].livenessProbe.httpGet.port"] * 2


def test_an_empty_api_version_of_a_field_is_the_default() -> None:
    field = {"fieldRef": {"apiVersion": "", "fieldPath": "metadata.name"}}
    found = created(PODS, pod_of(env=[{"name": "A", "valueFrom": field}]))
    assert found["spec"]["containers"][0]["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"


def test_selectors_of_workloads() -> None:
    wrong = {"matchExpressions": [{"key": "app", "operator": "Like"}]}
    assert causes(DEPLOYMENTS, deployment(selector=wrong))[:2] == [
        'spec.selector.matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator',
        'spec.selector: Invalid value: {"matchExpressions":[{"key":"app","operator":"Like"}]}: invalid label selector',
    ]
    assert fields(causes(DAEMONSETS, deployment(selector=wrong))) == ["spec.selector.matchExpressions[0].operator"]
    assert fields(causes(DAEMONSETS, deployment(selector=None))) == ["spec.template.metadata.labels"]


def test_a_load_balancer_without_ports() -> None:
    assert causes(SERVICES, service(type="LoadBalancer", externalTrafficPolicy="Local", ports=[])) == [
        "spec.ports: Required value"
    ]


def test_finalizers_without_a_domain() -> None:
    obj = pod()
    obj["metadata"]["finalizers"] = ["example.com/a", "mine"]
    why = "name is neither a standard finalizer name nor is it fully qualified"
    assert causes(PODS, obj) == [f'metadata.finalizers[1]: Invalid value: "mine": {why}']
    space = {"metadata": {"name": "n"}, "spec": {"finalizers": ["mine"]}}
    assert causes(NAMESPACES, space) == [f'spec.finalizers: Invalid value: "mine": {why}']


def test_amounts_of_nodes() -> None:
    node = {"metadata": {"name": "n"}, "status": {"capacity": {"cpu": "1"}, "allocatable": {"cpu": "-1"}}}
    assert fields(causes(NODES, node)) == ["status.allocatable.cpu"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"capacity": {}, "nfs": {"server": "s", "path": "/"}}, ["spec.capacity", "spec.capacity"]),
        ({"capacity": {"storage": "-1"}, "nfs": {"server": "s", "path": "/"}}, ["spec.capacity[storage]"] * 2),
        ({"nfs": {}, "hostPath": {"path": "/x"}}, ["spec.nfs"]),
        ({"csi": {"volumeHandle": "h"}}, ["spec.csi.driver", "spec.csi.driver"]),
        (
            {"csi": {"driver": "d", "volumeHandle": "h", "nodeStageSecretRef": {"name": "A", "namespace": "a.b"}}},
            ["spec.csi.nodeStageSecretRef.name", "spec.csi.nodeStageSecretRef.namespace"],
        ),
        ({"local": {"path": "../x"}}, ["spec.local.path", "spec.nodeAffinity"]),
    ],
)
def test_persistent_volumes(spec: Object, expected: list[str]) -> None:
    assert fields(causes(PERSISTENTVOLUMES, persistent(**spec))) == expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"reclaimPolicy": "Recycle"}, ["reclaimPolicy"]),
        ({"volumeBindingMode": ""}, ["volumeBindingMode"]),
        ({"allowedTopologies": [{}]}, ["allowedTopologies[0].matchLabelExpressions"]),
        (
            {"allowedTopologies": [{"matchLabelExpressions": [{"key": "z", "values": ["a", "a"]}, {"key": "z"}]}]},
            [
                "allowedTopologies[0].matchLabelExpressions[0].values[1]",
                "allowedTopologies[0].matchLabelExpressions[1].values",
                "allowedTopologies[0].matchLabelExpressions[1].key",
            ],
        ),
        (
            {"allowedTopologies": [{"matchLabelExpressions": [{"key": "z", "values": ["a"]}]}] * 2},
            ["allowedTopologies[1].matchLabelExpressions"],
        ),
    ],
)
def test_storage_classes(part: Object, expected: list[str]) -> None:
    found = causes(STORAGECLASSES, {"metadata": {"name": "c"}, "provisioner": "example.com/p", **part})
    assert fields(found) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"attacher": "d", "nodeName": "n", "source": {"persistentVolumeName": "pv"}}, []),
        ({"attacher": "a_b", "nodeName": "N", "source": {}}, ["spec.attacher", "spec.nodeName", "spec.source"]),
        (
            {"attacher": "d", "nodeName": "n", "source": {"persistentVolumeName": "", "inlineVolumeSpec": None}},
            ["spec.source.persistentVolumeName", "spec.source.persistentVolumeName"],
        ),
        (
            {"attacher": "d", "nodeName": "n", "source": {"persistentVolumeName": "pv", "inlineVolumeSpec": {}}},
            ["spec.source"],
        ),
    ],
)
def test_volume_attachments(spec: Object, expected: list[str]) -> None:
    assert fields(causes(VOLUMEATTACHMENTS, {"metadata": {"name": "a"}, "spec": spec})) == expected


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        ({"name": "d", "nodeID": "n", "topologyKeys": ["zone"], "allocatable": {"count": 1}}, []),
        ({"nodeID": "n"}, ["spec.drivers[0].name", "spec.drivers[0].name"]),
        ({"name": "d", "nodeID": "n" * 193}, ["spec.drivers[0].nodeID"]),
        ({"name": "d", "nodeID": "n", "allocatable": {"count": -1}}, ["spec.drivers[0].allocatable.count"]),
        ({"name": "d", "nodeID": "n", "topologyKeys": ["zone", "zone"]}, ["spec.drivers[0]"]),
        ({"name": "d", "nodeID": "n", "topologyKeys": [""]}, ["spec.drivers[0]"] * 3),
    ],
)
def test_drivers_of_nodes(driver: Object, expected: list[str]) -> None:
    assert fields(causes(CSINODES, {"metadata": {"name": "n"}, "spec": {"drivers": [driver]}})) == expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"handler": ""}, ["handler"]),
        ({"overhead": {"podFixed": {"gpu": "1"}}}, ["overhead.limits[gpu]", "overhead.limits[gpu]"]),
        ({"scheduling": {"tolerations": [{"operator": "Equal"}]}}, ["scheduling.tolerations.tolerations[0].operator"]),
        ({"scheduling": {"tolerations": [{"key": "a", "operator": "Exists"}] * 2}}, ["scheduling.tolerations[1]"]),
    ],
)  # fmt: skip
def test_runtime_classes(part: Object, expected: list[str]) -> None:
    assert fields(causes(RUNTIMECLASSES, {"metadata": {"name": "r"}, "handler": "runc", **part})) == expected


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"type": "Container", "max": {"gpu": "1"}}, [STANDARD, "must be a standard resource for containers"]),
        ({"type": "PersistentVolumeClaim", "min": {"storage": "1", "gpu": "1"}}, [STANDARD]),
    ],
)
def test_limits_are_about_resources_that_there_are(item: Object, words: list[str]) -> None:
    found = causes(LIMITRANGES, named("l", spec={"limits": [item]}))
    assert found
    assert [cause.rpartition(": ")[2] for cause in found if "[gpu]" in cause][: len(words)] == words


def test_the_details_of_a_refusal_have_no_empty_group() -> None:
    with pytest.raises(Forbidden) as caught:
        created(PODS, pod(priorityClassName="none"))
    assert caught.value.to_status()["details"] == {"name": "p", "kind": "pods"}


def test_of_its_secrets_an_account_keeps_the_names() -> None:
    account = named("a", secrets=[{"name": "s", "namespace": "other", "uid": "u"}])
    assert created(SERVICEACCOUNTS, account)["secrets"] == [{"name": "s"}]


def test_a_budget_may_have_any_name_that_fits_a_path() -> None:
    assert causes(PODDISRUPTIONBUDGETS, named("Web:1")) == []
    assert fields(causes(PODDISRUPTIONBUDGETS, named("web/1"))) == ["metadata.name"]


def test_a_strategy_that_leaves_out_its_details_stays_without() -> None:
    spec = {**deployment()["spec"], "serviceName": "s", "updateStrategy": {"type": "RollingUpdate"}}
    assert created(STATEFULSETS, named("s", spec=spec))["spec"]["updateStrategy"] == {"type": "RollingUpdate"}
    assert created(STATEFULSETS, named("s", spec={**spec, "updateStrategy": {}}))["spec"]["updateStrategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"partition": 0},
    }


def test_what_go_writes_though_it_is_nothing_is_there_from_the_start() -> None:
    """So that a pod that a client written in Go sends back has not changed."""
    resource = {"containerName": "main", "resource": "limits.cpu"}
    variable = {"name": "A", "valueFrom": {"resourceFieldRef": resource}}
    probe = {"httpGet": {"port": 80, "httpHeaders": [{"name": "X-A"}]}}
    files = {"name": "v", "downwardAPI": {"items": [{"path": "cpu", "resourceFieldRef": resource}]}}
    disk = {"name": "d", "iscsi": {"targetPortal": "p", "iqn": "eui.0123456789abcdef"}}
    obj = pod_of(env=[variable], livenessProbe=probe)
    obj["spec"] |= {"volumes": [files, disk], "securityContext": {"sysctls": [{"name": "kernel.shmmax"}]}}
    spec = created(PODS, obj)["spec"]
    assert spec["containers"][0]["env"][0]["valueFrom"]["resourceFieldRef"]["divisor"] == "0"
    assert spec["volumes"][0]["downwardAPI"]["items"][0]["resourceFieldRef"]["divisor"] == "0"
    assert spec["volumes"][1]["iscsi"]["lun"] == 0
    assert spec["containers"][0]["livenessProbe"]["httpGet"]["httpHeaders"] == [{"name": "X-A", "value": ""}]
    assert spec["securityContext"]["sysctls"] == [{"name": "kernel.shmmax", "value": ""}]


def test_words_of_policies_are_listed_in_their_order() -> None:
    port = {"protocol": "ICMP"}
    found = causes(NETWORKPOLICIES, named("n", spec={"ingress": [{"ports": [port]}], "policyTypes": ["Both"]}))
    assert found == [
        'spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
        'spec.policyTypes[0]: Unsupported value: "Both": supported values: "Ingress", "Egress"',
    ]


def test_lifecycles_of_drivers() -> None:
    driver = {"metadata": {"name": "d"}, "spec": {"volumeLifecycleModes": ["Forever"]}}
    assert causes(CSIDRIVERS, driver) == [
        'spec.volumeLifecycleModes: Unsupported value: "Forever": supported values: "Persistent", "Ephemeral"'
    ]


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        ({"admissionReviewVersions": ["v1", "v1"]}, ["webhooks[0].admissionReviewVersions[1]"]),
        ({"admissionReviewVersions": ["v1", "V 2"]}, ["webhooks[0].admissionReviewVersions[1]"]),
        ({"admissionReviewVersions": ["v9"]}, ["webhooks[0].admissionReviewVersions"]),
        ({"reinvocationPolicy": "Always"}, ["webhooks[0].reinvocationPolicy"]),
    ],
)
def test_webhooks(hook: Object, expected: list[str]) -> None:
    whole = {
        "name": "a.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": {"url": "https://example.com"},
        **hook,
    }
    found = {"kind": "MutatingWebhookConfiguration", "metadata": {"name": "w"}, "webhooks": [whole]}
    assert fields(causes(MUTATINGWEBHOOKCONFIGURATIONS, found)) == expected


def test_of_several_sources_of_a_metric_the_first_is_read() -> None:
    target = {"type": "Value", "value": "1"}
    metric = {
        "type": "Object",
        "object": {
            "describedObject": {"kind": "Service", "name": "s"},
            "metric": {"name": "m"},
            "target": {"type": "X"},
        },
        "external": {"metric": {"name": "m"}, "target": target},
    }
    spec = {"maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "d"}, "metrics": [metric]}
    assert fields(causes(HORIZONTALPODAUTOSCALERS, named("h", spec=spec))) == [
        "spec.metrics[0].object.target.type",
        "spec.metrics[0].object.target.averageValue",
        "spec.metrics[0].external",
    ]
