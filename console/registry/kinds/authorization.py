"""Questions of access: may somebody do something? They are answered and never kept."""

from __future__ import annotations

from collections.abc import Callable

from common.api import meta
from common.api.kinds import Resource
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.row import Context, Row

_GROUP = "authorization.k8s.io"
_SCHEMA = "io.k8s.api.authorization.v1"
_ONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"


_LISTED, _BARE = frozenset({"In", "NotIn"}), frozenset({"Exists", "DoesNotExist"})


def _validate_question(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    return [*_validate_spec(spec), *_validate_metadata(new, "must be empty")]


def _validate_metadata(new: Object, detail: str, allowed: str = "") -> list[Cause]:
    """A question has no name; clients may send empty fields all the same."""
    found = {name: value for name, value in meta.metadata(new).items() if value and name != "managedFields"}
    found.pop(allowed, None)
    return [validation.wrong("metadata", found, detail)] if found else []


def _validate_spec(spec: Object) -> list[Cause]:
    about_resource, about_path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if about_resource is not None and about_path is not None:
        return [
            validation.wrong(
                "spec.nonResourceAttributes", about_path, "cannot be specified in combination with resourceAttributes"
            )
        ]
    if about_resource is None and about_path is None:
        return [validation.wrong("spec.resourceAttributes", None, _ONE)]
    causes: list[Cause] = []
    for field, of_labels in (("fieldSelector", False), ("labelSelector", True)):
        selector = (about_resource or {}).get(field)
        if selector is not None:
            causes += _validate_selector(f"spec.resourceAttributes.{field}", selector, of_labels=of_labels)
    return causes


def _validate_selector(path: str, selector: Object, *, of_labels: bool) -> list[Cause]:
    raw, requirements = selector.get("rawSelector") or "", selector.get("requirements") or []
    if raw and requirements:
        return [validation.wrong(f"{path}.rawSelector", raw, "may not specified at the same time as requirements")]
    if not raw and not requirements:
        why = f"when {path} is specified, requirements or rawSelector is required"
        return [validation.required(f"{path}.requirements", why)]
    found = (
        _validate_requirement(f"{path}.requirements[{index}]", item, of_labels=of_labels)
        for index, item in enumerate(requirements)
    )
    return [cause for causes in found for cause in causes]


def _validate_requirement(path: str, item: Object, *, of_labels: bool) -> list[Cause]:
    """Operators that nobody knows pass: newer clients ask older servers."""
    key, operator, values = str(item.get("key") or ""), item.get("operator"), item.get("values") or []
    causes: list[Cause] = []
    if operator in _LISTED and not values:
        causes.append(validation.required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in _BARE and values:
        causes.append(
            validation.forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
        )
    if not of_labels:
        return [*causes, *([] if key else [validation.required(f"{path}.key", "must be specified")])]
    causes += validation.each(f"{path}.key", key, validation.qualified_name(key))
    for index, value in enumerate(values):
        causes += validation.each(f"{path}.values[{index}]", value, validation.label_value(str(value)))
    return causes


def _validate_subject(new: Object) -> list[Cause]:
    spec = new.get("spec") or {}
    causes = _validate_spec(spec)
    if not spec.get("user") and not spec.get("groups"):
        causes.append(
            validation.wrong("spec.user", spec.get("user", ""), "at least one of user or group must be specified")
        )
    return causes


def _validate_access(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    return [*_validate_subject(new), *_validate_metadata(new, "must be empty")]


def _validate_local(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    causes = _validate_subject(new)
    causes += _validate_metadata(new, "must be empty except for namespace", "namespace")
    if spec.get("nonResourceAttributes") is not None:
        causes.append(
            validation.wrong(
                "spec.nonResourceAttributes", spec["nonResourceAttributes"], "disallowed on this kind of request"
            )
        )
    asked = spec.get("resourceAttributes") or {}
    if asked and asked.get("namespace", "") != meta.namespace(new):
        causes.append(
            validation.wrong(
                "spec.resourceAttributes.namespace", asked.get("namespace", ""), "must match metadata.namespace"
            )
        )
    return causes


def _any(_new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    return []


def _row(
    kind: str, validate: Callable[[Object, Object | None, Context], list[Cause]] = _any, *, namespaced: bool = False
) -> Row:
    return Row(
        Resource(_GROUP, "v1", f"{kind.lower()}s", kind, namespaced=namespaced),
        kind.lower(),
        verbs=("create",),
        durable=False,
        schema=f"{_SCHEMA}.{kind}",
        validate=validate,
        has_spec_generation=False,
    )


SUBJECTACCESSREVIEWS = _row("SubjectAccessReview", _validate_access)
SELFSUBJECTACCESSREVIEWS = _row("SelfSubjectAccessReview", _validate_question)
LOCALSUBJECTACCESSREVIEWS = _row("LocalSubjectAccessReview", _validate_local, namespaced=True)
SELFSUBJECTRULESREVIEWS = _row("SelfSubjectRulesReview")
ROWS = (SUBJECTACCESSREVIEWS, SELFSUBJECTACCESSREVIEWS, LOCALSUBJECTACCESSREVIEWS, SELFSUBJECTRULESREVIEWS)
