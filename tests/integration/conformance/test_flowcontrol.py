"""FlowSchemas and PriorityLevelConfigurations through all verbs, with their status apart."""

from __future__ import annotations

from typing import Any

import pytest

from .plane import MERGE, Answer, Plane, until

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
    del patched["metadata"]["resourceVersion"]  # the server says in the status whether the level exists
    assert plane.update(one, patched)["metadata"]["annotations"]["updated"] == "true"
    annotations: dict[str, str] = {}
    while annotations != {"patched": "true", "updated": "true"}:
        kind, seen = watch.next()
        assert kind == "MODIFIED"
        annotations = seen["metadata"].get("annotations") or {}
    watch.close()

    status = plane.get(f"{one}/status")
    assert status["metadata"]["uid"] == made[0]["metadata"]["uid"]
    said = {"type": condition, "status": "False", "reason": "E2E", "message": "Patched by an e2e test"}
    said["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    patch = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"conditions": [said]}}
    patched = plane.patch(f"{one}/status", patch, MERGE)
    assert patched["status"]["conditions"] == [said]
    patched["status"]["conditions"][0]["message"] = "Updated by an e2e test"
    del patched["metadata"]["resourceVersion"]
    assert plane.update(f"{one}/status", patched)["status"]["conditions"][0]["message"] == "Updated by an e2e test"

    plane.delete(one)
    assert plane.get(one, 404)["reason"] == "NotFound"
    assert len(plane.get(path, labelSelector=choice)["items"]) == 2
    plane.delete(path, labelSelector=choice)
    assert plane.get(path, labelSelector=choice)["items"] == []


SCHEMA_UID, LEVEL_UID = "X-Kubernetes-PF-FlowSchema-UID", "X-Kubernetes-PF-PriorityLevel-UID"
PATHS = {"verbs": ["*"], "nonResourceURLs": ["*"]}
RESOURCES = {
    "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": True,
}  # fmt: skip


def flow(plane: Plane, name: str, user: str, limited: Any) -> tuple[str, str]:
    """A priority level and the schema that leads a user to it, once they count: their uids."""
    level = plane.create(f"{GROUP}/v1/prioritylevelconfigurations", {
        "metadata": {"name": name}, "spec": {"type": "Limited", "limited": limited},
    })  # fmt: skip
    rule = {
        "subjects": [{"kind": "User", "user": {"name": user}}], "nonResourceRules": [PATHS],
        "resourceRules": [RESOURCES],
    }  # fmt: skip
    spec = {
        "matchingPrecedence": 1000, "priorityLevelConfiguration": {"name": name},
        "distinguisherMethod": {"type": "ByUser"}, "rules": [rule],
    }  # fmt: skip
    schema = plane.create(f"{GROUP}/v1/flowschemas", {"metadata": {"name": name}, "spec": spec})
    until(lambda: dangling(plane, name) == "False", "that the schema is told of its level")
    return schema["metadata"]["uid"], level["metadata"]["uid"]


def dangling(plane: Plane, name: str) -> str:
    conditions = plane.get(f"{GROUP}/v1/flowschemas/{name}").get("status", {}).get("conditions", [])
    return next((item["status"] for item in conditions if item["type"] == "Dangling"), "")


def uids(answer: Answer) -> tuple[str, str]:
    return answer.headers.get(SCHEMA_UID, ""), answer.headers.get(LEVEL_UID, "")


def of(plane: Plane, plural: str, name: str) -> str:
    uid: str = plane.get(f"{GROUP}/v1/{plural}/{name}")["metadata"]["uid"]
    return uid


def test_answers_say_which_flow_a_request_belongs_to(plane: Plane, space: str) -> None:
    name = space.rpartition("/")[2]
    expected = flow(plane, name, f"noxu-{name}", {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}})
    who = {"Impersonate_User": f"noxu-{name}", "Impersonate_Group": "system:authenticated"}
    probes = of(plane, "flowschemas", "probes"), of(plane, "prioritylevelconfigurations", "exempt")
    answer = plane.ask("GET", "/", **who)
    assert (answer.code, uids(answer)) == (403, expected)  # whether it is allowed or not
    assert uids(plane.ask("GET", f"{space}/pods", **who)) == expected
    for path in ("/version", "/healthz"):  # anybody may ask these, and yet they are asked by somebody
        answer = plane.ask("GET", path, **who)
        assert (answer.code, uids(answer)) == (200, expected if path == "/version" else probes)
    talking = {**who, "Connection": "Upgrade", "Upgrade": "websocket"}  # which makes no list a stream
    assert uids(plane.ask("GET", f"{space}/pods", **talking)) == expected
    other = {"Impersonate_User": "foo", "Impersonate_Group": "system:authenticated"}
    default = of(plane, "flowschemas", "global-default"), of(plane, "prioritylevelconfigurations", "global-default")
    assert uids(plane.ask("GET", "/", **other)) == default
    exempt = of(plane, "flowschemas", "exempt"), of(plane, "prioritylevelconfigurations", "exempt")
    assert uids(plane.ask("GET", f"{space}/pods")) == exempt
    watch = plane.watch(f"{space}/pods")
    assert (watch.headers[SCHEMA_UID], watch.headers[LEVEL_UID]) == exempt
    watch.close()
    lines = plane.get("/metrics").splitlines()
    seats = f'apiserver_flowcontrol_nominal_limit_seats{{priority_level="{name}"}} '
    assert next(int(line.removeprefix(seats)) for line in lines if line.startswith(seats)) >= 1
    plane.delete(f"{GROUP}/v1/prioritylevelconfigurations/{name}")
    until(lambda: dangling(plane, name) == "True", "that the schema is told of its level")
    assert uids(plane.ask("GET", "/", **who)) == default
    plane.delete(f"{GROUP}/v1/flowschemas/{name}")


