"""Pods: defaults, what is wrong with them, and what may change."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.meta import Object
from common.api.pods import default_pull_policy
from console.registry.kinds.pods import grace_period

from .builders import (
    DEPLOYMENTS,
    PODS,
    causes,
    changed,
    container,
    created,
    deployment,
    pod,
    pod_of,
    update_causes,
    updated,
)


def test_defaults_are_the_documented_ones() -> None:
    found = created(PODS, pod_of(ports=[{"containerPort": 80}], readinessProbe={"httpGet": {"port": 80}}))
    assert found["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    spec = found["spec"]
    main = spec.pop("containers")[0]
    assert [volume["projected"]["defaultMode"] for volume in spec.pop("volumes")] == [0o644]
    del main["volumeMounts"]
    assert spec == {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "terminationGracePeriodSeconds": 30,
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "enableServiceLinks": True,
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "priority": 0,
        "preemptionPolicy": "PreemptLowerPriority",
        "tolerations": [
            {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}
            for key in ("not-ready", "unreachable")
        ],
    }
    assert main == {
        "name": "main",
        "image": "app:1",
        "imagePullPolicy": "IfNotPresent",
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "ports": [{"containerPort": 80, "protocol": "TCP"}],
        "readinessProbe": {
            "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
            "timeoutSeconds": 1,
            "periodSeconds": 10,
            "successThreshold": 1,
            "failureThreshold": 3,
        },
    }


def test_a_pod_asks_as_a_whole_for_what_its_containers_ask_or_else_for_its_limits() -> None:
    whole = {"limits": {"cpu": "1", "memory": "128Mi"}}
    asking = container(resources={"requests": {"cpu": "250m"}})
    found = created(PODS, pod(containers=[asking, {**asking, "name": "b"}], resources=whole))
    assert found["spec"]["resources"]["requests"] == {"cpu": "500m", "memory": "128Mi"}
    assert found["status"]["qosClass"] == "Burstable"
    assert created(PODS, pod(resources=whole))["status"]["qosClass"] == "Guaranteed"


def test_requests_follow_from_limits_in_pods_and_not_in_templates() -> None:
    limited = container(resources={"limits": {"cpu": "1"}})
    assert created(PODS, pod(containers=[limited]))["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "1"}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [limited]}}
    made = created(DEPLOYMENTS, deployment(template=template))
    assert "requests" not in made["spec"]["template"]["spec"]["containers"][0]["resources"]


def test_defaults_of_volumes_and_sources() -> None:
    volumes = [
        {"name": "a"},
        {"name": "b", "secret": {"secretName": "s"}},
        {"name": "c", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        {"name": "d", "downwardAPI": {"items": [{"path": "x", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]
    env = [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]
    spec = created(PODS, pod(volumes=volumes, containers=[container(env=env)]))["spec"]
    assert spec["volumes"][0] == {"name": "a", "emptyDir": {}}
    assert spec["volumes"][1]["secret"]["defaultMode"] == 0o644
    assert spec["volumes"][2]["projected"]["sources"][0]["serviceAccountToken"]["expirationSeconds"] == 3600
    assert spec["volumes"][3]["downwardAPI"]["items"][0]["fieldRef"]["apiVersion"] == "v1"
    assert spec["containers"][0]["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"


def test_own_tolerations_of_an_absent_node_are_kept() -> None:
    own = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}
    found = created(PODS, pod(tolerations=[own]))["spec"]["tolerations"]
    assert found[0] == own
    assert [item["key"] for item in found] == ["node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("app", "Always"),
        ("app:latest", "Always"),
        ("host:5000/app", "Always"),
        ("host:5000/app:1", "IfNotPresent"),
        ("app@sha256:00", "IfNotPresent"),
    ],
)
def test_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    assert default_pull_policy(image) == policy


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([{}], "BestEffort"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}}], "Guaranteed"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}], "Burstable"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}}, {}], "Burstable"),
        ([{"requests": {"cpu": "0"}}], "BestEffort"),
    ],
)
def test_quality_of_service(resources: list[Object], expected: str) -> None:
    containers = [container(name=f"c{index}", resources=item) for index, item in enumerate(resources)]
    assert created(PODS, pod(containers=containers))["status"]["qosClass"] == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"containers": []}, "spec.containers: Required value"),
        (
            {
                "securityContext": {
                    "sysctls": [{"name": "kernel.shmmax", "value": "1"}, {"name": "bar..", "value": "4"}]
                }
            },
            'spec.securityContext.sysctls[1].name: Invalid value: "bar..": must have at most 253 characters and match',
        ),
        (
            {"securityContext": {"sysctls": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}},
            'spec.securityContext.sysctls[1].name: Duplicate value: "a"',
        ),
        ({"securityContext": {"sysctls": [{"value": "1"}]}}, "spec.securityContext.sysctls[0].name: Required value"),
        ({"containers": [container(), container()]}, 'spec.containers[1].name: Duplicate value: "main"'),
        ({"initContainers": [container()]}, 'spec.initContainers[0].name: Duplicate value: "main"'),
        (
            {"restartPolicy": "Sometimes"},
            'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always",',
        ),
        ({"dnsPolicy": "None"}, "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"),
        (
            {"dnsConfig": {"nameservers": ["x"]}},
            'spec.dnsConfig.nameservers[0]: Invalid value: "x": must be a valid IP',
        ),
        (
            {"activeDeadlineSeconds": 0},
            "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647",
        ),
        ({"nodeSelector": {"a": "b c"}}, 'spec.nodeSelector: Invalid value: "b c"'),
        ({"hostname": "A"}, 'spec.hostname: Invalid value: "A": a lowercase RFC 1123 label'),
        ({"shareProcessNamespace": True, "hostPID": True}, "ShareProcessNamespace and HostPID cannot both be enabled"),
        (
            {"ephemeralContainers": [container(name="e")]},
            "spec.ephemeralContainers: Forbidden: cannot be set on create",
        ),
        ({"volumes": [{"name": "a"}, {"name": "a"}]}, 'spec.volumes[1].name: Duplicate value: "a"'),
        (
            {"volumes": [{"name": "a", "emptyDir": {}, "hostPath": {"path": "/"}}]},
            "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
        ),
        ({"volumes": [{"name": "a", "secret": {}}]}, "spec.volumes[0].secret.secretName: Required value"),
        (
            {"volumes": [{"name": "a", "configMap": {"name": "c", "defaultMode": 0o1000}}]},
            "spec.volumes[0].configMap.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal)",
        ),
        (
            {"tolerations": [{"operator": "Equal"}]},
            "operator must be Exists when `key` is empty",
        ),
        (
            {"tolerations": [{"key": "a", "operator": "Exists", "tolerationSeconds": 1}]},
            "effect must be 'NoExecute' when `tolerationSeconds` is set",
        ),
        (
            {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}},
            "requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty",
        ),
        (
            {"topologySpreadConstraints": [{"maxSkew": 0, "topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}]},
            "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
        ),
    ],
)
def test_a_wrong_pod_is_refused(spec: Object, expected: str) -> None:
    assert expected in "\n".join(causes(PODS, pod(**spec)))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": ""}, "spec.containers[0].name: Required value"),
        ({"name": "a_b"}, 'spec.containers[0].name: Invalid value: "a_b": a lowercase RFC 1123 label'),
        ({"image": ""}, "spec.containers[0].image: Required value"),
        ({"image": " a"}, "must not have leading or trailing whitespace"),
        ({"imagePullPolicy": "Now"}, 'spec.containers[0].imagePullPolicy: Unsupported value: "Now"'),
        ({"ports": [{}]}, "spec.containers[0].ports[0].containerPort: Required value"),
        ({"ports": [{"containerPort": 65536}]}, "containerPort: Invalid value: 65536: must be between 1 and 65535"),
        ({"ports": [{"containerPort": 1, "name": "Web"}]}, "must contain only alpha-numeric characters (a-z, 0-9)"),
        ({"ports": [{"containerPort": 1, "name": "a"}] * 2}, 'spec.containers[0].ports[1].name: Duplicate value: "a"'),
        ({"ports": [{"containerPort": 1, "hostPort": 5}] * 2}, 'ports[1].hostPort: Duplicate value: "TCP//5"'),
        ({"env": [{"name": "a=b"}]}, "printable ASCII characters other than '='"),
        ({"env": [{"name": "A", "valueFrom": {}}]}, 'env[0].valueFrom: Invalid value: "": must specify one of'),
        (
            {"env": [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
            "may not be specified when `value` is not empty",
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.foo"}}}]},
            'fieldRef.fieldPath: Invalid value: "spec.foo": error converting fieldPath: field label not',
        ),
        ({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}}}]}, "secretKeyRef.key: Required value"),
        ({"envFrom": [{}]}, "must specify one of: `configMapRef` or `secretRef`"),
        ({"volumeMounts": [{"name": "x", "mountPath": "/x"}]}, 'volumeMounts[0].name: Not found: "x"'),
        ({"livenessProbe": {}}, "spec.containers[0].livenessProbe: Required value: must specify a handler type"),
        (
            {"livenessProbe": {"exec": {"command": ["a"]}, "tcpSocket": {"port": 1}}},
            "livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
        ),
        ({"livenessProbe": {"exec": {"command": ["a"]}, "successThreshold": 2}}, "successThreshold: Invalid value: 2"),
        ({"readinessProbe": {"httpGet": {"port": "UP"}}}, 'readinessProbe.httpGet.port: Invalid value: "UP"'),
        ({"readinessProbe": {"tcpSocket": {"port": 0}}}, "readinessProbe.tcpSocket.port: Invalid value: 0"),
        ({"readinessProbe": {"exec": {"command": []}}}, "readinessProbe.exec.command: Required value"),
        ({"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}}, "less than terminationGracePeriodSeconds (30)"),
        (
            {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}},
            'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        ),
        (
            {"resources": {"limits": {"cpu": "-1"}}},
            'limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
        ),
        ({"resources": {"limits": {"gpu": "1"}}}, "must be a standard resource for containers"),
        ({"resources": {"requests": {"example.com/gpu": "1"}}}, "Limit must be set for non overcommitable resources"),
        ({"restartPolicy": "Perhaps"}, 'spec.containers[0].restartPolicy: Unsupported value: "Perhaps"'),
    ],
)
def test_a_wrong_container_is_refused(fields: dict[str, Any], expected: str) -> None:
    assert expected in "\n".join(causes(PODS, pod_of(**fields)))


def test_mounts_are_unique_and_stay_in_their_volume() -> None:
    mounts = [{"name": "v", "mountPath": "/a", "subPath": "../x"}, {"name": "v", "mountPath": "/a", "subPath": "/x"}]
    found = causes(PODS, pod(volumes=[{"name": "v"}], containers=[container(volumeMounts=mounts)]))
    assert found == [
        "spec.containers[0].volumeMounts.subPath: Invalid value: \"../x\": must not contain '..'",
        'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique',
        'spec.containers[0].volumeMounts.subPath: Invalid value: "/x": must be a relative path',
    ]


def test_only_sidecars_among_init_containers_are_probed() -> None:
    probe = {"tcpSocket": {"port": 1}}
    plain = container(name="i", livenessProbe=probe)
    assert "may not be set for init containers" in causes(PODS, pod(initContainers=[plain]))[0]
    assert causes(PODS, pod(initContainers=[{**plain, "restartPolicy": "Always"}])) == []


def test_all_mistakes_are_told_at_once() -> None:
    assert len(causes(PODS, pod(containers=[container(image=""), container(name="B")], dnsPolicy="x"))) == 3


OLD = created(PODS, pod(activeDeadlineSeconds=100))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.containers.0.image", "app:2"),
        ("spec.activeDeadlineSeconds", 50),
        ("spec.tolerations", [*OLD["spec"]["tolerations"], {"key": "x", "operator": "Exists"}]),
        ("metadata.labels", {"a": "b"}),
        ("spec.serviceAccountName", None),
        ("spec.tolerations", None),
    ],
)
def test_what_may_change_of_a_pod(path: str, value: object) -> None:
    assert update_causes(PODS, changed(OLD, path, value), OLD) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.nodeName", "n", "changed: spec.nodeName"),
        ("spec.containers.0.command", ["sh"], "changed: spec.containers[0].command"),
        ("spec.containers.0.resources", {"limits": {"cpu": "1"}}, "changed: spec.containers[0].resources.limits"),
        ("spec.containers", [container(), container(name="b")], "pod updates may not add or remove containers"),
        ("spec.activeDeadlineSeconds", 101, "must be less than or equal to previous value"),
        ("spec.activeDeadlineSeconds", None, "must not update from a positive integer to nil value"),
        ("spec.tolerations.0.effect", "", "existing toleration can not be modified except its tolerationSeconds"),
        ("spec.schedulingGates", [{"name": "g"}], "only deletion is allowed, but found new scheduling gate 'g'"),
    ],
)
def test_what_may_not_change_of_a_pod(path: str, value: object, expected: str) -> None:
    assert expected in "\n".join(update_causes(PODS, changed(OLD, path, value), OLD))


def test_a_gated_pod_may_still_be_told_where_to_run() -> None:
    gated = created(PODS, pod(schedulingGates=[{"name": "g"}], nodeSelector={"a": "b"}))
    wider = changed(changed(gated, "spec.nodeSelector", {"a": "b", "c": "d"}), "spec.schedulingGates", None)
    assert update_causes(PODS, wider, gated) == []
    assert "only additions to spec.nodeSelector are allowed" in "\n".join(
        update_causes(PODS, changed(gated, "spec.nodeSelector", {"a": "x"}), gated)
    )


def test_tolerations_that_admission_gave_come_again() -> None:
    own = {"key": "foo", "operator": "Equal", "value": "bar", "effect": "NoSchedule"}
    found = updated(PODS, changed(OLD, "spec.tolerations", [own]), OLD)
    assert found["spec"]["tolerations"] == [own, *OLD["spec"]["tolerations"]]
    assert found["metadata"]["generation"] == 2


def test_ephemeral_containers_come_through_their_subresource_and_stay() -> None:
    wanted = changed(OLD, "spec.ephemeralContainers", [container(name="debug")])
    wanted["spec"]["containers"] = []
    with_debug = updated(PODS, wanted, OLD, "ephemeralcontainers")
    assert with_debug["spec"]["containers"] == OLD["spec"]["containers"]
    assert with_debug["spec"]["ephemeralContainers"][0]["terminationMessagePolicy"] == "File"
    found = update_causes(PODS, changed(with_debug, "spec.ephemeralContainers", []), with_debug, "ephemeralcontainers")
    assert found == ['spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be removed\n']


def test_who_may_debug_a_pod_cannot_mark_or_report_it() -> None:
    wanted = changed(OLD, "spec.ephemeralContainers", [container(name="debug")])
    wanted["metadata"] |= {"labels": {"a": "b"}, "annotations": {"a": "b"}, "finalizers": ["example.com/held"]}
    wanted["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}]
    wanted["status"] = {"phase": "Failed"}
    found = updated(PODS, wanted, OLD, "ephemeralcontainers")
    assert [item["name"] for item in found["spec"]["ephemeralContainers"]] == ["debug"]
    assert found["status"] == OLD["status"]
    assert found["metadata"].keys() == OLD["metadata"].keys()
    assert found["metadata"]["generation"] == 2


def test_only_a_pod_on_a_node_has_a_grace_period() -> None:
    assert grace_period(OLD) == 0
    bound = changed(OLD, "spec.nodeName", "n")
    assert grace_period(bound) == 30
    assert grace_period(changed(bound, "status.phase", "Succeeded")) == 0


def _annotated(**notes: str) -> Object:
    made = pod()
    made["metadata"]["annotations"] = {key.replace("__", "/"): value for key, value in notes.items()}
    return made


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("seccomp.security.alpha.kubernetes.io/pod", "runtime/default", []),
        ("container.seccomp.security.alpha.kubernetes.io/main", "localhost/a.json", []),
        (
            "seccomp.security.alpha.kubernetes.io/pod",
            "strict",
            [
                ("metadata.annotations.seccomp.security.alpha.kubernetes.io/pod: Invalid value: \"strict\": "
                "must be a valid seccomp profile")
            ],
        ),
        (
            "container.seccomp.security.alpha.kubernetes.io/main",
            "localhost/../a",
            [
                ("metadata.annotations.container.seccomp.security.alpha.kubernetes.io/main: Invalid value: \"../a\": "
                "must not contain '..'")
            ],
        ),
        ("container.apparmor.security.beta.kubernetes.io/main", "localhost/mine", []),
        (
            "container.apparmor.security.beta.kubernetes.io/main",
            "mine",
            [
                ("metadata.annotations[container.apparmor.security.beta.kubernetes.io/main]: Invalid value: \"mine\": "
                "invalid AppArmor profile name: \"mine\"")
            ],
        ),
        (
            "container.apparmor.security.beta.kubernetes.io/other",
            "unconfined",
            [
                ("metadata.annotations[container.apparmor.security.beta.kubernetes.io/other]: Invalid value: "
                "\"other\": container not found")
            ],
        ),
        (
            "kubernetes.io/config.mirror",
            "x",
            [
                ("metadata.annotations[kubernetes.io/config.mirror]: Invalid value: \"x\": must set spec.nodeName if "
                "mirror pod annotation is set")
            ],
        ),
    ],
)  # fmt: skip
def test_annotations_with_a_meaning_are_checked(key: str, value: str, expected: list[str]) -> None:
    assert causes(PODS, _annotated(**{key: value})) == expected


def test_profiles_and_mirror_marks_stay_as_they_were_made() -> None:
    profile = "container.apparmor.security.beta.kubernetes.io/main"
    plain, marked = created(PODS, pod()), created(PODS, _annotated(**{profile: "unconfined"}))
    assert update_causes(PODS, {**plain, "metadata": {**plain["metadata"], "annotations": {profile: ""}}}, plain) == [
        f"metadata.annotations[{profile}]: Forbidden: may not add AppArmor annotations"
    ]
    assert update_causes(PODS, {**marked, "metadata": {**marked["metadata"], "annotations": {}}}, marked) == [
        f"metadata.annotations[{profile}]: Forbidden: may not remove or update AppArmor annotations"
    ]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]}, []),
        (
            {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]},
            [("status.podIPs: Invalid value: [{\"ip\":\"10.0.0.1\"},{\"ip\":\"10.0.0.2\"}]: may specify no more than "
             "one IP for each IP family")],
        ),
        (
            {"podIPs": [{"ip": "here"}]},
            [("status.podIPs[0]: Invalid value: \"here\": must be a valid IP address, (e.g. 10.9.8.7 or "
             "2001:db8::ffff)")],
        ),
        (
            {"hostIPs": [{"ip": "10.0.0.1"}], "hostIP": "10.0.0.2"},
            ["status.hostIPs[0].ip: Invalid value: \"10.0.0.1\": must be equal to `hostIP`"],
        ),
        ({"qosClass": "Guaranteed"}, ["status.qosClass: Invalid value: \"Guaranteed\": field is immutable"]),
        ({"conditions": [{"type": "example.com/gate", "status": "True"}]}, []),
        (
            {"conditions": [{"type": "a/b/c", "status": "True"}]},
            [("status.conditions[0].Type: Invalid value: \"a/b/c\": a qualified name must consist of alphanumeric "
             "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
             "'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with "
             "an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')")],
        ),
    ],
)  # fmt: skip
def test_a_status_has_addresses_and_conditions_that_can_be(status: Object, expected: list[str]) -> None:
    old = created(PODS, pod())
    assert update_causes(PODS, {**old, "status": status}, old, "status") == expected


def test_a_nominated_node_is_one() -> None:
    old = created(PODS, pod())
    found = update_causes(PODS, {**old, "status": {"nominatedNodeName": "No_Node"}}, old, "status")
    assert len(found) == 1
    assert found[0].startswith('status.nominatedNodeName: Invalid value: "No_Node": a lowercase RFC 1123 subdomain')


@pytest.mark.parametrize(
    ("first", "given", "kept"),
    [
        ("10.0.0.1", [], ["10.0.0.1"]),
        (None, ["10.0.0.1", "fd00::1"], ["10.0.0.1", "fd00::1"]),
        ("", ["10.0.0.1"], ["10.0.0.1"]),
        ("10.0.0.1", ["10.0.0.1", "fd00::1"], ["10.0.0.1", "fd00::1"]),
        ("fd00::1", ["10.0.0.1", "fd00::1"], ["fd00::1"]),
        ("10.0.0.2", ["10.0.0.1"], ["10.0.0.2"]),
    ],
)
def test_the_first_address_of_a_pod_is_its_address(first: str | None, given: list[str], kept: list[str]) -> None:
    old = created(PODS, pod())
    status = {"podIP": first, "podIPs": [{"ip": ip} for ip in given]}
    found = updated(PODS, changed(old, "status", {**old["status"], **status}), old, "status")["status"]
    assert (found["podIP"], found["podIPs"]) == (kept[0], [{"ip": ip} for ip in kept])


def test_an_address_of_a_pod_that_is_none_is_refused() -> None:
    old = created(PODS, pod())
    assert update_causes(PODS, changed(old, "status", {**old["status"], "podIP": "here"}), old, "status") == [
        'status.podIPs[0]: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
    ]


def test_a_status_without_class_and_generations_keeps_those_that_are_known() -> None:
    old = created(PODS, pod())
    old["status"] |= {"observedGeneration": 3, "conditions": [{"type": "Ready", "observedGeneration": 3}]}
    status = updated(PODS, {**old, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}, old, "status")[
        "status"
    ]
    assert (status["qosClass"], status["observedGeneration"]) == ("BestEffort", 3)
    unsaid = {"lastProbeTime": None, "lastTransitionTime": None}
    assert status["conditions"] == [{"type": "Ready", "status": "True", "observedGeneration": 3, **unsaid}]


def test_fields_of_features_that_are_off_are_dropped() -> None:
    sources = [
        {"clusterTrustBundle": {"name": "a", "path": "b"}},
        {"podCertificate": {"signerName": "a.b/c", "keyType": "ED25519"}},
    ]
    made = pod_of(lifecycle={"stopSignal": "SIGUSR1"})
    made["spec"]["volumes"] = [{"name": "v", "projected": {"sources": sources}}]
    spec = created(PODS, made)["spec"]
    assert "lifecycle" not in spec["containers"][0]
    assert [volume["projected"]["sources"] for volume in spec["volumes"] if volume["name"] == "v"] == [[{}, {}]]
    sleeping = {"preStop": {"sleep": {"seconds": 1}}}
    made = deployment()
    made["spec"]["template"]["spec"]["containers"][0]["lifecycle"] = {**sleeping, "stopSignal": "SIGUSR1"}
    found = created(DEPLOYMENTS, made)["spec"]["template"]["spec"]["containers"][0]
    assert found["lifecycle"] == sleeping
