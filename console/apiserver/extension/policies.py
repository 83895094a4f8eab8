"""ValidatingAdmissionPolicies at work: what bound policies have against a request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from common import errors
from common.api import meta
from common.api.meta import Object
from common.errors import ApiError, Cause
from console.registry.custom.expressions import EvaluationError

from .bindings import NAMES, VALIDATING, Bound, Unbound, bound
from .matching import Asked, Scope

_ERRORS: dict[str, type[ApiError]] = {
    "Forbidden": errors.Forbidden,
    "Unauthorized": errors.Unauthorized,
    "RequestEntityTooLarge": errors.RequestEntityTooLarge,
    "Invalid": errors.Invalid,
}


class Policies:
    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    async def check(self, asked: Asked, warnings: list[str]) -> None:
        """Raises what a policy refuses the request with; warnings of policies are added to `warnings`."""
        async for found in bound(*VALIDATING, asked, self._scope):
            failures = [(str(found), "Invalid")] if isinstance(found, Unbound) else _failures(found)
            for message, reason in failures:
                _take_action(found, asked, message, reason, warnings)


def _take_action(found: Bound | Unbound, asked: Asked, message: str, reason: str, warnings: list[str]) -> None:
    title = f"ValidatingAdmissionPolicy '{meta.name(found.policy)}' with binding '{meta.name(found.binding)}'"
    actions = found.binding["spec"].get("validationActions") or ()
    if "Deny" in actions:
        raise refusal(asked, f"{title} denied request: {message}", message, reason)
    if "Warn" in actions:
        warnings.append(f"Validation failed for {title}: {message}")


def _failures(found: Bound) -> Iterator[tuple[str, str]]:
    """Message and reason of each validation that fails; errors fail as the policy's failurePolicy says."""
    spec = found.policy["spec"]
    try:
        if not found.is_met():
            return
    except EvaluationError as error:
        if not found.ignores:
            yield str(error), "Invalid"
        return
    known = found.known()
    for validation in spec.get("validations") or ():
        failure = _judge(found, validation, known)
        if failure is not None:
            yield failure
    for annotation in spec.get("auditAnnotations") or ():
        problem = "" if found.ignores else _problem_of(found, str(annotation["valueExpression"]), known)
        if problem:
            yield problem, "Invalid"


def _judge(found: Bound, validation: Object, known: dict[str, Any]) -> tuple[str, str] | None:
    text = str(validation["expression"])
    try:
        if found.facts.evaluate(text, NAMES, **known) is True:
            return None
    except EvaluationError as error:
        return None if found.ignores else (f"expression '{text}' resulted in error: {error}", "Invalid")
    message = _message(found, validation, known) or f"failed expression: {text.strip()}"
    return message, str(validation.get("reason") or "Invalid")


def _message(found: Bound, validation: Object, known: dict[str, Any]) -> str:
    if validation.get("messageExpression"):
        try:
            said = found.facts.evaluate(str(validation["messageExpression"]), NAMES, **known)
        except EvaluationError:
            said = ""
        if isinstance(said, str) and said.strip() and "\n" not in said:
            return said.strip()
    return str(validation.get("message") or "").strip()


def _problem_of(found: Bound, text: str, known: dict[str, Any]) -> str:
    """Why an annotation for audits has no value; nothing here keeps audits, so that the value itself goes nowhere."""
    try:
        value = found.facts.evaluate(text, NAMES, **known)
    except EvaluationError as error:
        return f"expression '{text}' resulted in error: {error}"
    if value is None or isinstance(value, str):
        return ""
    return (
        f"valueExpression '{text}' resulted in unsupported return type: {type(value).__name__}. Return type must be "
        "either string or null."
    )


def refusal(asked: Asked, text: str, message: str, reason: str) -> ApiError:
    """What refuses a request in the name of a policy."""
    resource = asked.row.resource
    details = {"name": asked.name, "group": resource.group, "kind": resource.plural}
    refused = f'{resource.group_resource} "{asked.name}" is forbidden: {text}'
    return _ERRORS.get(reason, errors.Invalid)(refused, details=details, causes=(Cause("", message, ""),))
