"""Who else has a say in what is admitted: webhooks and policies in CEL, as objects. `apiserver/extension` asks them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from common.api import kinds
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, NONE, at
from console.registry.custom import expressions, webhookclients
from console.registry.row import ALL_METADATA, Column, Context, Row
from console.registry.scale import selector_text

_FAILURE_POLICIES = ("Fail", "Ignore")
_MATCH_POLICIES = ("Equivalent", "Exact")
_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")
_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_REINVOCATIONS = ("IfNeeded", "Never")
_REVIEW_VERSIONS = ("v1", "v1beta1")
_MAX_CONDITIONS = 64
_ACTIONS = ("Audit", "Deny", "Warn")
ALL_NAMES = (*expressions.PARAMS, expressions.VARIABLES)
"""What the expressions of a policy may name besides the request."""
_IDENTIFIER = re.compile("[_a-zA-Z][_a-zA-Z0-9]*")
_REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized")


def _default_webhooks(obj: Object) -> None:
    for hook in obj.get("webhooks") or ():
        hook.setdefault("failurePolicy", "Fail")
        hook.setdefault("timeoutSeconds", 10)
        if obj.get("kind") == kinds.MUTATINGWEBHOOKCONFIGURATIONS.kind:
            hook.setdefault("reinvocationPolicy", "Never")
        webhookclients.default(hook.get("clientConfig") or {})
        default_matching(hook, hook.get("rules"))


def default_matching(holder: Object, rules: list[Object] | None) -> None:
    """The defaults of whatever says which requests it is about."""
    holder.setdefault("matchPolicy", "Equivalent")
    holder.setdefault("namespaceSelector", {})
    holder.setdefault("objectSelector", {})
    for rule in rules or ():
        rule.setdefault("scope", "*")


def _validate_webhooks(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    for index, hook in enumerate(new.get("webhooks") or ()):
        path = f"webhooks[{index}]"
        name = hook.get("name") or ""
        causes += validation.name_field(f"{path}.name", name, _qualified_domain)
        if name in names:
            causes.append(validation.duplicate(f"{path}.name", name))
        names.add(name)
        causes += _validate_hook(hook, path)
    return causes


def _qualified_domain(name: str) -> tuple[str, ...]:
    if name.count(".") < 2:
        return ("should be a domain with at least three segments separated by dots",)
    return validation.dns_subdomain(name)


def _validate_hook(hook: Object, path: str) -> list[Cause]:
    causes = validate_rules(hook.get("rules") or (), f"{path}.rules")
    causes += validation.one_of(f"{path}.failurePolicy", hook["failurePolicy"], _FAILURE_POLICIES)
    causes += validation.one_of(f"{path}.matchPolicy", hook["matchPolicy"], _MATCH_POLICIES)
    causes += validation.one_of(f"{path}.sideEffects", hook.get("sideEffects"), _SIDE_EFFECTS)
    if not 1 <= hook["timeoutSeconds"] <= 30:
        why = "the timeout value must be between 1 and 30 seconds"
        causes.append(validation.wrong(f"{path}.timeoutSeconds", hook["timeoutSeconds"], why))
    for selector in ("namespaceSelector", "objectSelector"):
        causes += validation.label_selector(f"{path}.{selector}", hook[selector])
    causes += _validate_review_versions(hook.get("admissionReviewVersions") or [], f"{path}.admissionReviewVersions")
    policy = hook.get("reinvocationPolicy")
    if policy is not None and policy not in _REINVOCATIONS:
        causes.append(validation.unsupported(f"{path}.reinvocationPolicy", policy, _REINVOCATIONS))
    causes += validate_conditions(hook.get("matchConditions") or (), f"{path}.matchConditions", ())
    return causes + webhookclients.validate(hook.get("clientConfig") or {}, f"{path}.clientConfig")


def _validate_review_versions(versions: list[str], path: str) -> list[Cause]:
    if not versions:
        return [validation.required(path, f"must specify one of {', '.join(_REVIEW_VERSIONS)}")]
    causes: list[Cause] = []
    for index, version in enumerate(versions):
        if version in versions[:index]:
            causes.append(validation.wrong(f"{path}[{index}]", version, "duplicate version"))
        else:
            causes += validation.each(f"{path}[{index}]", version, validation.dns_1035_label(version))
    if not set(versions) & set(_REVIEW_VERSIONS):
        why = f"must include at least one of {', '.join(_REVIEW_VERSIONS)}"
        causes.append(validation.wrong(path, versions, why))
    return causes


def validate_rules(rules: list[Object] | tuple[Object, ...], path: str) -> list[Cause]:
    """Operations and resources that a webhook or a policy is about."""
    causes: list[Cause] = []
    for index, rule in enumerate(rules):
        where = f"{path}[{index}]"
        for name in ("operations", "apiGroups", "apiVersions", "resources"):
            values = rule.get(name) or []
            if not values:
                causes.append(validation.required(f"{where}.{name}"))
            elif "*" in values and len(values) > 1 and name != "resources":
                why = "if '*' is present, must not specify other " + name
                causes.append(validation.wrong(f"{where}.{name}", values, why))
        for position, operation in enumerate(rule.get("operations") or ()):
            causes += validation.one_of(f"{where}.operations[{position}]", operation, _OPERATIONS)
        causes += validation.one_of(f"{where}.scope", rule.get("scope", "*"), _SCOPES)
    return causes


def validate_conditions(conditions: list[Object] | tuple[Object, ...], path: str, more: tuple[str, ...]) -> list[Cause]:
    """Conditions in CEL, which may use the names `more` besides those of the request."""
    causes: list[Cause] = []
    if len(conditions) > _MAX_CONDITIONS:
        causes.append(validation.too_many(path, len(conditions), _MAX_CONDITIONS))
    names: set[str] = set()
    for index, condition in enumerate(conditions):
        where, name = f"{path}[{index}]", condition.get("name") or ""
        causes += validation.name_field(f"{where}.name", name, validation.qualified_name)
        if name in names:
            causes.append(validation.duplicate(f"{where}.name", name))
        names.add(name)
        causes += expressions.check(condition.get("expression"), "bool", f"{where}.expression", more)
    return causes


def default_policy(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    constraints = spec.get("matchConstraints")
    if constraints is not None:
        rules = [*(constraints.get("resourceRules") or ()), *(constraints.get("excludeResourceRules") or ())]
        default_matching(constraints, rules)


def _validate_policy(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    spec = new["spec"]
    causes = validate_policy(spec)
    validations, annotations = spec.get("validations") or (), spec.get("auditAnnotations") or ()
    declared = variables_of(spec)
    if not validations and not annotations:
        why = "validations or auditAnnotations must contain at least one item"
        causes += [validation.required("spec.validations", why), validation.required("spec.auditAnnotations", why)]
    for index, item in enumerate(validations):
        path = f"spec.validations[{index}]"
        causes += _check(item.get("expression"), "bool", f"{path}.expression", declared)
        if item.get("messageExpression"):
            causes += _check(item["messageExpression"], "string", f"{path}.messageExpression", declared)
        if item.get("reason") is not None:
            causes += validation.one_of(f"{path}.reason", item["reason"], _REASONS)
    return causes + _validate_annotations(annotations, declared)


def _check(text: Any, wanted: str, path: str, declared: Collection[str]) -> list[Cause]:
    return expressions.check(text, wanted, path, ALL_NAMES) or expressions.check_variables(text, path, declared)


def variables_of(spec: Object) -> set[str]:
    """The names of a policy's variables."""
    return {str(variable.get("name") or "") for variable in spec.get("variables") or ()}


