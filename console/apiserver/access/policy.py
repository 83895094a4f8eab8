"""All roles and bindings, and what they give to a subject.

`change` takes over every write of the store in the turn in which it becomes readable, so that whoever was answered
that a binding exists can use it, and one that is gone gives nothing any more. What a subject may do is gathered when it
first asks and forgotten with the next change of any role or binding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from common.api import meta
from common.api.kinds import CLUSTERROLEBINDINGS, CLUSTERROLES, RBAC, ROLEBINDINGS, ROLES, Resource
from common.api.meta import Key, Object

from .attributes import Attributes, Decision
from .rules import Rule, to_rules

RESOURCES = (ROLES, ROLEBINDINGS, CLUSTERROLES, CLUSTERROLEBINDINGS)
_KEPT = 4096  # subjects in namespaces, or decisions about one of them, before memory is worth more than time


@dataclass(frozen=True, slots=True)
class Grant:
    """A rule, the words that say where it comes from, and the rule as its role has it."""

    rule: Rule
    source: str
    raw: Object


@dataclass(slots=True)
class Grants:
    """Everything that a subject has in a namespace (empty: at the cluster scope), and what was wrong on the way."""

    grants: list[Grant]
    errors: list[str]
    decisions: dict[Attributes, Decision] = field(default_factory=dict)

    def decide(self, asked: Attributes) -> Decision:
        found = self.decisions.get(asked)
        if found is None:
            if len(self.decisions) >= _KEPT:
                self.decisions.clear()
            found = self.decisions[asked] = self._decide(asked)
        return found

    def _decide(self, asked: Attributes) -> Decision:
        for grant in self.grants:
            if grant.rule.allows(asked):
                return Decision(True, f"RBAC: allowed by {grant.source}")
        if not self.errors:
            return Decision(False)
        text = self.errors[0] if len(self.errors) == 1 else f"[{', '.join(self.errors)}]"
        return Decision(False, f"RBAC: {text}")


class Policy:
    def __init__(self) -> None:
        self._roles: dict[tuple[str, Key], tuple[tuple[Rule, ...], Object]] = {}
        self._bindings: dict[str, dict[str, Object]] = {}  # by namespace (empty for cluster-wide ones), by name
        self._known: dict[tuple[str, frozenset[str], str], Grants] = {}

    def change(self, resource: Resource, old: Object | None, new: Object | None) -> None:
        """A role or binding was added (no old), changed or removed (no new)."""
        self._known.clear()
        for obj in (old, new):
            if obj is None:
                continue
            present = obj is new
            if resource in {ROLES, CLUSTERROLES}:
                place = (resource.kind, meta.key(obj))
                self._roles.pop(place, None)
                if present:
                    self._roles[place] = (to_rules(obj), obj)
            else:
                found = self._bindings.setdefault(meta.namespace(obj), {})
                found.pop(meta.name(obj), None)
                if present:
                    found[meta.name(obj)] = obj

    def grants(self, user: str, groups: frozenset[str], namespace: str) -> Grants:
        key = (user, groups, namespace)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            known = self._known[key] = self._gather(user, groups, namespace)
        return known

    def role_rules(self, reference: Object, namespace: str) -> tuple[Rule, ...] | None:
        """The rules of the role that a binding names; None when there is no such role."""
        found = self._roles.get(_place(reference, namespace))
        return None if found is None else found[0]

    def _gather(self, user: str, groups: frozenset[str], namespace: str) -> Grants:
        gathered = Grants([], [])
        for place in dict.fromkeys(("", namespace)):
            for name, binding in sorted(self._bindings.get(place, {}).items()):
                subject = _applies(binding, user, groups, place)
                if subject is not None:
                    self._add(gathered, name, binding, subject, place)
        return gathered

    def _add(self, gathered: Grants, name: str, binding: Object, subject: Object, namespace: str) -> None:
        reference = binding.get("roleRef") or {}
        kind, role = str(reference.get("kind")), str(reference.get("name"))
        found = self._roles.get(_place(reference, namespace))
        if found is None:
            error = f'{kind.lower()}.{RBAC} "{role}" not found'
            if error not in gathered.errors:
                gathered.errors.append(error)
            return
        which = f'RoleBinding "{name}/{namespace}"' if namespace else f'ClusterRoleBinding "{name}"'
        source = f'{which} of {kind} "{role}" to {_subject_text(subject, namespace)}'
        raws = found[1].get("rules") or ()
        gathered.grants += [Grant(rule, source, raw) for rule, raw in zip(found[0], raws, strict=True)]


def _place(reference: Object, namespace: str) -> tuple[str, Key]:
    kind = str(reference.get("kind"))
    return kind, Key(namespace if kind == ROLES.kind else "", str(reference.get("name")))


def _applies(binding: Object, user: str, groups: frozenset[str], namespace: str) -> Object | None:
    """The first subject of the binding that is this user."""
    subjects: Iterable[Object] = binding.get("subjects") or ()
    return next((subject for subject in subjects if _is(subject, user, groups, namespace)), None)


def _is(subject: Object, user: str, groups: frozenset[str], namespace: str) -> bool:
    name = subject.get("name")
    match subject.get("kind"):
        case "User":
            return name == user
        case "Group":
            return name in groups
        case "ServiceAccount":
            place = subject.get("namespace") or namespace
            return bool(place) and user == f"system:serviceaccount:{place}:{name}"
    return False


def _subject_text(subject: Object, namespace: str) -> str:
    name = str(subject.get("name"))
    if subject.get("kind") == "ServiceAccount":
        name = f"{name}/{subject.get('namespace') or namespace}"
    return f'{subject.get("kind")} "{name}"'


def rules_of(grants: Grants) -> Iterator[Rule]:
    for grant in grants.grants:
        yield grant.rule
