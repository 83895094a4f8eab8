"""What of a pod may change once it exists: very little, and through each subresource something else."""

from __future__ import annotations

from typing import Any

from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

from .pod_annotations import validate_annotation_change
from .pod_resize import validate_resize
from .pod_status import validate_pod_status
from .pod_validation import validate_pod

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_LISTS = ("containers", "initContainers")
_RULE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def validate_pod_update(new: Object, old: Object, subresource: str) -> list[Cause]:
    if subresource == "binding":
        return []  # which has rules of its own
    if subresource == "status":
        return validate_pod_status(new, old)
    if subresource == "resize":
        return validate_resize(new, old)
    if subresource == "ephemeralcontainers":
        return validate_pod(new, old) + _validate_ephemeral(new["spec"], old["spec"])
    causes = validate_annotation_change(new, old) + validate_pod(new, old)
    return causes + _validate_spec_change(new["spec"], old["spec"])


def _validate_spec_change(new: Object, old: Object) -> list[Cause]:
    causes = [
        validation.forbidden(f"spec.{name}", "pod updates may not add or remove containers")
        for name in _LISTS
        if len(new.get(name) or ()) != len(old.get(name) or ())
    ]
    if causes:
        return causes
    causes += _validate_deadline(new.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds"))
    causes += _validate_tolerations(new.get("tolerations") or [], old.get("tolerations") or [])
    gated = bool(old.get("schedulingGates"))
    changed = _changed_fields(_comparable(new, gated=gated), _comparable(old, gated=gated), "spec")
    if changed:
        causes.append(validation.forbidden("spec", f"{_RULE}\nchanged: {', '.join(changed)}"))
    return causes + _validate_gates(new, old)


def _comparable(spec: Object, *, gated: bool) -> Object:
    """The spec without what may change."""
    free = {"activeDeadlineSeconds", "tolerations", "schedulingGates", "ephemeralContainers"}
    if gated:  # no scheduler has looked at it yet: it may still be told where to run
        free |= {"nodeSelector", "affinity"}
    rest = {name: value for name, value in spec.items() if name not in free}
    if gated:
        others = {name: value for name, value in (spec.get("affinity") or {}).items() if name != "nodeAffinity"}
        rest["affinity"] = others
    for name in _LISTS:
        rest[name] = [{**container, "image": ""} for container in spec.get(name) or ()]
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        rest["terminationGracePeriodSeconds"] = 1
    return rest


def _changed_fields(new: Any, old: Any, path: str) -> list[str]:
    """The paths that differ, as deep as both sides are objects or lists of one length."""
    if new == old:
        return []
    if isinstance(new, dict) and isinstance(old, dict):
        return [
            found
            for name in sorted({*new, *old})
            for found in _changed_fields(new.get(name), old.get(name), f"{path}.{name}")
        ]
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        pairs = enumerate(zip(new, old, strict=True))
        return [found for index, (a, b) in pairs for found in _changed_fields(a, b, f"{path}[{index}]")]
    return [path]


def _validate_deadline(new: int | None, old: int | None) -> list[Cause]:
    path = "spec.activeDeadlineSeconds"
    if new is None:
        return (
            []
            if old is None
            else [validation.wrong(path, None, "must not update from a positive integer to nil value")]
        )
    if old is not None and new > old:
        return [validation.wrong(path, new, "must be less than or equal to previous value")]
    return []


def _validate_tolerations(new: list[Object], old: list[Object]) -> list[Cause]:
    def bare(toleration: Object) -> Object:
        return {name: value for name, value in toleration.items() if name != "tolerationSeconds"}

    left = [bare(toleration) for toleration in new]
    if all(bare(toleration) in left for toleration in old):
        return []
    return [
        validation.forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
    ]


def _validate_gates(new: Object, old: Object) -> list[Cause]:
    known = {gate.get("name") for gate in old.get("schedulingGates") or ()}
    causes = [
        validation.forbidden(
            f"spec.schedulingGates[{index}].name",
            f"only deletion is allowed, but found new scheduling gate '{gate['name']}'",
        )
        for index, gate in enumerate(new.get("schedulingGates") or ())
        if gate.get("name") not in known
    ]
    return causes + (_validate_gated(new, old) if known else [])


def _validate_gated(new: Object, old: Object) -> list[Cause]:
    """Whoever holds a pod back may say more of where it runs, but take nothing back."""
    after, before = new.get("nodeSelector") or {}, old.get("nodeSelector") or {}
    causes: list[Cause] = []
    if any(after.get(key) != value for key, value in before.items()):
        why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        causes.append(validation.wrong("spec.nodeSelector", after, why))
    path = f"spec.affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"
    terms, known = _node_terms(new), _node_terms(old)
    if known and len(terms) != len(known):
        why = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        return [*causes, validation.wrong(path, terms, why)]
    for index, (term, was) in enumerate(zip(terms, known, strict=False)):
        if not all(_begins(term.get(name), was.get(name)) for name in ("matchExpressions", "matchFields")):
            why = "only additions are allowed (no mutations or deletions)"
            causes.append(validation.wrong(f"{path}[{index}]", term, why))
    return causes


def _node_terms(spec: Object) -> list[Object]:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    found: list[Object] = (affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms") or []
    return found


def _begins(new: list[Object] | None, old: list[Object] | None) -> bool:
    known = old or []
    return (new or [])[: len(known)] == known


def _validate_ephemeral(new: Object, old: Object) -> list[Cause]:
    path = "spec.ephemeralContainers"
    causes: list[Cause] = []
    after = {container["name"]: container for container in new.get("ephemeralContainers") or ()}
    for container in old.get("ephemeralContainers") or ():
        name = container["name"]
        if name not in after:
            causes.append(validation.forbidden(path, f'existing ephemeral containers "{name}" may not be removed\n'))
        elif after[name] != container:
            causes.append(validation.forbidden(path, f'existing ephemeral containers "{name}" may not be changed'))
    return causes
