"""ValidatingAdmissionPolicies at work: what bound policies have against a request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from common import errors
from common.api import meta
from common.api.meta import Object
from common.errors import ApiError, Cause
from console.registry.custom.expressions import EvaluationError

from .bindings import NAMES, VALIDATING, Bound, Unbound, bound
from .figures import NO_ERROR, Figures
from .matching import Asked, Scope

EVALUATION_ERROR = "invalid_error"
_MAX_ANNOTATION = 10 * 1024  # characters

_ERRORS: dict[str, type[ApiError]] = {
    "Forbidden": errors.Forbidden,
    "Unauthorized": errors.Unauthorized,
    "RequestEntityTooLarge": errors.RequestEntityTooLarge,
    "Invalid": errors.Invalid,
}


class Policies:
    def __init__(self, scope: Scope, figures: Figures) -> None:
        self._scope = scope
        self._figures = figures

    async def check(self, asked: Asked, warnings: list[str]) -> None:
        """Raises what a policy refuses the request with; warnings of policies are added to `warnings`. All of them are
        asked before the first refusal counts."""
        refusals: list[ApiError] = []
        told: list[Object] = []
        noted: dict[str, list[str]] = {}
        async for found in bound(*VALIDATING, asked, self._scope):
            failures = [Failure(str(found))] if isinstance(found, Unbound) else _failures(found, noted)
            failed = False
            for failure in failures:
                failed = True
                refusals += self._act(found, asked, failure, warnings, told)
            if not failed:
                self._figures.judged(meta.name(found.policy), meta.name(found.binding), NO_ERROR, "allow")
        for key, values in noted.items():
            asked.note(key, ", ".join(dict.fromkeys(values)))
        if told:
            asked.note("validation.policy.admission.k8s.io/validation_failure", orjson.dumps(told).decode())
        if refusals:
            raise refusals[0]

    def _act(
        self, found: Bound | Unbound, asked: Asked, failure: Failure, warnings: list[str], told: list[Object]
    ) -> Iterator[ApiError]:
        """Do what the binding says about a failure; gives what refuses the request, if it is to be."""
        policy, binding = meta.name(found.policy), meta.name(found.binding)
        title = f"ValidatingAdmissionPolicy '{policy}' with binding '{binding}'"
        actions = list(found.binding["spec"].get("validationActions") or ())
        for action in actions:
            self._figures.judged(policy, binding, failure.error, action.lower())
        if "Deny" in actions:
            yield refusal(asked, f"{title} denied request: {failure.message}", failure.message, failure.reason)
        if "Audit" in actions:
            told.append({
                "message": failure.message, "policy": policy, "binding": binding, "expressionIndex": failure.index,
                "validationActions": actions,
            })  # fmt: skip
        if "Warn" in actions:
            warnings.append(f"Validation failed for {title}: {failure.message}")


@dataclass(frozen=True, slots=True)
class Failure:
    """What a policy has against a request; `index` is that of the validation, 0 where none was come to."""

    message: str
    reason: str = "Invalid"
    index: int = 0
    error: str = NO_ERROR


def _failures(found: Bound, noted: dict[str, list[str]]) -> Iterator[Failure]:
    """The validations that fail; errors fail as the policy's failurePolicy says. What the policy says for audits goes
    to `noted`."""
    spec = found.policy["spec"]
    try:
        if not found.is_met():
            return
    except EvaluationError as error:
        if not found.ignores:
            yield Failure(str(error), error=EVALUATION_ERROR)
        return
    known = found.known()
    for index, validation in enumerate(spec.get("validations") or ()):
        failure = _judge(found, index, validation, known)
        if failure is not None:
            yield failure
    for annotation in spec.get("auditAnnotations") or ():
        key = f"{meta.name(found.policy)}/{annotation['key']}"
        try:
            value = _noted(found, str(annotation["valueExpression"]), known)
        except EvaluationError as error:
            if not found.ignores:
                yield Failure(str(error), error=EVALUATION_ERROR)
            continue
        if value:
            noted.setdefault(key, []).append(value)


def _judge(found: Bound, index: int, validation: Object, known: dict[str, Any]) -> Failure | None:
    text = str(validation["expression"])
    try:
        if found.facts.evaluate(text, NAMES, **known) is True:
            return None
    except EvaluationError as error:
        problem = f"expression '{text}' resulted in error: {error}"
        return None if found.ignores else Failure(problem, index=index, error=EVALUATION_ERROR)
    message = _message(found, validation, known) or f"failed expression: {text.strip()}"
    return Failure(message, str(validation.get("reason") or "Invalid"), index)


def _message(found: Bound, validation: Object, known: dict[str, Any]) -> str:
    if validation.get("messageExpression"):
        try:
            said = found.facts.evaluate(str(validation["messageExpression"]), NAMES, **known)
        except EvaluationError:
            said = ""
        if isinstance(said, str) and said.strip() and "\n" not in said:
            return said.strip()
    return str(validation.get("message") or "").strip()


def _noted(found: Bound, text: str, known: dict[str, Any]) -> str:
    """The value of an annotation for audits, empty when it has none. Raises EvaluationError."""
    try:
        value = found.facts.evaluate(text, NAMES, **known)
    except EvaluationError as error:
        raise EvaluationError(f"expression '{text}' resulted in error: {error}") from None
    if value is None or isinstance(value, str):
        return (value or "").strip()[:_MAX_ANNOTATION]
    raise EvaluationError(
        f"valueExpression '{text}' resulted in unsupported return type: {type(value).__name__}. Return type must be "
        "either string or null."
    )


def refusal(asked: Asked, text: str, message: str, reason: str) -> ApiError:
    """What refuses a request in the name of a policy."""
    resource = asked.row.resource
    details = {"name": asked.name, "group": resource.group, "kind": resource.plural}
    refused = f'{resource.group_resource} "{asked.name}" is forbidden: {text}'
    return _ERRORS.get(reason, errors.Invalid)(refused, details=details, causes=(Cause("", message, ""),))