def test_a_level_without_seats_tells_to_come_back(plane: Plane, space: str) -> None:
    name = space.rpartition("/")[2]
    flow(plane, name, f"late-{name}", {"nominalConcurrencyShares": 0, "limitResponse": {"type": "Reject"}})
    who = {"Impersonate_User": f"late-{name}", "Impersonate_Group": "system:authenticated"}
    for path in (f"{space}/pods", f"{space}/pods?watch=true", "/api"):
        answer = plane.ask("GET", path, **who)
        assert (answer.code, answer.headers["Retry-After"], answer.body["reason"]) == (429, "1", "TooManyRequests")
        assert answer.body["message"] == "Too many requests, please try again later."
        assert all(uids(answer))
    assert plane.ask("GET", f"{space}/pods").code == 200
    for plural in ("flowschemas", "prioritylevelconfigurations"):
        plane.delete(f"{GROUP}/v1/{plural}/{name}")


def test_what_every_cluster_has_comes_back(plane: Plane) -> None:
    path = f"{GROUP}/v1/flowschemas"
    for name in ("catch-all", "probes"):
        before = of(plane, "flowschemas", name)
        plane.delete(f"{path}/{name}")
        until(lambda: plane.exists(f"{path}/{name}") and of(plane, "flowschemas", name) != before, name)  # noqa: B023
    status = plane.patch(f"{path}/catch-all", {"spec": {"matchingPrecedence": 7}}, code=422)
    assert "spec of 'catch-all' must equal the fixed value" in status["message"]
    plane.patch(f"{path}/service-accounts", {"spec": {"matchingPrecedence": 8999}})
    until(lambda: plane.get(f"{path}/service-accounts")["spec"]["matchingPrecedence"] == 9000, "the suggestion")
    mine = {
        "metadata": {"annotations": {"apf.kubernetes.io/autoupdate-spec": "false"}},
        "spec": {"matchingPrecedence": 8999},
    }
    plane.patch(f"{path}/service-accounts", mine)
    plane.delete(f"{path}/probes")
    until(lambda: plane.exists(f"{path}/probes"), "the probes, which come after that")
    assert plane.get(f"{path}/service-accounts")["spec"]["matchingPrecedence"] == 8999
    plane.patch(
        f"{path}/service-accounts", {"metadata": {"annotations": {"apf.kubernetes.io/autoupdate-spec": "true"}}}
    )
    assert "MissingPL" in str(plane.ask("GET", path, Accept="application/json;as=Table;v=v1;g=meta.k8s.io").body)
