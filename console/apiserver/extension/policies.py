"""ValidatingAdmissionPolicies at work: what bound policies have against a request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from common import errors
from common.api import kinds, meta, selectors
from common.api.meta import Key, Object
from common.errors import ApiError, Cause
from console.registry.catalog import Registry
from console.registry.custom import expressions
from console.registry.custom.expressions import EvaluationError
from console.registry.row import Lookup

from .matching import Asked, facts, matches, meets

_NAMES = (*expressions.PARAMS, expressions.VARIABLES)
_ERRORS: dict[str, type[ApiError]] = {
    "Forbidden": errors.Forbidden,
    "Unauthorized": errors.Unauthorized,
    "RequestEntityTooLarge": errors.RequestEntityTooLarge,
    "Invalid": errors.Invalid,
}


class Policies:
    def __init__(self, lookup: Lookup, registry: Registry) -> None:
        self._lookup = lookup
        self._registry = registry

    def check(self, asked: Asked, warnings: list[str]) -> None:
        """Raises what a policy refuses the request with; warnings of policies are added to `warnings`."""
        bindings = sorted(self._lookup.items(kinds.VALIDATINGADMISSIONPOLICYBINDINGS), key=meta.name)
        for binding in bindings:
            policy = self._lookup.get(
                kinds.VALIDATINGADMISSIONPOLICIES, Key("", str((binding.get("spec") or {}).get("policyName")))
            )
            if policy is None:
                continue
            wanted = self._matched(policy, binding, asked)
            if wanted is not None:
                self._check_bound(policy, binding, wanted, warnings)

    def _matched(self, policy: Object, binding: Object, asked: Asked) -> Asked | None:
        constraints = policy["spec"].get("matchConstraints") or {}
        found = self._select(constraints, asked)
        narrower = binding["spec"].get("matchResources")
        if found is None or narrower is None:
            return found
        rules = narrower.get("resourceRules")
        if not rules:
            everything = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*", "*/*"]}
            narrower = {**narrower, "resourceRules": [everything]}
        return found if self._select(narrower, asked) is not None else None

    def _select(self, constraints: Object, asked: Asked) -> Asked | None:
        excluded = constraints.get("excludeResourceRules") or ()
        if excluded and matches(constraints, excluded, asked, self._lookup) is not None:
            return None
        return matches(constraints, constraints.get("resourceRules") or (), asked, self._lookup)

    def _check_bound(self, policy: Object, binding: Object, asked: Asked, warnings: list[str]) -> None:
        for message, reason in self._failures(policy, binding, asked):
            text = (
                f"ValidatingAdmissionPolicy '{meta.name(policy)}' with binding '{meta.name(binding)}' denied request: "
                f"{message}"
            )
            actions = binding["spec"].get("validationActions") or ()
            if "Deny" in actions:
                raise _refusal(asked, text, message, reason)
            if "Warn" in actions:
                said = f"Validation failed for ValidatingAdmissionPolicy '{meta.name(policy)}' with binding "
                warnings.append(f"{said}'{meta.name(binding)}': {message}")

    def _failures(self, policy: Object, binding: Object, asked: Asked) -> Iterator[tuple[str, str]]:
        """Message and reason of each validation that fails; errors fail as the policy's failurePolicy says."""
        spec = policy["spec"]
        ignores = spec.get("failurePolicy") == "Ignore"
        data = facts(asked, self._lookup)
        try:
            all_params = self._params(spec, binding["spec"].get("paramRef"), asked)
        except EvaluationError as error:
            if not ignores:
                yield f"failed to configure binding: {error}", "Invalid"
            return
        for params in all_params:
            bound = {**data, "params": params}
            try:
                if not meets(spec.get("matchConditions") or (), bound, expressions.PARAMS):
                    continue
            except EvaluationError as error:
                if not ignores:
                    yield str(error), "Invalid"
                continue
            bound["variables"] = _variables(spec, bound)
            for validation in spec.get("validations") or ():
                failure = _judge(validation, bound, ignores=ignores)
                if failure is not None:
                    yield failure

    def _params(self, spec: Object, reference: Object | None, asked: Asked) -> list[Object | None]:
        kind = spec.get("paramKind")
        if kind is None or reference is None:
            return [None]
        group, _, version = str(kind.get("apiVersion", "")).rpartition("/")
        row = self._registry.by_kind(group, version, str(kind.get("kind")))
        if row is None:
            raise EvaluationError(f"failed to find resource referenced by paramKind: '{kind.get('apiVersion')}'")
        space = (reference.get("namespace") or asked.namespace) if row.resource.namespaced else ""
        found: list[Object | None] = []
        if reference.get("name"):
            one = self._lookup.get(row.stored.resource, Key(space, str(reference["name"])))
            found = [] if one is None else [row.show(one)]
        else:
            wanted = selectors.from_label_selector(reference.get("selector") or {})
            items = self._lookup.items(row.stored.resource)
            found = [row.show(obj) for obj in items
                     if meta.namespace(obj) == space and wanted.matches(meta.labels(obj))]  # fmt: skip
        if not found and reference.get("parameterNotFoundAction") != "Allow":
            raise EvaluationError("no params found for policy binding with `Deny` parameterNotFoundAction")
        return found


def _variables(spec: Object, data: dict[str, Any]) -> dict[str, Any]:
    """Those that have a value: whoever needs another one fails for its absence."""
    found: dict[str, Any] = {}
    for variable in spec.get("variables") or ():
        try:
            found[variable["name"]] = expressions.evaluate(variable["expression"], {**data, "variables": found}, _NAMES)
        except EvaluationError:
            continue
    return found


def _judge(validation: Object, data: dict[str, Any], *, ignores: bool) -> tuple[str, str] | None:
    text = str(validation["expression"])
    reason = str(validation.get("reason") or "Invalid")
    try:
        if expressions.evaluate(text, data, _NAMES) is True:
            return None
    except EvaluationError as error:
        return None if ignores else (f"expression '{text}' resulted in error: {error}", "Invalid")
    return _message(validation, data) or f"failed expression: {text.strip()}", reason


def _message(validation: Object, data: dict[str, Any]) -> str:
    if validation.get("messageExpression"):
        try:
            said = expressions.evaluate(str(validation["messageExpression"]), data, _NAMES)
        except EvaluationError:
            said = ""
        if isinstance(said, str) and said.strip() and "\n" not in said:
            return said.strip()
    return str(validation.get("message") or "").strip()


def _refusal(asked: Asked, text: str, message: str, reason: str) -> ApiError:
    resource = asked.row.resource
    details = {"name": asked.name, "group": resource.group, "kind": resource.plural}
    refused = f'{resource.group_resource} "{asked.name}" is forbidden: {text}'
    return _ERRORS.get(reason, errors.Invalid)(refused, details=details, causes=(Cause("", message, ""),))
