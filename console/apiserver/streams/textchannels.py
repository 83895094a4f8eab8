"""The text form of the channels (`base64.channel.k8s.io`): for clients that can only send and get text.

The first character of a message is the digit of its channel, the rest its data in base64. What is behind a `TextSocket`
sees the messages of the binary form.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator

from aiohttp import WSMessage, WSMsgType, web

_ZERO = ord("0")
FIRST = "base64.channel.k8s.io"
FOURTH = "v4.base64.channel.k8s.io"
PROTOCOLS = (FOURTH, FIRST)


def packed(message: bytes) -> str:
    """A message of the binary form as text."""
    return chr(_ZERO + message[0]) + base64.b64encode(message[1:]).decode() if message else ""


def unpacked(text: str) -> bytes:
    """The other way; ValueError for what is no such message."""
    channel = ord(text[0]) - _ZERO if text else -1
    if not 0 <= channel <= 255:
        raise ValueError(f"{text[:1]!r} names no channel")
    try:
        return bytes([channel]) + base64.b64decode(text[1:], validate=True)
    except binascii.Error as error:
        raise ValueError(f"a message of channel {channel} is no base64: {error}") from error


class TextSocket:
    """A client's WebSocket as if it spoke the binary form. A message that is none ends it, as in Kubernetes."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def send_bytes(self, data: bytes) -> None:
        await self._socket.send_str(packed(data))

    async def close(self) -> bool:
        return await self._socket.close()

    async def __aiter__(self) -> AsyncIterator[WSMessage]:
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                return
            try:
                data = unpacked(message.data)
            except ValueError:
                return
            yield WSMessage(WSMsgType.BINARY, data, message.extra)
