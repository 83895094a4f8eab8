"""Which checks a level has in which version: the history of the Pod Security Standards up to Kubernetes v1.36.

A check counts from its first version on, and a later form of it replaces the earlier. The newest version that changed
anything is v1.35: `latest`, and every version above, mean that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from common.api.meta import Object

from . import baseline, restricted
from .baseline import with_own_users
from .findings import Check, Finding
from .levels import BASELINE, PRIVILEGED, RESTRICTED, Standard
from .restricted import not_on_windows

_NEWEST = 35  # the last minor version in which a check changed

_SELINUX = ("container_t", "container_init_t", "container_kvm_t")
_SYSCTLS = (
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
)  # fmt: skip
_SYSCTLS_27 = (*_SYSCTLS, "net.ipv4.ip_local_reserved_ports")
_SYSCTLS_29 = (
    *_SYSCTLS_27, "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
)  # fmt: skip
_SYSCTLS_32 = (*_SYSCTLS_29, "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem")


@dataclass(frozen=True, slots=True)
class _Control:
    """A check of a level by its name in Kubernetes, each form of it with the minor version that brought it. `replaces`
    is what of the baseline need not be looked at beside it."""

    name: str
    level: str
    history: tuple[tuple[int, Check], ...]
    replaces: str = ""

    def at(self, minor: int) -> Check | None:
        return next((check for since, check in reversed(self.history) if since <= minor), None)


_CONTROLS = (
    _Control("appArmorProfile", BASELINE, ((0, baseline.apparmor),)),
    _Control("capabilities_baseline", BASELINE, ((0, baseline.capabilities),)),
    _Control("hostNamespaces", BASELINE, ((0, baseline.host_namespaces),)),
    _Control("hostPathVolumes", BASELINE, ((0, baseline.host_path_volumes),)),
    _Control("hostPorts", BASELINE, ((0, baseline.host_ports),)),
    _Control("hostProbesAndHostLifecycle", BASELINE, ((34, baseline.host_of_handlers),)),
    _Control("privileged", BASELINE, ((0, baseline.privileged),)),
    _Control("procMount", BASELINE, ((0, baseline.proc_mount), (35, with_own_users(baseline.proc_mount)))),
    _Control("seLinuxOptions", BASELINE,
             ((0, baseline.selinux(*_SELINUX)), (31, baseline.selinux(*_SELINUX, "container_engine_t")))),
    _Control("seccompProfile_baseline", BASELINE, ((0, baseline.seccomp_annotations), (19, baseline.seccomp))),
    _Control("sysctls", BASELINE, (
        (0, baseline.sysctls(*_SYSCTLS)), (27, baseline.sysctls(*_SYSCTLS_27)), (29, baseline.sysctls(*_SYSCTLS_29)),
        (32, baseline.sysctls(*_SYSCTLS_32)),
    )),
    _Control("windowsHostProcess", BASELINE, ((0, baseline.host_process),)),
    _Control("allowPrivilegeEscalation", RESTRICTED,
             ((8, restricted.privilege_escalation), (25, not_on_windows(restricted.privilege_escalation)))),
    _Control("capabilities_restricted", RESTRICTED,
             ((22, restricted.capabilities), (25, not_on_windows(restricted.capabilities))), "capabilities_baseline"),
    _Control("procMount_restricted", RESTRICTED, ((35, baseline.proc_mount),), "procMount"),
    _Control("restrictedVolumes", RESTRICTED, ((0, restricted.volumes),), "hostPathVolumes"),
    _Control("runAsNonRoot", RESTRICTED, ((0, restricted.non_root), (35, with_own_users(restricted.non_root)))),
    _Control("runAsUser", RESTRICTED, ((23, restricted.no_user_zero), (35, with_own_users(restricted.no_user_zero)))),
    _Control("seccompProfile_restricted", RESTRICTED,
             ((19, restricted.seccomp), (25, not_on_windows(restricted.seccomp))), "seccompProfile_baseline"),
)  # fmt: skip
"""By level, then by name: the order in which findings are told."""


@lru_cache(maxsize=256)
def checks(level: str, minor: int) -> tuple[Check, ...]:
    """The checks of a level in a version, in the order in which they speak."""
    if level == PRIVILEGED:
        return ()
    counted = [item for item in _CONTROLS if item.level in {BASELINE, level} and item.at(minor) is not None]
    replaced = {item.replaces for item in counted}
    found = [item.at(minor) for item in counted if item.name not in replaced]
    return tuple(check for check in found if check is not None)


def findings(standard: Standard, spec: Object, annotations: Mapping[str, str]) -> list[Finding]:
    """What a standard has against a pod."""
    minor = _NEWEST if standard.minor is None else min(standard.minor, _NEWEST)
    found = (check(spec, annotations) for check in checks(standard.level, minor))
    return [finding for finding in found if finding is not None]


def in_full(found: Iterable[Finding]) -> str:
    return ", ".join(f"{finding.reason} ({finding.detail})" for finding in found)


def in_short(found: Iterable[Finding]) -> str:
    return ", ".join(finding.reason for finding in found)
