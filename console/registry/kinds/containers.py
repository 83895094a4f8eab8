"""Containers of a pod: names, images, ports, environment and mounts."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

from .config_keys import validate_key
from .handlers import validate_lifecycle, validate_probes
from .resources import validate_resources

PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("FallbackToLogsOnError", "File")
_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
_FIELD_OF_MAP = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")
_RESOURCE_FIELDS = tuple(
    f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_ENV_NAME = re.compile(r"[ -<>-~]+")
_ENV_NAME_RULE = (
    "a valid environment variable name must consist only of printable ASCII characters other than '=' (e.g. "
    "'my-env', 'MY_ENV', 'MY.ENV', regex used for validation is '[ -<>-~]+')"
)


def validate_containers(spec: Object, path: str, volumes: Container[str]) -> list[Cause]:
    """All containers of a pod, whose names are unique among all its lists."""
    causes: list[Cause] = [] if spec.get("containers") else [validation.required(f"{path}.containers")]
    names: set[str] = set()
    grace = int(spec.get("terminationGracePeriodSeconds") or 0)
    for list_name in ("containers", "initContainers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(list_name) or ()):
            where = f"{path}.{list_name}[{index}]"
            name = container.get("name", "")
            causes += validation.name_field(f"{where}.name", name, validation.dns_label)
            if name in names:
                causes.append(validation.duplicate(f"{where}.name", name))
            names.add(name)
            causes += _validate_container(container, where, volumes, grace)
            causes += _validate_role(container, where, list_name)
    return causes + _validate_host_ports(spec, path)


def _validate_container(container: Object, path: str, volumes: Container[str], grace: int) -> list[Cause]:
    image = container.get("image", "")
    causes = [] if image else [validation.required(f"{path}.image")]
    if image != image.strip():
        causes.append(validation.wrong(f"{path}.image", image, "must not have leading or trailing whitespace"))
    causes += validation.one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES)
    causes += validation.one_of(
        f"{path}.terminationMessagePolicy", container.get("terminationMessagePolicy"), _MESSAGE_POLICIES
    )
    causes += _validate_ports(container.get("ports") or (), f"{path}.ports")
    causes += _validate_env(container.get("env") or (), f"{path}.env")
    causes += _validate_env_from(container.get("envFrom") or (), f"{path}.envFrom")
    causes += _validate_mounts(container.get("volumeMounts") or (), f"{path}.volumeMounts", volumes)
    causes += validate_probes(container, path)
    causes += validate_lifecycle(container.get("lifecycle") or {}, f"{path}.lifecycle", grace)
    causes += validate_resources(container.get("resources") or {}, f"{path}.resources")
    return causes + _validate_security(container.get("securityContext") or {}, f"{path}.securityContext")


def _validate_role(container: Object, path: str, list_name: str) -> list[Cause]:
    """What only one of the lists allows."""
    causes: list[Cause] = []
    policy = container.get("restartPolicy")
    if policy is not None:
        if list_name == "ephemeralContainers":
            causes.append(validation.forbidden(f"{path}.restartPolicy", "may not be set for ephemeral containers"))
        elif policy not in {"Always", "Never", "OnFailure"}:
            causes.append(validation.unsupported(f"{path}.restartPolicy", policy, ("Always", "Never", "OnFailure")))
    if list_name == "containers" or (list_name == "initContainers" and policy == "Always"):
        return causes
    what = "init containers without restartPolicy=Always"
    fields = ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"]
    if list_name == "ephemeralContainers":
        what, fields = "ephemeral containers", [*fields, "ports"]
    return causes + [
        validation.forbidden(f"{path}.{name}", f"may not be set for {what}") for name in fields if container.get(name)
    ]


def _validate_ports(ports: Iterable[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        where = f"{path}[{index}]"
        name = port.get("name") or ""
        if name:
            causes += validation.each(f"{where}.name", name, validation.port_name(name))
            if name in names:
                causes.append(validation.duplicate(f"{where}.name", name))
            names.add(name)
        if not port.get("containerPort"):
            causes.append(validation.required(f"{where}.containerPort"))
        else:
            causes += validation.port_number(f"{where}.containerPort", port["containerPort"])
        if port.get("hostPort"):
            causes += validation.port_number(f"{where}.hostPort", port["hostPort"])
        causes += validation.one_of(f"{where}.protocol", port.get("protocol"), PROTOCOLS)
    return causes


def _validate_host_ports(spec: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    taken: set[str] = set()
    for position, container in enumerate(spec.get("containers") or ()):
        for index, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            where = f"{path}.containers[{position}].ports[{index}]"
            place = f"{port.get('protocol')}/{port.get('hostIP', '')}/{port['hostPort']}"
            if place in taken:
                causes.append(validation.duplicate(f"{where}.hostPort", place))
            taken.add(place)
            if spec.get("hostNetwork") and port["hostPort"] != port.get("containerPort"):
                causes.append(
                    validation.wrong(
                        f"{where}.containerPort",
                        port.get("containerPort"),
                        "must match `hostPort` when `hostNetwork` is true",
                    )
                )
    return causes


def _validate_env(variables: Iterable[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, variable in enumerate(variables):
        where = f"{path}[{index}]"
        causes += validation.name_field(f"{where}.name", variable.get("name", ""), _env_name)
        source = variable.get("valueFrom")
        if source is not None:
            causes += _validate_source(variable, source, f"{where}.valueFrom")
    return causes


def _env_name(name: str) -> list[str]:
    if _ENV_NAME.fullmatch(name):
        return []
    return [_ENV_NAME_RULE]


def _validate_source(variable: Object, source: Object, path: str) -> list[Cause]:
    chosen = [name for name in _SOURCES if source.get(name) is not None]
    listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
    if not chosen:
        return [validation.wrong(path, "", f"must specify one of: {listed}")]
    causes: list[Cause] = []
    if variable.get("value"):
        causes.append(validation.wrong(path, "", "may not be specified when `value` is not empty"))
    if len(chosen) > 1:
        return [*causes, validation.wrong(path, "", "may not have more than one field specified at a time")]
    name = chosen[0]
    reference, where = source[name], f"{path}.{name}"
    if name == "fieldRef":
        return causes + validate_field(reference, where)
    if name == "resourceFieldRef":
        return causes + validate_resource_field(reference, where)
    if not reference.get("key"):
        return [*causes, validation.required(f"{where}.key")]
    return causes + ([] if name == "fileKeyRef" else validate_key(f"{where}.key", reference["key"]))


def validate_field(reference: Object, path: str) -> list[Cause]:
    """A field of the pod that a container may see."""
    wanted = reference.get("fieldPath", "")
    if not wanted:
        return [validation.required(f"{path}.fieldPath")]
    of_map = _FIELD_OF_MAP.fullmatch(wanted)
    if of_map is not None:
        return validation.each(f"{path}.fieldPath", of_map[2], validation.qualified_name(of_map[2].lower()))
    if wanted in _FIELDS:
        return []
    return [validation.unsupported(f"{path}.fieldPath", wanted, _FIELDS)]


def validate_resource_field(reference: Object, path: str) -> list[Cause]:
    """A request or limit that a container may see."""
    wanted = reference.get("resource", "")
    if not wanted:
        return [validation.required(f"{path}.resource")]
    if wanted in _RESOURCE_FIELDS or wanted.partition(".")[2].startswith("hugepages-"):
        return []
    return [validation.unsupported(f"{path}.resource", wanted, _RESOURCE_FIELDS)]


def _validate_env_from(sources: Iterable[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, source in enumerate(sources):
        where = f"{path}[{index}]"
        if source.get("prefix"):
            causes += validation.each(f"{where}.prefix", source["prefix"], _env_name(source["prefix"]))
        chosen = [name for name in ("configMapRef", "secretRef") if source.get(name) is not None]
        if len(chosen) != 1:
            problem = (
                "may not have more than one field specified at a time"
                if chosen
                else "must specify one of: `configMapRef` or `secretRef`"
            )
            causes.append(validation.wrong(where, "", problem))
            continue
        name = source[chosen[0]].get("name", "")
        causes += validation.name_field(f"{where}.{chosen[0]}.name", name, validation.dns_subdomain)
    return causes


def _validate_mounts(mounts: Iterable[Object], path: str, volumes: Container[str]) -> list[Cause]:
    causes: list[Cause] = []
    places: set[str] = set()
    for index, mount in enumerate(mounts):
        where = f"{path}[{index}]"
        name, place = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            causes.append(validation.required(f"{where}.name"))
        elif name not in volumes:
            causes.append(validation.not_found(f"{where}.name", name))
        if not place:
            causes.append(validation.required(f"{where}.mountPath"))
        elif place in places:
            causes.append(validation.wrong(f"{where}.mountPath", place, "must be unique"))
        places.add(place)
        causes += _validate_sub_path(mount, where)
        propagation = mount.get("mountPropagation")
        if propagation is not None and propagation not in _PROPAGATIONS:
            causes.append(validation.unsupported(f"{where}.mountPropagation", propagation, _PROPAGATIONS))
    return causes


def _validate_sub_path(mount: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    if mount.get("subPath") and mount.get("subPathExpr"):
        causes.append(
            validation.wrong(
                f"{path}.subPathExpr", mount["subPathExpr"], "subPathExpr and subPath are mutually exclusive"
            )
        )
    for name in ("subPath", "subPathExpr"):
        if mount.get(name):
            causes += relative_path(f"{path}.{name}", mount[name])
    return causes


def relative_path(path: str, value: str) -> list[Cause]:
    """A path that stays below where it starts."""
    if value.startswith("/"):
        return [validation.wrong(path, value, "must be a relative path")]
    if ".." in value.split("/"):
        return [validation.wrong(path, value, "must not contain '..'")]
    return []


def _validate_security(context: Object, path: str) -> list[Cause]:
    causes = validation.non_negative(f"{path}.runAsUser", context.get("runAsUser"))
    causes += validation.non_negative(f"{path}.runAsGroup", context.get("runAsGroup"))
    mount = context.get("procMount")
    if mount is not None and mount not in {"Default", "Unmasked"}:
        causes.append(validation.unsupported(f"{path}.procMount", mount, ("Default", "Unmasked")))
    if context.get("allowPrivilegeEscalation") is False and context.get("privileged"):
        causes.append(
            validation.wrong(path, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")
        )
    return causes
