"""DNS messages as bytes (RFC 1035, 6891): reading a query, writing a reply, copying records out of a response.

Everything that comes in may be hostile: each function either returns something sound or raises `Malformed`, and none
follows more compression pointers than a message has bytes.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable
from dataclasses import dataclass

A, NS, CNAME, SOA, PTR, TXT, AAAA, SRV, OPT = 1, 2, 5, 6, 12, 16, 28, 33, 41
IN, ANY = 1, 255
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, BADVERS = 0, 1, 2, 3, 4, 5, 16

HEADER = struct.Struct("!HHHHHH")
RECORD = struct.Struct("!HHIH")  # type, class, TTL, length of data
QR, AA, TC, RD, RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080
OPCODE_MASK = 0x7800
OWNER_IS_QUESTION = b"\xc0\x0c"  # compression pointer to the name right after the header
MAX_NAME = 255
MAX_LABEL = 63
UDP_PLAIN = 512  # bytes without EDNS
UDP_EDNS = 1232  # bytes; what fits an IPv6 packet on every link (DNS flag day 2020)
_OPT_REPLY = b"\x00" + RECORD.pack(OPT, UDP_EDNS, 0, 0)
_OPT_BADVERS = b"\x00" + RECORD.pack(OPT, UDP_EDNS, 1 << 24, 0)
_POINTER = 0xC0


class Malformed(Exception):
    """The message is not one that DNS allows; `ident` and `flags` of its header when it has one."""

    def __init__(self, message: str, ident: int | None = None, flags: int = 0) -> None:
        super().__init__(message)
        self.ident = ident
        self.flags = flags


@dataclass(frozen=True, slots=True)
class Query:
    ident: int
    flags: int
    name: bytes  # wire format, lower case
    kind: int
    klass: int
    question: bytes  # as it was sent: the case of letters is echoed
    payload: int  # what the client takes by UDP; 0 without EDNS
    edns_version: int = 0

    @property
    def opcode(self) -> int:
        return (self.flags & OPCODE_MASK) >> 11


def parse_query(data: bytes) -> Query:
    """The one question of a query."""
    if len(data) < HEADER.size:
        raise Malformed("shorter than a header")
    ident, flags, questions, answers, authorities, additional = HEADER.unpack_from(data)
    if flags & QR:
        raise Malformed("a response, not a query")
    if questions != 1:
        raise Malformed(f"{questions} questions", ident, flags)
    try:
        end = HEADER.size
        while length := data[end]:
            if length > MAX_LABEL:
                raise Malformed("a compressed or overlong label in the question", ident, flags)
            end += length + 1
        end += 1
        question = data[HEADER.size : end + 4]
        kind, klass = struct.unpack_from("!HH", data, end)
    except (IndexError, struct.error):
        raise Malformed("cut off in the question", ident, flags) from None
    if end - HEADER.size > MAX_NAME:
        raise Malformed("a name of more than 255 bytes", ident, flags)
    # A length byte is at most 63, so lower() changes letters only.
    name = question[:-4].lower()
    payload, version = 0, 0
    if additional and not answers and not authorities:
        payload, version = _edns(data, end + 4)
    return Query(ident, flags, name, kind, klass, question, payload, version)


def _edns(data: bytes, offset: int) -> tuple[int, int]:
    """Payload size and EDNS version of an OPT record at the beginning of the additional section; 0 without one."""
    if len(data) < offset + 1 + RECORD.size or data[offset] != 0:
        return 0, 0
    kind, size, extended, _ = RECORD.unpack_from(data, offset + 1)
    return (max(size, UDP_PLAIN), (extended >> 16) & 0xFF) if kind == OPT else (0, 0)


def udp_limit(query: Query) -> int:
    return min(query.payload, UDP_EDNS) if query.payload else UDP_PLAIN


def reply(
    query: Query,
    rcode: int,
    body: bytes = b"",
    counts: tuple[int, int, int] = (0, 0, 0),
    *,
    limit: int,
    own: bool = True,
) -> bytes:
    """A response to the query; without its records and with TC set when it is longer than `limit`. `own` marks it as
    authoritative."""
    flags = QR | RA | (AA if own else 0) | (query.flags & (RD | OPCODE_MASK)) | (rcode & 0xF)
    answers, authorities, additional = counts
    option = b""
    if query.payload:
        option = _OPT_BADVERS if rcode == BADVERS else _OPT_REPLY
        additional += 1
    if HEADER.size + len(query.question) + len(body) + len(option) > limit:
        flags |= TC
        answers, authorities, additional, body = 0, 0, len(option) and 1, b""
    header = HEADER.pack(query.ident, flags, 1, answers, authorities, additional)
    return header + query.question + body + option


def error_reply(ident: int, flags: int, rcode: int) -> bytes:
    """A response without question, to a message of which only the header could be read."""
    return HEADER.pack(ident, QR | RA | (flags & (RD | OPCODE_MASK)) | rcode, 0, 0, 0, 0)


@functools.lru_cache(65536)
def encode_name(text: str) -> bytes:
    """Wire format, lower case, of a dotted name; ValueError when it is no valid one."""
    wire = bytearray()
    for label in text.rstrip(".").split(".") if text.rstrip(".") else ():
        raw = label.encode("idna") if not label.isascii() else label.encode()
        if not 0 < len(raw) <= MAX_LABEL:
            raise ValueError(f"{text!r} has a label of {len(raw)} bytes, 1 to {MAX_LABEL} are allowed")
        wire += bytes([len(raw)]) + raw.lower()
    if len(wire) >= MAX_NAME:
        raise ValueError(f"{text!r} is longer than {MAX_NAME} bytes")
    return bytes(wire) + b"\x00"


def split_name(wire: bytes) -> list[bytes]:
    """Labels of a sound uncompressed name, without the root."""
    labels = []
    offset = 0
    while length := wire[offset]:
        labels.append(wire[offset + 1 : offset + 1 + length])
        offset += length + 1
    return labels


def is_within(name: bytes, apex: bytes) -> bool:
    """Whether a sound uncompressed name is `apex` or below it: a suffix counts only where a label begins."""
    offset = 0
    while (length := name[offset]) and name[offset:] != apex:
        offset += length + 1
    return name[offset:] == apex


def record(owner: bytes, kind: int, ttl: int, data: bytes) -> bytes:
    return owner + RECORD.pack(kind, IN, ttl, len(data)) + data


def read_name(message: bytes, offset: int) -> tuple[bytes, int]:
    """An uncompressed copy of the name at `offset`, and where the message goes on after it."""
    wire = bytearray()
    after = 0
    limit = len(message)
    while True:
        if offset >= len(message):
            raise Malformed("cut off in a name")
        length = message[offset]
        if length & _POINTER == _POINTER:
            if offset + 1 >= len(message):
                raise Malformed("cut off in a compression pointer")
            after = after or offset + 2
            target = (length & 0x3F) << 8 | message[offset + 1]
            # Pointers lead back only; a bound that falls with each one ends every loop.
            if target >= min(offset, limit):
                raise Malformed("a compression pointer does not lead back")
            offset = limit = target
            continue
        if length > MAX_LABEL:
            raise Malformed("a label of unknown kind")
        wire += message[offset : offset + length + 1]
        if len(wire) > MAX_NAME or offset + length >= len(message):
            raise Malformed("a name is too long or cut off")
        offset += length + 1
        if length == 0:
            return bytes(wire), after or offset


def copy_answers(message: bytes, kinds: Iterable[int]) -> tuple[int, list[bytes]]:
    """Response code, and the records of the answer section of these kinds, made independent of the message."""
    if len(message) < HEADER.size:
        raise Malformed("shorter than a header")
    _, flags, questions, answers, _, _ = HEADER.unpack_from(message)
    offset = HEADER.size
    for _ in range(questions):
        _, offset = read_name(message, offset)
        offset += 4
    wanted = frozenset(kinds)
    copies = []
    for _ in range(answers):
        owner, offset = read_name(message, offset)
        if offset + RECORD.size > len(message):
            raise Malformed("cut off in a record")
        kind, klass, ttl, length = RECORD.unpack_from(message, offset)
        start = offset + RECORD.size
        offset = start + length
        if offset > len(message):
            raise Malformed("cut off in a record's data")
        if klass == IN and kind in wanted:
            data = read_name(message, start)[0] if kind in {CNAME, NS, PTR} else message[start:offset]
            copies.append(record(owner, kind, ttl, data))
    return flags & 0xF, copies
