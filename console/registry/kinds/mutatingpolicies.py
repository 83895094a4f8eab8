"""Policies in CEL that change what is admitted, and what binds them, as objects."""

from __future__ import annotations

from collections.abc import Collection

from common.api import kinds
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.columns import AGE, NAME, NONE, at
from console.registry.custom import expressions
from console.registry.row import Column, Context, Row

from .admissionregistration import (
    ALL_NAMES,
    default_binding,
    default_policy,
    kind_of_params,
    params_of,
    validate_param_ref,
    validate_policy,
    variables_of,
)

_REINVOCATIONS = ("IfNeeded", "Never")
_PATCHES = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}


def _validate(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    spec = new["spec"]
    causes = validate_policy(spec)
    mutations = spec.get("mutations") or []
    if not mutations:
        causes.append(validation.required("spec.mutations", "mutations must contain at least one item"))
    for index, mutation in enumerate(mutations):
        causes += _validate_mutation(mutation, f"spec.mutations[{index}]", variables_of(spec))
    return causes + validation.one_of("spec.reinvocationPolicy", spec.get("reinvocationPolicy"), _REINVOCATIONS)


def _validate_mutation(mutation: Object, path: str, declared: Collection[str]) -> list[Cause]:
    kind = mutation.get("patchType")
    causes = validation.one_of(f"{path}.patchType", kind, tuple(_PATCHES))
    for word, name in _PATCHES.items():
        found = mutation.get(name)
        if kind == word and found is None:
            causes.append(validation.required(f"{path}.{name}", f"{name} is required when patchType is {word}"))
        elif kind == word:
            text, where = (found or {}).get("expression"), f"{path}.{name}.expression"
            problems = expressions.check_objects(text, where, ALL_NAMES)
            causes += problems or expressions.check_variables(text, where, declared)
        elif kind in _PATCHES and kind != word and found is not None:
            why = f"{name} must not be specified when patchType is {kind}"
            causes.append(validation.forbidden(f"{path}.{name}", why))
    return causes


def _validate_binding(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    spec = new.get("spec") or {}
    causes = validation.name_field("spec.policyName", spec.get("policyName"), validation.dns_subdomain)
    return causes + validate_param_ref(spec.get("paramRef"))


POLICIES = Row(
    kinds.MUTATINGADMISSIONPOLICIES,
    "mutatingadmissionpolicy",
    categories=("api-extensions",),
    columns=(
        NAME,
        Column("Mutations", lambda obj, _now: len(at(obj, "spec.mutations", ())), type="integer"),
        Column("ParamKind", lambda obj, _now: kind_of_params(obj)),
        AGE,
    ),
    schema="io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicy",
    default=default_policy,
    validate=_validate,
)
BINDINGS = Row(
    kinds.MUTATINGADMISSIONPOLICYBINDINGS,
    "mutatingadmissionpolicybinding",
    categories=("api-extensions",),
    columns=(
        NAME,
        Column("PolicyName", lambda obj, _now: str(at(obj, "spec.policyName", NONE))),
        Column("ParamRef", lambda obj, _now: params_of(obj)),
        AGE,
    ),
    schema="io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBinding",
    default=default_binding,
    validate=_validate_binding,
)
ROWS = (POLICIES, BINDINGS)
