"""Which requests a webhook or an admission policy is about: rules, selectors, conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from common.api import kinds, meta, selectors
from common.api.kinds import Resource
from common.api.meta import Key, Object
from console.apiserver.access.attributes import Attributes, Decision
from console.apiserver.caller import Caller
from console.apiserver.conversion import Conversions
from console.apiserver.proxying.services import Services
from console.registry.catalog import Registry
from console.registry.custom import celauthorizer, expressions
from console.registry.custom.expressions import EvaluationError
from console.registry.discovery import subresource_kind
from console.registry.row import Lookup, Row

EXEMPT = frozenset(
    {
        kinds.VALIDATINGWEBHOOKCONFIGURATIONS, kinds.MUTATINGWEBHOOKCONFIGURATIONS, kinds.VALIDATINGADMISSIONPOLICIES,
        kinds.VALIDATINGADMISSIONPOLICYBINDINGS, kinds.MUTATINGADMISSIONPOLICIES, kinds.MUTATINGADMISSIONPOLICYBINDINGS,
    }
)  # fmt: skip
"""Kinds that are never asked about: a mistake in one could not be put right."""
_WHOLE = frozenset({"", "status"})
"""Subresources that take the whole object, which has other versions."""
_OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


class Everything(Lookup, Protocol):
    """Reading the objects of a cluster."""

    def has_any(self, resource: Resource) -> bool:
        """Whether there are objects of a kind, for less than it takes to look at them."""
        ...


@dataclass(frozen=True, slots=True)
class Scope:
    """What whoever has a say may know and reach."""

    lookup: Everything
    registry: Registry
    services: Services
    conversions: Conversions
    decide: Callable[[Caller, Attributes], Decision]

    def versions(self, row: Row) -> list[Row]:
        """The rows of the same kind in the other versions that are served."""
        resource = row.resource
        if row.custom is None:
            return [other for other in (row.stored, *row.stored.views()) if other.resource != resource]
        return [
            other
            for other in self.registry.rows()
            if (other.resource.group, other.resource.plural) == (resource.group, resource.plural) and other is not row
        ]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, admitted by the registry. `old` is None for CREATE and CONNECT, `new` for DELETE.

    Through a subresource `new` and `old` are what that takes (`Scale`, `Binding`, `PodExecOptions` …).
    `options` are those of the write as it was asked for, but for the dry run. `requested` is the row of the version
    that was asked for, when a rule names another one.
    """

    caller: Caller
    row: Row
    operation: str
    namespace: str
    name: str
    new: Object | None
    old: Object | None
    subresource: str = ""
    dry_run: bool = False
    options: Object = field(default_factory=dict)
    requested: Row | None = None

    async def in_version(self, row: Row, conversions: Conversions) -> Asked:
        """The same request as another version of the kind says it."""
        if row is self.row:
            return self
        new, old = [
            None if obj is None else await conversions.shown(row, self.row.keep(obj)) for obj in (self.new, self.old)
        ]
        return replace(self, row=row, new=new, old=old, requested=self.requested or self.row)

    def note(self, key: str, value: str) -> None:
        """Say something about the request for audits; what was said first counts."""
        if self.caller.trail is not None:
            self.caller.trail.annotations.setdefault(key, value)

    def document(self, uid: str) -> Object:
        """The `AdmissionRequest`."""
        asked = self.requested or self.row
        user: Object = {"username": self.caller.user, "groups": list(self.caller.group_list)}
        if self.caller.uid:
            user["uid"] = self.caller.uid
        if self.caller.extra:
            user["extra"] = {key: list(values) for key, values in self.caller.extra}
        document: Object = {
            "uid": uid, "kind": self._kind_of(self.row), "resource": _resource_of(self.row),
            "requestKind": self._kind_of(asked), "requestResource": _resource_of(asked),
            "name": self.name, "operation": self.operation, "userInfo": user, "object": self.new,
            "oldObject": self.old, "dryRun": self.dry_run, "options": self._options(),
        }  # fmt: skip
        if self.row.resource.namespaced:
            document["namespace"] = self.namespace
        if self.subresource:
            document |= {"subResource": self.subresource, "requestSubResource": self.subresource}
        return document

    def _kind_of(self, row: Row) -> Object:
        group, version, kind = subresource_kind(row, self.subresource)
        return {"group": group, "version": version, "kind": kind}

    def _options(self) -> Object | None:
        kind = _OPTIONS.get(self.operation)
        if kind is None:
            return None
        chosen: Object = {"dryRun": ["All"]} if self.dry_run else {}
        return {"kind": kind, "apiVersion": "meta.k8s.io/v1", **chosen, **self.options}


