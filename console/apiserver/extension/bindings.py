"""Policies in CEL and what binds them, validating and mutating ones alike: which are about a request, and which params
they get."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from common.api import kinds, meta, selectors
from common.api.meta import Key, Object
from console.registry.custom import expressions
from console.registry.custom.expressions import EvaluationError
from console.registry.row import Row

from .matching import Asked, Facts, Scope, matches

VALIDATING = (kinds.VALIDATINGADMISSIONPOLICIES, kinds.VALIDATINGADMISSIONPOLICYBINDINGS)
MUTATING = (kinds.MUTATINGADMISSIONPOLICIES, kinds.MUTATINGADMISSIONPOLICYBINDINGS)
NAMES = (*expressions.PARAMS, expressions.VARIABLES)
_EVERYTHING = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*", "*/*"]}


@dataclass(frozen=True, slots=True)
class Bound:
    """A policy that is about a request through a binding, for one object of its params (None: it has none)."""

    policy: Object
    binding: Object
    asked: Asked  # in the version that the policy names
    facts: Facts
    params: Object | None

    @property
    def title(self) -> str:
        return f"'{meta.name(self.policy)}' with binding '{meta.name(self.binding)}'"

    @property
    def ignores(self) -> bool:
        return str(self.policy["spec"].get("failurePolicy")) == "Ignore"

    def is_met(self) -> bool:
        """Whether the policy's matchConditions hold. Raises EvaluationError."""
        conditions = self.policy["spec"].get("matchConditions") or ()
        return self.facts.meets(conditions, expressions.PARAMS, params=self.params)

    def known(self) -> dict[str, Any]:
        """What the policy's expressions may name besides the request: its params and variables. A variable without a
        value is not there: whoever needs it fails for its absence."""
        found: dict[str, Any] = {}
        for variable in self.policy["spec"].get("variables") or ():
            try:
                found[variable["name"]] = self.facts.evaluate(
                    variable["expression"], NAMES, params=self.params, variables=found
                )
            except EvaluationError:
                continue
        return {"params": self.params, "variables": found}


class Unbound(Exception):
    """A binding cannot be followed; the message says why. `policy` and `binding` are the objects."""

    def __init__(self, policy: Object, binding: Object, why: str) -> None:
        super().__init__(why)
        self.policy = policy
        self.binding = binding


def is_bound(policies: kinds.Resource, bindings: kinds.Resource, asked: Asked, scope: Scope) -> bool:
    """Whether any policy of these kinds is about a request, whatever its conditions say."""
    return next(_found(policies, bindings, asked, scope), None) is not None


def _found(
    policies: kinds.Resource, bindings: kinds.Resource, asked: Asked, scope: Scope
) -> Iterator[tuple[Object, Object, Row]]:
    """Policy, binding and the row of the version that the policy names."""
    for binding in sorted(scope.lookup.items(bindings), key=meta.name):
        policy = scope.lookup.get(policies, Key("", str((binding.get("spec") or {}).get("policyName"))))
        row = None if policy is None else _matched(policy, binding, asked, scope)
        if policy is not None and row is not None:
            yield policy, binding, row


async def bound(
    policies: kinds.Resource, bindings: kinds.Resource, asked: Asked, scope: Scope
) -> AsyncIterator[Bound | Unbound]:
    """What of these kinds is about a request, in the order of the bindings' names."""
    known: dict[kinds.Resource, tuple[Asked, Facts]] = {}  # what policies speak of is made once for all of them
    for policy, binding, row in _found(policies, bindings, asked, scope):
        if row.resource not in known:
            seen = await asked.in_version(row, scope.conversions)
            known[row.resource] = (seen, Facts(seen, scope))
        seen, facts = known[row.resource]
        try:
            for params in await _params(policy["spec"], binding["spec"].get("paramRef"), seen, scope):
                yield Bound(policy, binding, seen, facts, params)
        except EvaluationError as error:
            if policy["spec"].get("failurePolicy") != "Ignore":
                yield Unbound(policy, binding, f"failed to configure binding: {error}")


def _matched(policy: Object, binding: Object, asked: Asked, scope: Scope) -> Row | None:
    found = _select(policy["spec"].get("matchConstraints") or {}, asked, scope)
    narrower = binding["spec"].get("matchResources")
    if found is None or narrower is None:
        return found
    if not narrower.get("resourceRules"):
        narrower = {**narrower, "resourceRules": [_EVERYTHING]}
    return found if _select(narrower, asked, scope) is not None else None


def _select(constraints: Object, asked: Asked, scope: Scope) -> Row | None:
    excluded = constraints.get("excludeResourceRules") or ()
    if excluded and matches(constraints, excluded, asked, scope) is not None:
        return None
    return matches(constraints, constraints.get("resourceRules") or (), asked, scope)


async def _params(spec: Object, reference: Object | None, asked: Asked, scope: Scope) -> list[Object | None]:
    kind = spec.get("paramKind")
    if kind is None or reference is None:
        return [None]
    group, _, version = str(kind.get("apiVersion", "")).rpartition("/")
    row = scope.registry.by_kind(group, version, str(kind.get("kind")))
    if row is None:
        raise EvaluationError(
            f"failed to find resource referenced by paramKind: '{kind.get('apiVersion')}, Kind={kind.get('kind')}'"
        )
    found = _referenced(reference, row, _space_of(reference, row, asked), scope)
    if not found and reference.get("parameterNotFoundAction") != "Allow":
        raise EvaluationError("no params found for policy binding with `Deny` parameterNotFoundAction")
    return [await scope.conversions.shown(row, obj) for obj in found]


def _space_of(reference: Object, row: Row, asked: Asked) -> str:
    """The namespace that params are looked for in."""
    if not row.resource.namespaced:
        if reference.get("namespace"):
            raise EvaluationError("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        return ""
    space = str(reference.get("namespace") or asked.namespace)
    if not space:
        raise EvaluationError("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
    return space


def _referenced(reference: Object, row: Row, space: str, scope: Scope) -> list[Object]:
    if reference.get("name"):
        one = scope.lookup.get(row.stored.resource, Key(space, str(reference["name"])))
        return [] if one is None else [one]
    wanted = selectors.from_label_selector(reference.get("selector") or {})
    items = scope.lookup.items(row.stored.resource)
    return [obj for obj in items if meta.namespace(obj) == space and wanted.matches(meta.labels(obj))]
