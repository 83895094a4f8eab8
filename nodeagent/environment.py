"""A container's environment: literal values, references to fields, resources, ConfigMaps and Secrets, service links.

Pure: the objects that references may lead to come in through `References`. A reference that leads nowhere raises
`MissingReference` with kubelet's words, which becomes CreateContainerConfigError.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from common.api import meta, quantity
from common.api.meta import Object

from .envfile import variable

_REFERENCE = re.compile(r"\$\$|\$\(([^()]*)\)")
_FIELD_KEY = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


class MissingReference(Exception):
    """Something that the pod names does not exist (yet), or lacks the key; the message is for the pod's events."""


class Lookup(Protocol):
    """Where ConfigMaps, Secrets and Services of the pod's namespace are found."""

    def find(self, resource: str, namespace: str, name: str) -> Object | None: ...

    def objects(self, resource: str) -> list[Object]: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a pod's files and variables need besides the pod: its addresses, the node, what the node can give, the
    tokens of its ServiceAccount by audience and lifetime, and the texts of files in its volumes, by volume and path."""

    node_name: str = ""
    host_ips: tuple[str, ...] = ()
    pod_ips: tuple[str, ...] = ()
    allocatable: Mapping[str, str] | None = None
    tokens: Mapping[tuple[str, int], str] = field(default_factory=dict, repr=False)
    files: Mapping[tuple[str, str], str] = field(default_factory=dict, repr=False)


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace $(NAME) by its value; unknown names stay as they are, $$ is a dollar."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            return "$"
        return values.get(name, match.group(0))

    return _REFERENCE.sub(replace, str(text))


def build(pod: Object, container: Object, lookup: Lookup, around: Surroundings) -> dict[str, str]:
    """The final environment in the order of its definition; later entries win."""
    namespace = meta.namespace(pod)
    values: dict[str, str] = {}
    links = bool((pod.get("spec") or {}).get("enableServiceLinks", True))
    values.update(_service_links(lookup.objects("services"), namespace if links else None))
    for source in container.get("envFrom") or ():
        values.update(_from_source(source, namespace, lookup))
    for entry in container.get("env") or ():
        found = _value(pod, container, entry, values, lookup, around)
        if found is not None:
            values[str(entry["name"])] = found
    return values


def _value(
    pod: Object, container: Object, entry: Object, values: Mapping[str, str], lookup: Lookup, around: Surroundings
) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return expand(str(entry.get("value") or ""), values)
    if ref := source.get("fieldRef"):
        return field_value(pod, str(ref.get("fieldPath", "")), around)
    if ref := source.get("resourceFieldRef"):
        return resource_value(pod, container, ref, around)
    for kind, resource in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if ref := source.get(kind):
            return _key_value(ref, resource, meta.namespace(pod), lookup)
    if ref := source.get("fileKeyRef"):
        return _file_value(pod, ref, around)
    raise MissingReference(f"env {entry.get('name')}: valueFrom names no known source")


def _key_value(ref: Object, resource: str, namespace: str, lookup: Lookup) -> str | None:
    optional = bool(ref.get("optional"))
    name, key = str(ref.get("name", "")), str(ref.get("key", ""))
    item = lookup.find(resource, namespace, name)
    if item is None:
        if optional:
            return None
        raise MissingReference(f'{resource.removesuffix("s")} "{name}" not found')
    content = contents(item)
    if key not in content:
        if optional:
            return None
        raise MissingReference(f"couldn't find key {key} in {item_kind(resource)} {namespace}/{name}")
    return content[key].decode(errors="replace")


def file_references(container: Object) -> list[tuple[str, str]]:
    """Volume and path of the files that the container's variables come from."""
    found = [(entry.get("valueFrom") or {}).get("fileKeyRef") for entry in container.get("env") or ()]
    return [(str(ref.get("volumeName")), str(ref.get("path"))) for ref in found if ref]


def _file_value(pod: Object, ref: Object, around: Surroundings) -> str | None:
    volume, key = str(ref.get("volumeName")), str(ref.get("key"))
    if not any(item.get("name") == volume for item in (pod.get("spec") or {}).get("volumes") or ()):
        raise MissingReference(f'cannot find the volume "{volume}" referenced by FileKeyRef')
    text = around.files.get((volume, str(ref.get("path"))))
    try:
        value = None if text is None else variable(text, key)
    except ValueError:
        text = None
    if text is None:
        raise MissingReference("couldn't parse env file")
    if not value:  # Go cannot tell an empty text from nothing
        if ref.get("optional"):
            return None
        raise MissingReference(f'environment variable key "{key}" not found in file')
    return value


def item_kind(resource: str) -> str:
    return {"configmaps": "ConfigMap", "secrets": "Secret"}[resource]


