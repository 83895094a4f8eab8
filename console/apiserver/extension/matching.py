"""Which requests a webhook or an admission policy is about: rules, selectors, conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from common.api import kinds, meta, selectors
from common.api.meta import Key, Object
from console.apiserver.caller import Caller
from console.registry.custom import expressions
from console.registry.row import Lookup, Row

EXEMPT = frozenset(
    {
        kinds.VALIDATINGWEBHOOKCONFIGURATIONS, kinds.MUTATINGWEBHOOKCONFIGURATIONS, kinds.VALIDATINGADMISSIONPOLICIES,
        kinds.VALIDATINGADMISSIONPOLICYBINDINGS,
    }
)  # fmt: skip
"""Kinds that are never asked about: a mistake in one could not be put right."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, admitted by the registry. `old` is None for CREATE, `new` for DELETE."""

    caller: Caller
    row: Row  # the stored one
    operation: str
    namespace: str
    name: str
    new: Object | None
    old: Object | None
    subresource: str = ""
    dry_run: bool = False

    def in_version(self, row: Row) -> Asked:
        """The same request as another version of the kind says it."""
        new, old = (None if obj is None else row.show(obj) for obj in (self.new, self.old))
        return replace(self, row=row, new=new, old=old)

    def document(self, uid: str) -> Object:
        """The `AdmissionRequest`."""
        resource = self.row.resource
        kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        where = {"group": resource.group, "version": resource.version, "resource": resource.plural}
        user: Object = {"username": self.caller.user, "groups": self.caller.group_list}
        if self.caller.uid:
            user["uid"] = self.caller.uid
        if self.caller.extra:
            user["extra"] = {key: list(values) for key, values in self.caller.extra}
        document: Object = {
            "uid": uid, "kind": kind, "resource": where, "requestKind": kind, "requestResource": where,
            "name": self.name, "operation": self.operation, "userInfo": user, "object": self.new,
            "oldObject": self.old, "dryRun": self.dry_run, "options": None,
        }  # fmt: skip
        if resource.namespaced:
            document["namespace"] = self.namespace
        if self.subresource:
            document |= {"subResource": self.subresource, "requestSubResource": self.subresource}
        return document


def matches(holder: Object, rules: Iterable[Object], asked: Asked, lookup: Lookup) -> Asked | None:
    """The request in the version that a rule names; None when the rules or selectors leave it out."""
    views = [asked.row] if holder.get("matchPolicy") == "Exact" else [asked.row, *asked.row.views()]
    listed = list(rules)
    row = next((view for view in views if any(_rule_names(rule, view, asked) for rule in listed)), None)
    if row is None or not _in_namespaces(holder.get("namespaceSelector") or {}, asked, lookup):
        return None
    wanted = selectors.from_label_selector(holder.get("objectSelector") or {})
    if not any(wanted.matches(meta.labels(obj)) for obj in (asked.new, asked.old) if obj is not None):
        return None
    return asked if row is asked.row else asked.in_version(row)


def _rule_names(rule: Object, row: Row, asked: Asked) -> bool:
    resource = row.resource
    if rule.get("scope", "*") not in {"*", "Namespaced" if resource.namespaced else "Cluster"}:
        return False
    names = rule.get("resourceNames") or ()
    return (
        _one_of(rule.get("operations"), asked.operation)
        and _one_of(rule.get("apiGroups"), resource.group)
        and _one_of(rule.get("apiVersions"), resource.version)
        and any(_is(str(text), resource.plural, asked.subresource) for text in rule.get("resources") or ())
        and (not names or asked.name in names)
    )


def _one_of(allowed: Iterable[str] | None, value: str) -> bool:
    return any(item in {"*", value} for item in allowed or ())


def _is(text: str, plural: str, subresource: str) -> bool:
    name, slash, part = text.partition("/")
    if name not in {"*", plural}:
        return False
    return part in {"*", subresource} if slash else not subresource


def _in_namespaces(selector: Object, asked: Asked, lookup: Lookup) -> bool:
    wanted = selectors.from_label_selector(selector)
    if wanted.is_empty:
        return True
    if asked.row.resource == kinds.NAMESPACES:
        space = asked.new if asked.new is not None else asked.old
    elif asked.row.resource.namespaced:
        space = lookup.get(kinds.NAMESPACES, Key("", asked.namespace))
    else:
        return True
    return space is not None and wanted.matches(meta.labels(space))


def facts(asked: Asked, lookup: Lookup) -> dict[str, Any]:
    """What expressions may speak of."""
    space = lookup.get(kinds.NAMESPACES, Key("", asked.namespace)) if asked.row.resource.namespaced else None
    return {
        "object": expressions.shown(asked.new),
        "oldObject": expressions.shown(asked.old),
        "request": asked.document(""),
        "namespaceObject": space,
        "authorizer": None,
    }


def meets(conditions: Iterable[Object], data: Mapping[str, Any], names: tuple[str, ...] = ()) -> bool:
    """Whether all conditions hold. One that is false decides before one that fails; raises EvaluationError."""
    failed: expressions.EvaluationError | None = None
    for condition in conditions:
        try:
            if expressions.evaluate(str(condition["expression"]), data, names) is not True:
                return False
        except expressions.EvaluationError as error:
            failed = failed or error
    if failed is not None:
        raise failed
    return True
