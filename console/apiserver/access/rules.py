"""Policy rules: what one allows, and whether some rules cover others.

Pure. A rule is taken from its JSON once and then only compared, as every request of everybody who is no administrator
goes through some dozens of them.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from common.api.meta import Object

from .attributes import Attributes

ALL = "*"
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rule:
    verbs: frozenset[str]
    groups: frozenset[str] = _NONE
    resources: frozenset[str] = _NONE
    names: frozenset[str] = _NONE
    urls: frozenset[str] = _NONE

    @classmethod
    def of(cls, rule: Object) -> Rule:
        return cls(
            frozenset(rule.get("verbs") or ()),
            frozenset(rule.get("apiGroups") or ()),
            frozenset(rule.get("resources") or ()),
            frozenset(rule.get("resourceNames") or ()),
            frozenset(rule.get("nonResourceURLs") or ()),
        )

    def allows(self, asked: Attributes) -> bool:
        if asked.verb not in self.verbs and ALL not in self.verbs:
            return False
        if asked.path:
            return _url_matches(self.urls, asked.path)
        if asked.group not in self.groups and ALL not in self.groups:
            return False
        if self.names and asked.name not in self.names:
            return False
        return _resource_matches(self.resources, asked.full_resource, asked.subresource)

    def covers(self, other: Rule) -> bool:
        """Whether whoever has this rule has all that the other one gives. `other` is one of `atoms`."""
        if not (ALL in self.verbs or other.verbs <= self.verbs):
            return False
        if other.urls:
            return all(_url_covers(self.urls, url) for url in other.urls)
        if not (ALL in self.groups or other.groups <= self.groups):
            return False
        if self.names and not (other.names and other.names <= self.names):
            return False
        return all(_resource_matches(self.resources, name, name.partition("/")[2]) for name in other.resources)


def _resource_matches(allowed: frozenset[str], resource: str, subresource: str) -> bool:
    if ALL in allowed or resource in allowed:
        return True
    return bool(subresource) and f"{ALL}/{subresource}" in allowed


def _url_matches(allowed: frozenset[str], path: str) -> bool:
    if path in allowed:
        return True
    return any(url.endswith(ALL) and path.startswith(url.rstrip(ALL)) for url in allowed)


def _url_covers(allowed: frozenset[str], url: str) -> bool:
    if url in allowed or ALL in allowed:
        return True
    return any(own.endswith(ALL) and url.startswith(own.rstrip(ALL)) for own in allowed)


def atoms(rule: Rule) -> Iterator[Rule]:
    """The rule as the rules of one verb on one thing that it is made of."""
    for url, verb in itertools.product(sorted(rule.urls), sorted(rule.verbs)):
        yield Rule(frozenset({verb}), urls=frozenset({url}))
    for group, resource, verb in itertools.product(sorted(rule.groups), sorted(rule.resources), sorted(rule.verbs)):
        one = Rule(frozenset({verb}), frozenset({group}), frozenset({resource}))
        if not rule.names:
            yield one
        for name in sorted(rule.names):
            yield Rule(one.verbs, one.groups, one.resources, frozenset({name}))


def not_covered(owned: Sequence[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """What of the wanted rules no owned rule gives, one verb on one thing each."""
    return [atom for rule in wanted for atom in atoms(rule) if not any(own.covers(atom) for own in owned)]


def describe(rules: Iterable[Rule]) -> list[str]:
    """Rules as Kubernetes' messages write them, those of one thing together, sorted."""
    gathered: dict[Rule, set[str]] = {}
    for rule in rules:
        thing = Rule(_NONE, rule.groups, rule.resources, rule.names, rule.urls)
        gathered.setdefault(thing, set()).update(rule.verbs)
    return sorted(_text(thing, verbs) for thing, verbs in gathered.items())


def _text(rule: Rule, verbs: Iterable[str]) -> str:
    parts: list[tuple[str, Iterable[str]]] = [
        ("APIGroups", rule.groups), ("Resources", rule.resources), ("NonResourceURLs", rule.urls),
        ("ResourceNames", rule.names), ("Verbs", verbs),
    ]  # fmt: skip
    return "{" + ", ".join(f"{title}:{quoted(values)}" for title, values in parts if values) + "}"


def quoted(values: Iterable[str]) -> str:
    """A list as Go prints it: `["get" "list"]`."""
    return "[" + " ".join(json.dumps(value, ensure_ascii=False) for value in sorted(values)) + "]"


def to_rules(role: Object | None) -> tuple[Rule, ...]:
    found: Any = (role or {}).get("rules") or ()
    return tuple(Rule.of(rule) for rule in found)
