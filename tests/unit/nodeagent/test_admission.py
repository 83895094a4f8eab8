"""What a node refuses, in kubelet's words."""

from __future__ import annotations

import pytest

from common.api.meta import Object
from nodeagent.state.admission import Refusal, admit

from .fakes import pod

NODE = {
    "metadata": {"name": "n1", "labels": {"disk": "ssd", "kubernetes.io/os": "linux"}},
    "status": {"allocatable": {"cpu": "2", "memory": "1Gi", "pods": "2"}},
}


def asking(**requests: str) -> Object:
    return pod({"resources": {"requests": requests}})


def test_what_fits_is_taken() -> None:
    assert admit(asking(cpu="1", memory="512Mi"), [asking(cpu="1")], NODE, apparmor=False) is None
    assert admit(pod(nodeSelector={"disk": "ssd"}), [], NODE, apparmor=False) is None


@pytest.mark.parametrize(
    ("subject", "others", "expected"),
    [
        (
            asking(cpu="1500m"),
            [asking(cpu="1")],
            Refusal("OutOfcpu", "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000"),
        ),
        (
            asking(memory="2Gi"),
            [],
            Refusal(
                "OutOfmemory",
                "Node didn't have enough resource: memory, requested: 2147483648, used: 0, capacity: 1073741824",
            ),
        ),
        (
            pod(),
            [pod(), pod()],
            Refusal("OutOfpods", "Node didn't have enough resource: pods, requested: 1, used: 2, capacity: 2"),
        ),
    ],
)
def test_too_much(subject: Object, others: list[Object], expected: Refusal) -> None:
    assert admit(subject, others, NODE, apparmor=False) == expected


def test_what_the_node_does_not_count_is_the_schedulers_word() -> None:
    assert admit(asking(**{"example.com/gpu": "1"}), [], NODE, apparmor=False) is None


def test_groups_of_the_image_cannot_be_left_out() -> None:
    refusal = admit(pod(securityContext={"supplementalGroupsPolicy": "Strict"}), [], NODE, apparmor=False)
    assert refusal is not None
    assert refusal.reason == "SupplementalGroupsPolicyNotSupported"
    assert admit(pod(securityContext={"supplementalGroupsPolicy": "Merge"}), [], NODE, apparmor=False) is None


@pytest.mark.parametrize(
    ("subject", "refused"),
    [
        (pod(securityContext={"appArmorProfile": {"type": "RuntimeDefault"}}), True),
        (pod({"securityContext": {"appArmorProfile": {"type": "Localhost", "localhostProfile": "mine"}}}), True),
        (pod(initContainers=[{"securityContext": {"appArmorProfile": {"type": "RuntimeDefault"}}}]), True),
        (pod({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}), False),
        (pod({"securityContext": {}}), False),
    ],
)
def test_profiles_of_apparmor_need_a_kernel_that_enforces_them(subject: Object, refused: bool) -> None:
    why = Refusal("AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host")
    assert admit(subject, [], NODE, apparmor=False) == (why if refused else None)
    assert admit(subject, [], NODE, apparmor=True) is None


def required(kind: str, key: str, value: str) -> Object:
    terms = [{kind: [{"key": key, "operator": "In", "values": [value]}]}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


@pytest.mark.parametrize(
    ("spec", "here"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, True),
        ({"nodeSelector": {"disk": "hdd"}}, False),
        ({"affinity": required("matchExpressions", "disk", "ssd")}, True),
        ({"affinity": required("matchExpressions", "disk", "hdd")}, False),
        ({"affinity": required("matchFields", "metadata.name", "n1")}, True),
        ({"affinity": required("matchFields", "metadata.name", "n2")}, False),
    ],
)
def test_another_nodes_pod(spec: Object, here: bool) -> None:
    why = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"
    assert admit(pod(**spec), [], NODE, apparmor=False) == (None if here else Refusal("NodeAffinity", why))
    assert admit(pod(**spec), [], {}, apparmor=False) is None


