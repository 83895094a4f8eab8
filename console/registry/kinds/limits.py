"""What LimitRanges do to new pods and to claims: fill in defaults, refuse what is out of bounds.

The words are those of Kubernetes' LimitRanger admission plugin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from common.api import kinds, meta, quantity
from common.api.meta import Object
from common.api.pods import requests
from common.api.quotas import limits_as_requests
from common.errors import Forbidden
from console.registry.row import Context

from .limitranges import CLAIM, CONTAINER, POD

ANNOTATION = "kubernetes.io/limit-ranger"
_LISTS = (("containers", "container"), ("initContainers", "init container"))
Amounts = Mapping[str, Any]


def _items(obj: Object, context: Context) -> list[Object]:
    space = meta.namespace(obj)
    found = [item for item in context.lookup.items(kinds.LIMITRANGES) if meta.namespace(item) == space]
    return [item for each in sorted(found, key=meta.name) for item in (each.get("spec") or {}).get("limits") or ()]


def default_limits(pod: Object, context: Context) -> None:
    """Fill in what the containers of a new pod leave out."""
    items = [item for item in _items(pod, context) if item.get("type") == CONTAINER]
    if items:
        _fill(pod, items)


def check_limits(pod: Object, old: Object | None, context: Context) -> None:
    """Raise Forbidden for a new pod, or a resize, that goes out of bounds."""
    if old is not None and context.subresource != "resize":
        return
    problems: list[str] = []
    for item in _items(pod, context):
        kind = item.get("type")
        if kind == CONTAINER:
            for field, _ in _LISTS:
                for container in pod["spec"].get(field) or ():
                    found = container.get("resources") or {}
                    problems += _problems(item, kind, found.get("requests") or {}, found.get("limits") or {})
        elif kind == POD:
            problems += _problems(item, kind, requests(pod), requests(limits_as_requests(pod)))
    _refuse(kinds.PODS, pod, problems)


def check_claim(claim: Object, context: Context) -> None:
    """Raise Forbidden for a claim whose size is out of bounds."""
    problems: list[str] = []
    asked = (((claim.get("spec") or {}).get("resources") or {}).get("requests")) or {}
    for item in _items(claim, context):
        if item.get("type") == CLAIM:
            for name, bound in (item.get("min") or {}).items():
                problems += _below(CLAIM, name, bound, asked, {})
            for name, bound in (item.get("max") or {}).items():
                problems += _above(CLAIM, name, bound, asked, "request")
    _refuse(kinds.PERSISTENTVOLUMECLAIMS, claim, problems)


def _fill(pod: Object, items: list[Object]) -> None:
    given: dict[str, Object] = {"requests": {}, "limits": {}}
    for item in items:
        given["limits"] |= item.get("default") or {}
        given["requests"] |= item.get("defaultRequest") or {}
    said: list[str] = []
    for field, title in _LISTS:
        for container in pod["spec"].get(field) or ():
            said += _fill_container(container, title, given)
    if said:
        annotations = pod["metadata"].get("annotations") or {}
        pod["metadata"]["annotations"] = {**annotations, ANNOTATION: f"LimitRanger plugin set: {'; '.join(said)}"}


def _fill_container(container: Object, title: str, given: Mapping[str, Object]) -> list[str]:
    said = []
    resources = dict(container.get("resources") or {})
    for part, word in (("requests", "request"), ("limits", "limit")):
        known = resources.get(part) or {}
        added = {name: amount for name, amount in given[part].items() if name not in known}
        if added:
            resources[part] = {**known, **added}
            said.append(f"{', '.join(sorted(added))} {word} for {title} {container.get('name')}")
    container["resources"] = resources
    return said


def _problems(item: Object, kind: str, asked: Amounts, limited: Amounts) -> list[str]:
    problems: list[str] = []
    for name, bound in (item.get("min") or {}).items():
        problems += _below(kind, name, bound, asked, limited)
    for name, bound in (item.get("max") or {}).items():
        beyond = _above(kind, name, bound, limited, "limit")
        problems += beyond or _above(kind, name, bound, {name: asked.get(name, "0")}, "request")
    for name, bound in (item.get("maxLimitRequestRatio") or {}).items():
        problems += _beyond_ratio(kind, name, bound, asked, limited)
    return problems


def _value(amount: Any) -> Fraction:
    return amount if isinstance(amount, Fraction) else quantity.parse(amount)


def _shown(name: str, amount: Any) -> str:
    if not isinstance(amount, Fraction):
        return str(amount)
    if name != "cpu" and amount.denominator == 1:
        return quantity.format_bytes(int(amount))
    return quantity.format_milli(int(amount * 1000))


def _below(kind: str, name: str, bound: Any, asked: Amounts, limited: Amounts) -> list[str]:
    least = f"minimum {name} usage per {kind} is {bound}"
    if name not in asked:
        return [f"{least}.  No request is specified"]
    if _value(asked[name]) < _value(bound):
        return [f"{least}, but request is {_shown(name, asked[name])}"]
    if name in limited and _value(limited[name]) < _value(bound):
        return [f"{least}, but limit is {_shown(name, limited[name])}"]
    return []


def _above(kind: str, name: str, bound: Any, amounts: Amounts, word: str) -> list[str]:
    most = f"maximum {name} usage per {kind} is {bound}"
    if name not in amounts:
        return [f"{most}.  No {word} is specified"]
    if _value(amounts[name]) > _value(bound):
        return [f"{most}, but {word} is {_shown(name, amounts[name])}"]
    return []


def _beyond_ratio(kind: str, name: str, bound: Any, asked: Amounts, limited: Amounts) -> list[str]:
    most = f"{name} max limit to request ratio per {kind} is {bound}"
    if not _value(asked.get(name, "0")):
        return [f"{most}, but no request is specified or request is 0"]
    if not _value(limited.get(name, "0")):
        return [f"{most}, but no limit is specified or limit is 0"]
    ratio = _value(limited[name]) / _value(asked[name])
    return [f"{most}, but provided ratio is {float(ratio):f}"] if ratio > _value(bound) else []


def _refuse(resource: kinds.Resource, obj: Object, problems: Iterable[str]) -> None:
    listed = list(problems)
    if not listed:
        return
    why = listed[0] if len(listed) == 1 else f"[{', '.join(listed)}]"
    name = meta.name(obj)
    raise Forbidden(
        f'{resource.group_resource} "{name}" is forbidden: {why}', details={"name": name, "kind": resource.plural}
    )
