"""Pod Security admission by labels of namespaces: what is refused, what is only said, and to whom."""

from __future__ import annotations

import json
import re
from typing import Any

from common.settings import Home

from .plane import MERGE, Plane, until

PREFIX = "pod-security.kubernetes.io/"
ESCALATION = (
    'allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false)'
)
HARDENED = {
    "allowPrivilegeEscalation": False, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip


def label(plane: Plane, space: str, dry: str = "", **modes: str) -> list[str]:
    """Label the namespace; what it warns of."""
    labels = {f"{PREFIX}{mode.replace('_', '-')}": value for mode, value in modes.items()}
    path = f"{space}?dryRun=All" if dry else space
    answer = plane.ask("PATCH", path, {"metadata": {"labels": labels}}, Content_Type=MERGE)
    assert answer.code == 200, answer.body
    return said(answer.headers)


def said(headers: dict[str, str]) -> list[str]:
    found = re.findall(r'299 - "((?:\\.|[^"\\])*)"', headers.get("Warning", ""))
    return [text.replace('\\"', '"') for text in found]


def pod(name: str, **security: Any) -> Any:
    container = {"name": "main", "image": "x", "securityContext": security}
    return {"metadata": {"name": name}, "spec": {"containers": [container]}}


def test_pods_are_refused_in_words_that_say_what_to_do(plane: Plane, space: str) -> None:
    label(plane, space, enforce="restricted")
    status = plane.create(f"{space}/pods", pod("plain"), 403)
    assert status["reason"] == "Forbidden"
    assert status["details"] == {"name": "plain", "kind": "pods"}
    assert status["message"].startswith(
        f'pods "plain" is forbidden: violates PodSecurity "restricted:latest": {ESCALATION}, unrestricted capabilities '
    )
    assert plane.create(f"{space}/pods", pod("good", **HARDENED))["metadata"]["name"] == "good"
    label(plane, space, enforce="restricted", enforce_version="v1.7")
    assert "runAsNonRoot" in plane.create(f"{space}/pods", pod("plain"), 403)["message"]
    label(plane, space, enforce="baseline", enforce_version="v1.24")
    plane.create(f"{space}/pods", pod("plain"))
    status = plane.create(f"{space}/pods", pod("mighty", privileged=True), 403)
    assert status["message"] == (
        'pods "mighty" is forbidden: violates PodSecurity "baseline:v1.24": privileged (container "main" must not set '
        "securityContext.privileged=true)"
    )


def test_what_is_only_warned_of_is_let_in(plane: Plane, space: str) -> None:
    label(plane, space, enforce="baseline", warn="restricted")
    answer = plane.ask("POST", f"{space}/pods", pod("plain"))
    assert answer.code == 201
    (warning,) = said(answer.headers)
    assert warning.startswith(f'would violate PodSecurity "restricted:latest": {ESCALATION}')
    answer = plane.ask("POST", f"{space}/pods", pod("mighty", privileged=True))
    assert (answer.code, said(answer.headers)) == (403, [])


def test_audits_are_told_what_is_enforced_and_what_would_be(plane: Plane, space: str) -> None:
    label(plane, space, enforce="baseline", audit="restricted")
    plane.ask("POST", f"{space}/pods", pod("plain"), Audit_Id=f"audit-{space}")

    def events() -> list[Any]:
        *whole, _ = (Home(plane.home).audit / "audit.log").read_text().split("\n")
        return [event for event in map(json.loads, whole) if event["auditID"] == f"audit-{space}"]

    until(events, "the event")
    (event,) = events()
    assert event["annotations"][f"{PREFIX}enforce-policy"] == "baseline:latest"
    expected = f'would violate PodSecurity "restricted:latest": {ESCALATION}'
    assert event["annotations"][f"{PREFIX}audit-violations"].startswith(expected)


def test_templates_are_warned_of_and_never_refused(plane: Plane, space: str) -> None:
    label(plane, space, enforce="restricted", warn="restricted")
    name = space.rpartition("/")[2]
    selector = {"matchLabels": {"app": "x"}}
    template = {"metadata": {"labels": {"app": "x"}}, "spec": pod("x")["spec"]}
    spec = {"replicas": 0, "selector": selector, "template": template}
    job = {"template": {"spec": {**pod("x")["spec"], "restartPolicy": "Never"}}, "suspend": True}
    kinds = {
        f"/apis/apps/v1/namespaces/{name}/deployments": spec,
        f"/apis/apps/v1/namespaces/{name}/replicasets": spec,
        f"/apis/apps/v1/namespaces/{name}/statefulsets": {**spec, "serviceName": "x"},
        f"/apis/apps/v1/namespaces/{name}/daemonsets": {"selector": selector, "template": template},
        f"{space}/replicationcontrollers": {"replicas": 0, "selector": {"app": "x"}, "template": template},
        f"/apis/batch/v1/namespaces/{name}/jobs": job,
        f"/apis/batch/v1/namespaces/{name}/cronjobs": {
            "schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": job},
        },
    }  # fmt: skip
    for path, found in kinds.items():
        answer = plane.ask("POST", path, {"metadata": {"name": "x"}, "spec": found})
        assert answer.code == 201, (path, answer.body)
        assert [text for text in said(answer.headers) if text.startswith("would violate PodSecurity")], path
    answer = plane.ask("POST", f"{space}/podtemplates", {"metadata": {"name": "x"}, "template": template})
    assert answer.code == 201
    assert said(answer.headers)


