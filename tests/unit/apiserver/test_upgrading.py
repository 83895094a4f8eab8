"""Upgraded connections that the proxies join: neither half is left open alone."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, cast

import pytest
from aiohttp import ClientResponse, web

from console.apiserver.proxying.upgrading import switch


class Gone:
    """A request whose client went before it was answered."""

    transport = None


class Protocol(asyncio.Protocol):
    def set_parser(self, _parser: object, _payload: object) -> None:
        """What aiohttp has read already: nothing."""


class Answer:
    """101 of a server, over one end of a pair of sockets."""

    def __init__(self, transport: asyncio.Transport, protocol: Protocol) -> None:
        self.connection = self
        self.transport, self.protocol = transport, protocol
        self.headers: dict[str, str] = {"Upgrade": "turning/1"}


async def test_the_server_behind_is_let_go_when_the_client_went_meanwhile() -> None:
    ours, theirs = socket.socketpair()
    transport, protocol = await asyncio.get_running_loop().create_connection(Protocol, sock=ours)
    answer: Any = Answer(cast(asyncio.Transport, transport), protocol)
    reader, writer = await asyncio.open_connection(sock=theirs)
    with pytest.raises(ConnectionResetError):
        await switch(cast(web.BaseRequest, Gone()), cast(ClientResponse, answer))
    async with asyncio.timeout(60):
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
