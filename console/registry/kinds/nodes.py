"""Nodes: the machines of the cluster. Agents register them with their status."""

from __future__ import annotations

from common.api import kinds, meta, quantity
from common.api.conditions import get_condition
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, NONE, at, field
from console.registry.row import Column, Context, Row

from . import address_forms, address_warnings

_ROLE_PREFIX = "node-role.kubernetes.io/"
_NOT_READY = ("node.kubernetes.io/not-ready", "NoSchedule")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def _default(node: Object) -> None:
    _agree_on_ranges(node.setdefault("spec", {}))
    status = node.setdefault("status", {})
    if status.get("capacity"):
        status.setdefault("allocatable", dict(status["capacity"]))


def _agree_on_ranges(spec: Object) -> None:
    """The older field of one range and the newer of several say the same; where they do not, the older one counts."""
    ranges = spec.get("podCIDRs") or []
    if spec.get("podCIDR") and spec["podCIDR"] not in ranges[:1]:
        spec["podCIDRs"] = [spec["podCIDR"]]
    elif ranges:
        spec["podCIDR"] = ranges[0]


def _prepare(new: Object, old: Object | None, _context: Context) -> None:
    """Kubernetes' admission plugin TaintNodesByCondition: no pod comes to a new node before it is known to be ready."""
    taints = new["spec"].get("taints") or []
    if old is None and not any((taint.get("key"), taint.get("effect")) == _NOT_READY for taint in taints):
        key, effect = _NOT_READY
        new["spec"]["taints"] = [*taints, {"key": key, "effect": effect}]


def _validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    spec = new["spec"]
    causes = _validate_taints(spec.get("taints") or ())
    cidrs, known = spec.get("podCIDRs") or [], (old or {}).get("spec", {}).get("podCIDRs") or []
    for index, cidr in enumerate(cidrs):
        causes += address_forms.block(f"spec.podCIDRs[{index}]", cidr, known)
    if len(cidrs) > 2:
        causes.append(validation.wrong("spec.podCIDRs", cidrs, "may specify no more than one CIDR for each IP family"))
    for part in ("capacity", "allocatable"):
        causes += [
            validation.wrong(f"status.{part}.{name}", amount, "must be greater than or equal to 0")
            for name, amount in (new["status"].get(part) or {}).items()
            if quantity.parse(amount) < 0
        ]
    return causes + (_validate_update(spec, old.get("spec") or {}) if old is not None else [])


def _validate_taints(taints: list[Object] | tuple[Object, ...]) -> list[Cause]:
    causes: list[Cause] = []
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        path = f"metadata.taints[{index}]"
        key, effect = taint.get("key", ""), taint.get("effect", "")
        causes += validation.each(f"{path}.key", key, validation.qualified_name(key))
        value = taint.get("value") or ""
        causes += validation.each(f"{path}.value", value, validation.label_value(value))
        causes += validation.one_of(f"{path}.effect", effect, _EFFECTS)
        if (key, effect) in seen:
            causes.append(
                Cause(
                    path,
                    f"Duplicate value: {validation.shown(taint)}: taints must be unique by key and effect pair",
                    "FieldValueDuplicate",
                )
            )
        seen.add((key, effect))
    return causes


def _validate_update(new: Object, old: Object) -> list[Cause]:
    causes: list[Cause] = []
    if old.get("podCIDRs") and new.get("podCIDRs") != old["podCIDRs"]:
        causes.append(
            validation.forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid')
        )
    if old.get("providerID") and new.get("providerID") != old["providerID"]:
        causes.append(
            validation.forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid')
        )
    return causes


def _warnings(node: Object) -> list[str]:
    spec = node.get("spec") or {}
    found = ["spec.configSource: the feature is removed"] if spec.get("configSource") is not None else []
    if spec.get("externalID"):
        found.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    for index, cidr in enumerate(spec.get("podCIDRs") or ()):
        found += address_warnings.block(f"spec.podCIDRs[{index}]", cidr)
    return found


def _status(node: Object) -> str:
    condition = get_condition(node, "Ready")
    word = "Unknown" if condition is None else "Ready" if condition.get("status") == "True" else "NotReady"
    return f"{word},SchedulingDisabled" if at(node, "spec.unschedulable") else word


def _roles(node: Object) -> str:
    found = {key.removeprefix(_ROLE_PREFIX) for key in meta.labels(node) if key.startswith(_ROLE_PREFIX)}
    old_role = meta.labels(node).get("kubernetes.io/role")
    roles = sorted(role for role in (*found, old_role) if role)
    return ",".join(dict.fromkeys(roles)) or NONE


def _address(kind: str) -> Column:
    name = {"InternalIP": "Internal-IP", "ExternalIP": "External-IP"}[kind]

    def first(node: Object) -> str:
        addresses = at(node, "status.addresses", ())
        return next((str(item["address"]) for item in addresses if item.get("type") == kind), NONE)

    return Column(name, lambda node, _now: first(node), priority=1)


NODES = Row(
    kinds.NODES,
    "node",
    short_names=("no",),
    columns=(
        NAME,
        Column("Status", lambda node, _now: _status(node), description="The status of the node"),
        Column("Roles", lambda node, _now: _roles(node), description="The roles of the node"),
        AGE,
        field("Version", "status.nodeInfo.kubeletVersion", description="Version of the agent."),
        _address("InternalIP"),
        _address("ExternalIP"),
        field("OS-Image", "status.nodeInfo.osImage", default="<unknown>", priority=1),
        field("Kernel-Version", "status.nodeInfo.kernelVersion", default="<unknown>", priority=1),
        field("Container-Runtime", "status.nodeInfo.containerRuntimeVersion", default="<unknown>", priority=1),
    ),
    subresources=frozenset({"status", "images", "proxy", "shell"}),
    schema="io.k8s.api.core.v1.Node",
    default=_default,
    prepare=_prepare,
    validate=_validate,
    warnings=_warnings,
    fields=("metadata.name", "spec.unschedulable"),
    keeps_status_on_create=True,
    has_spec_generation=False,
)
ROWS = (NODES,)
