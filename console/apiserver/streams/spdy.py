"""SPDY/3.1 framing, as much of it as Kubernetes' clients speak. Pure: bytes in, frames out.

Source: the SPDY protocol, draft 3.1. Header blocks of one direction share one zlib stream, primed with a dictionary
that the draft gives; there is no flow control here because the clients' side has none.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY, HEADERS, DATA = 1, 2, 3, 6, 7, 8, 0
FIN = 0x01
CANCEL = 5  # RST_STREAM status
MAX_CONTROL = 64 * 1024  # bytes of a control frame, and of the headers in it
_CONTROL = 0x8000
_VERSION = 3
_HEAD = struct.Struct(">IB3s")
_U32 = struct.Struct(">I")

_NAMES = """
options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age
allow authorization cache-control connection content-base content-encoding content-language content-length
content-location content-md5 content-range content-type date etag expect expires from host if-match
if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma
proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade
user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie
keep-alive origin
"""
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 "
    "Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 "
    "Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May"
    " Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,ima"
    "ge/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,"
    "deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _dictionary() -> bytes:
    names = [name.replace("_", " ").encode() for name in _NAMES.split()]
    return b"".join(_U32.pack(len(name)) + name for name in names) + _TAIL.encode()


DICTIONARY = _dictionary()


class SpdyError(Exception):
    """The peer does not keep to the protocol; the connection ends."""


@dataclass(frozen=True, slots=True)
class Frame:
    """`kind` is DATA or a control type. `stream` is the stream's id (of a PING: the ping's)."""

    kind: int
    stream: int
    flags: int = 0
    payload: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def ends(self) -> bool:
        """Whether the sender sends nothing more on this stream."""
        return bool(self.flags & FIN)


class Decoder:
    """Frames out of bytes that come in any pieces. A frame of data comes out in pieces as well, as it arrives: nobody
    has to hold 16 MiB for a client that sends so much in one."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._data = (0, 0, 0)  # the frame of data that is arriving: its stream, its flags and the bytes to come

    def feed(self, data: bytes) -> list[Frame]:
        """What is there now, without the frames that mean nothing here. Raises SpdyError."""
        self._buffer += data
        frames: list[Frame] = []
        while self._data[2] or len(self._buffer) >= _HEAD.size:
            if self._data[2]:
                if not self._buffer:
                    break
                frames.append(self._piece())
                continue
            first, flags, size_bytes = _HEAD.unpack_from(self._buffer)
            size = int.from_bytes(size_bytes, "big")
            if not first >> 31:
                del self._buffer[: _HEAD.size]
                self._data = (first, flags, size)
                if not size:
                    frames.append(Frame(DATA, first, flags))
                continue
            if size > MAX_CONTROL:
                raise SpdyError(f"a control frame of {size} bytes is too large")
            if len(self._buffer) < _HEAD.size + size:
                break
            body = bytes(self._buffer[_HEAD.size : _HEAD.size + size])
            del self._buffer[: _HEAD.size + size]
            frame = self._control(first, flags, body)
            if frame is not None:
                frames.append(frame)
        return frames

    def _piece(self) -> Frame:
        stream, flags, missing = self._data
        payload = bytes(self._buffer[:missing])
        del self._buffer[:missing]
        self._data = (stream, flags, missing - len(payload))
        return Frame(DATA, stream, 0 if self._data[2] else flags, payload)

    def _control(self, first: int, flags: int, body: bytes) -> Frame | None:
        kind, version = first & 0xFFFF, (first >> 16) & 0x7FFF
        if version != _VERSION:
            raise SpdyError(f"SPDY version {version} is not 3")
        try:
            if kind == SYN_STREAM:
                return Frame(kind, self._u32(body, 0), flags, headers=self._headers(body[10:]))
            if kind in {SYN_REPLY, HEADERS}:
                return Frame(kind, self._u32(body, 0), flags, headers=self._headers(body[4:]))
            if kind in {RST_STREAM, PING, GOAWAY}:
                return Frame(kind, self._u32(body, 0), flags)
        except (struct.error, zlib.error, UnicodeDecodeError) as error:
            raise SpdyError(f"a control frame is malformed: {error}") from error
        return None

    def _u32(self, body: bytes, offset: int) -> int:
        value: int = _U32.unpack_from(body, offset)[0]
        return value & 0x7FFFFFFF

    def _headers(self, block: bytes) -> dict[str, str]:
        data = self._inflate.decompress(block, MAX_CONTROL)
        if self._inflate.unconsumed_tail:
            raise SpdyError(f"headers of more than {MAX_CONTROL} bytes are too large")
        position = 4
        found: dict[str, str] = {}
        for _ in range(self._u32(data, 0)):
            texts = []
            for _part in range(2):
                size = self._u32(data, position)
                texts.append(data[position + 4 : position + 4 + size].decode())
                position += 4 + size
            found[texts[0].lower()] = texts[1]
        return found


class Encoder:
    """Frames into bytes, in the order in which they are sent: header blocks depend on those before."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def data(self, stream: int, payload: bytes, *, fin: bool = False) -> bytes:
        return _HEAD.pack(stream, FIN if fin else 0, len(payload).to_bytes(3, "big")) + payload

    def syn_stream(self, stream: int, headers: dict[str, str]) -> bytes:
        return self._control(SYN_STREAM, struct.pack(">IIBB", stream, 0, 0, 0) + self._headers(headers))

    def syn_reply(self, stream: int) -> bytes:
        return self._control(SYN_REPLY, _U32.pack(stream) + self._headers({}))

    def rst_stream(self, stream: int) -> bytes:
        return self._control(RST_STREAM, struct.pack(">II", stream, CANCEL))

    def ping(self, identifier: int) -> bytes:
        return self._control(PING, _U32.pack(identifier))

    def _control(self, kind: int, body: bytes) -> bytes:
        return _HEAD.pack((_CONTROL | _VERSION) << 16 | kind, 0, len(body).to_bytes(3, "big")) + body

    def _headers(self, headers: dict[str, str]) -> bytes:
        parts = [_U32.pack(len(headers))]
        for name, value in headers.items():
            for text in (name.encode(), value.encode()):
                parts += [_U32.pack(len(text)), text]
        return self._deflate.compress(b"".join(parts)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
