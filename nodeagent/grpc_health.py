"""One call of the gRPC health checking protocol, over plain HTTP/2: all of gRPC that probes need.

Header blocks that come back are not decoded: whether the service is healthy stands in the message, and an answer with
none is an error whatever its headers say. That keeps a compression scheme with state out of the agent.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY = 0x0, 0x1, 0x3, 0x4, 0x6, 0x7
_END_STREAM, _ACK, _END_HEADERS, _PADDED = 0x1, 0x1, 0x4, 0x8
_STREAM = 1
_LONGEST_FRAME = 1 << 14  # bytes, the protocol's default
_POST, _HTTP = b"\x83", b"\x86"  # of HPACK's static table
_STATUS = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_PATH = "/grpc.health.v1.Health/Check"


class GrpcError(Exception):
    """The call did not lead to a health status; the message says why."""


async def check(host: str, port: int, service: str) -> str:
    """The status of a service (empty: of the server) in the protocol's words. GrpcError or OSError otherwise; the
    caller bounds the time."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        writer.write(_PREFACE + _frame(_SETTINGS, 0, 0, b"") + _request(authority, service))
        await writer.drain()
        return _status(await _answer(reader, writer))
    except asyncio.IncompleteReadError as error:
        raise GrpcError("the connection was closed before there was an answer") from error
    finally:
        writer.close()


def _request(authority: str, service: str) -> bytes:
    headers = (
        (":path", _PATH),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "kube-probe/1.36"),
    )
    block = _POST + _HTTP + b"".join(_literal(name, value) for name, value in headers)
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    body = b"\x00" + struct.pack(">I", len(message)) + message
    return _frame(_HEADERS, _END_HEADERS, _STREAM, block) + _frame(_DATA, _END_STREAM, _STREAM, body)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """All data of the stream."""
    body = b""
    while True:
        head = await reader.readexactly(9)
        length, kind, flags = int.from_bytes(head[:3]), head[3], head[4]
        if length > _LONGEST_FRAME:
            raise GrpcError("this is no HTTP/2 server")
        payload = await reader.readexactly(length)
        ours = int.from_bytes(head[5:]) & 0x7FFFFFFF == _STREAM
        if kind == _SETTINGS and not flags & _ACK:
            writer.write(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            writer.write(_frame(_PING, _ACK, 0, payload))
        elif kind == _GOAWAY or (kind == _RESET and ours):
            raise GrpcError("the server refused the call")
        elif kind == _DATA and ours:
            body += payload[1 : length - payload[0]] if flags & _PADDED and payload else payload
        if len(body) > _LONGEST_FRAME:
            raise GrpcError("the answer is too long for a health status")
        if ours and kind in {_DATA, _HEADERS} and flags & _END_STREAM:
            return body


def _status(body: bytes) -> str:
    """Of a message with one number in its first field; zero is not written."""
    if len(body) < 5:
        raise GrpcError("the server does not implement grpc.health.v1.Health, or does not know the service")
    if body[0]:
        raise GrpcError("the answer is compressed, which was not asked for")
    message = body[5:]
    number = message[1] if len(message) >= 2 and message[0] == 0x08 else 0
    return _STATUS.get(number, str(number))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def _literal(name: str, value: str) -> bytes:
    """A header that no table is to remember (RFC 7541, 6.2.2)."""
    return b"\x00" + b"".join(_prefixed(text.encode()) for text in (name, value))


def _prefixed(text: bytes) -> bytes:
    """A string without Huffman coding behind its length, an integer with a prefix of seven bits."""
    if len(text) < 0x7F:
        return bytes((len(text),)) + text
    return b"\x7f" + _varint(len(text) - 0x7F) + text


def _varint(number: int) -> bytes:
    return bytes(_groups(number))


def _groups(number: int) -> Iterable[int]:
    while number >= 0x80:
        yield number & 0x7F | 0x80
        number >>= 7
    yield number
