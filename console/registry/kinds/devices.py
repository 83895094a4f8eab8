"""What the kinds of dynamic resource allocation have in common: names of devices, requests for them, their taints.

Paths, order and words are those of Kubernetes' validation of group resource.k8s.io.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

MAX_EXPRESSION = 10 * 1024  # bytes of a selector in CEL, and of a driver's own parameters
MAX_REQUESTS = 32
MAX_SELECTORS = 32
MAX_CONFIGURATIONS = 32
_MAX_DRIVER = 63
_MAX_POOL = 253
_MAX_DOMAIN = 63
_MAX_IDENTIFIER = 32
_IDENTIFIER = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_IDENTIFIER_RULE = (
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters "
    "or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')"
)
_TAINT_EFFECTS = ("NoExecute", "NoSchedule", "None")
_TOLERATED = ("NoExecute", "NoSchedule")

Check = Callable[[Any, str], Iterable[Cause]]


def each_of(items: Sequence[Any], limit: int, check: Check, path: str) -> list[Cause]:
    """All elements of a list, which has at most `limit`."""
    causes = [validation.too_many(path, len(items), limit)] if len(items) > limit else []
    return causes + [cause for index, item in enumerate(items) for cause in check(item, f"{path}[{index}]")]


def set_of(items: Sequence[Any], limit: int, check: Check, key: Callable[[Any], Any], path: str) -> list[Cause]:
    """The same for a list whose elements differ by `key`."""
    causes = each_of(items, limit, check, path)
    seen: set[Any] = set()
    for index, item in enumerate(items):
        found = key(item)
        if found in seen:
            causes.append(validation.duplicate(f"{path}[{index}]", found))
        seen.add(found)
    return causes


def map_of(found: Mapping[str, Any], limit: int, check_key: Check, check: Check, path: str) -> list[Cause]:
    """Keys and values of a map, which has at most `limit`."""
    causes = [validation.too_many(path, len(found), limit)] if len(found) > limit else []
    for key, value in found.items():
        where = f"{path}[{key}]"
        causes += [*check_key(key, where), *check(value, where)]
    return causes


def driver_name(name: str, path: str) -> list[Cause]:
    if not name:
        return [validation.required(path)]
    causes = [validation.too_long(path, _MAX_DRIVER)] if len(name) > _MAX_DRIVER else []
    return causes + validation.each(path, name, validation.dns_subdomain(name.lower()))


def pool_name(name: str, path: str) -> list[Cause]:
    if not name:
        return [validation.required(path)]
    causes = [validation.too_long(path, _MAX_POOL)] if len(name) > _MAX_POOL else []
    return causes + [
        cause for part in name.split("/") for cause in validation.each(path, part, validation.dns_subdomain(part))
    ]


def label(name: str, path: str) -> list[Cause]:
    """The name of a device, a request or a counter."""
    return validation.each(path, name, validation.dns_label(name))


def required_label(name: str, path: str) -> list[Cause]:
    return label(name, path) if name else [validation.required(path)]


def qualified(name: str, path: str, *, fully: bool = False) -> list[Cause]:
    """The name of an attribute or a capacity: a C identifier, after its domain and a slash; `fully`: not without."""
    if not name:
        return [validation.required(path, "name required")]
    domain, slash, identifier = name.rpartition("/")
    if "/" in domain:
        why = "must be a C identifier or a domain followed by a slash and a C identifier"
        return [validation.wrong(path, name, why)]
    causes: list[Cause] = []
    if slash and not domain:
        causes.append(validation.required(path, "the domain must not be empty"))
    elif slash:
        causes += [validation.too_long(path, _MAX_DOMAIN)] if len(domain) > _MAX_DOMAIN else []
        causes += validation.each(path, domain, validation.dns_subdomain(domain))
    if not identifier:
        return [*causes, validation.required(path, "the name must not be empty")]
    causes += [validation.too_long(path, _MAX_IDENTIFIER)] if len(identifier) > _MAX_IDENTIFIER else []
    if not _IDENTIFIER.fullmatch(identifier):
        causes.append(validation.wrong(path, identifier, _IDENTIFIER_RULE))
    if fully and not slash:
        causes.append(validation.wrong(path, name, "must include a domain"))
    return causes


def selector(item: Object, path: str) -> list[Cause]:
    """A selector of devices. Its expression is about devices, which no node here has: only its form is looked at."""
    found = item.get("cel")
    if found is None:
        return [validation.required(f"{path}.cel")]
    expression = str(found.get("expression") or "")
    if not expression:
        return [validation.required(f"{path}.cel.expression")]
    too_long = len(expression.encode()) > MAX_EXPRESSION
    return [validation.too_long(f"{path}.cel.expression", MAX_EXPRESSION)] if too_long else []


def configuration(item: Object, path: str) -> list[Cause]:
    """Parameters for the driver of a device."""
    opaque = item.get("opaque")
    if opaque is None:
        return [validation.required(f"{path}.opaque")]
    causes = driver_name(str(opaque.get("driver") or ""), f"{path}.opaque.driver")
    where, parameters = f"{path}.opaque.parameters", opaque.get("parameters")
    if parameters is None:
        return [*causes, validation.required(where)]
    if not isinstance(parameters, dict):
        return [*causes, validation.wrong(where, "<value omitted>", "error parsing data as JSON: must be an object")]
    if len(orjson.dumps(parameters)) > MAX_EXPRESSION:
        causes.append(validation.too_long(where, MAX_EXPRESSION))
    return causes


def toleration(item: Object, path: str) -> list[Cause]:
    key, operator, value = item.get("key") or "", item.get("operator") or "", item.get("value") or ""
    causes = validation.each(f"{path}.key", key, validation.qualified_name(key)) if key else []
    if operator == "Exists":
        if value:
            causes.append(validation.wrong(f"{path}.value", value, "must be empty for operator `Exists`"))
    elif operator == "Equal":
        if not key:
            causes.append(validation.wrong(f"{path}.operator", operator, "must be Exists when `key` is empty"))
        causes += validation.each(f"{path}.value", value, validation.label_value(value))
    else:
        causes += validation.one_of(f"{path}.operator", operator, ("Equal", "Exists"))
    effect = item.get("effect") or ""
    if effect and effect not in _TOLERATED:
        causes.append(validation.unsupported(f"{path}.effect", effect, _TOLERATED))
    return causes


def taint(item: Object, path: str) -> list[Cause]:
    key, value = item.get("key") or "", item.get("value") or ""
    causes = validation.each(f"{path}.key", key, validation.qualified_name(key))
    causes += validation.each(f"{path}.value", value, validation.label_value(value))
    return causes + validation.one_of(f"{path}.effect", item.get("effect"), _TAINT_EFFECTS)
