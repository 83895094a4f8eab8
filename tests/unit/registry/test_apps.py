"""Deployments and ReplicaSets."""

from __future__ import annotations

import pytest

from common.api.kinds import REPLICASETS
from common.errors import BadRequest, Conflict, Invalid
from console.registry.admission import apply_scale, scale_of

from .builders import DEPLOYMENTS, causes, changed, created, deployment, row, update_causes


def test_defaults_are_the_documented_ones() -> None:
    spec = created(DEPLOYMENTS, deployment())["spec"]
    assert {name: value for name, value in spec.items() if name not in {"selector", "template"}} == {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    }
    assert spec["template"]["spec"]["restartPolicy"] == "Always"


def test_a_template_gets_no_defaults_that_only_pods_have() -> None:
    spec = created(DEPLOYMENTS, deployment())["spec"]["template"]["spec"]
    assert {"tolerations", "priority", "serviceAccountName", "enableServiceLinks"}.isdisjoint(spec)


def test_a_replicaset_has_the_labels_that_it_was_given() -> None:
    found = created(REPLICASETS, deployment())
    assert "labels" not in found["metadata"], "only ReplicationControllers and Jobs take those of their template"
    assert found["spec"]["replicas"] == 1
    assert found["status"] == {"replicas": 0}


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.replicas", -1, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        ("spec.selector", None, "spec.selector: Required value"),
        (
            "spec.selector.matchLabels",
            {"app": "db"},
            'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
        ),
        (
            "spec.selector.matchLabels",
            {},
            'spec.selector: Invalid value: {"matchLabels":{}}: empty selector is invalid',
        ),
        ("spec.selector.matchExpressions", [{"key": "a", "operator": "Is"}], "not a valid selector operator"),
        ("spec.template.spec.restartPolicy", "Never", 'Unsupported value: "Never": supported values: "Always"'),
        ("spec.template.spec.containers", [], "spec.template.spec.containers: Required value"),
        ("spec.template.metadata.labels", {"app": "web", "-": ""}, 'spec.template.labels: Invalid value: "-"'),
        ("spec.strategy", {"type": "Other"}, 'spec.strategy: Unsupported value: {"type":"Other"}'),
        (
            "spec.strategy",
            {"type": "Recreate", "rollingUpdate": {}},
            "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
        ),
        ("spec.strategy.rollingUpdate", {"maxSurge": "many"}, "a valid percent string must be a numeric string"),
        ("spec.strategy.rollingUpdate", {"maxUnavailable": "101%"}, "must not be greater than 100%"),
        ("spec.strategy.rollingUpdate", {"maxSurge": 0, "maxUnavailable": "0%"}, "may not be 0 when `maxSurge` is 0"),
        ("spec.progressDeadlineSeconds", 0, "must be greater than minReadySeconds"),
        (
            "metadata.annotations",
            {"quarterdeck.io/auto-rollback": "yes"},
            'metadata.annotations[quarterdeck.io/auto-rollback]: Unsupported value: "yes": supported values: "false"',
        ),
    ],
)
def test_a_wrong_deployment_is_refused(path: str, value: object, expected: str) -> None:
    assert expected in "\n".join(causes(DEPLOYMENTS, changed(deployment(), path, value)))


@pytest.mark.parametrize("resource", [DEPLOYMENTS, REPLICASETS])
def test_the_selector_never_changes(resource: object) -> None:
    old = created(resource, deployment())  # type: ignore[arg-type]
    new = changed(changed(old, "spec.selector.matchLabels", {"a": "b"}), "spec.template.metadata.labels", {"a": "b"})
    found = update_causes(resource, new, old)  # type: ignore[arg-type]
    assert found == ['spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: field is immutable']


def test_scale_shows_replicas_and_selector() -> None:
    obj = created(DEPLOYMENTS, deployment(replicas=4))
    scale = scale_of(row(DEPLOYMENTS), obj)
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"] == {"replicas": 4}
    assert scale["status"] == {"replicas": 0, "selector": "app=web"}
    assert scale["metadata"]["uid"] == obj["metadata"]["uid"]


def test_scale_changes_replicas_alone() -> None:
    obj = created(DEPLOYMENTS, deployment(replicas=4))
    scaled = apply_scale(row(DEPLOYMENTS), obj, {"spec": {"replicas": 7}})
    assert scaled["spec"] == {**obj["spec"], "replicas": 7}
    assert obj["spec"]["replicas"] == 4


def test_scale_is_checked() -> None:
    obj = created(DEPLOYMENTS, deployment())
    obj["metadata"]["resourceVersion"] = "5"
    with pytest.raises(Invalid, match=r"spec.replicas: Invalid value: -1"):
        apply_scale(row(DEPLOYMENTS), obj, {"spec": {"replicas": -1}})
    with pytest.raises(BadRequest, match="it must be an int32"):
        apply_scale(row(DEPLOYMENTS), obj, {"spec": {"replicas": "two"}})
    with pytest.raises(Conflict, match="the object has been modified"):
        apply_scale(row(DEPLOYMENTS), obj, {"metadata": {"resourceVersion": "4"}, "spec": {"replicas": 1}})
