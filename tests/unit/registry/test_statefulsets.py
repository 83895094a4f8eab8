"""StatefulSets, DaemonSets, ControllerRevisions and ReplicationControllers: defaults, refusals, columns."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import CONTROLLERREVISIONS, DAEMONSETS, REPLICATIONCONTROLLERS, STATEFULSETS
from common.api.meta import Object
from console.registry.admission import scale_of

from .builders import NOW, causes, changed, container, created, named, row, update_causes, updated

TEMPLATE = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [container()]}}


def workload(**spec: Any) -> Object:
    return named("db", spec={"selector": {"matchLabels": {"app": "db"}}, "template": TEMPLATE, **spec})


def cells(resource: Any, obj: Object) -> list[object]:
    return [column.value(obj, NOW) for column in row(resource).columns if column.priority == 0]


def test_a_statefulset_gets_the_documented_defaults() -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    found = created(STATEFULSETS, workload(volumeClaimTemplates=[claim]))
    spec = {name: value for name, value in found["spec"].items() if name not in {"selector", "template"}}
    assert spec == {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "volumeClaimTemplates": [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem"},
                "status": {"phase": "Pending"},
            }
        ],
    }
    assert found["status"] == {"replicas": 0, "availableReplicas": 0}
    assert cells(STATEFULSETS, found)[:2] == ["db", "0/1"]
    assert scale_of(row(STATEFULSETS), found)["status"]["selector"] == "app=db"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.podManagementPolicy", "Any", "must be 'OrderedReady' or 'Parallel'"),
        ("spec.updateStrategy", {"type": "Recreate"}, "must be 'RollingUpdate' or 'OnDelete'"),
        (
            "spec.updateStrategy",
            {"type": "OnDelete", "rollingUpdate": {"partition": 1}},
            "only allowed for updateStrategy 'RollingUpdate'",
        ),
        ("spec.updateStrategy", {"rollingUpdate": {"partition": -1}}, "spec.updateStrategy.rollingUpdate.partition"),
        ("spec.updateStrategy", {"rollingUpdate": {"maxUnavailable": 0}}, "cannot be 0"),
        ("spec.persistentVolumeClaimRetentionPolicy", {"whenScaled": "Keep"}, 'Unsupported value: "Keep"'),
        ("spec.ordinals", {"start": -1}, "spec.ordinals.start: Invalid value: -1"),
        ("spec.replicas", -1, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        ("spec.selector.matchLabels", {}, "empty selector is invalid for statefulset"),
        ("spec.template.spec.restartPolicy", "Never", 'Unsupported value: "Never": supported values: "Always"'),
        ("spec.template.spec.activeDeadlineSeconds", 5, "activeDeadlineSeconds in StatefulSet is not Supported"),
        ("metadata.name", "db.one", "metadata.name: Invalid value"),
    ],
)
def test_a_wrong_statefulset_is_refused(path: str, value: object, expected: str) -> None:
    assert expected in "\n".join(causes(STATEFULSETS, changed(workload(), path, value)))


def test_a_statefulset_changes_only_where_kubernetes_lets_it() -> None:
    old = created(STATEFULSETS, workload(serviceName="db"))
    assert update_causes(STATEFULSETS, changed(old, "spec.replicas", 5), old) == []
    refusal = (
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are "
        "forbidden"
    )
    assert update_causes(STATEFULSETS, changed(old, "spec.serviceName", "other"), old) == [refusal]


def test_a_container_mounts_what_the_claims_of_its_pod_give() -> None:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    mounting = workload(volumeClaimTemplates=[claim])
    mounting = changed(mounting, "spec.template.spec.containers.0.volumeMounts", [{"name": "data", "mountPath": "/d"}])
    assert causes(STATEFULSETS, mounting) == []
    assert "volumes" not in created(STATEFULSETS, mounting)["spec"]["template"]["spec"]
    assert 'Not found: "data"' in causes(STATEFULSETS, changed(mounting, "spec.volumeClaimTemplates", None))[0]


def test_a_daemonset_gets_the_documented_defaults_and_counts_its_templates() -> None:
    found = created(DAEMONSETS, workload())
    assert found["spec"]["updateStrategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0},
    }
    assert "labels" not in found["metadata"]
    assert found["metadata"]["annotations"] == {"deprecated.daemonset.template.generation": "1"}
    assert cells(DAEMONSETS, found)[:7] == ["db", 0, 0, 0, 0, 0, "<none>"]
    labelled = updated(DAEMONSETS, changed(found, "metadata.labels", {"a": "b"}), found)
    assert labelled["metadata"]["annotations"]["deprecated.daemonset.template.generation"] == "1"
    newer = updated(DAEMONSETS, changed(found, "spec.template.spec.containers.0.image", "app:2"), found)
    assert newer["metadata"]["annotations"]["deprecated.daemonset.template.generation"] == "2"


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ({"type": "Recreate"}, 'Unsupported value: "Recreate": supported values: "RollingUpdate", "OnDelete"'),
        ({"rollingUpdate": {"maxUnavailable": 0}}, "maxUnavailable: Required value: cannot be 0 when maxSurge is 0"),
        (
            {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": "10%"}},
            'maxSurge: Invalid value: "10%": may not be set when maxUnavailable is non-zero',
        ),
        ({"rollingUpdate": {"maxUnavailable": "150%"}}, "must not be greater than 100%"),
    ],
)
def test_a_wrong_update_strategy_of_a_daemonset_is_refused(strategy: object, expected: str) -> None:
    assert expected in "\n".join(causes(DAEMONSETS, workload(updateStrategy=strategy)))


def test_the_selector_of_a_daemonset_never_changes() -> None:
    old = created(DAEMONSETS, workload())
    new = changed(changed(old, "spec.selector.matchLabels", {"a": "b"}), "spec.template.metadata.labels", {"a": "b"})
    assert update_causes(DAEMONSETS, new, old) == [
        'spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: field is immutable'
    ]


def test_a_revision_keeps_its_data() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "u", "controller": True}
    made = named("db-1", data={"spec": {}}, revision=1)
    made["metadata"]["ownerReferences"] = [owner]
    old = created(CONTROLLERREVISIONS, made)
    assert cells(CONTROLLERREVISIONS, old)[:3] == ["db-1", "statefulset.apps/db", 1]
    assert update_causes(CONTROLLERREVISIONS, changed(old, "revision", 4), old) == []
    found = update_causes(CONTROLLERREVISIONS, changed(old, "data", {"spec": {"a": 1}}), old)
    assert found == ['data: Invalid value: {"spec":{"a":1}}: field is immutable']
    assert causes(CONTROLLERREVISIONS, named("x", revision=-1)) == [
        "data: Required value: data is mandatory",
        "revision: Invalid value: -1: must be greater than or equal to 0",
    ]


def test_a_replicationcontroller_selects_what_its_template_makes() -> None:
    found = created(REPLICATIONCONTROLLERS, named("db", spec={"template": TEMPLATE}))
    assert found["spec"]["selector"] == {"app": "db"}
    assert found["spec"]["replicas"] == 1
    assert scale_of(row(REPLICATIONCONTROLLERS), found)["status"]["selector"] == "app=db"
    assert cells(REPLICATIONCONTROLLERS, found)[:4] == ["db", 1, 0, 0]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"selector": {"app": "x"}, "template": TEMPLATE}, "`selector` does not match template `labels`"),
        ({"template": {"spec": {"containers": [container()]}}}, "spec.selector: Required value"),
        ({"replicas": -1, "template": TEMPLATE}, "spec.replicas: Invalid value: -1"),
    ],
)
def test_a_wrong_replicationcontroller_is_refused(spec: Object, expected: str) -> None:
    assert expected in "\n".join(causes(REPLICATIONCONTROLLERS, named("db", spec=spec)))
