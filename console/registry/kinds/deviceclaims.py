"""DeviceClasses, ResourceClaims and their templates: which devices a pod asks for.

They are kept and checked as Kubernetes does; claims are fulfilled by drivers that publish devices and by whoever
writes their status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from common.api import kinds, meta
from common.api.meta import Key, Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME
from console.registry.row import Column, Context, Row

from . import devices
from .placement import validate_node_selector

_MAX_ALTERNATIVES = 8
_MAX_CONSUMERS = 256
_MAX_RESULTS = 32
_ADMIN_LABEL = "resource.kubernetes.io/admin-access"
_MODES = ("All", "ExactCount")
_SOURCES = ("FromClaim", "FromClass")
_EXTENDED = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_REFERENCE_RULE = (
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
)
Names = Mapping[str, frozenset[str]]
"""The requests of a claim, each with the names of its alternatives."""


def _default_spec(spec: Object) -> None:
    for request in (spec.get("devices") or {}).get("requests") or ():
        for one in (request.get("exactly"), *(request.get("firstAvailable") or ())):
            if one is None:
                continue
            one["allocationMode"] = one.get("allocationMode") or "ExactCount"
            if one["allocationMode"] == "ExactCount" and not one.get("count"):
                one["count"] = 1
            for toleration in one.get("tolerations") or ():
                toleration["operator"] = toleration.get("operator") or "Equal"


def _default_claim(obj: Object) -> None:
    obj.setdefault("spec", {}).setdefault("devices", {})
    _default_spec(obj["spec"])


def _default_template(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("metadata", {})
    spec.setdefault("spec", {}).setdefault("devices", {})
    _default_spec(spec["spec"])


def _prepare_claim(new: Object, old: Object | None, _context: Context) -> None:
    if old is None:
        new["status"] = {}


def _validate_claim(new: Object, old: Object | None, context: Context) -> list[Cause]:
    if old is None:
        return _validate_spec(new["spec"], "spec") + _validate_admin(new, new["spec"], "spec", context)
    if context.subresource == "status":
        return _validate_status(new, old)
    return validation.unchanged("spec", new["spec"], old.get("spec"))


def _validate_template(new: Object, old: Object | None, context: Context) -> list[Cause]:
    if old is not None:
        return validation.unchanged("spec", new["spec"], old.get("spec"))
    found = new["spec"]["metadata"]
    causes = validation.labels("spec.metadata.labels", found.get("labels") or {})
    causes += validation.annotation_keys("spec.metadata.annotations", found.get("annotations") or {})
    causes += _validate_spec(new["spec"]["spec"], "spec.spec")
    return causes + _validate_admin(new, new["spec"]["spec"], "spec.spec", context)


def _validate_admin(obj: Object, spec: Object, path: str, context: Context) -> list[Cause]:
    """Access for administrators is for namespaces that are labelled for it."""
    asked = [
        f"{path}.devices.requests[{index}].exactly.adminAccess"
        for index, request in enumerate(spec["devices"].get("requests") or ())
        if (request.get("exactly") or {}).get("adminAccess")
    ]
    namespace = context.lookup.get(kinds.NAMESPACES, Key("", meta.namespace(obj))) if asked else None
    if not asked or (namespace is not None and meta.labels(namespace).get(_ADMIN_LABEL) == "true"):
        return []
    why = f"admin access to devices requires the `{_ADMIN_LABEL}: true` label on the containing namespace"
    return [validation.forbidden(where, why) for where in asked]


def _validate_spec(spec: Object, path: str) -> list[Cause]:
    found, where = spec["devices"], f"{path}.devices"
    names = _names(found)

    def constraint(item: Object, at: str) -> list[Cause]:
        causes = _references(item.get("requests") or [], names, f"{at}.requests")
        chosen = [name for name in ("matchAttribute", "distinctAttribute") if item.get(name) is not None]
        if len(chosen) != 1:
            why = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'
            return [*causes, validation.required(at, why)]
        return causes + devices.qualified(item[chosen[0]], f"{at}.{chosen[0]}", fully=True)

    def configured(item: Object, at: str) -> list[Cause]:
        return _references(item.get("requests") or [], names, f"{at}.requests") + devices.configuration(item, at)

    causes = devices.set_of(
        found.get("requests") or [], devices.MAX_REQUESTS, _request, lambda item: item.get("name"), f"{where}.requests"
    )
    causes += devices.each_of(found.get("constraints") or [], devices.MAX_REQUESTS, constraint, f"{where}.constraints")
    return causes + devices.each_of(
        found.get("config") or [], devices.MAX_CONFIGURATIONS, configured, f"{where}.config"
    )


def _names(found: Object) -> Names:
    return {
        str(request.get("name")): frozenset(str(one.get("name")) for one in request.get("firstAvailable") or ())
        for request in found.get("requests") or ()
    }


def _references(names: list[str], known: Names, path: str) -> list[Cause]:
    def reference(name: str, at: str) -> list[Cause]:
        request, slash, alternative = name.partition("/")
        if "/" in alternative:
            return [validation.wrong(at, name, _REFERENCE_RULE)]
        causes = devices.label(request, at) + (devices.label(alternative, at) if slash else [])
        if request not in known or (slash and alternative not in known[request]):
            causes.append(validation.wrong(at, name, _REFERENCE_RULE))
        return causes

    return devices.set_of(names, devices.MAX_REQUESTS, reference, lambda name: name, path)


def _request(request: Object, path: str) -> list[Cause]:
    causes = devices.label(str(request.get("name") or ""), f"{path}.name")
    exactly, alternatives = request.get("exactly"), request.get("firstAvailable") or []
    rule = "exactly one of `exactly` or `firstAvailable` is required"
    if exactly is not None and alternatives:
        return [*causes, validation.wrong(path, None, f"{rule}, but multiple fields are set")]
    if exactly is not None:
        return causes + _wanted(exactly, f"{path}.exactly")
    if not alternatives:
        return [*causes, validation.required(path, rule)]

    def alternative(one: Object, at: str) -> list[Cause]:
        return devices.label(str(one.get("name") or ""), f"{at}.name") + _wanted(one, at)

    where = f"{path}.firstAvailable"
    return causes + devices.set_of(alternatives, _MAX_ALTERNATIVES, alternative, lambda one: one.get("name"), where)


def _wanted(one: Object, path: str) -> list[Cause]:
    name, mode, count = str(one.get("deviceClassName") or ""), one["allocationMode"], one.get("count") or 0
    causes = validation.name_field(f"{path}.deviceClassName", name, validation.dns_subdomain)
    causes += devices.each_of(one.get("selectors") or [], devices.MAX_SELECTORS, devices.selector, f"{path}.selectors")
    if mode == "All" and count:
        why = f"must not be specified when allocationMode is '{mode}'"
        causes.append(validation.wrong(f"{path}.count", count, why))
    elif mode == "ExactCount" and count <= 0:
        causes.append(validation.wrong(f"{path}.count", count, "must be greater than zero"))
    elif mode not in _MODES:
        causes.append(validation.unsupported(f"{path}.allocationMode", mode, _MODES))
    for index, item in enumerate(one.get("tolerations") or ()):
        causes += devices.toleration(item, f"{path}.tolerations[{index}]")
    return causes


def _validate_status(new: Object, old: Object) -> list[Cause]:
    status, before = new.get("status") or {}, old.get("status") or {}
    allocation, consumers = status.get("allocation"), status.get("reservedFor") or []
    causes = devices.set_of(consumers, _MAX_CONSUMERS, _consumer, lambda item: item.get("uid"), "status.reservedFor")
    if consumers and allocation is None:
        why = "may not be specified when `allocated` is not set"
        causes.append(validation.forbidden("status.reservedFor", why))
    elif meta.is_deleting(new) and any(item not in (before.get("reservedFor") or ()) for item in consumers):
        why = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
        causes.append(validation.forbidden("status.reservedFor", why))
    if allocation is None:
        return causes
    if before.get("allocation") is not None:
        return causes + validation.unchanged("status.allocation", allocation, before["allocation"])
    return causes + _validate_allocation(allocation, _names(new["spec"]["devices"]))


def _consumer(item: Object, path: str) -> list[Cause]:
    return [validation.required(f"{path}.{name}") for name in ("resource", "name", "uid") if not item.get(name)]


def _validate_allocation(allocation: Object, names: Names) -> list[Cause]:
    path = "status.allocation"
    found = allocation.get("devices") or {}

    def result(item: Object, at: str) -> list[Cause]:
        causes = _references([str(item.get("request") or "")], names, f"{at}.request")
        causes = [Cause(f"{at}.request", cause.message, cause.kind) for cause in causes]
        causes += devices.driver_name(str(item.get("driver") or ""), f"{at}.driver")
        causes += devices.pool_name(str(item.get("pool") or ""), f"{at}.pool")
        return causes + devices.required_label(str(item.get("device") or ""), f"{at}.device")

    def configured(item: Object, at: str) -> list[Cause]:
        causes = validation.one_of(f"{at}.source", item.get("source"), _SOURCES)
        causes += _references(item.get("requests") or [], names, f"{at}.requests")
        return causes + devices.configuration(item, at)

    causes = devices.each_of(found.get("results") or [], _MAX_RESULTS, result, f"{path}.devices.results")
    causes += devices.each_of(
        found.get("config") or [], 2 * devices.MAX_CONFIGURATIONS, configured, f"{path}.devices.config"
    )
    selector = allocation.get("nodeSelector")
    return causes + ([] if selector is None else validate_node_selector(selector, f"{path}.nodeSelector"))


def _validate_class(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    causes = devices.each_of(spec.get("selectors") or [], devices.MAX_SELECTORS, devices.selector, "spec.selectors")
    causes += devices.each_of(
        spec.get("config") or [], devices.MAX_CONFIGURATIONS, devices.configuration, "spec.config"
    )
    name = spec.get("extendedResourceName")
    if name is not None and (not _EXTENDED.fullmatch(name) or "kubernetes.io/" in name or name.startswith("requests.")):
        why = "must be a valid extended resource name"
        causes.append(validation.wrong("spec.extendedResourceName", name, why))
    return causes


def _state(obj: Object) -> str:
    status, words = obj.get("status") or {}, ["deleted"] if meta.is_deleting(obj) else []
    if status.get("allocation") is None:
        return ",".join(words) or "pending"
    return ",".join([*words, "allocated", *(["reserved"] if status.get("reservedFor") else [])])


DEVICECLASSES = Row(
    kinds.DEVICECLASSES,
    "deviceclass",
    columns=(NAME, AGE),
    schema="io.k8s.api.resource.v1.DeviceClass",
    validate=_validate_class,
)
RESOURCECLAIMS = Row(
    kinds.RESOURCECLAIMS,
    "resourceclaim",
    columns=(
        NAME,
        Column("State", lambda obj, _now: _state(obj), description="A summary of the current state."),
        AGE,
    ),
    subresources=frozenset({"status"}),
    schema="io.k8s.api.resource.v1.ResourceClaim",
    default=_default_claim,
    prepare=_prepare_claim,
    validate=_validate_claim,
    has_spec_generation=False,
)
RESOURCECLAIMTEMPLATES = Row(
    kinds.RESOURCECLAIMTEMPLATES,
    "resourceclaimtemplate",
    columns=(NAME, AGE),
    schema="io.k8s.api.resource.v1.ResourceClaimTemplate",
    default=_default_template,
    validate=_validate_template,
    has_spec_generation=False,
)
ROWS = (DEVICECLASSES, RESOURCECLAIMS, RESOURCECLAIMTEMPLATES)
