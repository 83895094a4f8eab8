"""A client that asks for `Upgrade: SPDY/3.1` on a plain connection, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from console.apiserver.streams import spdy

TIMEOUT = 60.0


@dataclass
class Heard:
    """What came on one stream."""

    data: bytes = b""
    ended: bool = False
    reset: bool = False


@dataclass
class SpdyClient:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: str = ""
    encoder: spdy.Encoder = field(default_factory=spdy.Encoder)
    decoder: spdy.Decoder = field(default_factory=spdy.Decoder)
    heard: dict[int, Heard] = field(default_factory=dict)
    replies: list[int] = field(default_factory=list)
    pings: list[int] = field(default_factory=list)
    closed: bool = False
    opened: int = 0

    @classmethod
    async def ask(
        cls, socket: Path, path: str, query: Sequence[tuple[str, str]] = (), protocols: Sequence[str] = ()
    ) -> SpdyClient:
        """Send the request and read the head of the answer."""
        reader, writer = await asyncio.open_unix_connection(str(socket))
        lines = [f"POST {path}?{urlencode(query)} HTTP/1.1", "Host: api", "Content-Length: 0", "Connection: Upgrade"]
        lines += ["Upgrade: SPDY/3.1", *(f"X-Stream-Protocol-Version: {name}" for name in protocols)]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        client = cls(reader, writer)
        async with asyncio.timeout(TIMEOUT):
            client.head = (await reader.readuntil(b"\r\n\r\n")).decode()
        return client

    @property
    def status(self) -> int:
        return int(self.head.split()[1])

    def open(self, streamtype: str, **headers: str) -> int:
        stream = 2 * self.opened + 1
        self.opened += 1
        self.heard[stream] = Heard()
        self.writer.write(self.encoder.syn_stream(stream, {"streamtype": streamtype, **headers}))
        return stream

    def send(self, stream: int, data: bytes, *, fin: bool = False) -> None:
        self.writer.write(self.encoder.data(stream, data, fin=fin))

    async def hear(self) -> bool:
        """Take what comes next; whether the connection is still there."""
        async with asyncio.timeout(TIMEOUT):
            data = await self.reader.read(65536)
        for frame in self.decoder.feed(data):
            heard = self.heard.get(frame.stream, Heard())
            if frame.kind == spdy.DATA:
                heard.data += frame.payload
                heard.ended |= frame.ends
            elif frame.kind == spdy.RST_STREAM:
                heard.reset = True
            elif frame.kind == spdy.SYN_REPLY:
                self.replies.append(frame.stream)
            elif frame.kind == spdy.PING:
                self.pings.append(frame.stream)
        self.closed = not data
        return not self.closed

    async def hear_end_of(self, *streams: int) -> None:
        while not all(self.heard[stream].ended for stream in streams):
            assert await self.hear(), "the connection was closed before the end of its streams"

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()
