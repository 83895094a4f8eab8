"""ResourceSlices: the devices that drivers publish, node by node or for many nodes."""

from __future__ import annotations

import re
from typing import Any

from common.api import kinds, meta
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, field
from console.registry.row import METADATA_FIELDS, Context, Row

from . import devices
from .placement import validate_node_selector

_MAX_DEVICES = 128
_MAX_ADVANCED_DEVICES = 64  # where devices have taints or use counters
_MAX_PROPERTIES = 32  # attributes and capacities of a device together
_MAX_TEXT = 64
_MAX_TAINTS = 16
_MAX_COUNTER_SETS = 8
_MAX_COUNTERS = 32
_MAX_CONSUMED_SETS = 2
_PLACES = ("nodeName", "nodeSelector", "allNodes")
_PART = r"(0|[1-9]\d*)"
_PRERELEASE = r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION = re.compile(
    rf"{_PART}\.{_PART}\.{_PART}(-{_PRERELEASE}(\.{_PRERELEASE})*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?"
)
_NODE_RULE = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
_DEVICE_RULE = (
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true "
    "in the ResourceSlice spec"
)


def _prepare(new: Object, _old: Object | None, context: Context) -> None:
    for device in (new.get("spec") or {}).get("devices") or ():
        for taint in device.get("taints") or ():
            taint.setdefault("timeAdded", meta.format_time(context.now))


def _validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    causes = devices.driver_name(str(spec.get("driver") or ""), "spec.driver")
    causes += _pool(spec.get("pool") or {})
    if old is not None:
        before = old.get("spec") or {}
        after_pool, before_pool = spec.get("pool") or {}, before.get("pool") or {}
        causes += validation.unchanged("spec.pool.name", after_pool.get("name"), before_pool.get("name"))
        causes += validation.unchanged("spec.driver", spec.get("driver"), before.get("driver"))
        causes += validation.unchanged("spec.nodeName", spec.get("nodeName"), before.get("nodeName"))
    causes += _where(spec, (*_PLACES, "perDeviceNodeSelection"), "spec", _NODE_RULE)
    if spec.get("sharedCounters") is not None and spec.get("devices") is not None:
        why = "only one of `sharedCounters` or `devices` is allowed"
        causes.append(validation.wrong("spec", "", why))
    found = spec.get("devices") or []
    advanced = any(device.get("taints") or device.get("consumesCounters") for device in found)
    limit = _MAX_ADVANCED_DEVICES if advanced else _MAX_DEVICES

    def device(item: Object, path: str) -> list[Cause]:
        return _device(item, path, apart=bool(spec.get("perDeviceNodeSelection")))

    causes += devices.set_of(found, limit, device, lambda item: item.get("name"), "spec.devices")
    return causes + devices.set_of(
        spec.get("sharedCounters") or [],
        _MAX_COUNTER_SETS,
        lambda item, path: _counters(item, path, "name"),
        lambda item: item.get("name"),
        "spec.sharedCounters",
    )


def _pool(pool: Object) -> list[Cause]:
    causes = devices.pool_name(str(pool.get("name") or ""), "spec.pool.name")
    count, generation = pool.get("resourceSliceCount") or 0, pool.get("generation") or 0
    if count <= 0:
        causes.append(validation.wrong("spec.pool.resourceSliceCount", count, "must be greater than zero"))
    if generation < 0:
        causes.append(validation.wrong("spec.pool.generation", generation, "must be greater than or equal to zero"))
    return causes


def _where(holder: Object, places: tuple[str, ...], path: str, rule: str) -> list[Cause]:
    """Which nodes can use something: said in exactly one of the ways."""
    causes: list[Cause] = []
    chosen: list[str] = []
    for name in places:
        value = holder.get(name)
        if value is None:
            continue
        if value in ("", False):
            what = "a non-empty string" if name == "nodeName" else "true"
            causes.append(validation.wrong(f"{path}.{name}", value, f"must be either unset or set to {what}"))
            continue
        chosen.append(f"`{name}`")
        if name == "nodeName":
            causes += validation.each(f"{path}.{name}", value, validation.dns_subdomain(value))
        elif name == "nodeSelector":
            causes += _node_selector(value, f"{path}.{name}")
    if not chosen:
        causes.append(validation.required(path, rule))
    elif len(chosen) > 1:
        more = "" if rule is _DEVICE_RULE else ", but multiple fields are set"
        causes.append(validation.wrong(path, f"{{{', '.join(chosen)}}}", rule + more))
    return causes


