"""Requests from the API server to the agents: logs, exec, images, figures. Implements `NodeStreams`."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from urllib.parse import unquote

import aiohttp

from common import tls
from common.errors import ServiceUnavailable, from_status, not_found
from common.session import MAX_MESSAGE_BYTES, REFUSAL_HEADER

CONNECT_SECONDS = 5.0


class AgentStreams:
    """`address` gives HOST:PORT of a node's agent, None when there is no such node, empty when it is not known yet.
    `context` gives the TLS context of the moment."""

    def __init__(self, address: Callable[[str], str | None], context: Callable[[], ssl.SSLContext]) -> None:
        self.address_of = address
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self, node: str, method: str, path: str, params: Mapping[str, str], data: bytes | aiohttp.StreamReader | None
    ) -> aiohttp.ClientResponse:
        url = self._url(node, path)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        try:
            return await self._client().request(
                method,
                url,
                params=params,
                data=data,
                timeout=timeout,
                ssl=self._context(),
                server_hostname=node,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unavailable(node, error) from error

    async def websocket(self, node: str, path: str, params: list[tuple[str, str]]) -> aiohttp.ClientWebSocketResponse:
        url = self._url(node, path)
        try:
            return await self._client().ws_connect(
                url,
                params=params,
                max_msg_size=MAX_MESSAGE_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                ssl=self._context(),
                server_hostname=node,
            )
        except aiohttp.WSServerHandshakeError as error:
            reason = unquote(error.headers.get(REFUSAL_HEADER, "")) if error.headers else ""
            if reason:
                raise from_status({"message": reason}, error.status) from error
            raise _unavailable(node, error) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unavailable(node, error) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _url(self, node: str, path: str) -> str:
        address = self.address_of(node)
        if address is None:
            raise not_found("nodes", node)
        if not address:
            raise ServiceUnavailable(f"the agent of node {node} was not seen yet")
        return f"https://{address}{path}"

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            # Each stream may last for hours: no limit, and no reuse that could hand out a half-dead connection.
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))
        return self._session


def _unavailable(node: str, error: BaseException) -> ServiceUnavailable:
    return ServiceUnavailable(f"the agent of node {node} cannot be reached: {tls.explain(error)}")