def test_updates_that_change_nothing_of_the_containers_are_let_through(plane: Plane, space: str) -> None:
    plane.create(f"{space}/pods", pod("plain"))
    label(plane, space, enforce="restricted")
    path = f"{space}/pods/plain"
    plane.patch(path, {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}})
    plane.patch(f"{path}/status", {"status": {"message": "x"}})
    status = plane.patch(path, {"spec": {"containers": [{"name": "main", "image": "y"}]}},
                         "application/strategic-merge-patch+json", 403)  # fmt: skip
    assert 'violates PodSecurity "restricted:latest"' in status["message"]
    debugger = {"spec": {"ephemeralContainers": [{"name": "debugger", "image": "x"}]}}
    status = plane.patch(f"{path}/ephemeralcontainers", debugger, "application/strategic-merge-patch+json", 403)
    assert '"main", "debugger"' in status["message"]
    plane.delete(path)


def test_a_namespace_is_told_which_of_its_pods_break_its_new_level(plane: Plane, space: str) -> None:
    for name in ("b", "a", "c"):
        plane.create(f"{space}/pods", pod(name))
    plane.create(f"{space}/pods", pod("mighty", privileged=True))
    name = space.rpartition("/")[2]
    plain = "allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile"
    expected = [
        f'existing pods in namespace "{name}" violate the new PodSecurity enforce level "restricted:latest"',
        f"a (and 2 other pods): {plain}",
        f"mighty: privileged, {plain}",
    ]
    assert label(plane, space, "dry", enforce="restricted") == expected
    assert plane.get(space)["metadata"]["labels"].get(f"{PREFIX}enforce") is None
    assert label(plane, space, enforce="restricted") == expected
    assert label(plane, space, enforce="restricted", other="x") == []
    assert label(plane, space, enforce="baseline") == []
    assert label(plane, space, enforce="baseline", enforce_version="v1.20") == [
        f'existing pods in namespace "{name}" violate the new PodSecurity enforce level "baseline:v1.20"',
        "mighty: privileged",
    ]
    assert label(plane, space, enforce="privileged") == []


def test_labels_that_mean_nothing_are_refused(plane: Plane, space: str) -> None:
    wrong = {"metadata": {"labels": {f"{PREFIX}enforce": "strict", f"{PREFIX}warn-version": "1.2"}}}
    status = plane.patch(space, wrong, code=422)
    assert status["reason"] == "Invalid"
    assert [cause["field"] for cause in status["details"]["causes"]] == [
        f"metadata.labels[{PREFIX}enforce]", f"metadata.labels[{PREFIX}warn-version]",
    ]  # fmt: skip
    wrong["metadata"]["generateName"] = "case-"  # type: ignore[assignment]
    assert (
        "must be one of privileged, baseline, restricted" in plane.create("/api/v1/namespaces", wrong, 422)["message"]
    )


def test_decisions_are_counted(plane: Plane, space: str) -> None:
    label(plane, space, enforce="restricted", enforce_version="v1.99")
    plane.create(f"{space}/pods", pod("plain"), 403)
    lines = plane.get("/metrics").splitlines()
    (line,) = [line for line in lines if "pod_security_evaluations_total{" in line and "future" in line]
    for part in ('decision="deny"', 'mode="enforce"', 'policy_level="restricted"', 'request_operation="create"'):
        assert part in line
