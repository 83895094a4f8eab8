"""StatefulSets: pods with names, order and storage of their own."""

from __future__ import annotations

from common.api import kinds
from common.api.configuration import RESTART
from common.api.meta import Object, name
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, at, containers
from console.registry.row import Column, Context, OfSpec, Row

from .pod_warnings import template_warnings
from .storage_warnings import spec_warnings
from .workload_fields import (
    CONTAINERS,
    REVISION_HISTORY,
    default_template,
    is_zero,
    validate_pods,
    validate_selector,
    validate_share,
    validate_switch,
)

_RETENTIONS = ("Retain", "Delete")
_CHANGEABLE = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip


def _default(spec: Object) -> None:
    spec["podManagementPolicy"] = spec.get("podManagementPolicy") or "OrderedReady"
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        strategy["rollingUpdate"].setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    for when in ("whenDeleted", "whenScaled"):
        retention[when] = retention.get(when) or "Retain"
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", REVISION_HISTORY)
    default_template(spec)
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.setdefault("apiVersion", kinds.PERSISTENTVOLUMECLAIMS.api_version)
        claim.setdefault("kind", kinds.PERSISTENTVOLUMECLAIMS.kind)
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
        claim.setdefault("status", {}).setdefault("phase", "Pending")


def _prepare(new: Object, old: Object | None, _context: Context) -> None:
    if old is None:
        new["status"] = {"replicas": 0, "availableReplicas": 0}


def _validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
    spec = new["spec"]
    policy = spec["podManagementPolicy"]
    causes = validate_switch(new, RESTART)
    if policy not in {"OrderedReady", "Parallel"}:
        causes.append(validation.wrong("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    causes += _validate_strategy(spec["updateStrategy"], "spec.updateStrategy")
    for when in ("whenScaled", "whenDeleted"):
        path, word = f"spec.persistentVolumeClaimRetentionPolicy.{when}", spec["persistentVolumeClaimRetentionPolicy"]
        causes += validation.one_of(path, word[when], _RETENTIONS)
    for path in ("replicas", "minReadySeconds"):
        causes += validation.non_negative(f"spec.{path}", spec.get(path))
    causes += validation.non_negative("spec.ordinals.start", (spec.get("ordinals") or {}).get("start"))
    # Whether the selector changed is told with everything else that may not.
    causes += validate_selector(spec, None, "statefulset")
    causes += validate_pods(spec, old, "StatefulSet", [name(claim) for claim in spec.get("volumeClaimTemplates") or ()])
    return causes + (_validate_change(spec, old["spec"]) if old is not None else [])


def _validate_strategy(strategy: Object, path: str) -> list[Cause]:
    rolling = strategy.get("rollingUpdate")
    if strategy["type"] == "OnDelete":
        text = "only allowed for updateStrategy 'RollingUpdate'"
        return [validation.wrong(f"{path}.rollingUpdate", rolling, text)] if rolling is not None else []
    if strategy["type"] != "RollingUpdate":
        return [validation.wrong(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")]
    rolling = rolling or {}
    causes = validation.non_negative(f"{path}.rollingUpdate.partition", rolling.get("partition"))
    unavailable = rolling.get("maxUnavailable")
    if unavailable is not None:
        where = f"{path}.rollingUpdate.maxUnavailable"
        wrong = validate_share(where, unavailable, limited=True)
        if not wrong and is_zero(unavailable):
            wrong = [validation.wrong(where, unavailable, "cannot be 0")]
        causes += wrong
    return causes


def _validate_change(new: Object, old: Object) -> list[Cause]:
    fixed = {*new, *old} - set(_CHANGEABLE)
    if all(new.get(field) == old.get(field) for field in fixed):
        return []
    words = ", ".join(f"'{field}'" for field in _CHANGEABLE[:-1])
    text = f"updates to statefulset spec for fields other than {words} and '{_CHANGEABLE[-1]}' are forbidden"
    return [validation.forbidden("spec", text)]


_template_warnings = template_warnings("spec.template")
_KEEPS_ALL = "a negative value retains all historical revisions; a value >= 0 is recommended"


def _warnings(new: Object) -> list[str]:
    """Paths of claims' templates lack their spec, as in Kubernetes."""
    found, spec = _template_warnings(new), new["spec"]
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        found += spec_warnings(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}]")
    if (spec.get("revisionHistoryLimit") or 0) < 0:
        found.append(f"spec.revisionHistoryLimit: {_KEEPS_ALL}")
    return found


ROW = Row(
    kinds.STATEFULSETS,
    "statefulset",
    short_names=("sts",),
    categories=("all",),
    columns=(
        NAME,
        Column(
            "Ready",
            lambda obj, _now: f"{at(obj, 'status.readyReplicas', 0)}/{at(obj, 'spec.replicas', 0)}",
            description="Number of the pod with ready state",
        ),
        AGE,
        *containers(CONTAINERS),
    ),
    subresources=frozenset({"status", "scale"}),
    schema="io.k8s.api.apps.v1.StatefulSet",
    default=OfSpec(_default),
    prepare=_prepare,
    validate=_validate,
    warnings=_warnings,
    name_format=validation.dns_label,
)
