"""What a Pod and a pod template must satisfy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.recurring import Recurring

from . import address_forms
from .containers import validate_containers, validate_host_network, validate_image
from .placement import validate_affinity, validate_spread, validate_tolerations
from .pod_annotations import validate_annotations
from .resources import container_resource, validate_pod_resources, validate_resources
from .security import validate_pod_security, validate_system
from .volumes import validate_volumes

RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTIONS = ("PreemptLowerPriority", "Never")
_MAX_DEADLINE = 2**31 - 1  # seconds
_MAX_NAMESERVERS = 3
_MAX_SEARCHES = 32
_MAX_SEARCH_TEXT = 2048
_MAX_HOSTNAME = 64
_sound: Recurring[bool] = Recurring()
"""Whether nothing is wrong with a pod's spec, of those with which nothing is: a workload's pods have the same."""

NameFormat = Callable[[str], Iterable[str]]


def validate_new_pod(pod: Object) -> list[Cause]:
    spec = pod["spec"]
    causes = validate_pod(pod)
    if spec.get("ephemeralContainers"):
        causes.append(validation.forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("schedulingGates") and spec.get("nodeName"):
        causes.append(
            validation.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")
        )
    return causes


def validate_pod(pod: Object, old: Object | None = None) -> list[Cause]:
    """What a Pod must satisfy whenever it is written; of templates less is asked. `old` is what it was before."""
    spec, causes = pod["spec"], validate_annotations(pod)
    if _sound.find("spec", spec, lambda spec: not _validate_whole_spec(spec), lasts=bool):
        return causes
    return causes + _validate_whole_spec(spec, old and old.get("spec"))


def _validate_whole_spec(spec: Object, old: Object | None = None) -> list[Cause]:
    causes = validate_pod_spec(spec, "spec", old, is_pod=True)
    for kind in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            causes += validate_image(container, f"spec.{kind}[{index}]")
    return causes


def validate_template(template: Object, path: str, old: Object | None = None) -> list[Cause]:
    """The pod template of a workload; `old` is what it was before."""
    found = template.get("metadata") or {}
    causes = validation.labels(f"{path}.labels", found.get("labels") or {})
    causes += validation.annotation_keys(f"{path}.annotations", found.get("annotations") or {})
    spec = template.get("spec") or {}
    causes += validate_pod_spec(spec, f"{path}.spec", old and old.get("spec"))
    if spec.get("ephemeralContainers"):
        causes.append(
            validation.forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")
        )
    return causes


def validate_pod_spec(spec: Object, path: str, old: Object | None = None, *, is_pod: bool = False) -> list[Cause]:
    """In Kubernetes' order, as a client shows what it is told first. Addresses of `old` may be written as they were."""
    known = frozenset(_addresses(old or {}))
    volumes, causes = validate_volumes(spec.get("volumes") or (), f"{path}.volumes", is_pod=is_pod)
    causes += _validate_claims(spec.get("resourceClaims") or (), f"{path}.resourceClaims")
    causes += validate_containers(spec, path, volumes)
    causes += validate_pod_resources(spec, f"{path}.resources")
    causes += validate_host_network(spec, path, is_pod=is_pod)
    causes += validation.one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), RESTART_POLICIES)
    causes += validation.one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS_POLICIES)
    causes += validation.labels(f"{path}.nodeSelector", spec.get("nodeSelector") or {})
    causes += validate_pod_security(spec, path, f"{path}.securityContext")
    causes += validate_affinity(spec.get("affinity") or {}, f"{path}.affinity")
    causes += _validate_dns(spec, f"{path}.dnsConfig", known)
    causes += _validate_gates(spec, path)
    causes += validate_spread(spec.get("topologySpreadConstraints") or (), f"{path}.topologySpreadConstraints")
    causes += _validate_users(spec, path)
    causes += _validate_names(spec, path)
    causes += validate_tolerations(spec.get("tolerations") or (), f"{path}.tolerations")
    causes += _validate_aliases(spec.get("hostAliases") or (), f"{path}.hostAliases", known)
    causes += _validate_classes(spec, path)
    return causes + validate_system(spec, path)


