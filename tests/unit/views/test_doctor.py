"""The doctor's rules: each fault is found once, with its cause; what is well, or told elsewhere, is not."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from common.api import kinds
from common.api.meta import Object, format_time
from console.views import doctor
from console.views.doctor import Finding, Severity

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def ago(**span: float) -> str:
    return format_time(NOW - timedelta(**span))


def obj(name: str, space: str = "shop", **fields: Any) -> Object:
    meta = {"name": name, "uid": name, "creationTimestamp": ago(hours=1), **fields.pop("metadata", {})}
    return {"metadata": {**meta, **({"namespace": space} if space else {})}, **fields}


def condition(kind: str, status: str, reason: str = "", message: str = "") -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": ago(minutes=9)}


def node(*conditions: Object, **spec: Any) -> Object:
    return obj("n1", "", spec=spec, status={"conditions": [condition("Ready", "True"), *conditions]})


def pod(name: str, owner: str = "web-1", waiting: str = "", ready: str = "False", **status: Any) -> Object:
    state: Object = {"waiting": {"reason": waiting, "message": f"{waiting} it is"}} if waiting else {"running": {}}
    refs = [{"kind": "ReplicaSet", "name": owner, "uid": owner, "controller": True}]
    return obj(
        name, metadata={"ownerReferences": refs},
        spec={"nodeName": "n1", "containers": [{"name": "app"}]},
        status={"phase": "Running", "conditions": [condition("PodScheduled", "True"), condition("Ready", ready)],
                "containerStatuses": [{"name": "app", "ready": ready == "True", "restartCount": 3, "state": state,
                                       "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}],
                **status},
    )  # fmt: skip


def findings(objects: dict[kinds.Resource, list[Object]]) -> list[Finding]:
    return doctor.examine(objects, NOW)


def problems(resource: kinds.Resource, *objects: Object) -> list[tuple[str, str]]:
    return [(item.problem, item.why) for item in findings({resource: list(objects)})]


@pytest.mark.parametrize(
    ("broken", "problem", "severity"),
    [
        (obj("n1", "", status={}), "NodeLost", Severity.CRITICAL),
        (node(condition("DiskPressure", "True")), "DiskPressure", Severity.WARNING),
        (node(condition("ClockSkewed", "True", "ClocksDiffer", "9 s")), "ClockSkewed", Severity.WARNING),
        (node(condition("IngressProxyReady", "False", "NotInstalled")), "ProxyNotInstalled", Severity.WARNING),
        (node(condition("IngressProxyReady", "False", "Failing")), "ProxyFailing", Severity.CRITICAL),
        (node(unschedulable=True), "Cordoned", Severity.NOTICE),
    ],
)
def test_nodes(broken: Object, problem: str, severity: Severity) -> None:
    (found,) = findings({kinds.NODES: [broken]})
    assert (found.problem, found.severity) == (problem, severity)


def test_an_engine_that_is_down_is_named_as_the_cause() -> None:
    down = condition("Ready", "False", "KubeletNotReady", "container runtime is down: nobody answers")
    (found,) = findings({kinds.NODES: [obj("n1", "", status={"conditions": [down]})]})
    assert found.problem == "NodeNotReady"
    assert "Docker Engine" in found.advice


def test_pods_of_one_owner_that_fail_alike_are_one_finding() -> None:
    broken = [pod(f"web-1-{index}", waiting="CrashLoopBackOff") for index in range(40)]
    other = pod("api-1-0", "api-1", waiting="ImagePullBackOff")
    found = problems(kinds.PODS, *broken, other, pod("well", ready="True"))
    assert found == [
        ("ImageMissing", "ImagePullBackOff it is"),
        ("CrashLoopBackOff", "container app ended: Error, exit code 1, 3 restarts (and 39 more like it)"),
    ]


def test_a_pending_pod_says_what_the_scheduler_said() -> None:
    refused = condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available: 3 Insufficient cpu.")
    waiting = pod("web-1-0", phase="Pending", conditions=[refused], containerStatuses=[])
    assert problems(kinds.PODS, waiting) == [("Unschedulable", "0/3 nodes are available: 3 Insufficient cpu.")]


def test_pods_on_their_way_become_findings_only_after_a_while() -> None:
    slow, fresh = pod("slow"), pod("fresh", owner="api-1")
    fresh["status"]["conditions"][1]["lastTransitionTime"] = ago(seconds=30)
    assert problems(kinds.PODS, slow, fresh) == [("NotReady", "its readiness probe fails")]
    leaving, stuck = pod("leaving"), pod("stuck")
    leaving["metadata"]["deletionTimestamp"], stuck["metadata"]["deletionTimestamp"] = ago(seconds=5), ago(minutes=5)
    assert [item.key.name for item in findings({kinds.PODS: [leaving, stuck]})] == ["stuck"]


def test_a_failed_job_is_told_once_and_not_by_its_pods() -> None:
    job = obj("import", status={"conditions": [condition("Failed", "True", "BackoffLimitExceeded", "too many")]})
    dead = pod("import-x", phase="Failed")
    dead["metadata"]["ownerReferences"][0]["kind"] = "Job"
    dead["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 1}}
    found = findings({kinds.JOBS: [job], kinds.PODS: [dead]})
    assert [(item.problem, item.why) for item in found] == [("JobFailed", "BackoffLimitExceeded: too many")]


def test_deployments_past_their_deadline_and_paused_ones() -> None:
    late = obj(
        "web", status={"conditions": [condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out")]}
    )
    assert problems(kinds.DEPLOYMENTS, late) == [("ProgressDeadlineExceeded", "timed out")]
    assert problems(kinds.DEPLOYMENTS, obj("web", spec={"paused": True}))[0][0] == "Paused"
    assert problems(kinds.DEPLOYMENTS, obj("web")) == []


def service(name: str, **spec: Any) -> Object:
    return obj(name, spec={"selector": {"app": name}, **spec})


def slice_of(name: str, *ready: bool) -> Object:
    ends = [{"addresses": ["10.0.0.1"], "conditions": {"ready": value}} for value in ready]
    return obj(f"{name}-x", metadata={"labels": {"kubernetes.io/service-name": name}}, endpoints=ends)


def test_services_that_have_nobody_to_send_to() -> None:
    services = [service("well"), service("none"), service("sick"), service("own", selector=None),
                service("far", type="ExternalName")]  # fmt: skip
    slices = [slice_of("well", True, False), slice_of("sick", False, False)]
    found = findings({kinds.SERVICES: services, kinds.ENDPOINTSLICES: slices})
    assert [(item.key.name, item.problem, item.why) for item in found] == [
        ("sick", "NoReadyEndpoint", "none of its 2 endpoints is ready"),
        ("none", "NoEndpoints", "no pod has app=none"),
    ]


def test_a_claim_may_wait_for_its_first_pod_but_not_for_a_class_that_is_not_there() -> None:
    patient = obj("local", "", volumeBindingMode="WaitForFirstConsumer")
    claims = [obj(name, spec={"storageClassName": named}, status={"phase": "Pending"})
              for name, named in (("idle", "local"), ("used", "local"), ("lost", "tape"))]  # fmt: skip
    user = pod("web-1-0", phase="Pending", containerStatuses=[])
    user["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "used"}}]
    found = findings({
        kinds.PERSISTENTVOLUMECLAIMS: claims, kinds.STORAGECLASSES: [patient], kinds.PODS: [user],
    })  # fmt: skip
    told = {item.key.name: item.why for item in found if item.resource == kinds.PERSISTENTVOLUMECLAIMS}
    assert told == {"used": "no volume for it by class local yet", "lost": "its class tape does not exist"}


@pytest.mark.parametrize(
    ("allowed", "healthy", "desired", "expected", "problem"),
    [(0, 3, 3, 3, ["BlocksDrains"]), (0, 1, 2, 3, ["BudgetBroken"]), (1, 3, 2, 3, []), (0, 0, 0, 0, [])],
)
def test_budgets(allowed: int, healthy: int, desired: int, expected: int, problem: list[str]) -> None:
    status = {"disruptionsAllowed": allowed, "currentHealthy": healthy, "desiredHealthy": desired,
              "expectedPods": expected}  # fmt: skip
    assert [word for word, _ in problems(kinds.PODDISRUPTIONBUDGETS, obj("web", status=status))] == problem


def test_an_autoscaler_without_figures_and_one_at_its_limit() -> None:
    blind = condition("ScalingActive", "False", "FailedGetResourceMetric", "no metrics of 2 pods")
    full = condition("ScalingLimited", "True", "TooManyReplicas", "it would be 9")
    row = kinds.HORIZONTALPODAUTOSCALERS
    assert problems(row, obj("a", status={"conditions": [blind, full]})) == [
        ("FailedGetResourceMetric", "no metrics of 2 pods")
    ]
    assert problems(row, obj("a", status={"conditions": [full]})) == [("AtMaximum", "it would be 9")]
    resting = condition("ScalingActive", "False", "ScalingDisabled")
    assert problems(row, obj("a", status={"conditions": [resting]})) == []


def certificate(days: float) -> Object:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(NOW - timedelta(days=90)).not_valid_after(NOW + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM)
    return obj(
        "shop-tls", type="kubernetes.io/tls", data={"tls.crt": base64.b64encode(pem).decode(), "tls.key": "c2VjcmV0"}
    )


@pytest.mark.parametrize(
    ("days", "expected"),
    [(60, []), (9.5, [("CertificateEnds", "it ends in 9d (2026-12-01 21:00Z)")]),
     (-2, [("CertificateEnded", "it ended 2d ago (2026-11-20 09:00Z)")])],
)  # fmt: skip
def test_certificates(days: float, expected: list[tuple[str, str]]) -> None:
    assert problems(kinds.SECRETS, certificate(days)) == expected


def test_what_is_no_certificate_is_told_without_its_content() -> None:
    broken = obj("shop-tls", data={"tls.crt": base64.b64encode(b"my secret").decode()})
    ((problem, why),) = problems(kinds.SECRETS, broken)
    assert problem == "BadCertificate"
    assert "my secret" not in why


def test_controllers_of_other_packages() -> None:
    def plugin(phase: str, message: str = "") -> Object:
        status = {"phase": phase, "message": message, "user": "quarterdeck:controller:p", "package": "theirs 1.0"}
        return obj("p", "", status={**status, "since": ago(minutes=3)})

    assert problems(kinds.PLUGINS, plugin("Running"), plugin("Starting")) == []
    (finding,) = findings({kinds.PLUGINS: [plugin("Failing", "Forbidden: pods is forbidden")]})
    assert (finding.problem, finding.why, finding.about) == (
        "PluginFailing", "Forbidden: pods is forbidden", "plugin/p",
    )  # fmt: skip
    assert finding.advice == "bind a Role that allows it to the user quarterdeck:controller:p"
    (finding,) = findings({kinds.PLUGINS: [plugin("Failing", "ValueError: no")]})
    assert finding.advice == "the log of the control plane has more; theirs 1.0 is whose it is"


def test_the_worst_comes_first_and_causes_before_what_follows() -> None:
    found = findings({
        kinds.PODS: [pod("web-1-0", waiting="CrashLoopBackOff")],
        kinds.NODES: [node(unschedulable=True), obj("n2", "", status={})],
        kinds.NAMESPACES: [obj("old", "", metadata={"deletionTimestamp": ago(minutes=5)})],
    })  # fmt: skip
    assert [item.problem for item in found] == ["NodeLost", "CrashLoopBackOff", "StuckTerminating", "Cordoned"]
    assert "".join(text for text, _ in doctor.verdict(found)).split() == [
        "Found", "2", "critical", "1", "warning", "1", "notice",
    ]  # fmt: skip
    document = doctor.document(found)
    assert [item["severity"] for item in document["items"]] == ["critical", "critical", "warning", "notice"]
    assert document["items"][0]["object"] == {"resource": "nodes", "kind": "Node", "namespace": "", "name": "n2"}
    assert [row["place"] for row in doctor.rows(found)] == [0, 1, 2, 3]


def test_a_cluster_that_is_well() -> None:
    assert findings({kinds.NODES: [node()], kinds.PODS: [pod("a", ready="True")]}) == []
    assert doctor.verdict([])[0][0] == "Nothing is wrong."
