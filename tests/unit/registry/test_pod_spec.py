"""A PodSpec in full: every rule with Kubernetes' path and words."""

from __future__ import annotations

from typing import Any

import pytest

from common.api.kinds import DEPLOYMENTS, PODS
from common.api.meta import Object

from .builders import causes, changed, container, created, deployment, pod, pod_of, update_causes

DATA = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
LOCAL: Object = {"type": "Localhost"}
WINDOWS = "cannot be set for a windows pod"
ID = "must be between 0 and 2147483647, inclusive"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"env": [{"name": "A=B", "value": "1"}]}, "env[0].name: Invalid value: \"A=B\": a valid environment variable"),
        ({"env": [{"name": "A", "valueFrom": {}}]},
         ('valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, '
         "`secretKeyRef` or `fileKeyRef`")),
        ({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "", "key": "a b"}}}]},
         'env[0].valueFrom.configMapKeyRef.key: Invalid value: "a b": a valid config key must consist of'),
        ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a b']"}}}]},
         "env[0].valueFrom.fieldRef: Invalid value: \"a b\": name part must consist of"),
        ({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels"}}}]},
         'env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: '),
        ({"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1k"}}}]},
         ("resourceFieldRef.divisor: Invalid value: \"limits.cpu\": only divisor's values 1m and 1 are "
         "supported with the cpu resource")),
        ({"envFrom": [{}]}, 'envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'),
        ({"volumeMounts": [{"name": "none", "mountPath": "/x"}]}, 'volumeMounts[0].name: Not found: "none"'),
        ({"volumeMounts": [{"name": "data", "mountPath": "/x", "mountPropagation": "Bidirectional"}]},
         ("volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged "
         "containers")),
        ({"volumeMounts": [{"name": "data", "mountPath": "/x", "recursiveReadOnly": "Enabled"}]},
         "volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true"),
        ({"volumeDevices": [{"name": "data", "devicePath": "/dev/../x"}]},
         "volumeDevices[0].devicePath: Invalid value: \"/dev/../x\": can not contain backsteps ('..')"),
        ({"volumeDevices": [{"name": "data", "devicePath": "/d"}], "volumeMounts": [{"name": "data"}]},
         'volumeDevices[0].name: Invalid value: "data": must not already exist in volumeMounts'),
        ({"resources": {"limits": {"example.com/gpu": "500m"}}},
         'resources.limits[example.com/gpu]: Invalid value: "500m": must be an integer'),
        ({"resources": {"requests": {"example.com/gpu": "1"}}},
         "resources.limits: Required value: Limit must be set for non overcommitable resources"),
        ({"resources": {"requests": {"example.com/gpu": "1"}, "limits": {"example.com/gpu": "2"}}},
         'resources.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2'),
        ({"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
         'resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'),
        ({"resources": {"limits": {"gpus": "1"}}},
         'resources.limits[gpus]: Invalid value: "gpus": must be a standard resource type or fully qualified'),
        ({"resources": {"limits": {"hugepages-2Mi": "4Mi"}, "requests": {"hugepages-2Mi": "4Mi"}}},
         "resources: Forbidden: HugePages require cpu or memory"),
        ({"resources": {"limits": {"hugepages-2Mi": "3Mi", "cpu": "1"}}},
         'resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of 2Mi'),
        ({"resources": {"claims": [{"name": "gpu"}]}},
         'resources.claims[0]: Not found: "gpu": pod.spec.resourceClaims is empty'),
        ({"resizePolicy": [{"resourceName": "disk", "restartPolicy": "NotRequired"}]},
         'resizePolicy: Unsupported value: "disk": supported values: "cpu", "memory"'),
        ({"securityContext": {"runAsUser": -1}}, f"securityContext.runAsUser: Invalid value: -1: {ID}"),
        ({"securityContext": {"procMount": "Unmasked"}},
         'securityContext.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`'),
        ({"securityContext": {"seccompProfile": LOCAL}},
         "securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost"),
        ({"securityContext": {"seccompProfile": {"type": "Own"}}},
         ('securityContext.seccompProfile.type: Unsupported value: "Own": supported values: "Localhost", '
         '"RuntimeDefault", "Unconfined"')),
        ({"securityContext": {"appArmorProfile": LOCAL}},
         "appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost"),
        ({"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"add": ["CAP_SYS_ADMIN"]}}},
         "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"),
        ({"securityContext": {"windowsOptions": {"runAsUserName": "a\\b\\c"}}},
         "runAsUserName cannot contain more than one backslash"),
        ({"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}},
         ("preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds "
         "(30)")),
        ({"lifecycle": {"postStart": {"exec": {"command": ["x"]}, "tcpSocket": {"port": 1}}}},
         "lifecycle.postStart.tcpSocket: Forbidden: may not specify more than 1 handler type"),
        ({"readinessProbe": {"exec": {"command": ["x"]}, "terminationGracePeriodSeconds": 1}},
         "readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for readinessProbes"),
        ({"restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]},
         "restartPolicy: Required value: must specify restartPolicy when restart rules are used"),
        ({"restartPolicy": "Never", "restartPolicyRules": [
            {"action": "Stop", "exitCodes": {"operator": "In", "values": [1]}}]},
         ('restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", '
         '"RestartAllContainers"')),
    ],
)  # fmt: skip
def test_a_wrong_container_is_told_where_and_why(fields: Object, expected: str) -> None:
    found = causes(PODS, changed(pod_of(**fields), "spec.volumes", [DATA]))
    assert [cause for cause in found if expected in cause], found


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/x"}}]},
         "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"),
        ({"volumes": [{"name": "v", "configMap": {"name": "c", "items": [{"key": "a", "path": "..x"}]}}]},
         "spec.volumes[0].configMap.items[0].path: Invalid value: \"..x\": must not start with '..'"),
        ({"volumes": [{"name": "v", "downwardAPI": {"items": [{"path": "a"}]}}]},
         "spec.volumes[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required"),
        ({"volumes": [{"name": "v", "nfs": {"server": "s", "path": "x"}}]},
         'spec.volumes[0].nfs.path: Invalid value: "x": must be an absolute path'),
        ({"volumes": [{"name": "v", "projected": {"sources": [
            {"secret": {"name": "s", "items": [{"key": "k", "path": "p"}]}},
            {"configMap": {"name": "c", "items": [{"key": "k", "path": "p"}]}}]}}]},
         'spec.volumes[0].projected: Invalid value: "c": conflicting duplicate paths'),
        ({"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t",
                                                                                      "expirationSeconds": 5}}]}}]},
         "serviceAccountToken.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes"),
        ({"resourceClaims": [{"name": "a"}]},
         ('spec.resourceClaims[0]: Invalid value: {"name":"a"}: must specify one of: `resourceClaimName`, '
         "`resourceClaimTemplateName`")),
        ({"restartPolicy": "Sometimes"},
         'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'),
        ({"dnsPolicy": "Mine"},
         ('spec.dnsPolicy: Unsupported value: "Mine": supported values: "ClusterFirstWithHostNet", "ClusterFirst", '
         '"Default", "None"')),
        ({"dnsConfig": {"searches": ["a" * 65 + ".example"] * 33}}, "must not have more than 32 search paths"),
        ({"securityContext": {"supplementalGroups": [1, -2]}},
         f"spec.securityContext.supplementalGroups[1]: Invalid value: -2: {ID}"),
        ({"securityContext": {"fsGroupChangePolicy": "Never"}},
         ('spec.securityContext.fsGroupChangePolicy: Unsupported value: "Never": supported values: "Always", '
         '"OnRootMismatch"')),
        ({"securityContext": {"sysctls": [{"name": "net.core.somaxconn", "value": "1"}]}, "hostNetwork": True},
         ("spec.securityContext.sysctls[0].name: Invalid value: \"net.core.somaxconn\": may not be specified when "
         "'hostNetwork' is true")),
        ({"hostUsers": False, "hostPID": True}, "spec.HostPID: Forbidden: when `pod.Spec.HostUsers` is false"),
        ({"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]},
         "spec.tolerations[0].operator: Invalid value: \"b\": value must be empty when `operator` is 'Exists'"),
        ({"tolerations": [{"key": "a", "effect": "Maybe"}]},
         ('spec.tolerations[0].effect: Unsupported value: "Maybe": supported values: "NoSchedule", "PreferNoSchedule", '
         '"NoExecute"')),
        ({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a", "b"]}]}]}}}},
         ("matchFields[0].values: Required value: must be only one value when `operator` is 'In' or 'NotIn' for node "
         "field selector")),
        ({"os": {"name": "windows"}, "securityContext": {"fsGroup": 1}},
         f"spec.securityContext.fsGroup: Forbidden: {WINDOWS}"),
        ({"os": {"name": "windows"}, "containers": [container(securityContext={"runAsUser": 1})]},
         f"spec.containers[0].securityContext.runAsUser: Forbidden: {WINDOWS}"),
        ({"os": {"name": "linux"}, "securityContext": {"windowsOptions": {}}},
         "spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod"),
        ({"os": {"name": "plan9"}}, 'spec.os: Unsupported value: "plan9": supported values: "linux", "windows"'),
        ({"resources": {"requests": {"cpu": "1"}},
          "containers": [container(resources={"requests": {"cpu": "2"}})]},
         ('spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container '
         "requests of 2")),
        ({"resources": {"limits": {"example.com/gpu": "1"}}},
         'spec.resources.limits[example.com/gpu]: Unsupported value: "example.com/gpu": supported values: "cpu"'),
    ],
)  # fmt: skip
def test_a_wrong_pod_is_told_where_and_why(spec: Object, expected: str) -> None:
    found = causes(PODS, pod(**spec))
    assert [cause for cause in found if expected in cause], found


