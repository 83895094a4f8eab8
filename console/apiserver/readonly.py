"""Requests that bind themselves to reading, whatever their caller may do: how a console guards against slips.

It is a header that a client sends with all it asks, and lifts when its user wants to write.
"""

from __future__ import annotations

from collections.abc import Mapping

from common.api.kinds import FITS
from common.client import READ_ONLY
from common.errors import Forbidden

from .requestinfo import RequestInfo

_READING = frozenset({"get", "list", "watch"})
_INTERACTIVE = frozenset({"exec", "attach", "portforward", "proxy", "shell"})
_REVIEWS = frozenset({"authentication.k8s.io", "authorization.k8s.io"})


def check(headers: Mapping[str, str], method: str, info: RequestInfo | None) -> None:
    """Refuse what is more than reading when the request says that it only reads. Raises Forbidden."""
    if headers.get(READ_ONLY, "").lower() == "true" and not _reads(method, info):
        what = (
            f"{info.verb or method} {info.plural}{'/' + info.subresource if info.subresource else ''}"
            if info
            else method
        )
        raise Forbidden(f"this is read-only ({READ_ONLY}: true): {what} is more than reading")


def _reads(method: str, info: RequestInfo | None) -> bool:
    """Questions that are asked by POST change nothing either."""
    if info is None:
        return method in {"GET", "HEAD"}
    if info.group in _REVIEWS or (info.group, info.plural) == (FITS.group, FITS.plural):
        return True
    return info.verb in _READING and info.subresource not in _INTERACTIVE
