"""The two ways in which a reader gets a container's output: as the body of the answer, or as WebSocket messages.

Over a WebSocket each message is a piece of the output: binary, or its base64 as text for who asks for
`base64.binary.k8s.io`.
"""

from __future__ import annotations

import base64
from typing import Protocol

from aiohttp import web

_BASE64 = "base64.binary.k8s.io"
_PROTOCOLS = ("binary.k8s.io", _BASE64)


class LogSink(Protocol):
    async def open(self) -> None:
        """Answer the request; after that it is too late for a status."""

    async def write(self, chunk: bytes) -> None: ...

    async def close(self) -> web.StreamResponse: ...


def is_websocket(http: web.BaseRequest) -> bool:
    return http.headers.get("Upgrade", "").lower() == "websocket"


class PlainSink:
    def __init__(self, http: web.BaseRequest) -> None:
        self._http = http
        self._response = web.StreamResponse(headers={"Content-Type": "text/plain"})

    async def open(self) -> None:
        await self._response.prepare(self._http)

    async def write(self, chunk: bytes) -> None:
        await self._response.write(chunk)

    async def close(self) -> web.StreamResponse:
        return self._response


class WebSocketSink:
    def __init__(self, http: web.BaseRequest) -> None:
        self._http = http
        self._socket = web.WebSocketResponse(protocols=_PROTOCOLS)

    async def open(self) -> None:
        await self._socket.prepare(self._http)

    async def write(self, chunk: bytes) -> None:
        if self._socket.ws_protocol == _BASE64:
            await self._socket.send_str(base64.b64encode(chunk).decode())
        else:
            await self._socket.send_bytes(chunk)

    async def close(self) -> web.StreamResponse:
        await self._socket.close()
        return self._socket