def test_everything_wrong_is_told_at_once_in_kubernetes_order() -> None:
    wrong = pod(
        volumes=[{"name": "v", "secret": {}}],
        containers=[container(image="", imagePullPolicy="Often", ports=[{"containerPort": 0}])],
        restartPolicy="Ever",
        tolerations=[{"operator": "Equal"}],
        nodeName="A",
    )
    assert [cause.partition(": ")[0] for cause in causes(PODS, wrong)] == [
        "spec.volumes[0].secret.secretName",
        "spec.containers[0].image",
        "spec.containers[0].ports[0].containerPort",
        "spec.containers[0].imagePullPolicy",
        "spec.restartPolicy",
        "spec.nodeName",
        "spec.tolerations[0].operator",
    ]


def test_ports_of_the_host_are_the_containers_own_in_pods_and_left_to_them_in_templates() -> None:
    host = {"hostNetwork": True, "containers": [container(ports=[{"containerPort": 80}])]}
    assert created(PODS, pod(**host))["spec"]["containers"][0]["ports"][0]["hostPort"] == 80
    other = changed(pod(**host), "spec.containers.0.ports.0.hostPort", 81)
    why = "must match `containerPort` when `hostNetwork` is true"
    assert causes(PODS, other) == [f"spec.containers[0].ports[0].hostPort: Invalid value: 81: {why}"]
    template = {"metadata": {"labels": {"app": "web"}}, "spec": host}
    made = created(DEPLOYMENTS, deployment(template=template))
    assert "hostPort" not in made["spec"]["template"]["spec"]["containers"][0]["ports"][0]


