"""Becoming a node: over the network with the code that this agent prints, or on this host's own socket without one.

Both end in the same step: the cluster's authority signs this host's own key, and the agent becomes a member. An agent
belongs to one cluster; whoever asks for another one is told which it is.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import web
from cryptography.x509 import Certificate

from common import pki
from common.aio import Tasks
from common.clock import Clock
from common.discovery import Advertisement
from common.pairing import ATTEMPT_SECONDS, Busy, Desk, PairingError, WrongCode
from common.pki import PkiError

from .credentials import Credentials

log = logging.getLogger(__name__)


class Adoption:
    """`show_code` is called with each new pairing code, for the person at this host; `identity` says what mDNS says."""

    def __init__(
        self,
        credentials: Credentials,
        clock: Clock,
        *,
        identity: Callable[[], Advertisement],
        show_code: Callable[[str], None],
    ) -> None:
        self._credentials = credentials
        self._identity = identity
        self._desk = Desk(clock, show_code)
        self._joining = asyncio.Lock()
        self._clock = clock
        self._tasks = Tasks("adoption")
        credentials.listen(self._membership_changed)
        self._membership_changed()

    def _membership_changed(self) -> None:
        if self._credentials.membership is not None:
            self._desk.retire()
        elif not self._desk.code:
            self._desk.open()

    async def identity(self, _request: web.Request) -> web.StreamResponse:
        """`GET /identity`: what anybody may know."""
        return web.json_response(self._identity().to_json())

    async def local_identity(self, _request: web.Request) -> web.StreamResponse:
        """`GET /identity` on the host's own socket: also the signing request for `POST /adopt`, and the code."""
        request = pki.request_for(self._credentials.own).decode()
        return web.json_response({**self._identity().to_json(), "request": request, "code": self._desk.code})

    async def start(self, request: web.Request) -> web.StreamResponse:
        """`POST /pairing/start` {message, certificate} -> {pairing, message, confirmation, request}; the last one is
        the signing request that `confirmation` covers."""
        self._refuse_second_cluster("")
        body = await _read(request, "message", "certificate")
        certificate = _certificate(body["certificate"])
        signing_request = pki.request_for(self._credentials.own)
        try:
            name, answer = self._desk.start(
                _unpack(body["message"], "message"),
                pki.fingerprint(certificate),
                self._credentials.fingerprint,
                signing_request,
            )
        except Busy as error:
            raise web.HTTPTooManyRequests(
                text=str(error), headers={"Retry-After": str(int(error.retry_after) + 1)}
            ) from error
        except PairingError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        self._tasks.start("expire", self._expire())
        return web.json_response(
            {
                "pairing": name,
                "message": _pack(answer.message),
                "confirmation": _pack(answer.confirmation),
                "request": signing_request.decode(),
            }
        )

    async def _expire(self) -> None:
        # A console that vanished in the middle: the person here must see a code that works.
        await self._clock.sleep(ATTEMPT_SECONDS)
        self._desk.expire()

    async def close(self) -> None:
        await self._tasks.close()

    async def finish(self, request: web.Request) -> web.StreamResponse:
        """`POST /pairing/finish` {pairing, payload, confirmation}; the payload is the JSON text that `adopt` takes."""
        self._refuse_second_cluster("")
        body = await _read(request, "pairing", "payload", "confirmation")
        payload = body["payload"].encode()
        try:
            self._desk.finish(body["pairing"], payload, _unpack(body["confirmation"], "confirmation"))
        except WrongCode as error:
            raise web.HTTPForbidden(text=str(error)) from error
        except PairingError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return await self._join(_fields(_parse(payload), *_MEMBERSHIP))

    async def adopt(self, request: web.Request) -> web.StreamResponse:
        """`POST /adopt` on the host's own socket {cluster, node, authority, certificate}."""
        return await self._join(await _read(request, *_MEMBERSHIP))

    async def leave(self, _request: web.Request) -> web.StreamResponse:
        """`POST /leave` on the host's own socket: belong to no cluster, for a cluster that is gone for good."""
        await self._credentials.leave()
        return web.json_response(self._identity().to_json())

    async def _join(self, body: dict[str, str]) -> web.StreamResponse:
        async with self._joining:
            self._refuse_second_cluster(body["cluster"])
            try:
                await self._credentials.join(
                    body["cluster"], body["node"], body["authority"].encode(), body["certificate"].encode()
                )
            except PkiError as error:
                self._desk.abandon()
                raise web.HTTPBadRequest(text=f"adoption is refused: {error}") from error
        log.info("adopted as node %s of cluster %s", body["node"], body["cluster"])
        return web.json_response(self._identity().to_json())

    def _refuse_second_cluster(self, cluster: str) -> None:
        """A console of the same cluster that lost its record of this node may adopt it again, on this host only."""
        membership = self._credentials.membership
        if membership is not None and membership.cluster != cluster:
            raise web.HTTPConflict(
                text=f"this host is node {membership.node} of cluster {membership.cluster}: remove it there first, or "
                "stop its agent and run `quarterdeck-agent reset`"
            )


_MEMBERSHIP = ("cluster", "node", "authority", "certificate")


async def _read(request: web.Request, *names: str) -> dict[str, str]:
    return _fields(_parse(await request.read()), *names)


def _parse(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise web.HTTPBadRequest(text="the body is not JSON") from error


def _fields(data: Any, *names: str) -> dict[str, str]:
    if not isinstance(data, dict):
        raise web.HTTPBadRequest(text="the body is not a JSON object")
    for name in names:
        if not isinstance(data.get(name), str) or not data[name]:
            raise web.HTTPBadRequest(text=f"{name} is missing or not a text")
    return {name: data[name] for name in names}


def _certificate(pem: str) -> Certificate:
    try:
        return pki.parse_certificate(pem.encode())
    except PkiError as error:
        raise web.HTTPBadRequest(text=f"certificate: {error}") from error


def _pack(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unpack(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise web.HTTPBadRequest(text=f"{name} is not base64") from error
