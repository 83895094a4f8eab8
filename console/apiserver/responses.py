"""Answers: encoded objects and lists, Tables, metadata only, and errors as Status objects."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime
from email.utils import formatdate
from functools import lru_cache
from itertools import chain

import orjson
import yaml
from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE

from common.api.meta import Object
from common.errors import NO_PAGE, ApiError, NotAcceptable
from console.registry.bodies import go_type
from console.registry.row import Row
from console.registry.tables import table
from console.store import Entry

from .audit.auditor import AUDIT_ID
from .authentication import is_local
from .listing import Page
from .negotiation import YAML, Form
from .routing import PageNotFound

NOT_KEPT = "no-cache, private"
"""What answers say to caches on their way: they are for whoever asked, and of this moment."""
MAX_WARNINGS = 4 * 1024  # characters of all warnings of an answer
_LONGEST_HEADER = 8000  # bytes; aiohttp's clients take no line above 8190
_SHORT_WARNING = 256  # characters of each, when there are more
PIECE = 256 * 1024  # bytes of a list that are made and sent at once: a millisecond or two
_GZIP_WINDOW = 31  # of zlib: with the header of gzip
_PLACES = {"kind": 0, "apiVersion": 1, "metadata": 2, "status": 4}
GZIP_FROM = 128 * 1024  # bytes; as Kubernetes: below it compressing costs more than it saves on any network


def encode_object(row: Row, entry: Entry, form: Form, include_object: str, now: datetime) -> bytes:
    if not form.kind:
        return shown(row, entry)
    if form.is_table:
        metadata = {"resourceVersion": str(entry.revision)}
        return orjson.dumps(table(row, [entry.obj], now, metadata, include_object, form.api_version))
    if form.is_metadata:
        return orjson.dumps(partial(entry.obj, form))
    return shown(row, entry)


def require_form(row: Row, form: Form, *, of_list: bool) -> None:
    """Raises NotAcceptable for the metadata of one object where there are many, and the other way around."""
    if form.is_metadata and form.kind.endswith("List") != of_list:
        what = f"a list ({go_type(row)}List)" if of_list else f"not a list ({go_type(row)})"
        raise NotAcceptable(f"you requested {form.kind}, but the requested object is {what}")


def shown(row: Row, entry: Entry) -> bytes:
    """An entry encoded in the version of the row: as it is stored, unless the row is another version's."""
    if row.view is None:
        return entry.raw
    kept = entry.obj
    obj = row.show(kept)
    return entry.raw if obj is kept else orjson.dumps(obj)


def partial(obj: Object, form: Form) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": form.api_version, "metadata": obj.get("metadata", {})}


def encode_list(row: Row, page: Page, form: Form, include_object: str, now: datetime) -> bytes | Iterator[bytes]:
    """A list object, in pieces where it is made of the bytes that the store has already."""
    metadata = page.metadata()
    if form.is_table:
        objects = [entry.obj for entry in page.entries]
        return orjson.dumps(table(row, objects, now, metadata, include_object, form.api_version))
    if form.is_metadata:
        items = [partial(entry.obj, form) for entry in page.entries]
        kind = {"kind": "PartialObjectMetadataList", "apiVersion": form.api_version}
        return orjson.dumps({**kind, "metadata": metadata, "items": items})
    return encode_entries(row, metadata, page.entries)


def encode_entries(row: Row, metadata: Object, entries: Sequence[Entry]) -> Iterator[bytes]:
    """A list object in pieces: all of a large one at once would hold up whoever else waits, and its memory would stay
    with the process."""
    kind = {"kind": row.list_kind, "apiVersion": row.resource.api_version, "metadata": metadata}
    piece = bytearray(orjson.dumps(kind)[:-1])
    piece += b',"items":['
    for place, entry in enumerate(entries):
        if place:
            piece += b","
        piece += shown(row, entry)
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    piece += b"]}"
    yield bytes(piece)


async def respond_in_pieces(
    pieces: Iterator[bytes], form: Form, http: web.BaseRequest, warnings: Sequence[str] = ()
) -> web.Response:
    """Sent as they are made, once it shows that there are several: at the pace at which the client takes them."""
    first = next(pieces)
    second = next(pieces, None)
    if second is None or form.media == YAML or form.pretty:
        return await respond(b"".join([first, second or b"", *pieces]), form, warnings=warnings, http=http)
    every = chain((first, second), pieces)
    compressed = takes_gzip(http)
    response = web.Response(body=_compressed(every) if compressed else _in_turns(every), content_type=form.media)
    warn(response, warnings)
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    return response


