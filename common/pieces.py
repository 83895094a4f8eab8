"""Long messages of a session, in pieces: binary frames of stream 0, of which an empty one ends the message.

Both ends send through an `Outbox` and hear binary frames through an `Inbox`; other streams are `tunnel`'s. What a
connection's buffers once needed they keep for as long as it lives (those of OpenSSL grow and never shrink), and what
was encoded for a slow peer waits in memory: with hundreds of nodes, of which each is told half a megabyte, that is all
the memory there is. In pieces, of which the next is made when the connection takes it, it is a piece a connection,
and heartbeats go between them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator

from . import session
from .session import MAX_MESSAGE_BYTES, Message, ProtocolError

PIECE_BYTES = 32 * 1024  # what a message has more than is sent in pieces of this size
STREAM = (0).to_bytes(4, "big")  # tunnelled streams have higher numbers


class Outbox:
    """What is sent on one WebSocket, given by how it sends text and bytes. Both wait while the connection is full."""

    def __init__(self, send_text: Callable[[str], Awaitable[None]], send_bytes: Callable[[bytes], Awaitable[None]]):
        self._send_text = send_text
        self._send_bytes = send_bytes
        self._long = asyncio.Lock()  # pieces say not of which message they are: one at a time

    async def send(self, message: Message) -> None:
        await self.send_encoded([session.encode(message).encode()])

    async def send_encoded(self, parts: Iterable[bytes]) -> None:
        """A message of which `session.encode_sync` makes the parts while they are sent."""
        pieces = _in_pieces(parts)
        first = next(pieces, b"")
        second = next(pieces, None)
        if second is None:
            await self._send_text(first.decode())
            return
        async with self._long:
            await self._send_bytes(STREAM + first)
            await self._send_bytes(STREAM + second)
            for piece in pieces:
                await self._send_bytes(STREAM + piece)
            await self._send_bytes(STREAM)


def _in_pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, PIECE_BYTES at a time and the rest."""
    gathered = bytearray()
    for part in parts:
        start = 0
        while len(gathered) + len(part) - start > PIECE_BYTES:
            end = start + PIECE_BYTES - len(gathered)
            gathered += part[start:end]
            yield bytes(gathered)
            gathered.clear()
            start = end
        gathered += part[start:]
    if gathered:
        yield bytes(gathered)


class Inbox:
    """Puts together the long messages that come on one WebSocket."""

    def __init__(self) -> None:
        self._message = bytearray()  # not a list of pieces: small ones would take ten times their size

    def take(self, frame: bytes) -> bytes | None:
        """The message that a frame of our stream ends, encoded; None while it goes on. ProtocolError for one that is
        too long."""
        piece = memoryview(frame)[len(STREAM) :]
        if not piece:
            message, self._message = bytes(self._message), bytearray()
            return message
        if len(self._message) + len(piece) > MAX_MESSAGE_BYTES:
            raise ProtocolError(f"a message is longer than {MAX_MESSAGE_BYTES} bytes")
        self._message += piece
        return None


def is_piece(frame: bytes) -> bool:
    """Whether a binary frame is for the Inbox."""
    return frame.startswith(STREAM)