def _resource_of(row: Row) -> Object:
    resource = row.resource
    return {"group": resource.group, "version": resource.version, "resource": resource.plural}


def matches(holder: Object, rules: Iterable[Object], asked: Asked, scope: Scope) -> Row | None:
    """The row of the version that a rule names; None when the rules or selectors leave the request out."""
    views = [asked.row]
    if holder.get("matchPolicy") != "Exact" and asked.subresource in _WHOLE:
        views += scope.versions(asked.row)
    listed = list(rules)
    row = next((view for view in views if any(_rule_names(rule, view, asked) for rule in listed)), None)
    if row is None or not _in_namespaces(holder.get("namespaceSelector") or {}, asked, scope.lookup):
        return None
    wanted = selectors.from_label_selector(holder.get("objectSelector") or {})
    if not any(wanted.matches(meta.labels(obj)) for obj in (asked.new, asked.old) if obj is not None):
        return None
    return row


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
    if asked.row.resource == kinds.NAMESPACES and not asked.subresource:
        space = asked.new if asked.new is not None else asked.old
    elif asked.row.resource.namespaced:
        space = lookup.get(kinds.NAMESPACES, Key("", asked.namespace))
    else:
        return True
    return space is not None and wanted.matches(meta.labels(space))


class Facts:
    """What expressions may speak of in one request, and who answers what they ask the authorizer."""

    def __init__(self, asked: Asked, scope: Scope) -> None:
        space = scope.lookup.get(kinds.NAMESPACES, Key("", asked.namespace)) if asked.row.resource.namespaced else None
        self._asked = asked
        self._scope = scope
        resource = asked.row.resource
        about = {
            "group": resource.group, "resource": resource.plural, "subresource": asked.subresource,
            "namespace": asked.namespace, "name": asked.name,
        }  # fmt: skip
        self._data: dict[str, Any] = {
            "object": expressions.shown(asked.new),
            "oldObject": expressions.shown(asked.old),
            "request": asked.document(""),
            "namespaceObject": space,
            "authorizer": celauthorizer.start(),
            celauthorizer.REQUEST_RESOURCE: celauthorizer.start(**about),
        }

    def evaluate(self, text: str, names: tuple[str, ...] = (), **more: Any) -> Any:
        """The value of an expression; `names` are what it may name besides. Raises EvaluationError."""
        with celauthorizer.answering(self._decide):
            return expressions.evaluate(text, {**self._data, **more}, names)

    def meets(self, conditions: Iterable[Object], names: tuple[str, ...] = (), **more: Any) -> bool:
        """Whether all conditions hold. One that is false decides before one that fails; raises EvaluationError."""
        failed: EvaluationError | None = None
        for condition in conditions:
            text = str(condition["expression"])
            try:
                if self.evaluate(text, names, **more) is not True:
                    return False
            except EvaluationError as error:
                failed = failed or EvaluationError(f"expression '{text}' resulted in error: {error}")
        if failed is not None:
            raise failed
        return True

    def _decide(self, question: Mapping[str, str]) -> tuple[bool, str]:
        caller = self._asked.caller
        if question.get("account"):
            space, _, name = question["account"].partition(":")
            groups = {"system:serviceaccounts", f"system:serviceaccounts:{space}", "system:authenticated"}
            caller = Caller(f"system:serviceaccount:{space}:{name}", frozenset(groups))
        asked = {key: value for key, value in question.items() if key != "account"}
        decision = self._scope.decide(caller, Attributes(**asked))
        return decision.allowed, decision.reason