def contents(item: Object) -> dict[str, bytes]:
    """All keys of a ConfigMap or Secret; a Secret's values and binaryData are base64."""
    if item.get("kind") == "Secret" or "type" in item:
        return {key: _decode(key, value) for key, value in (item.get("data") or {}).items()}
    result = {key: str(value).encode() for key, value in (item.get("data") or {}).items()}
    result.update({key: _decode(key, value) for key, value in (item.get("binaryData") or {}).items()})
    return result


def _decode(key: str, value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        # Without the value in the message: it may be a password.
        raise MissingReference(f"the value of key {key} is not base64") from None


def _from_source(source: Object, namespace: str, lookup: Lookup) -> dict[str, str]:
    prefix = str(source.get("prefix") or "")
    for kind, resource in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
        ref = source.get(kind)
        if not ref:
            continue
        item = lookup.find(resource, namespace, str(ref.get("name", "")))
        if item is None and not ref.get("optional"):
            raise MissingReference(f'{resource.removesuffix("s")} "{ref.get("name")}" not found')
        return {prefix + key: value.decode(errors="replace") for key, value in contents(item or {}).items()}
    return {}


def _service_links(services: Iterable[Object], namespace: str | None) -> dict[str, str]:
    """Docker-links style variables of the namespace's Services and of the API's own, which every pod gets."""
    values: dict[str, str] = {}
    for service in sorted(services, key=lambda item: meta.namespace(item) == namespace):
        is_api = meta.key(service) == meta.Key("default", "kubernetes")
        address = str((service.get("spec") or {}).get("clusterIP") or "None")
        ports = (service.get("spec") or {}).get("ports") or []
        if address == "None" or not ports or not (is_api or meta.namespace(service) == namespace):
            continue
        values.update(_links(meta.name(service).upper().replace("-", "_"), address, ports))
    return values


def _links(prefix: str, address: str, ports: list[Object]) -> dict[str, str]:
    host = f"[{address}]" if ":" in address else address
    first = ports[0]
    values = {
        f"{prefix}_SERVICE_HOST": address,
        f"{prefix}_SERVICE_PORT": str(first.get("port")),
        f"{prefix}_PORT": f"{str(first.get('protocol') or 'TCP').lower()}://{host}:{first.get('port')}",
    }
    for port in ports:
        protocol = str(port.get("protocol") or "TCP")
        number = str(port.get("port"))
        if port.get("name"):
            values[f"{prefix}_SERVICE_PORT_{str(port['name']).upper().replace('-', '_')}"] = number
        link = f"{prefix}_PORT_{number}_{protocol}"
        values[link] = f"{protocol.lower()}://{host}:{number}"
        values[f"{link}_PROTO"] = protocol.lower()
        values[f"{link}_PORT"] = number
        values[f"{link}_ADDR"] = address
    return values


def field_value(pod: Object, path: str, around: Surroundings) -> str:
    """A downward API field; MissingReference names a path that is not supported."""
    if match := _FIELD_KEY.fullmatch(path):
        return str((meta.metadata(pod).get(match.group(1)) or {}).get(match.group(2), ""))
    spec = pod.get("spec") or {}
    simple = {
        "metadata.name": meta.name(pod),
        "metadata.namespace": meta.namespace(pod),
        "metadata.uid": meta.uid(pod),
        "metadata.labels": format_map(meta.labels(pod)),
        "metadata.annotations": format_map(meta.annotations(pod)),
        "spec.nodeName": str(spec.get("nodeName") or around.node_name),
        "spec.serviceAccountName": str(spec.get("serviceAccountName") or "default"),
        "status.hostIP": next(iter(around.host_ips), ""),
        "status.hostIPs": ",".join(around.host_ips),
        "status.podIP": next(iter(around.pod_ips), ""),
        "status.podIPs": ",".join(around.pod_ips),
    }
    if path not in simple:
        raise MissingReference(f'unsupported fieldPath: "{path}"; supported are {", ".join(sorted(simple))}')
    return simple[path]


def format_map(values: Mapping[str, str]) -> str:
    """Labels or annotations as the downward API writes them: one quoted pair a line, sorted."""
    lines = []
    for key, value in sorted(values.items()):
        quoted = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
        lines.append(f'{key}="{quoted}"')
    return "\n".join(lines)


def resource_value(pod: Object, container: Object, ref: Object, around: Surroundings) -> str:
    """A container's limit or request, divided and rounded up; without a limit it is what the node can give."""
    name = str(ref.get("containerName") or container.get("name"))
    spec = pod.get("spec") or {}
    every = [item for key in ("containers", "initContainers", "ephemeralContainers") for item in spec.get(key) or ()]
    target = next((item for item in every if item.get("name") == name), None)
    if target is None:
        raise MissingReference(f"container {name} not found")
    kind, _, resource = str(ref.get("resource", "")).partition(".")
    amounts = (target.get("resources") or {}).get(kind) or {}
    fallback = (around.allocatable or {}).get(resource, "0") if kind == "limits" else "0"
    value = quantity.parse(amounts.get(resource, fallback))
    divisor = quantity.parse(ref.get("divisor") or "1") or quantity.parse("1")
    return str(-(-value // divisor))