def _validate_annotations(annotations: Sequence[Object], declared: Collection[str]) -> list[Cause]:
    causes: list[Cause] = []
    keys: set[str] = set()
    for index, item in enumerate(annotations):
        path, key = f"spec.auditAnnotations[{index}]", str(item.get("key") or "")
        causes += validation.name_field(f"{path}.key", key, validation.qualified_name)
        if key in keys:
            causes.append(validation.duplicate(f"{path}.key", key))
        keys.add(key)
        causes += _check(item.get("valueExpression"), "", f"{path}.valueExpression", declared)
    return causes


def validate_policy(spec: Object) -> list[Cause]:
    """What may be wrong in validating and mutating policies alike."""
    causes = validation.one_of("spec.failurePolicy", spec["failurePolicy"], _FAILURE_POLICIES)
    params = spec.get("paramKind")
    if params is not None:
        causes += [
            validation.required(f"spec.paramKind.{name}") for name in ("apiVersion", "kind") if not params.get(name)
        ]
    causes += validate_constraints(spec.get("matchConstraints"))
    causes += validate_conditions(spec.get("matchConditions") or (), "spec.matchConditions", expressions.PARAMS)
    names: set[str] = set()
    for index, variable in enumerate(spec.get("variables") or ()):
        path, name = f"spec.variables[{index}]", str(variable.get("name") or "")
        if not name:
            causes.append(validation.required(f"{path}.name", "name is not specified"))
        elif not _IDENTIFIER.fullmatch(name):
            causes.append(validation.wrong(f"{path}.name", name, "name is not a valid CEL identifier"))
        elif name in names:
            causes.append(validation.duplicate(f"{path}.name", name))
        # Variables may use those before them.
        causes += _check(variable.get("expression"), "", f"{path}.expression", names)
        names.add(name)
    return causes


