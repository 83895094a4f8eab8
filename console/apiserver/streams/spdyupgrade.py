"""Requests for `Upgrade: SPDY/3.1`: what is spoken in the streams, and the hand-over of the connection to SPDY.

kubectl before 1.31, client-go's SPDY executor and all that stands on it ask like this instead of for a WebSocket.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aiohttp import web
from multidict import CIMultiDict

from common.errors import BadRequest

from .takeover import Taken, take_over

SPDY = "SPDY/3.1"
_VERSION = "X-Stream-Protocol-Version"
_ACCEPTED = "X-Accepted-Stream-Protocol-Versions"


def asks_spdy(http: web.BaseRequest) -> bool:
    connection = ",".join(http.headers.getall("Connection", [])).lower()
    return "upgrade" in connection and SPDY.lower() in http.headers.get("Upgrade", "").lower()


def negotiate(headers: Iterable[str], spoken: Sequence[str]) -> str:
    """The first protocol a client names in these headers that we speak, empty when there is none. Raises BadRequest
    when it names none at all."""
    offered = _named(headers)
    if not offered:
        raise BadRequest(f"unable to upgrade: {_VERSION} is required")
    return next((name for name in offered if name in spoken), "")


def _named(headers: Iterable[str]) -> list[str]:
    return [name.strip() for header in headers for name in header.split(",") if name.strip()]


def chosen(http: web.BaseRequest, spoken: Sequence[str]) -> str:
    """`negotiate` for a request."""
    return negotiate(http.headers.getall(_VERSION, []), spoken)


def refusal(http: web.BaseRequest, spoken: Sequence[str]) -> web.Response:
    """The answer to a client with which we have no protocol in common: which ones there are."""
    offered = " ".join(_named(http.headers.getall(_VERSION, [])))
    text = (
        "unable to upgrade: unable to negotiate protocol: "
        f"client supports [{offered}], server accepts [{' '.join(spoken)}]\n"
    )
    return web.Response(status=403, text=text, headers=CIMultiDict((_ACCEPTED, name) for name in spoken))


async def accept_spdy(http: web.BaseRequest, protocol: str) -> tuple[web.StreamResponse, Taken]:
    return await take_over(http, {"Upgrade": SPDY, _VERSION: protocol})
