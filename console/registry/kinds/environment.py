"""Variables of a container: their names, and where their values come from."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable

from common.api import quantity
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

from .config_keys import validate_key

_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
_MAPS = ("metadata.annotations", "metadata.labels")
# What the API can name at all, though not everywhere.
_NAMED = frozenset({*_FIELDS, *_MAPS, "spec.restartPolicy", "spec.schedulerName", "status.phase"})
FILE_FIELDS = (*_MAPS, "metadata.name", "metadata.namespace", "metadata.uid")
"""The fields of a pod that a file can have."""
_SUBSCRIPT = re.compile(r"([^\[]+)\['(.*)'\]")
_RESOURCE_FIELDS = tuple(
    f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
_HUGE_FIELDS = ("limits.hugepages-", "requests.hugepages-")
_SIZES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_ENV_NAME = re.compile(r"[ -<>-~]+")
_ENV_NAME_RULE = (
    "a valid environment variable name must consist only of printable ASCII characters other than '=' (e.g. "
    "'my-env', 'MY_ENV', 'MY.ENV', regex used for validation is '[ -<>-~]+')"
)


def validate_env(variables: Iterable[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, variable in enumerate(variables):
        where = f"{path}[{index}]"
        causes += validation.name_field(f"{where}.name", variable.get("name", ""), _env_name)
        source = variable.get("valueFrom")
        if source is not None:
            causes += _validate_source(variable, source, f"{where}.valueFrom")
    return causes


def _env_name(name: str) -> list[str]:
    return [] if _ENV_NAME.fullmatch(name) else [_ENV_NAME_RULE]


def _validate_source(variable: Object, source: Object, path: str) -> list[Cause]:
    checks: dict[str, Callable[[Object, str], list[Cause]]] = {
        "fieldRef": validate_field,
        "resourceFieldRef": validate_resource_field,
        "configMapKeyRef": _validate_key_reference,
        "secretKeyRef": _validate_key_reference,
        "fileKeyRef": _validate_file_reference,
    }
    chosen = [name for name in checks if source.get(name) is not None]
    causes = [cause for name in chosen for cause in checks[name](source[name], f"{path}.{name}")]
    listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
    if not chosen:
        causes.append(validation.wrong(path, "", f"must specify one of: {listed}"))
    elif variable.get("value"):
        causes.append(validation.wrong(path, "", "may not be specified when `value` is not empty"))
    elif len(chosen) > 1:
        causes.append(validation.wrong(path, "", "may not have more than one field specified at a time"))
    return causes


def _validate_key_reference(reference: Object, path: str) -> list[Cause]:
    name, key = reference.get("name", ""), reference.get("key", "")
    causes = validation.each(f"{path}.name", name, validation.dns_subdomain(name))
    return causes + (validate_key(f"{path}.key", key) if key else [validation.required(f"{path}.key")])


def _validate_file_reference(reference: Object, path: str) -> list[Cause]:
    causes = validation.name_field(f"{path}.key", reference.get("key", ""), _env_name)
    causes += validation.name_field(f"{path}.volumeName", reference.get("volumeName", ""), validation.dns_label)
    inside = reference.get("path", "")
    return causes + (local_path(f"{path}.path", inside) if inside else [validation.required(f"{path}.path")])


def validate_field(reference: Object, path: str, allowed: Collection[str] = _FIELDS) -> list[Cause]:
    """A field of the pod that a container may see."""
    version, wanted = reference.get("apiVersion", ""), reference.get("fieldPath", "")
    if not version:
        return [validation.required(f"{path}.apiVersion")]
    if not wanted:
        return [validation.required(f"{path}.fieldPath")]
    subscripted = _SUBSCRIPT.fullmatch(wanted)
    problem = ""
    if version != "v1":
        problem = f"unsupported pod version: {version}"
    elif subscripted is None and wanted not in _NAMED:
        problem = f"field label not supported: {wanted}"
    elif subscripted is not None and subscripted[1] not in _MAPS:
        problem = f"field label does not support subscript: {wanted}"
    if problem:
        return [validation.wrong(f"{path}.fieldPath", wanted, f"error converting fieldPath: {problem}")]
    if subscripted is not None:
        key = subscripted[2].lower() if subscripted[1] == "metadata.annotations" else subscripted[2]
        return validation.each(path, key, validation.qualified_name(key))
    if wanted in allowed:
        return []
    return [validation.unsupported(f"{path}.fieldPath", wanted, sorted(allowed))]


def validate_resource_field(reference: Object, path: str, *, of_file: bool = False) -> list[Cause]:
    """A request or limit that a container may see; a file must say of which container."""
    wanted = reference.get("resource", "")
    causes: list[Cause] = []
    if of_file and not reference.get("containerName"):
        causes.append(validation.required(f"{path}.containerName"))
    elif not wanted:
        causes.append(validation.required(f"{path}.resource"))
    elif wanted not in _RESOURCE_FIELDS and not wanted.startswith(_HUGE_FIELDS):
        causes.append(validation.unsupported(f"{path}.resource", wanted, _RESOURCE_FIELDS))
    return causes + _validate_divisor(wanted, reference.get("divisor"), path)


def _validate_divisor(wanted: str, divisor: str | None, path: str) -> list[Cause]:
    if divisor is None or quantity.parse(divisor) == 0:
        return []
    name = wanted.partition(".")[2]
    allowed: tuple[str, ...] = _SIZES
    listed = ", ".join(_SIZES)
    if name == "cpu":
        allowed, listed, what = ("1m", "1"), "1m and 1", "cpu"
    else:
        what = {"memory": "memory", "ephemeral-storage": "local ephemeral storage"}.get(name, "hugepages")
    if divisor in allowed:
        return []
    return [
        validation.wrong(
            f"{path}.divisor", wanted, f"only divisor's values {listed} are supported with the {what} resource"
        )
    ]


def validate_env_from(sources: Iterable[Object], path: str) -> list[Cause]:
    causes: list[Cause] = []
    for index, source in enumerate(sources):
        where = f"{path}[{index}]"
        if source.get("prefix"):
            causes += validation.each(f"{where}.prefix", source["prefix"], _env_name(source["prefix"]))
        chosen = [name for name in ("configMapRef", "secretRef") if source.get(name) is not None]
        for kind in chosen:
            name = source[kind].get("name", "")
            causes += validation.name_field(f"{where}.{kind}.name", name, validation.dns_subdomain)
        if not chosen:
            causes.append(validation.wrong(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(chosen) > 1:
            causes.append(validation.wrong(path, "", "may not have more than one field specified at a time"))
    return causes


def descending_path(path: str, value: str) -> list[Cause]:
    """A path that stays below where it starts."""
    causes = [validation.wrong(path, value, "must be a relative path")] if value.startswith("/") else []
    return causes + no_backsteps(path, value)


def no_backsteps(path: str, value: str) -> list[Cause]:
    return [validation.wrong(path, value, "must not contain '..'")] if ".." in value.split("/") else []


def local_path(path: str, value: str) -> list[Cause]:
    """The same, and not one of the names that volumes use for themselves."""
    causes = descending_path(path, value)
    if value.startswith("..") and not value.startswith("../") and value != "..":
        causes.append(validation.wrong(path, value, "must not start with '..'"))
    return causes