@pytest.mark.parametrize("name", ["restartPolicy", "dnsPolicy", "schedulerName"])
def test_an_empty_word_means_the_default(name: str) -> None:
    assert created(PODS, pod(**{name: ""}))["spec"][name] == created(PODS, pod())["spec"][name]


def _ephemeral(**fields: Any) -> list[str]:
    made = created(PODS, pod())
    debug = {"name": "debug", "image": "busybox", **fields}
    return update_causes(PODS, changed(made, "spec.ephemeralContainers", [debug]), made, "ephemeralcontainers")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ports": [{"containerPort": 80}]}, ".ports: Forbidden: cannot be set for an Ephemeral Container"),
        ({"resources": {"limits": {"cpu": "1"}}}, ".resources: Forbidden: cannot be set for an Ephemeral Container"),
        ({"targetContainerName": "none"}, '.targetContainerName: Not found: "none"'),
        ({"name": "main"}, '.name: Duplicate value: "main"'),
    ],
)
def test_an_ephemeral_container_asks_for_little(fields: Object, expected: str) -> None:
    assert f"spec.ephemeralContainers[0]{expected}" in _ephemeral(**fields)


def test_a_gated_pod_may_gain_restrictions_but_not_lose_them() -> None:
    term = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    gates = [{"name": "example.com/wait"}]
    made = created(PODS, pod(schedulingGates=gates, nodeSelector={"a": "b"}, affinity={"nodeAffinity": required}))
    more = changed(made, "spec.nodeSelector.c", "d")
    path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
    disk = {"key": "disk", "operator": "Exists"}
    more = changed(more, f"{path}.0.matchExpressions", [*term["matchExpressions"], disk])
    assert update_causes(PODS, more, made) == []
    less = changed(made, "spec.nodeSelector", {"a": "c"})
    why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
    assert update_causes(PODS, less, made) == [f'spec.nodeSelector: Invalid value: {{"a":"c"}}: {why}']
    found = update_causes(PODS, changed(made, f"{path}.0.matchExpressions", [disk]), made)
    assert found[0].startswith(f"{path}[0]: Invalid value: ")
    assert found[0].endswith("only additions are allowed (no mutations or deletions)")
    found = update_causes(PODS, changed(made, path, [term, term]), made)
    assert found[0].endswith("no additions/deletions to non-empty NodeSelectorTerms list are allowed")
