"""Expressions in CEL about requests: match conditions of webhooks, admission policies. Compiled once, kept by text."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from common.api import meta
from common.api.meta import Object
from common.errors import Cause
from console.registry.validation import required, wrong

from . import celauthorizer, celfunctions, celobjects, celtypes

REQUEST = ("object", "oldObject", "request", "namespaceObject", "authorizer", celauthorizer.REQUEST_RESOURCE)
PARAMS = ("params",)
VARIABLES = "variables"


class EvaluationError(Exception):
    """An expression has no value for this request; the message says why."""


@lru_cache(maxsize=2048)
def _compiled(text: str, names: tuple[str, ...]) -> Any:
    environment = celfunctions.environment((*REQUEST, *names))
    if environment is None:
        raise EvaluationError("the package cel-expr-python is not installed")
    try:
        return environment.compile(text)
    except RuntimeError as error:
        why = str(error).removeprefix("INVALID_ARGUMENT: ").removesuffix(" [INVALID_ARGUMENT]")
        raise EvaluationError(f"compilation failed: {why}") from None


def check(text: Any, wanted: str, path: str, names: tuple[str, ...]) -> list[Cause]:
    """What is wrong with an expression that must be of the type `wanted` (empty: of any). Where nothing can evaluate
    expressions, all are taken, and requests that they are about fail."""
    if not isinstance(text, str) or not text.strip():
        return [required(path, "expression is not specified")]
    if celfunctions.environment() is None:
        return []
    try:
        kind = _compiled(text, names).return_type().name().lower()
    except EvaluationError as error:
        return [wrong(path, text, str(error))]
    if not wanted or kind in {wanted, "dyn", "any"}:
        return []
    return [wrong(path, text, f"must evaluate to {wanted}")]


def check_objects(text: Any, path: str, names: tuple[str, ...]) -> list[Cause]:
    """The same for one that makes objects (`Object{…}`, `JSONPatch{…}`)."""
    if not isinstance(text, str) or not text.strip():
        return [required(path, "expression is not specified")]
    if celfunctions.environment() is None:
        return []
    try:
        _compiled(celobjects.without_types(text), names)
    except EvaluationError as error:
        return [wrong(path, text, str(error))]
    return []


def check_variables(text: Any, path: str, declared: Collection[str]) -> list[Cause]:
    """What is wrong with an expression that compiles, but names a variable that its policy has not (yet)."""
    problem = celtypes.undeclared(text, VARIABLES, declared) if isinstance(text, str) else ""
    return [wrong(path, text, f"compilation failed: {problem}")] if problem else []


def evaluate(text: str, data: Mapping[str, Any], names: tuple[str, ...] = ()) -> Any:
    """The value of an expression. Raises EvaluationError."""
    found = _compiled(text, names).eval(data=dict(data))
    if found.type().name().upper() == "ERROR":
        why = re.sub(r"^[A-Z_]+: ", "", str(found.value()))
        raise EvaluationError(re.sub(r'^Key not found in map : "(.*)"$', r"no such key: \1", why))
    return found.plain_value()


def shown(obj: Object | None) -> Object | None:
    """An object as expressions see it: `namespace` is a word of the language, so it has another name as well."""
    if obj is None or "namespace" not in meta.metadata(obj):
        return obj
    metadata = meta.metadata(obj)
    return {**obj, "metadata": {**metadata, "__namespace__": metadata["namespace"]}}
