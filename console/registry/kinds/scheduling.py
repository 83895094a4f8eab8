"""PriorityClasses, and the priority that admission gives to pods from them.

The wording is that of Kubernetes' Priority admission plugin and of its validation.
"""

from __future__ import annotations

from typing import Any

from common.api import kinds, meta
from common.api.meta import Key, Object
from common.errors import Cause, Forbidden
from console.registry import validation
from console.registry.columns import AGE, NAME, field, number
from console.registry.row import Column, Context, Row

HIGHEST_USER_PRIORITY = 1_000_000_000
PREEMPT, NEVER = "PreemptLowerPriority", "Never"
_SYSTEM_PREFIX = "system-"
_WHY_IMMORTAL = "this is a system priority class and cannot be deleted"


def _system(name: str, value: int, description: str) -> Object:
    return {"metadata": {"name": name}, "value": value, "description": description, "preemptionPolicy": PREEMPT}


SYSTEM_CLASSES: tuple[Object, ...] = (
    _system(
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    _system(
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
)
_SYSTEM = {meta.name(item): item for item in SYSTEM_CLASSES}


def _default(obj: Object) -> None:
    obj.setdefault("value", 0)
    obj.setdefault("preemptionPolicy", PREEMPT)


def _prepare(new: Object, _old: Object | None, context: Context) -> None:
    if not new.get("globalDefault"):
        new.pop("globalDefault", None)
        return
    for other in context.lookup.items(kinds.PRIORITYCLASSES):
        if other.get("globalDefault") and meta.name(other) != meta.name(new):
            raise _forbidden(
                "priorityclasses",
                meta.name(new),
                f"PriorityClass {meta.name(other)} is already marked as default. Only one default can exist",
                group="scheduling.k8s.io",
            )


def _validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    causes = _validate_value(new)
    policy = new.get("preemptionPolicy")
    if policy == "":
        causes.append(validation.required("preemptionPolicy"))
    elif policy not in {PREEMPT, NEVER}:
        causes.append(validation.unsupported("preemptionPolicy", policy, (PREEMPT, NEVER)))
    if old is not None:
        if new["value"] != old.get("value", 0):
            causes.append(validation.forbidden("value", "may not be changed in an update."))
        causes += validation.unchanged("preemptionPolicy", policy, old.get("preemptionPolicy", PREEMPT))
    return causes


def _validate_value(new: Object) -> list[Cause]:
    name, value = meta.name(new), new["value"]
    if name.startswith(_SYSTEM_PREFIX):
        problem = _not_system(name, value, is_default=bool(new.get("globalDefault")))
        text = "priority class names with 'system-' prefix are reserved for system use only. error: "
        return [validation.forbidden("metadata.name", text + problem)] if problem else []
    if value > HIGHEST_USER_PRIORITY:
        text = f"maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}"
        return [validation.forbidden("value", text)]
    return []


def _not_system(name: str, value: int, *, is_default: bool) -> str:
    """Why a class with the system's prefix is none of the system's; empty when it is."""
    known = _SYSTEM.get(name)
    if known is None:
        return f"{name} is not a known system priority class"
    if value != known["value"]:
        return f"value of {name} PriorityClass must be {known['value']}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""


def admit_priority(pod: Object, context: Context) -> None:
    """Resolve a new pod's class into `spec.priority` and `spec.preemptionPolicy`. Raises Forbidden for a class that
    does not exist and for figures that are not the class's."""
    spec = pod["spec"]
    found = _class_of(pod, context)
    if found is not None:
        spec["priorityClassName"] = meta.name(found)
    priority = int((found or {}).get("value") or 0)
    policy = str((found or {}).get("preemptionPolicy") or PREEMPT)
    _agree(pod, "integer value of priority", spec.get("priority"), priority)
    _agree(pod, "string value of PreemptionPolicy", spec.get("preemptionPolicy"), policy)
    spec["priority"], spec["preemptionPolicy"] = priority, policy


def _class_of(pod: Object, context: Context) -> Object | None:
    name = pod["spec"].get("priorityClassName")
    if name:
        found = context.lookup.get(kinds.PRIORITYCLASSES, Key("", str(name)))
        # The system's own exist before the store has them: pods may come first.
        found = found or _SYSTEM.get(str(name))
        if found is None:
            raise _pod_forbidden(pod, f"no PriorityClass with name {name} was found")
        return found
    defaults = [item for item in context.lookup.items(kinds.PRIORITYCLASSES) if item.get("globalDefault")]
    return min(defaults, key=lambda item: int(item.get("value") or 0), default=None)


def _agree(pod: Object, what: str, given: Any, computed: Any) -> None:
    if given is not None and given != computed:
        raise _pod_forbidden(
            pod,
            f"the {what} ({given}) must not be provided in pod spec; priority admission controller computed {computed} "
            "from the given PriorityClass name",
        )


def _pod_forbidden(pod: Object, why: str) -> Forbidden:
    return _forbidden("pods", meta.name(pod), why)


def _forbidden(plural: str, name: str, why: str, *, group: str = "") -> Forbidden:
    resource = f"{plural}.{group}" if group else plural
    return Forbidden(f'{resource} "{name}" is forbidden: {why}', details={"name": name, "group": group, "kind": plural})


def _is_default(obj: Object, _now: object) -> bool:
    return bool(obj.get("globalDefault"))


PRIORITYCLASSES = Row(
    kinds.PRIORITYCLASSES,
    "priorityclass",
    short_names=("pc",),
    columns=(
        NAME,
        number("Value", "value", description="The integer value of this priority class."),
        Column("Global-Default", _is_default, type="boolean", description="Whether pods without a class get this one."),
        AGE,
        field("PreemptionPolicy", "preemptionPolicy", description="Whether pods of it may displace lower ones."),
    ),
    schema="io.k8s.api.scheduling.v1.PriorityClass",
    default=_default,
    prepare=_prepare,
    validate=_validate,
    immortal=dict.fromkeys(_SYSTEM, _WHY_IMMORTAL),
    has_spec_generation=True,
)
ROWS = (PRIORITYCLASSES,)
