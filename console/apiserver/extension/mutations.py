"""MutatingAdmissionPolicies at work: changes that bound policies make to what is written.

A policy's mutations are applied in order: an apply configuration is merged as server-side apply merges, but nobody
owns its fields afterwards; a JSON patch is carried out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from common.api import meta
from common.api.meta import Object
from common.errors import ApiError
from console.registry import admission, jsonpatch
from console.registry.custom import celobjects
from console.registry.custom.expressions import EvaluationError
from console.registry.merging import merge_configuration

from .bindings import MUTATING, NAMES, Bound, Unbound, bound
from .matching import Asked, Facts, Scope
from .policies import refusal
from .rounds import Rounds


class Mutations:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def mutate(self, asked: Asked, rounds: Rounds) -> Asked:
        """The request as the policies leave it, in one round of asking. Raises what an error in one refuses it with."""
        calls: list[Bound] = []
        async for found in bound(*MUTATING, asked, self._scope):
            if isinstance(found, Unbound):
                raise _refused(asked, found.policy, found.binding, str(found))
            calls.append(found)
        for call in calls:
            who = (meta.name(call.policy), meta.name(call.binding), meta.key(call.params) if call.params else None)
            if rounds.takes(who):
                changed = await self._invoke(call, asked)
                again = call.policy["spec"].get("reinvocationPolicy") == "IfNeeded"
                rounds.asked(who, changed=changed.new != asked.new, again=again)
                asked = changed if changed.new != asked.new else asked
        return asked

    async def _invoke(self, call: Bound, asked: Asked) -> Asked:
        """The request after the mutations of one policy."""
        conversions = self._scope.conversions
        seen = await asked.in_version(call.asked.row, conversions)
        try:
            if not self._about(call, seen).is_met():
                return asked
            for mutation in call.policy["spec"].get("mutations") or ():
                obj = _mutated(self._about(call, seen), mutation)
                seen = replace(seen, new=admission.fitting(seen.row, obj))
        except (EvaluationError, ValueError, ApiError) as error:
            if call.ignores:
                return asked
            raise _refused(asked, call.policy, call.binding, str(error)) from None
        if seen.new is None or seen.row is asked.row:
            return replace(asked, new=seen.new)
        return replace(asked, new=await conversions.shown(asked.row, seen.row.keep(seen.new)))

    def _about(self, call: Bound, asked: Asked) -> Bound:
        """The same call about the object as it is by now."""
        return replace(call, asked=asked, facts=Facts(asked, self._scope))


def _mutated(call: Bound, mutation: Object) -> Object:
    """The object after one mutation. Raises EvaluationError, ValueError and ApiError."""
    known = call.known()
    if mutation["patchType"] == "ApplyConfiguration":
        value = _evaluate(call, mutation["applyConfiguration"], known)
        if celobjects.type_of(value) != celobjects.OBJECT:
            raise ValueError("unsupported return type from ApplyConfiguration expression: must be Object")
        config = celobjects.plain(value, celobjects.OBJECT)
        merged: Object = merge_configuration(call.asked.row.type, call.asked.new or {}, config)
        return merged
    value = _evaluate(call, mutation["jsonPatch"], known)
    if not isinstance(value, list) or any(celobjects.type_of(item) != celobjects.JSON_PATCH for item in value):
        raise ValueError("type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch")
    obj = call.asked.new or {}
    try:
        return jsonpatch.apply(obj, celobjects.plain(value))
    except jsonpatch.Unfit as error:
        if error.is_test:  # which asks whether there is something to change
            return obj
        raise ValueError(f"JSON Patch: {error.why}") from None


def _evaluate(call: Bound, holder: Object, known: dict[str, Any]) -> Any:
    text = str(holder["expression"])
    try:
        return call.facts.evaluate(celobjects.without_types(text), NAMES, **known)
    except EvaluationError as error:
        raise EvaluationError(f"expression '{text}' resulted in error: {error}") from None


def _refused(asked: Asked, policy: Object, binding: Object, why: str) -> ApiError:
    text = f"policy '{meta.name(policy)}' with binding '{meta.name(binding)}' denied request: {why}"
    return refusal(asked, text, why, "Invalid")