async def _in_turns(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(0)  # a client that takes all at once makes nobody else wait


async def _compressed(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP_WINDOW)
    for piece in pieces:
        if data := await asyncio.to_thread(packer.compress, piece):
            yield data
    yield packer.flush()


async def respond(
    body: bytes, form: Form, *, code: int = 200, warnings: Sequence[str] = (), http: web.BaseRequest | None = None
) -> web.Response:
    """Compressed when it is large and `http`'s client takes that; never on a Unix socket, where bytes cost nothing."""
    if form.media == YAML:
        body = await asyncio.to_thread(_to_yaml, body)
    elif form.pretty:
        body = await asyncio.to_thread(_on_lines, body)
    response = web.Response(body=body, status=code, content_type=form.media)
    if warnings:
        warn(response, warnings)
    if len(body) >= GZIP_FROM and http is not None and takes_gzip(http):
        response.body = await asyncio.to_thread(gzip.compress, body, 1)
        response.headers["Content-Encoding"] = "gzip"
    return response


def at_once(body: bytes, media: str, flow: str, audit_id: str, now: datetime) -> bytes:
    """An answer of code 200 as it goes over the wire, with the headers that others have and in their order. `flow` are
    those about it, each with its end."""
    return (
        f"HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nCache-Control: {NOT_KEPT}\r\n{flow}"
        f"Content-Length: {len(body)}\r\nDate: {_date(int(now.timestamp()))}\r\nServer: {SERVER_SOFTWARE}\r\n"
        f"{AUDIT_ID}: {audit_id}\r\n\r\n"
    ).encode() + body


@lru_cache(maxsize=2)
def _date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


def warn(response: web.StreamResponse, texts: Iterable[str]) -> None:
    """Tell whoever gets the answer; before its headers are sent."""
    for text in bounded(texts):
        response.headers.add("Warning", f'299 - "{_header_text(text)}"')


def bounded(texts: Iterable[str]) -> list[str]:
    """Warnings without repetitions, in no more than clients take: where they are too long together, each is cut, and as
    many are told as there is room for. The figures are Kubernetes'."""
    told = [text for text in dict.fromkeys(texts) if text]
    if sum(map(len, told)) <= MAX_WARNINGS:
        return told
    room, cut = MAX_WARNINGS, []
    for text in told:
        if room <= 0:
            break
        cut.append(text[:_SHORT_WARNING])
        room -= len(cut[-1])
    return cut


def _to_yaml(body: bytes) -> bytes:
    text: str = yaml.dump(orjson.loads(body), Dumper=yaml.CSafeDumper, sort_keys=True, allow_unicode=True)
    return text.encode()


def _on_lines(body: bytes) -> bytes:
    """What says what an object is comes first, its status last, as in Kubernetes' answers."""
    document: Object = orjson.loads(body)
    if isinstance(document.get("items"), list):
        document["items"] = [_in_order(item) for item in document["items"]]
    return orjson.dumps(_in_order(document), option=orjson.OPT_INDENT_2)


def _in_order(obj: Object) -> Object:
    return dict(sorted(obj.items(), key=lambda item: _PLACES.get(item[0], 3)))


def _header_text(text: str) -> str:
    """A quoted string of a header: one line, no control characters, quotes escaped, no longer than clients take."""
    quoted = _quoted(text)
    return quoted if len(quoted.encode()) <= _LONGEST_HEADER else _quoted(text[:_SHORT_WARNING])


def _quoted(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain.replace("\\", "\\\\").replace('"', '\\"')


def error_response(error: ApiError, *, pretty: bool = False) -> web.Response:
    if isinstance(error, PageNotFound):
        return web.Response(text=f"{NO_PAGE}\n", status=error.code)
    shape = orjson.OPT_INDENT_2 if pretty else None
    body = orjson.dumps(error.to_status(), option=shape)
    response = web.Response(body=body, status=error.code, content_type="application/json")
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    warn(response, error.warnings)
    return response


def takes_gzip(http: web.BaseRequest) -> bool:
    offered = http.headers.get("Accept-Encoding", "").split(",")
    return any(part.split(";")[0].strip() in {"gzip", "*"} for part in offered) and not is_local(http.transport)
