"""The API inside the cluster: connections to the `default/kubernetes` Service go through the session.

The network sends what is meant for that Service to TUNNEL_PORT on the pod gateway addresses; here each connection
becomes a stream of the session. TLS stays end to end between pod and API server. Without a session a connection is
closed at once, so that clients retry instead of waiting.
"""

from __future__ import annotations

import asyncio
import errno
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable

from common.session import Message, ProtocolError, TunnelOpen
from common.settings import TUNNEL_PORT
from common.tunnel import Tunnels

log = logging.getLogger(__name__)
Sender = Callable[[Message], Awaitable[None]]


class ApiTunnel:
    """Listeners live as long as the agent; the session of the moment attaches and detaches."""

    def __init__(self, port: int = TUNNEL_PORT) -> None:
        self._wanted_port = port
        self._listeners: dict[str, asyncio.Server] = {}
        self._numbers = itertools.count()
        self._session: tuple[Tunnels, Sender] | None = None

    async def listen(self, addresses: Iterable[str]) -> None:
        """Listen on these addresses and no others. OSError names one that cannot be used; call again then."""
        wanted = set(addresses)
        for address in self._listeners.keys() - wanted:
            self._listeners.pop(address).close()
        for address in sorted(wanted - self._listeners.keys()):
            try:
                self._listeners[address] = await asyncio.start_server(self._accept, address, self._wanted_port)
            except OSError as error:
                text = f"cannot listen on {address} port {self._wanted_port} for the cluster's API: {error.strerror}"
                raise OSError(error.errno or errno.EIO, text) from error

    def ports(self) -> dict[str, int]:
        """The port in use by address."""
        return {address: server.sockets[0].getsockname()[1] for address, server in self._listeners.items()}

    def attach(self, tunnels: Tunnels, send: Sender) -> None:
        self._session = (tunnels, send)

    def detach(self, tunnels: Tunnels) -> None:
        """Forget that session, unless a newer one has taken its place."""
        if self._session is not None and self._session[0] is tunnels:
            self._session = None

    async def close(self) -> None:
        await self.listen(())

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._session is None:
            writer.close()
            return
        tunnels, send = self._session
        number = next(self._numbers) % 0xFFFFFFFF + 1  # 0 is no stream of a connection

        async def connected() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            return reader, writer

        try:
            await send(TunnelOpen(number))  # before any data of the stream
            tunnels.open(number, connected)
        except (ConnectionError, ProtocolError) as error:
            log.debug("a pod's connection to the API is refused: %s", error)
            writer.close()
