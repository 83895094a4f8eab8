"""The Pod Security Standards: what each control finds, in which versions, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from console.registry.podsecurity import levels, standards
from console.registry.podsecurity.levels import BASELINE, PRIVILEGED, RESTRICTED, Standard

HARDENED = {
    "allowPrivilegeEscalation": False, "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}  # fmt: skip


def said(level: str, spec: Any, minor: int | None = None, annotations: Any = None) -> str:
    return standards.in_full(standards.findings(Standard(level, minor), spec, annotations or {}))


def one(name: str = "a", **security: Any) -> dict[str, Any]:
    return {"name": name, "image": "x", "securityContext": security}


def of(*containers: Any, **fields: Any) -> dict[str, Any]:
    return {"containers": list(containers) or [one(**HARDENED)], **fields}


def hardened(**security: Any) -> dict[str, Any]:
    return of(one(**{**HARDENED, **security}))


def test_a_plain_pod_passes_baseline_and_is_told_all_that_restricted_asks() -> None:
    plain = of({"name": "a", "image": "x"}, {"name": "b", "image": "x"})
    assert said(PRIVILEGED, plain) == said(BASELINE, plain) == ""
    assert said(RESTRICTED, plain) == (
        'allowPrivilegeEscalation != false (containers "a", "b" must set '
        "securityContext.allowPrivilegeEscalation=false), "
        'unrestricted capabilities (containers "a", "b" must set securityContext.capabilities.drop=["ALL"]), '
        'runAsNonRoot != true (pod or containers "a", "b" must set securityContext.runAsNonRoot=true), '
        'seccompProfile (pod or containers "a", "b" must set securityContext.seccompProfile.type to "RuntimeDefault" '
        'or "Localhost")'
    )
    assert said(RESTRICTED, hardened()) == ""


def test_init_and_ephemeral_containers_count_and_come_in_their_order() -> None:
    bad = {"privileged": True}
    spec = of(one("b", **bad), initContainers=[one("a", **bad)], ephemeralContainers=[one("c", **bad)])
    assert said(BASELINE, spec) == 'privileged (containers "a", "b", "c" must not set securityContext.privileged=true)'


BASELINE_CASES = {
    "host namespaces": (
        of(hostNetwork=True, hostPID=True, hostIPC=True),
        "host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)",
    ),
    "capabilities": (
        hardened(capabilities={"add": ["SYS_ADMIN", "NET_RAW", "CHOWN"], "drop": ["ALL"]}),
        ('non-default capabilities (container "a" must not include "NET_RAW", "SYS_ADMIN" in '
        "securityContext.capabilities.add)"),
    ),
    "host paths": (
        of(volumes=[{"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "hostPath": {"path": "/"}}]),
        'hostPath volumes (volumes "v", "w")',
    ),
    "host port": (
        of({**one(**HARDENED), "ports": [{"hostPort": 80, "containerPort": 80}, {"containerPort": 81}]}),
        'hostPort (container "a" uses hostPort 80)',
    ),
    "host ports": (
        of({**one(**HARDENED), "ports": [{"hostPort": 9}, {"hostPort": 80}]}, {**one("b"), "ports": [{"hostPort": 9}]}),
        'hostPort (containers "a", "b" use hostPorts 80, 9)',
    ),
    "AppArmor": (
        of(one(appArmorProfile={"type": "Unconfined"}), securityContext={"appArmorProfile": {"type": "Unconfined"}}),
        'forbidden AppArmor profile (pod and container "a" must not set AppArmor profile type to "Unconfined")',
    ),
    "SELinux": (
        of(one(seLinuxOptions={"type": "spc_t", "user": "u"}), securityContext={"seLinuxOptions": {"role": "r"}}),
        ('seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may '
        "not be set; role may not be set)"),
    ),
    "proc mount": (
        hardened(procMount="Unmasked"),
        'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    ),
    "seccomp": (
        of(one(seccompProfile={"type": "Unconfined"})),
        'seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
    ),
    "sysctls": (
        of(securityContext={"sysctls": [{"name": "kernel.msgmax"}, {"name": "net.ipv4.tcp_rmem"}, {"name": "x"}]}),
        "forbidden sysctls (kernel.msgmax, x)",
    ),
    "host process": (
        of(one(windowsOptions={"hostProcess": True}), securityContext={"windowsOptions": {"hostProcess": True}}),
        'hostProcess (pod and container "a" must not set securityContext.windowsOptions.hostProcess=true)',
    ),
    "hosts of probes and hooks": (
        of({
            "name": "a", "livenessProbe": {"httpGet": {"host": "b.example", "port": 1}},
            "lifecycle": {"preStop": {"tcpSocket": {"host": "a.example", "port": 1}}},
        }),
        'probe or lifecycle host (container "a" uses probe or lifecycle hosts "a.example", "b.example")',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BASELINE_CASES)
def test_baseline_refuses(case: str) -> None:
    spec, expected = BASELINE_CASES[case]
    assert said(BASELINE, spec) == expected
    assert expected.partition(" (")[0] in said(RESTRICTED, spec) or case in {"capabilities", "host paths"}
    assert said(PRIVILEGED, spec) == ""


RESTRICTED_CASES = {
    "volumes": (
        of(volumes=[{"name": "v", "hostPath": {}}, {"name": "w", "nfs": {}}, {"name": "ok", "emptyDir": {}}]),
        'restricted volume types (volumes "v", "w" use restricted volume types "hostPath", "nfs")',
    ),
    "one volume": (
        of(volumes=[{"name": "v", "iscsi": {}}, {"name": "i", "image": {}}]),
        'restricted volume types (volume "v" uses restricted volume type "iscsi")',
    ),
    "capabilities": (
        hardened(capabilities={"add": ["CHOWN", "NET_BIND_SERVICE"]}),
        ('unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" '
        'must not include "CHOWN" in securityContext.capabilities.add)'),
    ),
    "root allowed": (
        of(one(**{**HARDENED, "runAsNonRoot": False}), securityContext={"runAsNonRoot": False}),
        'runAsNonRoot != true (pod and container "a" must not set securityContext.runAsNonRoot=false)',
    ),
    "user zero": (hardened(runAsUser=0), 'runAsUser=0 (container "a" must not set runAsUser=0)'),
    "seccomp": (
        hardened(seccompProfile={"type": "Unconfined"}),
        'seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", RESTRICTED_CASES)
def test_restricted_refuses(case: str) -> None:
    spec, expected = RESTRICTED_CASES[case]
    assert said(RESTRICTED, spec) == expected


def test_what_the_pod_says_counts_for_containers_that_say_nothing() -> None:
    bare = {key: HARDENED[key] for key in ("allowPrivilegeEscalation", "capabilities")}
    context = {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost", "localhostProfile": "x"}}
    assert said(RESTRICTED, of(one(**bare), securityContext=context)) == ""


def test_a_standard_is_what_it_was_in_the_version_asked_for() -> None:
    escalating = of({"name": "a", "image": "x"})
    assert "allowPrivilegeEscalation" not in said(RESTRICTED, escalating, 7)
    assert "allowPrivilegeEscalation" in said(RESTRICTED, escalating, 8)
    assert "capabilities" not in said(RESTRICTED, escalating, 21)
    assert "capabilities" in said(RESTRICTED, escalating, 22)
    assert "seccompProfile" not in said(RESTRICTED, escalating, 18)
    assert "seccompProfile" in said(RESTRICTED, escalating, 19)
    assert said(RESTRICTED, hardened(runAsUser=0), 22) == ""
    assert said(RESTRICTED, hardened(runAsUser=0), 23) != ""
    engine = of(one(seLinuxOptions={"type": "container_engine_t"}))
    assert [bool(said(BASELINE, engine, minor)) for minor in (30, 31, None)] == [True, False, False]
    for name, since in (("net.ipv4.ip_local_reserved_ports", 27), ("net.ipv4.tcp_fin_timeout", 29),
                        ("net.ipv4.tcp_wmem", 32)):  # fmt: skip
        spec = of(securityContext={"sysctls": [{"name": name}]})
        assert said(BASELINE, spec, since - 1) == f"forbidden sysctls ({name})"
        assert said(BASELINE, spec, since) == ""
    probed = BASELINE_CASES["hosts of probes and hooks"][0]
    assert [bool(said(BASELINE, probed, minor)) for minor in (33, 34, 99)] == [False, True, True]


def test_pods_for_windows_need_not_say_what_means_nothing_there() -> None:
    spec = of(one(runAsNonRoot=True), os={"name": "windows"})
    assert said(RESTRICTED, spec) == ""
    assert said(RESTRICTED, spec, 24).startswith("allowPrivilegeEscalation != false")


def test_root_of_a_user_namespace_is_nobody_outside() -> None:
    root = {**HARDENED, "runAsNonRoot": False, "runAsUser": 0}
    spec = of(one(**root), hostUsers=False)
    assert said(RESTRICTED, spec) == ""
    assert said(RESTRICTED, spec, 34).startswith("runAsNonRoot != true")
    assert said(RESTRICTED, {**spec, "hostUsers": True}).startswith("runAsNonRoot != true")
    unmasked = of(one(procMount="Unmasked", **HARDENED), hostUsers=False)
    assert said(BASELINE, unmasked) == ""
    assert said(BASELINE, unmasked, 34).startswith("procMount")
    assert said(RESTRICTED, unmasked).startswith("procMount")


def test_annotations_of_old_are_heeded() -> None:
    key = "container.seccomp.security.alpha.kubernetes.io/a"
    assert said(BASELINE, of(), 18, {key: "unconfined"}) == f'seccompProfile (forbidden annotation {key}="unconfined")'
    assert said(BASELINE, of(), 18, {key: "localhost/x"}) == ""
    assert said(BASELINE, of(), 19, {key: "unconfined"}) == ""
    key = "container.apparmor.security.beta.kubernetes.io/a"
    assert said(BASELINE, of(), None, {key: "unconfined"}) == (
        f'forbidden AppArmor profile (annotation must not set AppArmor profile type to "{key}="unconfined"")'
    )
    assert said(BASELINE, of(), None, {key: "runtime/default"}) == ""


def test_labels_say_level_and_version_of_each_mode() -> None:
    prefix = "pod-security.kubernetes.io/"
    found = levels.policy(
        {f"{prefix}enforce": "baseline", f"{prefix}enforce-version": "v1.25", f"{prefix}warn": "restricted"}
    )
    assert (str(found.enforce), str(found.audit), str(found.warn)) == (
        "baseline:v1.25", "privileged:latest", "restricted:latest",
    )  # fmt: skip
    assert not found.problems
    assert levels.policy({"app": "x"}) == levels.Policy()


def test_a_label_that_means_nothing_is_named_and_counts_for_the_safe_side() -> None:
    prefix = "pod-security.kubernetes.io/"
    found = levels.policy({f"{prefix}enforce": "strict", f"{prefix}warn": "", f"{prefix}audit-version": "v2.0"})
    assert (found.enforce.level, found.warn.level, found.audit.minor) == (RESTRICTED, PRIVILEGED, None)
    assert [cause.message for cause in found.problems] == [
        'Invalid value: "strict": must be one of privileged, baseline, restricted',
        'Invalid value: "v2.0": must be "latest" or "v1.x"',
        'Invalid value: "": must be one of privileged, baseline, restricted',
    ]
    assert next(cause.field for cause in found.problems) == f"metadata.labels[{prefix}enforce]"
    for version in ("v1.01", "1.25", "latest ", "v1.-1"):
        assert levels.policy({f"{prefix}enforce-version": version}).problems


def test_is_relaxed() -> None:
    assert Standard(BASELINE, 25).is_at_most(Standard(RESTRICTED, 25))
    assert not Standard(RESTRICTED).is_at_most(Standard(BASELINE))
    assert not Standard(BASELINE, 24).is_at_most(Standard(RESTRICTED, 25))
