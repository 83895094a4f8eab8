"""What writers of pods and templates are warned of, though it is accepted."""

from __future__ import annotations

from typing import Any

import pytest

from common.api import kinds
from common.api.kinds import DEPLOYMENTS, PODS
from common.api.meta import Object

from .builders import changed, container, created, deployment, named, pod, row

PORT: Object = {"containerPort": 80}


def warned(obj: Object) -> list[str]:
    return row(PODS).warnings(created(PODS, obj))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"nodeSelector": {"beta.kubernetes.io/os": "linux"}},
         'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'),
        ({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]},
         "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod"),
        ({"volumes": [{"name": "v", "gitRepo": {"repository": "r"}}]},
         "spec.volumes[0].gitRepo: deprecated in v1.11"),
        ({"hostAliases": [{"ip": "1.1.1.1"}, {"ip": "1.1.1.1"}]}, 'spec.hostAliases[1].ip: duplicate ip "1.1.1.1"'),
        ({"hostAliases": [{"ip": "2001:0db8::1"}]},
         'spec.hostAliases[0].ip: IPv6 address "2001:0db8::1" should be in RFC 5952 canonical format ("2001:db8::1")'),
        ({"dnsConfig": {"nameservers": ["::FF"]}},
         'spec.dnsConfig.nameservers[0]: IPv6 address "::FF" should be in RFC 5952 canonical format ("::ff")'),
        ({"imagePullSecrets": [{}]}, 'spec.imagePullSecrets[0].name: invalid empty name ""'),
        ({"containers": [container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])]},
         'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'),
        ({"containers": [container(ports=[PORT, PORT])]},
         "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]"),
        ({"containers": [container(ports=[PORT, {**PORT, "hostPort": 80}])]},
         "spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]"),
        ({"containers": [container(ports=[{**PORT, "hostPort": 80},
                                          {**PORT, "hostPort": 80, "hostIP": "1.1.1.1"}])]},
         "spec.containers[0].ports[1]: dangerously ambiguous port definition with spec.containers[0].ports[0]"),
        ({"containers": [container(resources={"limits": {"memory": "500m"}, "requests": {"memory": "1"}})]},
         'spec.containers[0].resources.limits[memory]: fractional byte value "500m" is invalid, must be an integer'),
    ],
)  # fmt: skip
def test_odd_fields_are_warned_of(spec: Object, expected: str) -> None:
    spec = dict(spec)
    if "limits" in str(spec):
        spec["containers"][0]["resources"].pop("requests")
    assert expected in warned(pod(**spec))


def test_what_builds_on_an_earlier_value_is_no_repetition() -> None:
    variables = [{"name": "PATH", "value": "/bin"}, {"name": "PATH", "value": "$(PATH):/opt"}]
    assert warned(pod(containers=[container(env=variables)])) == []


def test_annotations_of_old_are_warned_of() -> None:
    notes = {"seccomp.security.alpha.kubernetes.io/pod": "unconfined", "scheduler.alpha.kubernetes.io/critical-pod": ""}
    assert warned(changed(pod(), "metadata.annotations", notes)) == [
        (
            "metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "
            '"priorityClassName" field instead'
        ),
        (
            "metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "
            '"seccompProfile" field instead'
        ),
    ]


APPARMOR = "container.apparmor.security.beta.kubernetes.io/main"
MINE = {"type": "Localhost", "localhostProfile": "mine"}
OLD = f'metadata.annotations[{APPARMOR}]: deprecated since v1.30; use the "appArmorProfile" field instead'


@pytest.mark.parametrize(
    ("note", "own", "of_pod", "taken", "warns"),
    [
        ("localhost/mine", None, None, MINE, True),
        ("runtime/default", None, None, {"type": "RuntimeDefault"}, True),
        ("unconfined", None, MINE, {"type": "Unconfined"}, True),
        ("localhost/mine", None, MINE, None, False),
        ("localhost/mine", {"type": "RuntimeDefault"}, None, {"type": "RuntimeDefault"}, False),
        ("", None, None, None, True),
        ("localhost/", None, None, None, True),
    ],
)
def test_annotations_of_apparmor_become_fields(
    note: str, own: Object | None, of_pod: Object | None, taken: Object | None, warns: bool
) -> None:
    made = changed(pod(containers=[container(securityContext={"appArmorProfile": own} if own else {})]),
                   "metadata.annotations", {APPARMOR: note})  # fmt: skip
    if of_pod:
        made["spec"]["securityContext"] = {"appArmorProfile": of_pod}
    found = created(PODS, made)
    assert (found["spec"]["containers"][0].get("securityContext") or {}).get("appArmorProfile") == taken
    assert row(PODS).warnings(found) == ([OLD] if warns else [])