def validate_constraints(constraints: Object | None) -> list[Cause]:
    """Which requests a policy is about."""
    if constraints is None:
        return [validation.required("spec.matchConstraints")]
    path, rules = "spec.matchConstraints.resourceRules", constraints.get("resourceRules") or ()
    return validate_rules(rules, path) if rules else [validation.required(path)]


def default_binding(obj: Object) -> None:
    """The defaults of what binds a policy of either sort."""
    found = (obj.get("spec") or {}).get("matchResources")
    if found is not None:
        default_matching(found, [*(found.get("resourceRules") or ()), *(found.get("excludeResourceRules") or ())])


def validate_param_ref(reference: Object | None) -> list[Cause]:
    """What a binding says about parameters: one object by name, or all that a selector finds."""
    if reference is None:
        return []
    causes: list[Cause] = []
    if bool(reference.get("name")) == (reference.get("selector") is not None):
        causes.append(validation.required("spec.paramRef.name", "one of name or selector must be specified"))
    action, path = reference.get("parameterNotFoundAction"), "spec.paramRef.parameterNotFoundAction"
    if action is None:
        causes.append(validation.required(path))
    else:
        causes += validation.one_of(path, action, ("Allow", "Deny"))
    return causes


def _validate_binding(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    causes = validation.name_field("spec.policyName", spec.get("policyName"), validation.dns_subdomain)
    actions = spec.get("validationActions") or []
    if not actions:
        causes.append(validation.required("spec.validationActions", "at least one validation action is required"))
    for index, action in enumerate(actions):
        causes += validation.one_of(f"spec.validationActions[{index}]", action, _ACTIONS)
    if {"Deny", "Warn"} <= set(actions):
        why = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the API "
            "response and headers serves no purpose)"
        )
        causes.append(validation.wrong("spec.validationActions", actions, why))
    return causes + validate_param_ref(spec.get("paramRef"))


def _hooks(resource: kinds.Resource, singular: str) -> Row:
    return Row(
        resource,
        singular,
        categories=("api-extensions",),
        columns=(NAME, Column("Webhooks", lambda obj, _now: len(obj.get("webhooks") or ()), type="integer"), AGE),
        schema=f"io.k8s.api.admissionregistration.v1.{resource.kind}",
        default=_default_webhooks,
        validate=_validate_webhooks,
    )


def _text(title: str, value: Callable[[Object], str]) -> Column:
    return Column(title, lambda obj, _now: value(obj))


def kind_of_params(obj: Object) -> str:
    """A table cell: the kind of a policy's parameters."""
    found = at(obj, "spec.paramKind")
    return f"{found.get('apiVersion')}/{found.get('kind')}" if found else "<unset>"


def params_of(obj: Object) -> str:
    """A table cell: which parameters a binding gives. It cannot tell whether their kind has namespaces: hence `*`."""
    reference = at(obj, "spec.paramRef") or {}
    if reference.get("name"):
        return f"{reference.get('namespace') or '*'}/{reference['name']}"
    return "<unset>" if reference.get("selector") is None else selector_text(reference["selector"])


VALIDATING = _hooks(kinds.VALIDATINGWEBHOOKCONFIGURATIONS, "validatingwebhookconfiguration")
MUTATING = _hooks(kinds.MUTATINGWEBHOOKCONFIGURATIONS, "mutatingwebhookconfiguration")
POLICIES = Row(
    kinds.VALIDATINGADMISSIONPOLICIES,
    "validatingadmissionpolicy",
    categories=("api-extensions",),
    columns=(
        NAME,
        Column("Validations", lambda obj, _now: len(at(obj, "spec.validations", ())), type="integer"),
        _text("ParamKind", kind_of_params),
        AGE,
    ),
    subresources=frozenset({"status"}),
    status_keeps=ALL_METADATA,
    schema="io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy",
    default=default_policy,
    validate=_validate_policy,
)
BINDINGS = Row(
    kinds.VALIDATINGADMISSIONPOLICYBINDINGS,
    "validatingadmissionpolicybinding",
    categories=("api-extensions",),
    columns=(
        NAME,
        _text("PolicyName", lambda obj: str(at(obj, "spec.policyName", NONE))),
        _text("ParamRef", params_of),
        AGE,
    ),
    schema="io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding",
    default=default_binding,
    validate=_validate_binding,
)
ROWS = (VALIDATING, MUTATING, POLICIES, BINDINGS)
