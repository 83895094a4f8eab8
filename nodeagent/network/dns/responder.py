"""What to answer to a message, decided without I/O: a reply, nothing, or a question for the host's own servers."""

from __future__ import annotations

from dataclasses import dataclass

from . import wire
from .zone import TTL, Answer, Zone

MAX_ALIASES = 8  # CNAMEs followed inside the cluster; a longer chain is a mistake


@dataclass(frozen=True, slots=True)
class Upstream:
    """A query that is not ours to answer, or, with `alias`, whose CNAME leads out of the cluster: `prefix` are the
    records found so far."""

    query: wire.Query
    limit: int
    alias: bytes = b""
    prefix: tuple[bytes, ...] = ()


def respond(zone: Zone, data: bytes, *, tcp: bool) -> bytes | Upstream | None:
    """The reply to a message; None when silence is the only sound answer."""
    try:
        query = wire.parse_query(data)
    except wire.Malformed as error:
        return None if error.ident is None else wire.error_reply(error.ident, error.flags, wire.FORMERR)
    limit = 65535 if tcp else wire.udp_limit(query)
    refusal = _refusal(query)
    if refusal is not None:
        return wire.reply(query, refusal, limit=limit, own=False)
    if query.klass not in {wire.IN, wire.ANY}:
        return wire.reply(query, wire.REFUSED, limit=limit, own=False)
    answer = zone.lookup(query.name, query.kind)
    if answer is None:
        return Upstream(query, limit)
    if answer.alias and query.kind != wire.CNAME:
        return _follow(zone, query, answer, limit)
    return wire.reply(query, answer.rcode, answer.rotated(), answer.counts, limit=limit)


def _refusal(query: wire.Query) -> int | None:
    if query.opcode:
        return wire.NOTIMP
    if query.edns_version:
        return wire.BADVERS
    return None


def _follow(zone: Zone, query: wire.Query, answer: Answer, limit: int) -> bytes | Upstream:
    """A stub resolver does not follow CNAMEs, so the chain is resolved here."""
    records = list(answer.units)
    owner = answer.alias
    for _ in range(MAX_ALIASES):
        found = zone.lookup(owner, query.kind)
        if found is None:
            return Upstream(query, limit, owner, tuple(records))
        # The records name their owner by a pointer to the question, which here is another name.
        records += [owner + unit[len(wire.OWNER_IS_QUESTION) :] for unit in found.units]
        if not found.alias:
            return wire.reply(query, found.rcode, b"".join(records), (len(records), 0, 0), limit=limit)
        owner = found.alias
    return wire.reply(query, wire.SERVFAIL, limit=limit)


def alias_question(upstream: Upstream, ident: int) -> bytes:
    """The query for the name that an alias stands for."""
    question = upstream.alias + upstream.query.kind.to_bytes(2, "big") + wire.IN.to_bytes(2, "big")
    option = b"\x00" + wire.RECORD.pack(wire.OPT, wire.UDP_EDNS, 0, 0)
    return wire.HEADER.pack(ident, wire.RD, 1, 0, 0, 1) + question + option


def finish_alias(upstream: Upstream, response: bytes) -> bytes:
    """The reply out of the alias' own records and what the host's servers said of its target."""
    try:
        rcode, copies = wire.copy_answers(response, {upstream.query.kind, wire.CNAME})
    except wire.Malformed:
        return failure(upstream)
    # A short TTL: who the alias leads to may be changed in the cluster.
    records = [*upstream.prefix, *(_with_ttl(copy) for copy in copies)]
    return wire.reply(upstream.query, rcode, b"".join(records), (len(records), 0, 0), limit=upstream.limit)


def _with_ttl(copy: bytes) -> bytes:
    _, end = wire.read_name(copy, 0)
    kind, klass, ttl, length = wire.RECORD.unpack_from(copy, end)
    return copy[:end] + wire.RECORD.pack(kind, klass, min(ttl, TTL), length) + copy[end + wire.RECORD.size :]


def failure(upstream: Upstream) -> bytes:
    """SERVFAIL: no server of the host gave an answer in time."""
    return wire.reply(upstream.query, wire.SERVFAIL, limit=upstream.limit, own=False)
