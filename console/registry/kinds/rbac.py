"""Roles and their bindings: who may do what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from common.api import kinds, meta
from common.api.kinds import RBAC
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME
from console.registry.row import Column, Context, Row

_SUBJECT_KINDS = ("ServiceAccount", "User", "Group")


# Roles


def _validate_rules(rules: list[Object], *, namespaced: bool) -> list[Cause]:
    return [
        cause
        for index, rule in enumerate(rules)
        for cause in _validate_rule(rule, f"rules[{index}]", namespaced=namespaced)
    ]


def _validate_rule(rule: Object, path: str, *, namespaced: bool) -> list[Cause]:
    causes: list[Cause] = []
    if not rule.get("verbs"):
        causes.append(validation.required(f"{path}.verbs", "verbs must contain at least one value"))
    urls = rule.get("nonResourceURLs")
    if urls:
        if namespaced:
            causes.append(
                validation.wrong(f"{path}.nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs")
            )
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            causes.append(
                validation.wrong(
                    f"{path}.nonResourceURLs",
                    urls,
                    "rules cannot apply to both regular resources and non-resource URLs",
                )
            )
        return causes
    if not rule.get("apiGroups"):
        causes.append(validation.required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        causes.append(validation.required(f"{path}.resources", "resource rules must supply at least one resource"))
    return causes


def _validate_role(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    return _validate_rules(new.get("rules") or [], namespaced=True)


def _validate_cluster_role(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    causes = _validate_rules(new.get("rules") or [], namespaced=False)
    aggregation = new.get("aggregationRule")
    if aggregation is None:
        return causes
    selectors = aggregation.get("clusterRoleSelectors") or []
    if not selectors:
        causes.append(
            validation.required(
                "aggregationRule.clusterRoleSelectors",
                "at least one clusterRoleSelector required if aggregationRule is non-nil",
            )
        )
    for index, selector in enumerate(selectors):
        causes += validation.label_selector(f"aggregationRule.clusterRoleSelectors[{index}]", selector)
    return causes


# Bindings


def _default_binding(obj: Object) -> None:
    reference = obj.setdefault("roleRef", {})
    reference["apiGroup"] = reference.get("apiGroup") or RBAC
    for subject in obj.get("subjects") or ():
        if subject.get("kind") in {"User", "Group"} and not subject.get("apiGroup"):
            subject["apiGroup"] = RBAC


def _validate_binding(allowed: tuple[str, ...]) -> Callable[[Object, Object | None, Context], list[Cause]]:
    """`allowed` are the kinds of role that the binding may name."""

    def validate(new: Object, old: Object | None, _context: Context) -> list[Cause]:
        reference = new["roleRef"]
        causes: list[Cause] = []
        if reference["apiGroup"] != RBAC:
            causes.append(validation.unsupported("roleRef.apiGroup", reference["apiGroup"], (RBAC,)))
        if reference.get("kind") not in allowed:
            causes.append(validation.unsupported("roleRef.kind", reference.get("kind", ""), allowed))
        causes += validation.name_field("roleRef.name", reference.get("name", ""), validation.path_segment)
        for index, subject in enumerate(new.get("subjects") or ()):
            causes += _validate_subject(subject, f"subjects[{index}]")
        if old is not None and reference != old.get("roleRef"):
            causes.append(validation.wrong("roleRef", reference, "cannot change roleRef"))
        return causes

    return validate


def _validate_subject(subject: Object, path: str) -> list[Cause]:
    kind, group = subject.get("kind", ""), subject.get("apiGroup", "")
    causes: list[Cause] = []
    if not subject.get("name"):
        causes.append(validation.required(f"{path}.name"))
    match kind:
        case "ServiceAccount":
            if subject.get("name"):
                causes += validation.each(f"{path}.name", subject["name"], validation.dns_subdomain(subject["name"]))
            if group:
                causes.append(validation.unsupported(f"{path}.apiGroup", group, ("",)))
            if not subject.get("namespace"):
                causes.append(validation.required(f"{path}.namespace"))
        case "User" | "Group":
            if group != RBAC:
                causes.append(validation.unsupported(f"{path}.apiGroup", group, (RBAC,)))
        case _:
            causes.append(validation.unsupported(f"{path}.kind", kind, _SUBJECT_KINDS))
    return causes


# What tables show


def _role_of(obj: Object, _now: datetime) -> str:
    reference = obj.get("roleRef") or {}
    return f"{reference.get('kind')}/{reference.get('name')}"


def _subjects(title: str, kind: str, description: str) -> Column:
    def value(obj: Object, _now: datetime) -> str:
        found = [subject for subject in obj.get("subjects") or () if subject.get("kind") == kind]
        return ", ".join(
            f"{subject.get('namespace', '')}/{subject['name']}" if kind == "ServiceAccount" else str(subject["name"])
            for subject in found
        )

    return Column(title, value, priority=1, description=description)


_CREATED = Column(
    "Created At",
    lambda obj, _now: str(meta.metadata(obj).get("creationTimestamp", "")),
    type="date",
    description="When the object was created.",
)
_BINDING_COLUMNS = (
    NAME,
    Column("Role", _role_of, description="The role that the subjects get."),
    AGE,
    _subjects("Users", "User", "Users in the binding."),
    _subjects("Groups", "Group", "Groups in the binding."),
    _subjects("ServiceAccounts", "ServiceAccount", "ServiceAccounts in the binding."),
)
_SCHEMA = "io.k8s.api.rbac.v1"

ROLES = Row(
    kinds.ROLES,
    "role",
    columns=(NAME, _CREATED),
    schema=f"{_SCHEMA}.Role",
    validate=_validate_role,
    name_format=validation.path_segment,
    has_spec_generation=False,
    creates_on_update=True,
)
ROLEBINDINGS = Row(
    kinds.ROLEBINDINGS,
    "rolebinding",
    columns=_BINDING_COLUMNS,
    schema=f"{_SCHEMA}.RoleBinding",
    default=_default_binding,
    validate=_validate_binding(("Role", "ClusterRole")),
    name_format=validation.path_segment,
    has_spec_generation=False,
    creates_on_update=True,
)
CLUSTERROLES = Row(
    kinds.CLUSTERROLES,
    "clusterrole",
    columns=(NAME, _CREATED),
    schema=f"{_SCHEMA}.ClusterRole",
    validate=_validate_cluster_role,
    name_format=validation.path_segment,
    has_spec_generation=False,
    creates_on_update=True,
)
CLUSTERROLEBINDINGS = Row(
    kinds.CLUSTERROLEBINDINGS,
    "clusterrolebinding",
    columns=_BINDING_COLUMNS,
    schema=f"{_SCHEMA}.ClusterRoleBinding",
    default=_default_binding,
    validate=_validate_binding(("ClusterRole",)),
    name_format=validation.path_segment,
    has_spec_generation=False,
    creates_on_update=True,
)
ROWS = (ROLES, ROLEBINDINGS, CLUSTERROLES, CLUSTERROLEBINDINGS)