def test_an_annotation_of_apparmor_says_nothing_to_windows() -> None:
    made = changed(pod(os={"name": "windows"}), "metadata.annotations", {APPARMOR: "unconfined"})
    assert "securityContext" not in created(PODS, made)["spec"]["containers"][0]


def test_a_template_keeps_its_annotations_of_apparmor() -> None:
    template = "spec.template.metadata.annotations"
    made = created(DEPLOYMENTS, changed(deployment(), template, {APPARMOR: "unconfined"}))
    assert row(DEPLOYMENTS).warnings(made) == [f"spec.template.{OLD}"]
    assert "securityContext" not in made["spec"]["template"]["spec"]["containers"][0]


def test_a_name_that_is_no_label_surprises_as_a_hostname() -> None:
    found = warned(changed(pod(), "metadata.name", "a.b"))
    assert found[0].startswith("metadata.name: this is used in the Pod's hostname, which can result in surprising")


@pytest.mark.parametrize(
    ("resource", "path"),
    [
        (kinds.DEPLOYMENTS, "spec.template"),
        (kinds.REPLICASETS, "spec.template"),
        (kinds.STATEFULSETS, "spec.template"),
        (kinds.DAEMONSETS, "spec.template"),
    ],
)
def test_templates_are_warned_of_under_their_own_path(resource: kinds.Resource, path: str) -> None:
    labels: Any = {"beta.kubernetes.io/arch": "arm"}
    made = created(resource, changed(deployment(), f"{path}.spec.nodeSelector", labels))
    assert row(resource).warnings(made) == [
        (f'{path}.spec.nodeSelector[beta.kubernetes.io/arch]: deprecated since v1.14; use "kubernetes.io/arch" instead')
    ]


def test_jobs_with_too_many_indexes_are_warned_of() -> None:
    spec: Object = {
        "completions": 100_001,
        "parallelism": 10_001,
        "completionMode": "Indexed",
        "template": {"spec": {}},
    }
    (told,) = row(kinds.JOBS).warnings(named("j", spec=spec))
    assert told.startswith("spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism")
    (told,) = row(kinds.CRONJOBS).warnings(named("j", spec={"jobTemplate": {"spec": spec}}))
    assert told.startswith("spec.jobTemplate.spec: In Indexed Jobs")
    for fewer in ({"completions": 100_000}, {"parallelism": 10_000}, {"completionMode": "NonIndexed"}):
        assert row(kinds.JOBS).warnings(named("j", spec={**spec, **fewer})) == []


def test_volumes_and_claims_are_warned_of() -> None:
    notes = {"volume.beta.kubernetes.io/storage-class": "fast"}
    label = {"key": "failure-domain.beta.kubernetes.io/zone", "operator": "Exists"}
    old = 'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName"'
    volume = named("v", spec={
        "persistentVolumeReclaimPolicy": "Recycle", "rbd": {}, "cephfs": {},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [label]}]}},
    })  # fmt: skip
    volume["metadata"]["annotations"] = notes
    assert row(kinds.PERSISTENTVOLUMES).warnings(volume) == [
        f"{old} attribute instead",
        (
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended "
            "approach is to use dynamic provisioning."
        ),
        (
            "spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: "
            "failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; "
            'use "topology.kubernetes.io/zone" instead'
        ),
        "spec.cephfs: deprecated in v1.28, non-functional in v1.31+",
        "spec.rbd: deprecated in v1.28, non-functional in v1.31+",
    ]
    claim = named("c", spec={"resources": {"requests": {"storage": "1500m"}, "limits": {"storage": "2"}}})
    claim["metadata"]["annotations"] = notes
    fraction = 'resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer'
    assert row(kinds.PERSISTENTVOLUMECLAIMS).warnings(claim) == [f"{old} attribute instead", f"spec.{fraction}"]
    stateful = named("s", spec={"template": {"spec": {}}, "volumeClaimTemplates": [claim], "revisionHistoryLimit": -1})
    assert row(kinds.STATEFULSETS).warnings(stateful) == [
        f"spec.volumeClaimTemplates[0].{fraction}",
        ("spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"),
    ]
    assert row(kinds.PERSISTENTVOLUMES).warnings(named("v", spec={"hostPath": {"path": "/a"}})) == []


def test_other_kinds_warn_too() -> None:
    ingress = named("i", spec={"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}})
    ingress["metadata"]["annotations"] = {"kubernetes.io/ingress.class": "x"}
    assert row(kinds.INGRESSES).warnings(ingress) == [
        "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"
    ]
    assert row(DEPLOYMENTS).warnings(created(DEPLOYMENTS, deployment())) == []
