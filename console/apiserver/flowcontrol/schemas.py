"""FlowSchemas, compiled: which of them a request matches. Pure.

What the schemas have for a caller at all is found once for each caller; of most callers the first that has anything
matches whatever they ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from common.api import meta
from common.api.meta import Object
from console.apiserver.access.attributes import Attributes
from console.apiserver.caller import Caller

BY_USER, BY_NAMESPACE = "ByUser", "ByNamespace"
_ALL = "*"
_ACCOUNT = "system:serviceaccount:"
_SCOPES = ("verbs", "apiGroups", "resources", "namespaces")


@dataclass(frozen=True, slots=True)
class Schema:
    """`method` tells flows apart: ByUser, ByNamespace, or nothing. `level` is the name of its priority level."""

    name: str
    uid: str
    level: str
    precedence: int
    method: str
    rules: tuple[Object, ...]

    @classmethod
    def of(cls, obj: Object) -> Schema:
        spec = obj.get("spec") or {}
        return cls(
            meta.name(obj), meta.uid(obj), str((spec.get("priorityLevelConfiguration") or {}).get("name")),
            int(spec.get("matchingPrecedence") or 0), str((spec.get("distinguisherMethod") or {}).get("type") or ""),
            tuple(spec.get("rules") or ()),
        )  # fmt: skip

    @property
    def order(self) -> tuple[int, str]:
        return self.precedence, self.name

    def distinguisher(self, caller: Caller, namespace: str) -> str:
        """What a request's flow is told by from others of the schema."""
        return {BY_USER: caller.user, BY_NAMESPACE: namespace}.get(self.method, "")


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one schema has for a caller's requests for resources, or for paths. `is_whole`: all of them match."""

    schema: Schema
    rules: tuple[Object, ...]
    is_whole: bool

    def matches(self, asked: Attributes) -> bool:
        test: Callable[[Object, Attributes], bool] = _path_matches if asked.path else _resource_matches
        return self.is_whole or any(test(rule, asked) for rule in self.rules)


def candidates(schemas: Iterable[Schema], caller: Caller, *, resources: bool) -> tuple[Candidate, ...]:
    """What the schemas have for a caller, in the order of their precedence; none behind one that matches all."""
    part, is_whole = ("resourceRules", _all_resources) if resources else ("nonResourceRules", _all_paths)
    found = []
    for schema in sorted(schemas, key=lambda schema: schema.order):
        own = [rule for rule in schema.rules if any(_is(item, caller) for item in rule.get("subjects") or ())]
        rules = tuple(item for rule in own for item in rule.get(part) or ())
        if rules:
            found.append(Candidate(schema, rules, any(map(is_whole, rules))))
            if found[-1].is_whole:
                break
    return tuple(found)


def _is(subject: Object, caller: Caller) -> bool:
    match subject.get("kind"):
        case "User":
            return (subject.get("user") or {}).get("name") in {_ALL, caller.user}
        case "Group":
            name = (subject.get("group") or {}).get("name")
            return name in caller.groups or (name == _ALL and bool(caller.groups))
        case "ServiceAccount":
            account = subject.get("serviceAccount") or {}
            name, prefix = account.get("name"), f"{_ACCOUNT}{account.get('namespace')}:"
            return caller.user.startswith(prefix) if name == _ALL else caller.user == f"{prefix}{name}"
    return False


def _all_resources(rule: Object) -> bool:
    return bool(rule.get("clusterScope")) and all(_ALL in (rule.get(field) or ()) for field in _SCOPES)


def _all_paths(rule: Object) -> bool:
    return _ALL in (rule.get("verbs") or ()) and _ALL in (rule.get("nonResourceURLs") or ())


def _resource_matches(rule: Object, asked: Attributes) -> bool:
    if not _names(rule.get("verbs"), asked.verb) or not _names(rule.get("apiGroups"), asked.group):
        return False
    if not _names(rule.get("resources"), asked.full_resource):
        return False
    if not asked.namespace:
        return bool(rule.get("clusterScope"))
    return _names(rule.get("namespaces"), asked.namespace)


def _path_matches(rule: Object, asked: Attributes) -> bool:
    if not _names(rule.get("verbs"), asked.verb):
        return False
    urls = rule.get("nonResourceURLs") or ()
    return any(asked.path.startswith(url[:-1]) if url.endswith(_ALL) else asked.path == url for url in urls)


def _names(allowed: Iterable[str] | None, value: str) -> bool:
    return any(item in {_ALL, value} for item in allowed or ())