def _validate_claims(claims: Iterable[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    rule = "`resourceClaimName` or `resourceClaimTemplateName`"
    for index, claim in enumerate(claims):
        where, name = f"{path}[{index}]", claim.get("name") or ""
        if name in names:
            causes.append(validation.duplicate(f"{where}.name", name))
        else:
            causes += validation.name_field(f"{where}.name", name, validation.dns_label)
        names.add(name)
        chosen = [field for field in ("resourceClaimName", "resourceClaimTemplateName") if claim.get(field) is not None]
        if len(chosen) > 1:
            causes.append(validation.wrong(where, claim, f"at most one of {rule} may be specified"))
        elif not chosen:
            why = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            causes.append(validation.wrong(where, claim, why))
        for field in chosen:
            causes += validation.each(f"{where}.{field}", claim[field], validation.dns_subdomain(claim[field]))
    return causes


def _validate_gates(spec: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
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


def _validate_users(spec: Object, path: str) -> list[Cause]:
    """A pod with users of its own has none of the host's namespaces."""
    if spec.get("hostUsers") is not False:
        return []
    fields = (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC"))
    why = "when `pod.Spec.HostUsers` is false"
    return [validation.forbidden(f"{path}.{shown}", why) for field, shown in fields if spec.get(field)]


def _validate_names(spec: Object, path: str) -> list[Cause]:
    causes = _formatted(
        spec, path, {"serviceAccountName": validation.dns_subdomain, "nodeName": validation.dns_subdomain}
    )
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _MAX_DEADLINE:
        why = f"must be between 1 and {_MAX_DEADLINE}, inclusive"
        causes.append(validation.wrong(f"{path}.activeDeadlineSeconds", deadline, why))
    causes += _formatted(spec, path, {"hostname": validation.dns_label, "subdomain": validation.dns_label})
    override = spec.get("hostnameOverride")
    if override is not None:
        where = f"{path}.hostnameOverride"
        causes += validation.each(where, override, validation.dns_subdomain(override))
        if len(override) > _MAX_HOSTNAME:
            causes.append(validation.too_long(where, _MAX_HOSTNAME))
    return causes


def _formatted(spec: Object, path: str, formats: Mapping[str, NameFormat]) -> list[Cause]:
    causes: list[Cause] = []
    for name, check in formats.items():
        if spec.get(name):
            causes += validation.each(f"{path}.{name}", spec[name], check(spec[name]))
    return causes


def _addresses(spec: Object) -> Iterator[str]:
    """Those that a spec of pods names."""
    yield from (spec.get("dnsConfig") or {}).get("nameservers") or ()
    yield from (alias.get("ip") or "" for alias in spec.get("hostAliases") or ())


def _validate_aliases(aliases: Iterable[Object], path: str, known: Set[str]) -> list[Cause]:
    causes: list[Cause] = []
    for index, alias in enumerate(aliases):
        causes += address_forms.ip(f"{path}[{index}].ip", alias.get("ip", ""), known)
        for position, name in enumerate(alias.get("hostnames") or ()):
            causes += validation.each(f"{path}[{index}].hostnames[{position}]", name, validation.dns_subdomain(name))
    return causes


def _validate_classes(spec: Object, path: str) -> list[Cause]:
    causes = _formatted(
        spec,
        path,
        {
            "priorityClassName": validation.dns_subdomain,
            "runtimeClassName": validation.dns_subdomain,
            "schedulerName": validation.qualified_name,
        },
    )
    preemption = spec.get("preemptionPolicy")
    if preemption is not None:
        causes += validation.one_of(f"{path}.preemptionPolicy", preemption, _PREEMPTIONS)
    overhead = spec.get("overhead")
    return causes + validate_resources({"limits": overhead}, f"{path}.overhead", container_resource)


def _validate_dns(spec: Object, where: str, known: Set[str]) -> list[Cause]:
    config = spec.get("dnsConfig")
    servers = (config or {}).get("nameservers") or []
    if spec.get("dnsPolicy") == "None" and config is None:
        return [validation.required(where, "must provide `dnsConfig` when `dnsPolicy` is None")]
    if spec.get("dnsPolicy") == "None" and not servers:
        why = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        return [validation.required(f"{where}.nameservers", why)]
    if config is None:
        return []
    causes: list[Cause] = []
    if len(servers) > _MAX_NAMESERVERS:
        causes.append(
            validation.wrong(f"{where}.nameservers", servers, f"must not have more than {_MAX_NAMESERVERS} nameservers")
        )
    for index, server in enumerate(servers):
        causes += address_forms.ip(f"{where}.nameservers[{index}]", server, known)
    causes += _validate_searches(config.get("searches") or [], f"{where}.searches")
    for index, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            causes.append(validation.required(f"{where}.options[{index}]", "must not be empty"))
    return causes


def _validate_searches(searches: list[str], path: str) -> list[Cause]:
    causes: list[Cause] = []
    if len(searches) > _MAX_SEARCHES:
        causes.append(validation.wrong(path, searches, f"must not have more than {_MAX_SEARCHES} search paths"))
    if len(" ".join(searches)) > _MAX_SEARCH_TEXT:
        why = f"must not have more than {_MAX_SEARCH_TEXT} characters (including spaces) in the search list"
        causes.append(validation.wrong(path, searches, why))
    for index, search in enumerate(searches):
        if search != ".":
            name = search.removesuffix(".")
            causes += validation.each(f"{path}[{index}]", name, validation.dns_search(name))
    return causes
