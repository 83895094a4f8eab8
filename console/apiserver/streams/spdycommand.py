"""exec and attach over SPDY: a stream for each of stdin, stdout, stderr, the sizes of the terminal and the outcome.

What is behind a `SpdyCommand` sees the messages of the channels, as from a WebSocket. `CommandStreams` is the pure
part: which stream is which channel, and what its frames mean.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator

from aiohttp import WSMessage, WSMsgType

from . import spdy
from .takeover import Wire

FOURTH = "v4.channel.k8s.io"
PROTOCOLS = (FOURTH, "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
_RESIZING = frozenset({FOURTH, "v3.channel.k8s.io"})
STREAM_SECONDS = 30.0  # for the client to open its streams; Kubernetes' streamCreationTimeout
_STDIN, _RESIZE, _CLOSE = 0, 4, 255
_CHANNELS = {"stdin": _STDIN, "stdout": 1, "stderr": 2, "error": 3, "resize": _RESIZE}
_LONGEST_SIZE = 1024  # bytes of a terminal's size; what is longer is none
_JSON = json.JSONDecoder()


def wanted(flags: Iterable[str], protocol: str) -> frozenset[str]:
    """The streams that a client opens that asks with these flags. A terminal has no stderr."""
    asked = frozenset(flags)
    found = {"error"} | (asked & {"stdin", "stdout", "stderr"})
    if "tty" in asked:
        found -= {"stderr"}
        if protocol in _RESIZING:
            found |= {"resize"}
    return frozenset(found)


class CommandStreams:
    """Bytes of the client in, messages of the channels and replies out; and the other way round."""

    def __init__(self, expected: frozenset[str]) -> None:
        self._missing = {_CHANNELS[kind] for kind in expected}
        self._decoder = spdy.Decoder()
        self._encoder = spdy.Encoder()
        self._channels: dict[int, int] = {}  # by stream
        self._streams: dict[int, int] = {}  # by channel
        self._sizes = ""

    @property
    def complete(self) -> bool:
        """Whether the client has opened all streams that it asked for."""
        return not self._missing

    def feed(self, data: bytes) -> tuple[list[bytes], bytes]:
        """Messages for the agent, and what the client gets at once. Raises SpdyError."""
        messages: list[bytes] = []
        replies = bytearray()
        for frame in self._decoder.feed(data):
            if frame.kind == spdy.SYN_STREAM:
                self._open(frame)
                replies += self._encoder.syn_reply(frame.stream)
            elif frame.kind == spdy.PING and frame.stream % 2:
                replies += self._encoder.ping(frame.stream)
            messages += self._messages(frame)
        return messages, bytes(replies)

    def _open(self, frame: spdy.Frame) -> None:
        channel = _CHANNELS.get(frame.headers.get("streamtype", ""))
        if channel is not None:
            self._missing.discard(channel)
            self._channels[frame.stream] = channel
            self._streams[channel] = frame.stream

    def _messages(self, frame: spdy.Frame) -> Iterator[bytes]:
        channel = self._channels.get(frame.stream) if frame.kind != spdy.PING else None
        if channel == _STDIN and frame.payload:
            yield bytes([_STDIN]) + frame.payload
        elif channel == _RESIZE and frame.payload:
            yield from self._resized(frame.payload)
        reset = frame.kind == spdy.RST_STREAM
        if channel == _STDIN and (frame.ends or reset):
            yield bytes([_CLOSE, _STDIN])
        if channel is not None and reset:
            del self._channels[frame.stream]
            self._streams.pop(channel, None)

    def _resized(self, data: bytes) -> Iterator[bytes]:
        """Sizes come as JSON objects, one behind the other."""
        self._sizes = (self._sizes + data.decode(errors="replace")).lstrip()
        while self._sizes:
            try:
                _, end = _JSON.raw_decode(self._sizes)
            except ValueError:
                if len(self._sizes) > _LONGEST_SIZE:
                    raise spdy.SpdyError("what came as the size of a terminal is no JSON") from None
                return
            yield bytes([_RESIZE]) + self._sizes[:end].encode()
            self._sizes = self._sizes[end:].lstrip()

    def framed(self, message: bytes) -> bytes:
        """A message of the agent for the client; empty when the client has no stream for it, or nothing is in it."""
        stream = self._streams.get(message[0]) if len(message) > 1 else None
        return b"" if stream is None else self._encoder.data(stream, message[1:])

    def ended(self) -> bytes:
        """The end of all streams that are open."""
        return b"".join(self._encoder.data(stream, b"", fin=True) for stream in self._streams.values())


class SpdyCommand:
    """A client's SPDY connection as if it were a WebSocket with channels."""

    def __init__(self, wire: Wire, streams: CommandStreams) -> None:
        self._wire = wire
        self._arriving = aiter(wire)
        self._streams = streams
        self._early: list[bytes] = []

    async def opened(self) -> bool:
        """Wait for the client to open its streams; whether it did in time."""
        try:
            async with asyncio.timeout(STREAM_SECONDS):
                while not self._streams.complete:
                    self._early += await self._messages(await anext(self._arriving))
        except (TimeoutError, StopAsyncIteration, ConnectionError, spdy.SpdyError):
            return False
        return True

    async def _messages(self, data: bytes) -> list[bytes]:
        messages, replies = self._streams.feed(data)
        if replies:
            await self._wire.reply(replies)
        return messages

    async def send_bytes(self, data: bytes) -> None:
        framed = self._streams.framed(data)
        if framed:
            await self._wire.send(framed)

    async def close(self) -> bool:
        try:
            await self._wire.reply(self._streams.ended())
        except ConnectionError:
            return False
        finally:
            await self._wire.close()
        return True

    async def __aiter__(self) -> AsyncIterator[WSMessage]:
        for message in self._early:
            yield WSMessage(WSMsgType.BINARY, message, None)
        self._early.clear()
        try:
            async for data in self._arriving:
                for message in await self._messages(data):
                    yield WSMessage(WSMsgType.BINARY, message, None)
        except spdy.SpdyError:
            return
