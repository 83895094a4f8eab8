"""The Engine API's streams: events, logs, and connections taken over for exec and attach.

The docker package covers the calls; its streams are blocking generators that cannot be cancelled and may lose what
arrives together with the headers of a taken-over connection. Here each is a cancellable asyncio stream.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import orjson

from .base import RuntimeFailure

MAX_ERROR = 64 * 1024  # bytes of an error's body that are read
_CUT = (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, ConnectionError, TimeoutError)


class EngineHttp:
    """Requests to the engine on its Unix socket. All raise RuntimeFailure(EngineUnavailable) when nobody answers."""

    def __init__(self, socket_path: str) -> None:
        self._path = socket_path
        self._session: aiohttp.ClientSession | None = None

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.UnixConnector(self._path, limit=0)
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(self, method: str, path: str, *, params: Mapping[str, str] | None = None, body: Any = None) -> Any:
        """One request with a JSON answer (None when it has no body)."""
        try:
            async with self._client().request(method, f"http://engine{path}", params=params, json=body) as answer:
                data = await answer.read()
                if answer.status >= 400:
                    raise _refused(answer.status, data)
                return orjson.loads(data) if data else None
        except _CUT as error:
            raise unavailable(self._path, error) from error

    async def stream(self, path: str, params: Mapping[str, str]) -> AsyncIterator[bytes]:
        """The body of a GET as it arrives. The first chunk is empty: the engine has accepted and is at it."""
        try:
            async with self._client().get(f"http://engine{path}", params=params) as answer:
                if answer.status >= 400:
                    raise _refused(answer.status, await answer.read())
                yield b""
                async for chunk in answer.content.iter_any():
                    yield chunk
        except _CUT as error:
            raise unavailable(self._path, error) from error

    async def upload(self, path: str, chunks: AsyncIterator[bytes]) -> list[Any]:
        """POST a tar archive as it comes in; returns the engine's progress messages."""
        headers = {"Content-Type": "application/x-tar"}
        try:
            async with self._client().post(f"http://engine{path}", data=chunks, headers=headers) as answer:
                data = await answer.read()
                if answer.status >= 400:
                    raise _refused(answer.status, data)
                return [orjson.loads(line) for line in data.splitlines() if line.strip()]
        except _CUT as error:
            raise unavailable(self._path, error) from error

    async def take_over(self, path: str, body: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """POST and keep the connection as a raw stream in both directions; the caller closes the writer."""
        data = orjson.dumps(body) if body is not None else b""
        try:
            reader, writer = await asyncio.open_unix_connection(self._path)
        except OSError as error:
            raise unavailable(self._path, error) from error
        head = (
            f"POST {path} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        try:
            writer.write(head.encode() + data)
            answer = await reader.readuntil(b"\r\n\r\n")
            status = int(answer.split(b" ", 2)[1])
            if status >= 400:
                raise _refused(status, await reader.read(MAX_ERROR))
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            writer.close()
            raise unavailable(self._path, error) from error
        except BaseException:
            writer.close()
            raise
        return reader, writer


def unavailable(path: str, error: BaseException) -> RuntimeFailure:
    return RuntimeFailure(
        "EngineUnavailable",
        f"the Docker Engine at {path} does not answer ({str(error) or type(error).__name__}); is dockerd running?",
    )


def _refused(status: int, data: bytes) -> RuntimeFailure:
    text = data.decode(errors="replace").strip()
    if text.startswith("{"):
        with contextlib.suppress(orjson.JSONDecodeError):
            text = str(orjson.loads(data).get("message", text))
    reason = "NotFound" if status == 404 else "EngineRefused"
    return RuntimeFailure(reason, text or f"the engine answered {status}")
