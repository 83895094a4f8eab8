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


def _validate_question(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    about_resource, about_path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if about_resource is not None and about_path is not None:
        return [
            validation.wrong(
                "spec.nonResourceAttributes", about_path, "cannot be specified in combination with resourceAttributes"
            )
        ]
    if about_resource is None and about_path is None:
        return [validation.wrong("spec.resourceAttributes", None, _ONE)]
    return []


def _validate_access(new: Object, old: Object | None, context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    causes = _validate_question(new, old, context)
    if not spec.get("user") and not spec.get("groups"):
        causes.append(
            validation.wrong("spec.user", spec.get("user", ""), "at least one of user or group must be specified")
        )
    return causes


def _validate_local(new: Object, old: Object | None, context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    causes = _validate_access(new, old, context)
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
