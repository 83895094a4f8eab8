"""Reviews of identities, which are asked and answered and never kept."""

from __future__ import annotations

from common.api.kinds import Resource
from common.api.meta import Object
from common.errors import Cause
from console.registry import validation
from console.registry.row import Context, Row

_GROUP = "authentication.k8s.io"
_SCHEMA = "io.k8s.api.authentication.v1"
MIN_SECONDS, MAX_SECONDS = 600, 1 << 32
DEFAULT_SECONDS = 3600


def _default_request(obj: Object) -> None:
    obj.setdefault("spec", {}).setdefault("expirationSeconds", DEFAULT_SECONDS)


def _validate_request(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    seconds, path = new["spec"]["expirationSeconds"], "spec.expirationSeconds"
    if seconds < MIN_SECONDS:
        return [validation.wrong(path, seconds, "may not specify a duration less than 10 minutes")]
    if seconds > MAX_SECONDS:
        return [validation.wrong(path, seconds, "may not specify a duration larger than 2^32 seconds")]
    return []


def _validate_token_review(new: Object, _old: Object | None, _context: Context) -> list[Cause]:
    return [] if (new.get("spec") or {}).get("token") else [validation.required("spec.token")]


TOKENREVIEWS = Row(
    Resource(_GROUP, "v1", "tokenreviews", "TokenReview", namespaced=False),
    "tokenreview",
    verbs=("create",),
    durable=False,
    schema=f"{_SCHEMA}.TokenReview",
    validate=_validate_token_review,
    has_spec_generation=False,
)
SELFSUBJECTREVIEWS = Row(
    Resource(_GROUP, "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False),
    "selfsubjectreview",
    verbs=("create",),
    durable=False,
    schema=f"{_SCHEMA}.SelfSubjectReview",
    has_spec_generation=False,
)
TOKENREQUESTS = Row(
    Resource(_GROUP, "v1", "tokenrequests", "TokenRequest"),
    "tokenrequest",
    verbs=(),
    durable=False,
    schema=f"{_SCHEMA}.TokenRequest",
    default=_default_request,
    validate=_validate_request,
    has_spec_generation=False,
)
"""Not served by itself: what `serviceaccounts/NAME/token` takes and gives."""
ROWS = (TOKENREVIEWS, SELFSUBJECTREVIEWS)
