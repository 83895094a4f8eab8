"""Containers of a pod: names, images, ports, and what each of the three lists allows.

Order and words are those of Kubernetes' validation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

from .environment import validate_env, validate_env_from
from .handlers import validate_lifecycle, validate_probes
from .mounts import Volumes, validate_devices, validate_ephemeral_mounts, validate_mounts
from .resources import validate_container_resources
from .security import validate_security

PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_RESIZED = ("cpu", "memory")
_RESIZE_POLICIES = ("NotRequired", "RestartContainer")
_ACTIONS = ("Restart", "RestartAllContainers")
_MAX_RULES = 20
_MAX_EXIT_CODES = 255
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_NOT_EPHEMERAL = ("ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", *_PROBES, "lifecycle")


def validate_containers(spec: Object, path: str, volumes: Volumes) -> list[Cause]:
    """All containers of a pod, whose names are unique among all its lists."""
    found = [spec.get(name) or [] for name in ("containers", "initContainers", "ephemeralContainers")]
    regular, first, ephemeral = found
    claims = {str(claim.get("name")) for claim in spec.get("resourceClaims") or () if claim.get("name")}
    check = _Common(spec, volumes, claims)
    causes = check.regular(regular, f"{path}.containers")
    names = {container.get("name", "") for container in regular}
    causes += check.first(first, f"{path}.initContainers", names)
    names |= {container.get("name", "") for container in first}
    return causes + check.ephemeral(ephemeral, f"{path}.ephemeralContainers", names)


class _Common:
    """The checks of containers, with what they have to know of their pod."""

    def __init__(self, spec: Object, volumes: Volumes, claims: Collection[str]) -> None:
        self._spec = spec
        self._volumes = volumes
        self._claims = claims
        self._grace = int(spec.get("terminationGracePeriodSeconds") or 0)

    def regular(self, containers: list[Object], path: str) -> list[Cause]:
        if not containers:
            return [validation.required(path)]
        causes: list[Cause] = []
        names: set[str] = set()
        for index, container in enumerate(containers):
            where = f"{path}[{index}]"
            causes += self._common(container, where)
            causes += _unique(container.get("name", ""), names, where)
            causes += self._actions(container, where)
            causes += _restart(container, where)
        return causes + _host_ports(containers, path)

    def first(self, containers: list[Object], path: str, names: set[str]) -> list[Cause]:
        causes: list[Cause] = []
        names = set(names)
        for index, container in enumerate(containers):
            where = f"{path}[{index}]"
            causes += self._common(container, where)
            causes += _restart(container, where)
            causes += _unique(container.get("name", ""), names, where)
            causes += _host_ports([container], path)
            if container.get("restartPolicy") == "Always":
                causes += self._actions(container, where)
                continue
            why = "may not be set for init containers without restartPolicy=Always"
            causes += [
                validation.forbidden(f"{where}.{name}", why)
                for name in ("lifecycle", *_PROBES)
                if container.get(name) is not None
            ]
        return causes

    def ephemeral(self, containers: list[Object], path: str, names: set[str]) -> list[Cause]:
        causes: list[Cause] = []
        seen = set(names)
        for index, container in enumerate(containers):
            where = f"{path}[{index}]"
            causes += self._common(container, where)
            causes += validate_image(container, where)
            causes += _unique(container.get("name", ""), seen, where)
            target = container.get("targetContainerName") or ""
            if target and target not in names:
                causes.append(validation.not_found(f"{where}.targetContainerName", target))
            causes += [
                validation.forbidden(f"{where}.{name}", "cannot be set for an Ephemeral Container")
                for name in _NOT_EPHEMERAL
                if container.get(name)
            ]
            causes += validate_ephemeral_mounts(container.get("volumeMounts") or (), f"{where}.volumeMounts")
        return causes

    def _common(self, container: Object, path: str) -> list[Cause]:
        causes = validation.name_field(f"{path}.name", container.get("name", ""), validation.dns_label)
        causes += [] if container.get("image") else [validation.required(f"{path}.image")]
        policy = container.get("terminationMessagePolicy")
        causes += validation.one_of(f"{path}.terminationMessagePolicy", policy, _MESSAGE_POLICIES)
        causes += _validate_ports(container.get("ports") or (), f"{path}.ports")
        causes += validate_env(container.get("env") or (), f"{path}.env")
        causes += validate_env_from(container.get("envFrom") or (), f"{path}.envFrom")
        causes += validate_mounts(container, f"{path}.volumeMounts", self._volumes)
        causes += validate_devices(container, f"{path}.volumeDevices", self._volumes)
        causes += validation.one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES)
        resources = container.get("resources") or {}
        causes += validate_container_resources(resources, f"{path}.resources", self._claims)
        causes += self._resize(container.get("resizePolicy") or (), f"{path}.resizePolicy")
        host_users = self._spec.get("hostUsers") is not False
        security = container.get("securityContext")
        return causes + validate_security(security, f"{path}.securityContext", host_users=host_users)

    def _actions(self, container: Object, path: str) -> list[Cause]:
        causes = validate_lifecycle(container.get("lifecycle") or {}, f"{path}.lifecycle", self._grace)
        return causes + validate_probes(container, path, self._grace)

    def _resize(self, policies: Iterable[Object], path: str) -> list[Cause]:
        causes: list[Cause] = []
        seen: set[str] = set()
        never = self._spec.get("restartPolicy") == "Never"
        for index, item in enumerate(policies):
            resource, policy = item.get("resourceName") or "", item.get("restartPolicy") or ""
            if resource in seen:
                causes.append(validation.duplicate(f"{path}[{index}]", resource))
            seen.add(resource)
            causes += validation.one_of(path, resource, _RESIZED)
            causes += validation.one_of(path, policy, _RESIZE_POLICIES)
            if never and policy != "NotRequired":
                why = "must be 'NotRequired' when `restartPolicy` is 'Never'"
                causes.append(validation.wrong(path, policy, why))
        return causes


def validate_image(container: Object, path: str) -> list[Cause]:
    """What is asked of the images of pods, though not of those in templates."""
    image = container.get("image") or ""
    if image == image.strip():
        return []
    return [validation.wrong(f"{path}.image", image, "must not have leading or trailing whitespace")]


def _unique(name: str, names: set[str], path: str) -> list[Cause]:
    causes = [validation.duplicate(f"{path}.name", name)] if name in names else []
    if name:
        names.add(name)
    return causes


def _restart(container: Object, path: str) -> list[Cause]:
    """When a container of its own policy is started again."""
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or []
    causes: list[Cause] = []
    if policy is not None and policy not in _RESTART_POLICIES:
        causes.append(validation.unsupported(f"{path}.restartPolicy", policy, _RESTART_POLICIES))
    if rules and policy is None:
        why = "must specify restartPolicy when restart rules are used"
        causes.append(validation.required(f"{path}.restartPolicy", why))
    where = f"{path}.restartPolicyRules"
    if len(rules) > _MAX_RULES:
        causes.append(validation.too_long(where, _MAX_RULES, "items"))
    for index, rule in enumerate(rules):
        causes += validation.one_of(f"{where}[{index}].action", rule.get("action"), _ACTIONS)
        codes = rule.get("exitCodes")
        if codes is None:
            causes.append(validation.required(f"{where}[{index}].exitCodes", "must be specified"))
            continue
        causes += validation.one_of(f"{where}[{index}].exitCodes.operator", codes.get("operator"), ("In", "NotIn"))
        values = codes.get("values") or []
        if not values:
            causes.append(validation.required(f"{where}[{index}].exitCodes.values", "must specify at least 1 value"))
        elif len(values) > _MAX_EXIT_CODES:
            causes.append(validation.too_long(f"{where}[{index}].exitCodes.values", _MAX_EXIT_CODES, "items"))
    return causes


def _validate_ports(ports: Iterable[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        where = f"{path}[{index}]"
        name = port.get("name") or ""
        problems = validation.port_name(name) if name else []
        causes += validation.each(f"{where}.name", name, problems)
        if name and not problems:
            causes += _unique(name, names, where)
        if not port.get("containerPort"):
            causes.append(validation.required(f"{where}.containerPort"))
        else:
            causes += validation.port_number(f"{where}.containerPort", port["containerPort"])
        if port.get("hostPort"):
            causes += validation.port_number(f"{where}.hostPort", port["hostPort"])
        causes += validation.one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS)
    return causes


def _host_ports(containers: list[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    taken: set[str] = set()
    for position, container in enumerate(containers):
        for index, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            place = f"{port.get('protocol')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if place in taken:
                causes.append(validation.duplicate(f"{path}[{position}].ports[{index}].hostPort", place))
            taken.add(place)
    return causes


def validate_host_network(spec: Object, path: str, *, is_pod: bool) -> list[Cause]:
    """On the host's own network a container's port is the host's; a template may leave the second to its pods."""
    if not spec.get("hostNetwork"):
        return []
    why = "must match `containerPort` when `hostNetwork` is true"
    return [
        validation.wrong(f"{path}.containers[{position}].ports[{index}].hostPort", port.get("hostPort") or 0, why)
        for position, container in enumerate(spec.get("containers") or ())
        for index, port in enumerate(container.get("ports") or ())
        if (is_pod or port.get("hostPort")) and (port.get("hostPort") or 0) != (port.get("containerPort") or 0)
    ]
