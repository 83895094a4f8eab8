"""RuntimeClasses, and what they do to pods that name one: their overhead, their nodes, or a refusal.

The words are those of Kubernetes' RuntimeClass admission plugin.
"""

from __future__ import annotations

from common.api import kinds, meta, quantity
from common.api.meta import Key, Object
from common.errors import Cause, Forbidden
from console.registry import validation
from console.registry.columns import AGE, NAME, field
from console.registry.row import Context, Row

from .placement import validate_tolerations
from .pod_warnings import label_warning
from .resources import container_resource, validate_resources


def _validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    handler, scheduling = str(new.get("handler") or ""), new.get("scheduling") or {}
    causes = validation.each("handler", handler, validation.dns_label(handler))
    overhead = (new.get("overhead") or {}).get("podFixed") or {}
    causes += validate_resources({"limits": overhead}, "overhead", container_resource)
    causes += validation.labels("scheduling.nodeSelector", scheduling.get("nodeSelector") or {})
    causes += _validate_tolerations(scheduling.get("tolerations") or [], "scheduling.tolerations")
    if old is not None:
        causes += validation.unchanged("handler", new.get("handler"), old.get("handler"))
    return causes


def _validate_tolerations(tolerations: list[Object], path: str) -> list[Cause]:
    causes = validate_tolerations(tolerations, f"{path}.tolerations")
    keys = [tuple(item.get(name) or "" for name in ("key", "operator", "value", "effect")) for item in tolerations]
    return causes + [
        validation.duplicate(f"{path}[{index}]", tolerations[index])
        for index, key in enumerate(keys)
        if key in keys[:index]
    ]


def admit_runtime(pod: Object, context: Context) -> None:
    """Give a new pod the overhead, node labels and tolerations of its class; raise Forbidden when there is no such
    class, or the pod says otherwise."""
    spec = pod["spec"]
    name = spec.get("runtimeClassName")
    found = context.lookup.get(kinds.RUNTIMECLASSES, Key("", name)) if name else None
    if name and found is None:
        raise _refusal(pod, f'RuntimeClass "{name}" not found')
    overhead = ((found or {}).get("overhead") or {}).get("podFixed") or {}
    given = spec.get("overhead") or {}
    if given and _amounts(given) != _amounts(overhead):
        raise _refusal(pod, "Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    if overhead:
        spec["overhead"] = dict(overhead)
    scheduling = (found or {}).get("scheduling") or {}
    labels = scheduling.get("nodeSelector") or {}
    own = spec.get("nodeSelector") or {}
    for key, value in labels.items():
        if own.get(key, value) != value:
            raise _refusal(pod, f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                                f"pod.spec.nodeSelector[{key}] = {own[key]}")  # fmt: skip
    if labels:
        spec["nodeSelector"] = {**own, **labels}
    added = [item for item in scheduling.get("tolerations") or () if item not in (spec.get("tolerations") or ())]
    if added:
        spec["tolerations"] = [*(spec.get("tolerations") or ()), *added]


def _amounts(amounts: Object) -> dict[str, object]:
    return {name: quantity.parse(amount) for name, amount in amounts.items()}


def _refusal(pod: Object, why: str) -> Forbidden:
    name = meta.name(pod)
    details = {"name": name, "kind": kinds.PODS.plural}
    return Forbidden(f'pods "{name}" is forbidden: pod rejected: {why}', details=details)


def _warnings(obj: Object) -> list[str]:
    labels = (obj.get("scheduling") or {}).get("nodeSelector") or {}
    return [told for key in sorted(labels) for told in label_warning("scheduling.nodeSelector", key)]


RUNTIMECLASSES = Row(
    kinds.RUNTIMECLASSES,
    "runtimeclass",
    columns=(NAME, field("Handler", "handler"), AGE),
    schema="io.k8s.api.node.v1.RuntimeClass",
    validate=_validate,
    warnings=_warnings,
    has_spec_generation=False,
    creates_on_update=True,
)
ROWS = (RUNTIMECLASSES,)
