"""What webhooks answer, and what their answers mean. Pure.

An answer that is none, or that contradicts itself, is a failed call, which costs what the webhook's failurePolicy says;
a patch that cannot be carried out is a fault that no policy forgives, as in Kubernetes.
"""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import Any

import orjson

from common.api.meta import Object
from common.errors import ApiError, InternalError, from_status
from console.registry import jsonpatch

from .clients import CallError

V1 = "admission.k8s.io/v1"
VERSIONS = {"v1": V1, "v1beta1": "admission.k8s.io/v1beta1"}
"""The reviews that webhooks may ask for."""
_PATCH_TYPE = "JSONPatch"
_KEPT = 64  # errors of webhooks' own codes and reasons, which they may make up without end
_kinds: dict[tuple[type[ApiError], int, str], type[ApiError]] = {}


def response(review: Object, uid: str, version: str, *, mutating: bool) -> Object:
    """The response in the review that a webhook sent back. Raises CallError."""
    try:
        found = _response(review, uid, version)
        if version == V1:
            _check_patch(found, mutating=mutating)
    except CallError as error:
        raise CallError(f"received invalid webhook response: {error}") from None
    return found


def _response(review: Object, uid: str, version: str) -> Object:
    named = (review.get("apiVersion"), review.get("kind"))
    if named != (version, "AdmissionReview") and version == V1:
        raise CallError(
            f"expected webhook response of {version}, Kind=AdmissionReview, got {named[0]}, Kind={named[1]}"
        )
    found = review.get("response")
    if not isinstance(found, dict):
        raise CallError("webhook response was absent")
    if found.get("uid") != uid and version == V1:
        raise CallError(f'expected response.uid="{uid}", got "{found.get("uid") or ""}"')
    return found


def _check_patch(found: Object, *, mutating: bool) -> None:
    patch, kind = found.get("patch"), found.get("patchType")
    if not mutating and patch:
        raise CallError("validating webhook may not return response.patch")
    if not mutating and kind is not None:
        raise CallError("validating webhook may not return response.patchType")
    if patch and kind is None:
        raise CallError("webhook returned response.patch but not response.patchType")
    if kind is not None and not patch:
        raise CallError("webhook returned response.patchType but not response.patch")
    if patch and kind != _PATCH_TYPE:
        raise CallError(f'webhook returned invalid response.patchType of "{kind}"')


def patched(name: str, obj: Object | None, found: Object) -> Object | None:
    """The object with the patch of a response; None when it has none. Raises InternalError."""
    patch = found.get("patch")
    if not patch:
        return None
    try:
        operations = orjson.loads(base64.b64decode(patch, validate=True))
        if not operations:
            return None
        if obj is None:
            why = (
                f'admission webhook "{name}" attempted to modify the object, which is not supported for this operation'
            )
            raise InternalError(f"Internal error occurred: {why}")
        return jsonpatch.apply(obj, operations)
    except InternalError:
        raise
    except (ValueError, TypeError, ApiError) as caught:
        error = caught.why if isinstance(caught, jsonpatch.Unfit) else caught
        why = f'the patch of admission webhook "{name}" cannot be applied: {error}'
        raise InternalError(f"Internal error occurred: {why}") from None


def denial(name: str, found: Object) -> ApiError:
    """What refuses a request in the name of a webhook: with the code, reason and details that it gave."""
    said = found.get("status")
    status: Object = said if isinstance(said, dict) else {}
    why = status.get("message") or status.get("reason")
    text = f'admission webhook "{name}" denied the request' + (f": {why}" if why else " without explanation")
    given = status.get("code")
    code = given if isinstance(given, int) and given in range(400, 600) else HTTPStatus.BAD_REQUEST.value
    reason = status.get("reason")
    error = from_status({"message": text, "reason": reason, "details": status.get("details")}, code)
    kind = _kind(type(error), code, reason if isinstance(reason, str) else "")
    return kind(text, details=error.details, causes=error.causes, retry_after=error.retry_after)


def _kind(base: type[ApiError], code: int, reason: str) -> type[ApiError]:
    """The error that has this code and reason, neither of which need be one of Kubernetes'."""
    if (base.code, base.reason) == (code, reason):
        return base
    if len(_kinds) >= _KEPT:
        _kinds.clear()
    return _kinds.setdefault((base, code, reason), type(base.__name__, (base,), {"code": code, "reason": reason}))


def warnings_of(found: Object) -> list[str]:
    said = found.get("warnings")
    return [str(text) for text in said] if isinstance(said, list) else []


def annotations_of(name: str, found: Object) -> dict[str, str]:
    """What a webhook has to say for audits."""
    said: Any = found.get("auditAnnotations")
    if not isinstance(said, dict):
        return {}
    return {f"{name}/{key}": value for key, value in said.items() if isinstance(value, str)}
