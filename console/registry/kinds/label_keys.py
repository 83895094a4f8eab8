"""`matchLabelKeys` of affinity terms and spread constraints: labels whose value is the pod's own.

A new pod gets them merged into its selectors, as Kubernetes' API server does, so that whoever reads the pod sees the
whole selector.
"""

from __future__ import annotations

from collections.abc import Iterator

from common.api.meta import Object, labels
from common.errors import Cause
from console.registry import validation

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def merge_label_keys(pod: Object) -> None:
    """Add what the keys say to the selectors of a new pod."""
    own = labels(pod)
    for term in _terms(pod["spec"]):
        selector = term.get("labelSelector")
        if selector is None:
            continue
        for field, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")):
            for key in term.get(field) or ():
                if key in own:
                    expressions = selector.setdefault("matchExpressions", [])
                    expressions.append({"key": key, "operator": operator, "values": [own[key]]})


def _terms(spec: Object) -> Iterator[Object]:
    affinity = spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        found = affinity.get(kind) or {}
        yield from found.get(_REQUIRED) or ()
        yield from (item.get("podAffinityTerm") or {} for item in found.get(_PREFERRED) or ())
    yield from spec.get("topologySpreadConstraints") or ()


def validate_term_keys(term: Object, path: str) -> list[Cause]:
    """The keys of an affinity term."""
    same, other = term.get("matchLabelKeys") or [], term.get("mismatchLabelKeys") or []
    causes = validate_keys(term, "matchLabelKeys", path) + validate_keys(term, "mismatchLabelKeys", path)
    return causes + [
        validation.wrong(f"{path}.matchLabelKeys[{index}]", key, "exists in both matchLabelKeys and mismatchLabelKeys")
        for index, key in enumerate(same)
        if key in other
    ]


def validate_keys(term: Object, field: str, path: str) -> list[Cause]:
    keys, where = term.get(field) or [], f"{path}.{field}"
    if not keys:
        return []
    selector = term.get("labelSelector")
    if selector is None:
        return [validation.forbidden(where, "must not be specified when labelSelector is not set")]
    causes: list[Cause] = []
    taken = _keys_of(selector)
    for index, key in enumerate(keys):
        causes += validation.each(f"{where}[{index}]", key, validation.qualified_name(key))
        # Once is what the merge itself leaves behind. Other values than the pod's own (`mismatchLabelKeys`) may well be
        # told apart further.
        if field == "matchLabelKeys" and taken.count(key) > 1:
            causes.append(validation.wrong(f"{where}[{index}]", key, f"exists in both {field} and labelSelector"))
    return causes


def _keys_of(selector: Object) -> list[str]:
    """Every key as often as the selector asks about it."""
    expressions = selector.get("matchExpressions") or ()
    return [*(selector.get("matchLabels") or {}), *(str(item.get("key")) for item in expressions)]
