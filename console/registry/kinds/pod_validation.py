"""What a Pod and a pod template must satisfy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

from .containers import validate_containers
from .placement import validate_placement
from .resources import validate_resources
from .sysctls import validate_sysctls
from .volumes import validate_volumes

RESTART_POLICIES = ("Always", "Never", "OnFailure")
_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_MAX_DEADLINE = 2**31 - 1  # seconds
_MAX_NAMESERVERS = 3
_MAX_SEARCHES = 32


def validate_new_pod(pod: Object) -> list[Cause]:
    spec = pod["spec"]
    causes = validate_pod_spec(spec, "spec")
    if spec.get("ephemeralContainers"):
        causes.append(validation.forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("schedulingGates") and spec.get("nodeName"):
        causes.append(
            validation.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")
        )
    return causes


def validate_template(template: Object, path: str) -> list[Cause]:
    """The pod template of a workload."""
    found = template.get("metadata") or {}
    causes = validation.labels(f"{path}.labels", found.get("labels") or {})
    causes += validation.annotation_keys(f"{path}.annotations", found.get("annotations") or {})
    spec = template.get("spec") or {}
    causes += validate_pod_spec(spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        causes.append(
            validation.forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")
        )
    return causes


def validate_pod_spec(spec: Object, path: str) -> list[Cause]:
    volumes = spec.get("volumes") or []
    causes = validate_volumes(volumes, f"{path}.volumes")
    causes += validate_containers(spec, path, {volume.get("name") for volume in volumes})
    causes += validation.one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), RESTART_POLICIES)
    causes += validate_placement(spec, path)
    causes += _validate_dns(spec, path)
    causes += _validate_times(spec, path)
    causes += _validate_names(spec, path)
    causes += _validate_host(spec, path)
    causes += validate_resources(spec.get("resources") or {}, f"{path}.resources")
    return causes


def _validate_times(spec: Object, path: str) -> list[Cause]:
    causes = validation.non_negative(f"{path}.terminationGracePeriodSeconds", spec.get("terminationGracePeriodSeconds"))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _MAX_DEADLINE:
        causes.append(
            validation.wrong(
                f"{path}.activeDeadlineSeconds", deadline, f"must be between 1 and {_MAX_DEADLINE}, inclusive"
            )
        )
    return causes


def _validate_names(spec: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    formats: dict[str, Callable[[str], Iterable[str]]] = {
        "serviceAccountName": validation.dns_subdomain,
        "nodeName": validation.dns_subdomain,
        "priorityClassName": validation.dns_subdomain,
        "runtimeClassName": validation.dns_subdomain,
        "schedulerName": validation.qualified_name,
        "hostname": validation.dns_label,
        "subdomain": validation.dns_label,
    }
    for name, check in formats.items():
        value = spec.get(name)
        if value:
            causes += validation.each(f"{path}.{name}", value, check(value))
    for index, secret in enumerate(spec.get("imagePullSecrets") or ()):
        if not secret.get("name"):
            causes.append(validation.required(f"{path}.imagePullSecrets[{index}].name"))
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        kind = gate.get("conditionType", "")
        where = f"{path}.readinessGates[{index}].conditionType"
        causes += validation.each(where, kind, validation.qualified_name(kind))
    gates: set[str] = set()
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        where, name = f"{path}.schedulingGates[{index}]", gate.get("name", "")
        causes += validation.each(where, name, validation.qualified_name(name))
        if name in gates:
            causes.append(validation.duplicate(where, name))
        gates.add(name)
    return causes


def _validate_host(spec: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        causes.append(
            validation.wrong(
                f"{path}.shareProcessNamespace", True, "ShareProcessNamespace and HostPID cannot both be enabled"
            )
        )
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        causes += _validate_address(f"{path}.hostAliases[{index}].ip", alias.get("ip", ""))
        for position, name in enumerate(alias.get("hostnames") or ()):
            causes += validation.each(
                f"{path}.hostAliases[{index}].hostnames[{position}]", name, validation.dns_subdomain(name)
            )
    system = (spec.get("os") or {}).get("name")
    if spec.get("os") is not None:
        causes += validation.one_of(f"{path}.os.name", system, ("linux", "windows"))
    security = spec.get("securityContext") or {}
    for name in ("runAsUser", "runAsGroup", "fsGroup"):
        causes += validation.non_negative(f"{path}.securityContext.{name}", security.get(name))
    return causes + validate_sysctls(security.get("sysctls") or (), f"{path}.securityContext.sysctls")


def _validate_address(path: str, value: str) -> list[Cause]:
    try:
        ip_address(value)
    except ValueError:
        return [validation.wrong(path, value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    return []


def _validate_dns(spec: Object, path: str) -> list[Cause]:
    policy = spec.get("dnsPolicy")
    causes = validation.one_of(f"{path}.dnsPolicy", policy, _DNS_POLICIES)
    config = spec.get("dnsConfig")
    where = f"{path}.dnsConfig"
    if config is None:
        if policy == "None":
            causes.append(validation.required(where, "must provide `dnsConfig` when `dnsPolicy` is None"))
        return causes
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    if policy == "None" and not servers:
        causes.append(
            validation.required(
                f"{where}.nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None"
            )
        )
    if len(servers) > _MAX_NAMESERVERS:
        causes.append(
            validation.wrong(f"{where}.nameservers", servers, f"must not have more than {_MAX_NAMESERVERS} nameservers")
        )
    for index, server in enumerate(servers):
        causes += _validate_address(f"{where}.nameservers[{index}]", server)
    if len(searches) > _MAX_SEARCHES:
        causes.append(
            validation.wrong(f"{where}.searches", searches, f"must not have more than {_MAX_SEARCHES} search paths")
        )
    for index, search in enumerate(searches):
        name = search.removesuffix(".")
        causes += validation.each(f"{where}.searches[{index}]", search, validation.dns_subdomain(name) if name else ())
    for index, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            causes.append(validation.required(f"{where}.options[{index}]", "must not be empty"))
    return causes
