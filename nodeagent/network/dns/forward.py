"""Asks the host's DNS servers on behalf of pods, with a random id and a socket (so a random port) per question.

A response counts only when it comes from the server that was asked and repeats id and question; anything else is
ignored until the time is up, so that nobody off the path can plant an answer.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections.abc import Callable, Iterable

from . import wire

ATTEMPT_SECONDS = 2.0
TOTAL_SECONDS = 4.5  # less than the 5 s after which glibc gives up, so that it hears SERVFAIL instead of nothing
ROUNDS = 2  # through all servers: one lost datagram is no failure
MAX_SERVERS = 3  # as many as glibc uses
MAX_MESSAGE = 65535
Address = tuple[str, int]


class Forwarder:
    """`servers` is asked on every question, so that a changed resolv.conf counts at once."""

    def __init__(self, servers: Callable[[], Iterable[Address]]) -> None:
        self._servers = servers

    async def ask(self, message: bytes, *, tcp: bool) -> bytes | None:
        """The response to a query, with the query's own id; None when no server gave one in time."""
        original = message[:2]
        question = wire.parse_query(message).question
        last: bytes | None = None
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                for address in list(self._servers())[:MAX_SERVERS] * ROUNDS:
                    response = await self._ask_one(address, message, question, tcp)
                    if response is None:
                        continue
                    last = original + response[2:]
                    if response[3] & 0xF not in {wire.SERVFAIL, wire.REFUSED, wire.NOTIMP}:
                        break
        except TimeoutError:
            pass  # what came so far, if anything, is the answer
        return last

    async def _ask_one(self, address: Address, message: bytes, question: bytes, tcp: bool) -> bytes | None:
        ident = secrets.token_bytes(2)
        outgoing = ident + message[2:]
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                exchange = _by_tcp if tcp else _by_udp
                return await exchange(address, outgoing, lambda data: is_answer(data, ident, question))
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return None


def is_answer(data: bytes, ident: bytes, question: bytes) -> bool:
    """Whether a datagram is the response to that question."""
    if len(data) < wire.HEADER.size + len(question) or data[:2] != ident or not data[2] & 0x80:
        return False
    echoed = data[wire.HEADER.size : wire.HEADER.size + len(question)]
    return data[4:6] == b"\x00\x01" and echoed.lower() == question.lower()


async def _by_udp(address: Address, message: bytes, accept: Callable[[bytes], bool]) -> bytes:
    loop = asyncio.get_running_loop()
    # A numeric address with a scope (fe80::1%eth0) is only understood by getaddrinfo, which does not block for those.
    family, _, _, _, target = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(target)
        await loop.sock_sendall(sock, message)
        while True:
            data = await loop.sock_recv(sock, MAX_MESSAGE)
            if accept(data):
                return data


async def _by_tcp(address: Address, message: bytes, accept: Callable[[bytes], bool]) -> bytes | None:
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(struct.pack("!H", len(message)) + message)
        await writer.drain()
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        data = await reader.readexactly(length)
        return data if accept(data) else None
    finally:
        writer.close()
