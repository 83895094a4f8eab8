"""Errors of the API, as Kubernetes' `Status` objects; raised by the registry and by clients alike.

A caller decides by type (`except NotFound`), a remote client rebuilds the same type from the Status it received.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .api.meta import Object


@dataclass(frozen=True, slots=True)
class Cause:
    """One wrong field. `kind` is Kubernetes' FieldValue reason, `message` names the value and what is allowed."""

    field: str
    message: str
    kind: str = "FieldValueInvalid"

    def to_json(self) -> Object:
        found = {"reason": self.kind, "message": self.message}
        return {**found, "field": self.field} if self.field else found


class ApiError(Exception):
    """An unsuccessful answer of the API; `code` is the HTTP status, `reason` Kubernetes' machine-readable word."""

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __init__(
        self,
        message: str,
        *,
        details: Object | None = None,
        causes: tuple[Cause, ...] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details: Object = {key: value for key, value in (details or {}).items() if value != ""}
        self._names_details = details is not None
        self.causes = causes
        self.retry_after = retry_after
        self.warnings: tuple[str, ...] = ()
        """What whoever asked is told besides."""

    def to_status(self) -> Object:
        """The `metav1.Status` that goes over the wire."""
        details = dict(self.details)
        if self.causes:
            details["causes"] = [cause.to_json() for cause in self.causes]
        if self.retry_after is not None:
            details["retryAfterSeconds"] = self.retry_after
        status: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if not self.reason:
            del status["reason"]
        if details or self._names_details:
            status["details"] = details
        status["code"] = self.code
        return status


class BadRequest(ApiError):
    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    code, reason = 401, "Unauthorized"


class Forbidden(ApiError):
    code, reason = 403, "Forbidden"


class NotFound(ApiError):
    code, reason = 404, "NotFound"


class MethodNotAllowed(ApiError):
    code, reason = 405, "MethodNotAllowed"


class NotAcceptable(ApiError):
    code, reason = 406, "NotAcceptable"


class AlreadyExists(ApiError):
    code, reason = 409, "AlreadyExists"


class Conflict(ApiError):
    """The object changed since it was read, or a precondition does not hold."""

    code, reason = 409, "Conflict"


class Expired(ApiError):
    """The resourceVersion is older than the history that is kept: list again. `next_page`, of a list that was read page
    by page, is a token to go on with what is there by now."""

    code, reason = 410, "Expired"
    next_page = ""

    def to_status(self) -> Object:
        status = super().to_status()
        return {**status, "metadata": {"continue": self.next_page}} if self.next_page else status


class RequestEntityTooLarge(ApiError):
    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(ApiError):
    code, reason = 415, "UnsupportedMediaType"


class Invalid(ApiError):
    """Well-formed, but fields are wrong; `causes` names each."""

    code, reason = 422, "Invalid"


class TooManyRequests(ApiError):
    code, reason = 429, "TooManyRequests"


class InternalError(ApiError):
    code, reason = 500, "InternalError"


class ServiceUnavailable(ApiError):
    code, reason = 503, "ServiceUnavailable"


class Timeout(ApiError):
    code, reason = 504, "Timeout"


_TYPES: tuple[type[ApiError], ...] = (
    BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable, AlreadyExists, Conflict, Expired,
    RequestEntityTooLarge, UnsupportedMediaType, Invalid, TooManyRequests, InternalError, ServiceUnavailable, Timeout,
)  # fmt: skip
_BY_REASON = {kind.reason: kind for kind in _TYPES}
_BY_CODE = {kind.code: kind for kind in reversed(_TYPES)} | {409: Conflict}


COMPLAINTS = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the request",
}
"""What clients say of answers that say nothing themselves."""
NO_PAGE = "404 page not found"
"""What a server says of a path of which it knows nothing; clients say the same of it as of no answer."""


def from_status(status: Any, code: int) -> ApiError:
    """The error that a failed answer stands for; any body, even none, gives one."""
    body = status if isinstance(status, dict) else {}
    kind = _BY_REASON.get(str(body.get("reason"))) or _BY_CODE.get(code, InternalError)
    found = body.get("details")
    details = found if isinstance(found, dict) else {}
    listed = details.get("causes")
    causes = tuple(
        Cause(str(item.get("field", "")), str(item.get("message", "")), str(item.get("reason", "")))
        for item in (listed if isinstance(listed, list) else ())
        if isinstance(item, dict)
    )
    rest = {key: value for key, value in details.items() if key not in {"causes", "retryAfterSeconds"}}
    return kind(
        str(body.get("message") or COMPLAINTS.get(code) or f"the server answered {code}"),
        details=rest,
        causes=causes,
        retry_after=details.get("retryAfterSeconds"),
    )


def unserved() -> NotFound:
    """Nothing is served at a path."""
    return NotFound(COMPLAINTS[404], details={})


def method_not_allowed() -> MethodNotAllowed:
    """Something is served at a path, not by this method."""
    return MethodNotAllowed(COMPLAINTS[405], details={})


def _details(name: str, group: str, kind: str) -> Object:
    """What the error is about; as in Go what is empty is left out."""
    return {field: value for field, value in (("name", name), ("group", group), ("kind", kind)) if value}


def not_found(group_resource: str, name: str) -> NotFound:
    plural, _, group = group_resource.partition(".")
    return NotFound(f'{group_resource} "{name}" not found', details=_details(name, group, plural))


def already_exists(group_resource: str, name: str) -> AlreadyExists:
    plural, _, group = group_resource.partition(".")
    return AlreadyExists(f'{group_resource} "{name}" already exists', details=_details(name, group, plural))


def being_deleted(group_resource: str, name: str) -> AlreadyExists:
    """A namesake is there still."""
    error = already_exists(group_resource, name)
    return AlreadyExists(f"object is being deleted: {error.message}", details=error.details)


def names_used_up(group_resource: str, name: str) -> AlreadyExists:
    """Every name that was generated was somebody's already; `name` was the last of them."""
    error = already_exists(group_resource, name)
    why = f"{error.message}, the server was not able to generate a unique name for the object"
    return AlreadyExists(why, details=error.details, retry_after=1)


def conflict(group_resource: str, name: str, why: str = "") -> Conflict:
    plural, _, group = group_resource.partition(".")
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    return Conflict(
        f'Operation cannot be fulfilled on {group_resource} "{name}": {why}',
        details=_details(name, group, plural),
    )


def too_large_version(asked: int, current: int) -> Timeout:
    """What a reader is told who asks for a state that is still to come."""
    return Timeout(
        f"Timeout: Too large resource version: {asked}, current: {current}",
        causes=(Cause("", "Too large resource version", "ResourceVersionTooLarge"),),
        retry_after=1,
    )


def invalid(kind: str, group: str, name: str, causes: list[Cause]) -> Invalid:
    """Kubernetes' wording for one or several wrong fields."""
    listed = [f"{cause.field}: {cause.message}" for cause in causes]
    text = listed[0] if len(listed) == 1 else f"[{', '.join(listed)}]"
    full = f"{kind}.{group}" if group else kind
    return Invalid(
        f'{full} "{name}" is invalid: {text}',
        details=_details(name, group, kind),
        causes=tuple(causes),
    )
