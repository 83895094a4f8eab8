"""What the headers of a request say, read once for all requests of a connection that come with the same bytes.

No decision is in it: who somebody is and what they may is found anew for each request, as tokens end and rights change.
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from multidict import CIMultiDictProxy

from common.errors import ApiError

from .audit.auditor import Introduction, introduction
from .authentication import Shown, shown
from .identity.impersonation import impersonates
from .negotiation import YAML, Form, negotiate


@dataclass(frozen=True, slots=True)
class Standing:
    """`form` is what objects are wanted in."""

    headers: CIMultiDictProxy[str]
    shown: Shown
    introduction: Introduction
    form: Form

    @classmethod
    def of(cls, http: web.BaseRequest) -> Standing | None:
        """None when requests with such headers need more than an object in one of the forms that are made at once."""
        headers = http.headers
        try:
            form = negotiate(headers, {})
            known = cls(headers, shown(http), introduction(http), form)
        except ApiError:
            return None
        return None if form.media == YAML or form.pretty or impersonates(headers) else known