def test_a_pod_of_another_system() -> None:
    assert admit(pod(os={"name": "linux"}), [], NODE, apparmor=False) is None
    why = "Failed to admit pod as the OS field doesn't match node OS"
    windows = pod(os={"name": "windows"})
    assert admit(windows, [], NODE, apparmor=False) == Refusal("PodOSNotSupported", why)
    labelled = pod()
    labelled["metadata"]["labels"] = {"kubernetes.io/os": "windows"}
    why = "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label"
    assert admit(labelled, [], NODE, apparmor=False) == Refusal("PodOSSelectorNodeLabelDoesNotMatch", why)


@pytest.mark.parametrize(("effect", "refused"), [("NoExecute", True), ("NoSchedule", False)])
def test_taints_that_drive_pods_away_let_none_in(effect: str, refused: bool) -> None:
    tainted = {**NODE, "spec": {"taints": [{"key": "broken", "effect": effect}]}}
    why = "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"
    assert admit(pod(), [], tainted, apparmor=True) == (Refusal("TaintToleration", why) if refused else None)
    assert admit(pod(tolerations=[{"operator": "Exists"}]), [], tainted, apparmor=True) is None


def test_what_does_not_fit_is_told_before_where_it_belongs() -> None:
    refusal = admit({**asking(cpu="5"), "spec": {**asking(cpu="5")["spec"], "nodeSelector": {"disk": "hdd"}}}, [], NODE,
                    apparmor=False)  # fmt: skip
    assert refusal is not None
    assert refusal.reason == "OutOfcpu"


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ({"hostPort": 80}, {"hostPort": 80}, True),
        ({"hostPort": 80}, {"hostPort": 80, "protocol": "UDP"}, False),
        ({"hostPort": 80, "hostIP": "127.0.0.1"}, {"hostPort": 80, "hostIP": "127.0.0.2"}, False),
        ({"hostPort": 80, "hostIP": "127.0.0.1"}, {"hostPort": 80}, True),
        ({"hostPort": 80}, {}, False),
    ],
)
def test_host_ports(one: Object, other: Object, clash: bool) -> None:
    subject = pod({"ports": [{"containerPort": 80, **one}]})
    refusal = admit(subject, [pod({"ports": [{"containerPort": 80, **other}]})], NODE, apparmor=False)
    assert (refusal is not None and refusal.reason == "NodePorts") is clash


def test_container_ports_of_host_network_pods_are_host_ports() -> None:
    subject = pod({"ports": [{"containerPort": 80}]}, hostNetwork=True)
    refusal = admit(subject, [subject], NODE, apparmor=False)
    assert refusal is not None
    assert refusal.reason == "NodePorts"


def test_without_figures_the_schedulers_word_counts() -> None:
    assert admit(asking(cpu="100"), [], {}, apparmor=False) is None


def settings(name: str, **spec: object) -> Object:
    return pod(securityContext={"sysctls": [{"name": name, "value": "1"}]}, **spec)


@pytest.mark.parametrize("name", ["kernel.shm_rmid_forced", "net.ipv4.tcp_syncookies", "net/ipv4/ping_group_range"])
def test_kernel_settings_that_harm_nobody_are_taken(name: str) -> None:
    assert admit(settings(name), [], NODE, apparmor=False) is None


@pytest.mark.parametrize(
    ("subject", "why"),
    [
        (settings("kernel.msgmax"), 'forbidden sysctl: "kernel.msgmax" not allowlisted'),
        (
            settings("net.ipv4.tcp_syncookies", hostNetwork=True),
            'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
        ),
        (
            settings("kernel.shm_rmid_forced", hostIPC=True),
            'forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host ipc enabled',
        ),
    ],
)
def test_other_kernel_settings_are_refused(subject: Object, why: str) -> None:
    assert admit(subject, [], NODE, apparmor=False) == Refusal("SysctlForbidden", why)
