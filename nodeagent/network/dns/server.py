"""Listens on the node's gateway addresses and answers pods: UDP without a task per query, TCP, bounded forwarding.

A datagram is answered from the zone in the callback that found it readable; only what goes to the host's servers gets
a task. Everything a client can pile up (queries in flight, TCP connections) has a limit.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import Iterable
from typing import Any

from common.aio import Tasks
from nodeagent.network.base import DNS_PORT
from nodeagent.network.errors import NetworkFailure

from . import responder
from .forward import Forwarder
from .zone import Zone

log = logging.getLogger(__name__)

DRAIN = 64  # datagrams a callback: fewer waste wake-ups, more keep the loop from other work
MAX_DATAGRAM = 4096  # bytes; longer queries are cut and then malformed
MAX_FORWARDS = 512  # in flight; above that the answer is SERVFAIL at once
MAX_CONNECTIONS = 128
IDLE_SECONDS = 10.0  # of a TCP connection
RECEIVE_BUFFER = 1 << 20  # bytes; rides out a burst while the loop is busy
ClientAddress = tuple[Any, ...]  # as recvfrom gave it
_FREEBIND = {socket.AF_INET: (socket.IPPROTO_IP, 15), socket.AF_INET6: (socket.IPPROTO_IPV6, 78)}


class DnsServer:
    def __init__(self, forwarder: Forwarder, port: int = DNS_PORT) -> None:
        self.zone = Zone()
        self.port = port
        self._forwarder = forwarder
        self._tasks = Tasks("dns")
        self._sockets: dict[str, list[socket.socket]] = {}
        self._listeners: dict[str, asyncio.Server] = {}
        self._forwards = 0
        self._connections = 0

    @property
    def addresses(self) -> list[str]:
        return sorted(self._sockets)

    async def listen(self, addresses: Iterable[str]) -> None:
        """Answer on exactly these addresses; NetworkFailure when one cannot be had."""
        wanted = set(addresses)
        for address in self._sockets.keys() - wanted:
            self._leave(address)
        for address in sorted(wanted - self._sockets.keys()):
            await self._join(address)

    async def _join(self, address: str) -> None:
        opened: list[socket.socket] = []
        try:
            datagrams = _open(address, self.port, socket.SOCK_DGRAM)
            opened.append(datagrams)
            stream = _open(address, self.port, socket.SOCK_STREAM)
            opened.append(stream)
            listener = await asyncio.start_server(self._accept, sock=stream)
        except OSError as error:
            for sock in opened:
                sock.close()
            raise NetworkFailure(_explain(error, address, self.port)) from error
        self._sockets[address] = opened
        self._listeners[address] = listener
        asyncio.get_running_loop().add_reader(datagrams, self._drain, datagrams)
        log.info("DNS answers on %s port %d", address, self.port)

    def _leave(self, address: str) -> None:
        datagrams = self._sockets.pop(address)[0]
        asyncio.get_running_loop().remove_reader(datagrams)
        datagrams.close()
        self._listeners.pop(address).close()

    async def close(self) -> None:
        for address in list(self._sockets):
            self._leave(address)
        await self._tasks.close()

    def _drain(self, sock: socket.socket) -> None:
        for _ in range(DRAIN):
            try:
                data, client = sock.recvfrom(MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError as error:  # an ICMP error of an earlier reply
                log.debug("DNS receive: %s", error)
                return
            answer = responder.respond(self.zone, data, tcp=False)
            if isinstance(answer, responder.Upstream):
                self._forward_datagram(sock, client, data, answer)
            elif answer is not None:
                _send(sock, answer, client)

    def _forward_datagram(
        self, sock: socket.socket, client: ClientAddress, data: bytes, upstream: responder.Upstream
    ) -> None:
        if self._forwards >= MAX_FORWARDS:
            _send(sock, responder.failure(upstream), client)
            return

        async def forward() -> None:
            _send(sock, await self._ask(data, upstream, tcp=False), client)

        self._tasks.start("forward", forward())

    async def _ask(self, data: bytes, upstream: responder.Upstream, *, tcp: bool) -> bytes:
        if self._forwards >= MAX_FORWARDS:
            return responder.failure(upstream)
        self._forwards += 1
        try:
            if upstream.alias:
                question = responder.alias_question(upstream, upstream.query.ident)
                response = await self._forwarder.ask(question, tcp=tcp)
                return responder.failure(upstream) if response is None else responder.finish_alias(upstream, response)
            response = await self._forwarder.ask(data, tcp=tcp)
            return responder.failure(upstream) if response is None else response
        finally:
            self._forwards -= 1

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._connections >= MAX_CONNECTIONS:
            writer.close()
            return
        self._connections += 1
        self._tasks.start("connection", self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(IDLE_SECONDS):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    data = await reader.readexactly(length)
                answer = responder.respond(self.zone, data, tcp=True)
                if isinstance(answer, responder.Upstream):
                    answer = await self._ask(data, answer, tcp=True)
                if answer is None:
                    return
                async with asyncio.timeout(IDLE_SECONDS):
                    writer.write(struct.pack("!H", len(answer)) + answer)
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return
        finally:
            self._connections -= 1
            writer.close()


def _open(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        # The bridge loses its address when the engine restarts, and gets it back: the socket stays valid.
        sock.setsockopt(*_FREEBIND[family], 1)
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def _explain(error: OSError, address: str, port: int) -> str:
    what = f"DNS for pods cannot listen on {address} port {port}"
    if error.errno == errno.EADDRINUSE:
        return (
            f"{what}: another program has the port; find it with `ss -lntup sport = :{port}` and let it listen on "
            "its own addresses only (dnsmasq: bind-interfaces, unbound: interface, bind: listen-on)"
        )
    if error.errno == errno.EACCES:
        return f"{what}: permission denied; run the agent as root"
    return f"{what}: {error.strerror or error}"


def _send(sock: socket.socket, answer: bytes, client: ClientAddress) -> None:
    try:
        sock.sendto(answer, client)
    except OSError as error:  # a full buffer or a client that is gone: it asks again
        log.debug("DNS reply not sent: %s", error)
