"""FlowSchemas and PriorityLevelConfigurations through all verbs, with their status apart."""

from __future__ import annotations

from typing import Any

import pytest

from .plane import MERGE, Plane

GROUP = "/apis/flowcontrol.apiserver.k8s.io"
LABEL = "example-e2e-label"
SCHEMA = {
    "matchingPrecedence": 10000,
    "priorityLevelConfiguration": {"name": "global-default"},
    "distinguisherMethod": {"type": "ByUser"},
    "rules": [
        {
            "subjects": [{"kind": "User", "user": {"name": "example-e2e-non-existent-user"}}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        }
    ],
}
LEVEL = {"type": "Limited", "limited": {"nominalConcurrencyShares": 2, "limitResponse": {"type": "Reject"}}}


@pytest.mark.parametrize(
    ("plural", "spec", "change", "condition"),
    [
        ("flowschemas", SCHEMA, {"matchingPrecedence": 9999}, "Dangling"),
        ("prioritylevelconfigurations", LEVEL, {"limited": {"nominalConcurrencyShares": 4}}, "PriorityLevelInvalid"),
    ],
)
def test_all_verbs(plane: Plane, space: str, plural: str, spec: Any, change: Any, condition: str) -> None:
    names = [resource["name"] for resource in plane.get(f"{GROUP}/v1")["resources"]]
    assert {plural, f"{plural}/status"} <= set(names)
    path, value = f"{GROUP}/v1/{plural}", space.rpartition("/")[2]
    choice = f"{LABEL}={value}"
    metadata = {"generateName": f"e2e-example-{plural}-", "labels": {LABEL: value}}
    made = [plane.create(path, {"metadata": metadata, "spec": spec}) for _ in range(3)]
    one = f"{path}/{made[0]['metadata']['name']}"
    assert plane.get(one)["metadata"]["uid"] == made[0]["metadata"]["uid"]
    listed = plane.get(path, labelSelector=choice)
    assert len(listed["items"]) == 3
    watch = plane.watch(path, labelSelector=choice, resourceVersion=listed["metadata"]["resourceVersion"])
    patched = plane.patch(one, {"metadata": {"annotations": {"patched": "true"}}, "spec": change}, MERGE)
    key, wanted = next(iter(change.items()))
    if isinstance(wanted, dict):
        assert wanted.items() <= patched["spec"][key].items()
    else:
        assert patched["spec"][key] == wanted
    patched["metadata"]["annotations"]["updated"] = "true"
    assert plane.update(one, patched)["metadata"]["annotations"]["updated"] == "true"
    seen = watch.take(2)
    assert [kind for kind, _ in seen] == ["MODIFIED", "MODIFIED"]
    assert seen[1][1]["metadata"]["annotations"] == {"patched": "true", "updated": "true"}
    watch.close()

    status = plane.get(f"{one}/status")
    assert status["metadata"]["uid"] == made[0]["metadata"]["uid"]
    said = {"type": condition, "status": "False", "reason": "E2E", "message": "Patched by an e2e test"}
    said["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    patch = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"conditions": [said]}}
    patched = plane.patch(f"{one}/status", patch, MERGE)
    assert patched["status"]["conditions"] == [said]
    patched["status"]["conditions"][0]["message"] = "Updated by an e2e test"
    assert plane.update(f"{one}/status", patched)["status"]["conditions"][0]["message"] == "Updated by an e2e test"

    plane.delete(one)
    assert plane.get(one, 404)["reason"] == "NotFound"
    assert len(plane.get(path, labelSelector=choice)["items"]) == 2
    plane.delete(path, labelSelector=choice)
    assert plane.get(path, labelSelector=choice)["items"] == []
