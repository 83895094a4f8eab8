"""What writers of pods and templates are warned of, though it is accepted."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from common.api import kinds
from common.api.kinds import DEPLOYMENTS, PODS
from common.api.meta import Object
from common.pki import Authority, Subject
from console.registry.kinds.pods import grace_period

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


ITEMS = [{"key": "a", "path": "dir"}, {"key": "b", "path": "dir/b"}]


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        (
            {"configMap": {"name": "c", "items": ITEMS}},
            ['volume "v" (ConfigMap "c"): overlapping paths: "dir/b" with "dir"'],
        ),
        (
            {"secret": {"secretName": "s", "items": [ITEMS[0], {"key": "b", "path": "dir/"}]}},
            ['volume "v" (Secret "s"): overlapping paths: "dir" with "dir"'],
        ),
        ({"configMap": {"name": "c", "items": [ITEMS[0], {"key": "b", "path": "dirs"}]}}, []),
        ({"projected": {"sources": [{}]}}, ['volume "v" (Projected) has no sources provided']),
        (
            {
                "projected": {
                    "sources": [
                        {"configMap": {"name": "c", "items": ITEMS[:1]}},
                        {"serviceAccountToken": {"path": "dir/token"}},
                    ]
                }
            },
            ['volume "v" (Projected): overlapping paths: "dir/token" (ServiceAccountToken) with "dir" (ConfigMap "c")'],
        ),
    ],
)
def test_files_in_one_anothers_place_are_warned_of(volume: Object, expected: list[str]) -> None:
    made = created(PODS, pod())
    assert row(PODS).warnings(changed(made, "spec.volumes", [{"name": "v", **volume}])) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"terminationGracePeriodSeconds": -1},
            "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
        ),
        (
            {"containers": [container(ports=[{"containerPort": 80, "hostIP": "127.0.0.1", "name": "web"}])]},
            (
                "spec.containers[0].ports[0]: hostIP set without hostPort: {Name:web HostPort:0 ContainerPort:80 "
                "Protocol:TCP HostIP:127.0.0.1}"
            ),
        ),
        (
            {
                "containers": [
                    container(ports=[{"containerPort": 80, "name": "web"}]),
                    container(name="b", ports=[{"containerPort": 81, "name": "web"}]),
                ]
            },
            (
                'spec.containers[1].ports[0]: duplicate port name "web" with spec.containers[0].ports[0], services and '
                "probes that select ports by name will use spec.containers[0].ports[0]"
            ),
        ),
        (
            {
                "affinity": {
                    "nodeAffinity": {
                        "preferredDuringSchedulingIgnoredDuringExecution": [
                            {
                                "weight": 1,
                                "preference": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["-"]}]},
                            }
                        ]
                    }
                }
            },
            (
                "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference."
                "matchExpressions[0].values[0]: - is invalid, a valid label must be an empty string or consist of "
                "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
                "'MyValue',  or 'my_value',  or '12345', regex used for validation is "
                "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            ),
        ),
    ],
)
def test_more_that_is_accepted_and_odd(spec: Object, expected: str) -> None:
    assert warned(pod(**spec)) == [expected]


def test_a_negative_grace_is_a_second() -> None:
    assert grace_period({"spec": {"nodeName": "n", "terminationGracePeriodSeconds": -5}}) == 1


ZONE = "failure-domain.beta.kubernetes.io/zone"
USE = 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'


@pytest.mark.parametrize(
    ("resource", "obj", "expected"),
    [
        (
            kinds.STORAGECLASSES,
            {"allowedTopologies": [{"matchLabelExpressions": [{"key": ZONE, "values": ["a"]}]}]},
            [f"allowedTopologies[0].matchLabelExpressions[0].key: {USE}"],
        ),
        (
            kinds.CSISTORAGECAPACITIES,
            {
                "nodeTopology": {
                    "matchExpressions": [{"key": ZONE, "operator": "Exists"}],
                    "matchLabels": {ZONE: "a"},
                }
            },
            [f"nodeTopology.matchExpressions[0].key: {ZONE} is {USE}", f"nodeTopology.matchLabels.{ZONE}: {USE}"],
        ),
        (
            kinds.RUNTIMECLASSES, {"scheduling": {"nodeSelector": {ZONE: "a"}}}, [f"scheduling.nodeSelector: {USE}"],
        ),
        (
            kinds.ENDPOINTSLICES,
            {"addressType": "FQDN", "endpoints": [{"addresses": ["a.example"]}]},
            ["spec.addressType: FQDN endpoints are deprecated"],
        ),
        (
            kinds.ENDPOINTSLICES,
            {"addressType": "IPv6", "endpoints": [{"addresses": ["fd00:0::1"]}]},
            ['endpoints[0].addresses[0]: IPv6 address "fd00:0::1" should be in RFC 5952 canonical format ("fd00::1")'],
        ),
        (
            kinds.ENDPOINTS,
            {"subsets": [{"notReadyAddresses": [{"ip": "fd00:0::1"}]}]},
            [
                ('subsets[0].notReadyAddresses[0].ip: IPv6 address "fd00:0::1" should be in RFC 5952 canonical format '
                '("fd00::1")')
            ],
        ),
        (
            kinds.NODES,
            {"spec": {"externalID": "x", "podCIDRs": ["fd00:0::/64"]}},
            [
                "spec.externalID: this field is deprecated, and is unused by Kubernetes",
                'spec.podCIDRs[0]: IPv6 CIDR value "fd00:0::/64" should be in RFC 5952 canonical format ("fd00::/64")',
            ],
        ),
        (
            kinds.SERVICEACCOUNTS,
            {"metadata": {"annotations": {"kubernetes.io/enforce-mountable-secrets": "true"}}},
            [
                ("metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate "
                "namespaces to isolate access to mounted secrets")
            ],
        ),
    ],
)  # fmt: skip
def test_other_kinds_are_warned_of(resource: kinds.Resource, obj: Object, expected: list[str]) -> None:
    assert row(resource).warnings(obj) == expected


NO_KEY = b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"
SWITCHED = "but did find a private key; PEM inputs may have been switched"


def test_secrets_that_nobody_could_serve_with_are_warned_of() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    one, other = Authority.create("a", now), Authority.create("b", now)
    identity = one.issue(Subject("a"), now)
    pem, key = identity.certificate_pem, identity.key_pem
    known = {
        (pem, key): [],
        (pem, other.issue(Subject("a"), now).key_pem): ["tls: private key does not match public key"],
        (b"", key): ["tls: failed to find any PEM data in certificate input"],
        (key, key): [
            f"tls: failed to find certificate PEM data in certificate input, {SWITCHED}",
        ],
        (pem, pem): ["tls: found a certificate rather than a key in the PEM for the private key"],
        (pem, b"x"): ["tls: failed to find any PEM data in key input"],
        (pem, b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----"): ["tls: failed to parse private key"],
        (b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----", key): ["x509: malformed certificate"],
    }
    for (chain, private), expected in known.items():
        data = {name: base64.b64encode(part).decode() for name, part in (("tls.crt", chain), ("tls.key", private))}
        assert row(kinds.SECRETS).warnings({"type": "kubernetes.io/tls", "data": data}) == expected