def _node_selector(selector: Object, path: str) -> list[Cause]:
    causes = validate_node_selector(selector, path)
    terms = selector.get("nodeSelectorTerms") or []
    if len(terms) != 1:
        causes.append(validation.wrong(f"{path}.nodeSelectorTerms", terms, "must have exactly one node selector term"))
    return causes


def _device(device: Object, path: str, *, apart: bool) -> list[Cause]:
    causes = devices.required_label(str(device.get("name") or ""), f"{path}.name")
    attributes, capacity = device.get("attributes") or {}, device.get("capacity") or {}
    count = len(attributes) + len(capacity)
    if count > _MAX_PROPERTIES:
        why = f"the total number of attributes and capacities must not exceed {_MAX_PROPERTIES}"
        causes.append(validation.wrong(path, count, why))
    causes += devices.map_of(attributes, count, devices.qualified, _attribute, f"{path}.attributes")
    shared = bool(device.get("allowMultipleAllocations"))

    def amount(item: Object, at: str) -> list[Cause]:
        if item.get("requestPolicy") is None or shared:
            return []
        return [validation.forbidden(f"{at}.requestPolicy", "allowMultipleAllocations must be true")]

    causes += devices.map_of(capacity, count, devices.qualified, amount, f"{path}.capacity")
    causes += devices.each_of(device.get("taints") or [], _MAX_TAINTS, devices.taint, f"{path}.taints")
    causes += devices.set_of(
        device.get("consumesCounters") or [],
        _MAX_CONSUMED_SETS,
        lambda item, at: _counters(item, at, "counterSet"),
        lambda item: item.get("counterSet"),
        f"{path}.consumesCounters",
    )
    if apart:
        return causes + _where(device, _PLACES, path, _DEVICE_RULE)
    if any(device.get(name) is not None for name in _PLACES):
        why = (
            "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in "
            "the ResourceSlice spec"
        )
        causes.append(validation.wrong(path, None, why))
    return causes


def _attribute(attribute: Object, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for name in ("string", "version"):
        value: Any = attribute.get(name)
        if value is None:
            continue
        if name == "version" and not _VERSION.fullmatch(value):
            why = "must be a string compatible with semver.org spec 2.0.0"
            causes.append(validation.wrong(f"{path}.{name}", value, why))
        if len(value) > _MAX_TEXT:
            causes.append(validation.too_long(f"{path}.{name}", _MAX_TEXT))
    if len(attribute) != 1:
        value = attribute or ""
        causes.append(validation.wrong(path, value, "exactly one value must be specified"))
    return causes


def _counters(item: Object, path: str, name: str) -> list[Cause]:
    causes = devices.required_label(str(item.get(name) or ""), f"{path}.{name}")
    counters = item.get("counters") or {}
    if not counters:
        return [*causes, validation.required(f"{path}.counters")]
    return causes + devices.map_of(counters, _MAX_COUNTERS, devices.label, lambda _item, _path: [], f"{path}.counters")


RESOURCESLICES = Row(
    kinds.RESOURCESLICES,
    "resourceslice",
    columns=(
        NAME,
        field("Node", "spec.nodeName", description="The node that has the devices."),
        field("Driver", "spec.driver", description="The driver that publishes them."),
        field("Pool", "spec.pool.name", description="The pool that they belong to."),
        AGE,
    ),
    schema="io.k8s.api.resource.v1.ResourceSlice",
    prepare=_prepare,
    validate=_validate,
    fields=(*METADATA_FIELDS, "spec.nodeName", "spec.driver"),
    unselectable="field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {}",
)
ROWS = (RESOURCESLICES,)
