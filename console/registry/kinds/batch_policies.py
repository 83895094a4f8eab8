"""The rules of a Job about failed pods and about success: what they must satisfy."""

from __future__ import annotations

from common.api.indexes import parse_indexes
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation

MAX_RULES = 20
MAX_EXIT_CODES = 255
MAX_PATTERNS = 20
MAX_INDEXES_TEXT = 64 * 1024
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_REPLACEMENT = ("Failed", "TerminatingOrFailed")


def validate_replacement_policy(spec: Object, path: str) -> list[Cause]:
    value = spec.get("podReplacementPolicy")
    allowed = _REPLACEMENT if spec.get("podFailurePolicy") is None else ("Failed",)
    return [] if value is None or value in allowed else [validation.unsupported(path, value, allowed)]


def validate_failure_policy(spec: Object, path: str) -> list[Cause]:
    rules = spec["podFailurePolicy"].get("rules") or []
    causes = [validation.too_many(f"{path}.rules", len(rules), MAX_RULES)] if len(rules) > MAX_RULES else []
    for index, rule in enumerate(rules):
        causes += _validate_rule(spec, rule, f"{path}.rules[{index}]")
    return causes


def _one_of(path: str, value: str | None, allowed: tuple[str, ...]) -> list[Cause]:
    if not value:
        return [validation.required(path, f"valid values: [{' '.join(map(validation.shown, allowed))}]")]
    return [] if value in allowed else [validation.unsupported(path, value, allowed)]


def _bare(path: str, text: str) -> Cause:
    """A wrong value that the message does not repeat."""
    return Cause(path, f"Invalid value: {text}", "FieldValueInvalid")


def _validate_rule(spec: Object, rule: Object, path: str) -> list[Cause]:
    action = rule.get("action")
    causes = _one_of(f"{path}.action", action, _ACTIONS)
    if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        causes.append(validation.wrong(f"{path}.action", action, "requires the backoffLimitPerIndex to be set"))
    codes, patterns = rule.get("onExitCodes"), rule.get("onPodConditions") or []
    if codes is not None:
        causes += _validate_exit_codes(spec, codes, f"{path}.onExitCodes")
    if len(patterns) > MAX_PATTERNS:
        causes.append(validation.too_many(f"{path}.onPodConditions", len(patterns), MAX_PATTERNS))
    for index, pattern in enumerate(patterns):
        where = f"{path}.onPodConditions[{index}]"
        kind = pattern.get("type", "")
        causes += validation.each(f"{where}.type", kind, validation.qualified_name(kind))
        causes += _one_of(f"{where}.status", pattern.get("status"), _STATUSES)
    if codes is not None and patterns:
        causes.append(_bare(path, "specifying both OnExitCodes and OnPodConditions is not supported"))
    if codes is None and not patterns:
        causes.append(_bare(path, "specifying one of OnExitCodes and OnPodConditions is required"))
    return causes


def _validate_exit_codes(spec: Object, codes: Object, path: str) -> list[Cause]:
    causes = _one_of(f"{path}.operator", codes.get("operator"), _OPERATORS)
    pod = spec["template"]["spec"]
    names = {item.get("name") for field in ("containers", "initContainers") for item in pod.get(field) or ()}
    container = codes.get("containerName")
    if container is not None and container not in names:
        text = "must be one of the container or initContainer names in the pod template"
        causes.append(validation.wrong(f"{path}.containerName", container, text))
    values: list[int] = codes.get("values") or []
    if not values:
        causes.append(validation.wrong(f"{path}.values", values, "at least one value is required"))
    elif len(values) > MAX_EXIT_CODES:
        causes.append(validation.too_many(f"{path}.values", len(values), MAX_EXIT_CODES))
    for index, value in enumerate(values):
        where = f"{path}.values[{index}]"
        if value == 0 and codes.get("operator") == "In":
            causes.append(validation.wrong(where, value, "must not be 0 for the In operator"))
        if value in values[:index]:
            causes.append(validation.duplicate(where, value))
    if values != sorted(values):
        causes.append(validation.wrong(f"{path}.values", values, "must be ordered"))
    return causes


def validate_success_policy(spec: Object, path: str) -> list[Cause]:
    policy = spec["successPolicy"]
    if spec.get("completionMode") != "Indexed":
        return [validation.wrong(path, policy, "requires indexed completion mode")]
    rules = policy.get("rules") or []
    causes: list[Cause] = []
    if not rules:
        text = "at least one rules must be specified when the successPolicy is specified"
        causes.append(validation.required(f"{path}.rules", text))
    if len(rules) > MAX_RULES:
        causes.append(validation.too_many(f"{path}.rules", len(rules), MAX_RULES))
    for index, rule in enumerate(rules):
        causes += _validate_success_rule(rule, spec.get("completions") or 0, f"{path}.rules[{index}]")
    return causes


def _validate_success_rule(rule: Object, completions: int, path: str) -> list[Cause]:
    count, text = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and text is None:
        return [validation.required(path, "at least one of succeededCount or succeededIndexes must be specified")]
    causes: list[Cause] = []
    total = 0
    if text is not None:
        if len(text) > MAX_INDEXES_TEXT:
            causes.append(validation.too_long(f"{path}.succeededIndexes", MAX_INDEXES_TEXT))
        try:
            total = len(parse_indexes(text, completions))
        except ValueError as error:
            message = f"error parsing succeededIndexes: {error}"
            causes.append(validation.wrong(f"{path}.succeededIndexes", text, message))
    if count is None:
        return causes
    where = f"{path}.succeededCount"
    causes += validation.non_negative(where, count)
    if count > completions:
        message = f"must be less than or equal to {completions} (the number of specified completions)"
        causes.append(validation.wrong(where, count, message))
    if text is not None and count > total:
        message = (
            f"must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
        )
        causes.append(validation.wrong(where, count, message))
    return causes
