"""Requests for resources: from an HTTP request through the verbs to an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import orjson
from aiohttp import HttpVersion11, web

from common.api.kinds import PODDISRUPTIONBUDGETS, PODS
from common.api.meta import Object, name, uid
from common.client.base import PatchType
from common.errors import ApiError, BadRequest, method_not_allowed
from console.registry import admission
from console.registry.catalog import Registry
from console.registry.kinds.pods import BINDINGS
from console.registry.patch import fitting
from console.registry.row import Row
from console.registry.scale import SCALES
from console.registry.tables import included, scale_table
from console.store import Entry, Event, Watcher

from . import routing, subresources
from .access.attributes import Attributes
from .authorization import attributes
from .body import decoded, read_body, read_document, read_object
from .caller import Caller
from .connecting import CONNECTIONS
from .connecting import options as connect_options
from .conversion import webhook_of
from .eviction import evict
from .extension.matching import Asked
from .flowcontrol.control import flow_headers
from .identity.reviews import Reviews
from .listing import Page
from .negotiation import Form, negotiate
from .options import DeleteOptions, ListOptions, WriteOptions
from .requestinfo import PROXY, RequestInfo
from .responses import (
    GZIP_FROM,
    NOT_KEPT,
    encode_entries,
    encode_list,
    encode_object,
    require_form,
    respond,
    respond_in_pieces,
    warn,
)
from .selection import Selection
from .subresources import success
from .verbs import Verbs
from .watching import open_watch
from .watchstream import Chunks, WatchStream, cut, error_frame

_OPTIONS = {"PUT": "UpdateOptions", "PATCH": "PatchOptions"}
_RETURNS_DELETED = frozenset({"pods", "services", "serviceaccounts", "persistentvolumeclaims", "persistentvolumes"})
"""Kinds whose DELETE answers with the object even when it is gone; the others answer with a Status."""

Special = Callable[["Request"], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Request:
    """One request for a resource, with what every handler of it needs. `row` is of the version that was asked for,
    `warnings` is what whoever asks is to be told, whether it succeeds or not."""

    http: web.BaseRequest
    info: RequestInfo
    row: Row
    caller: Caller
    form: Form
    warnings: list[str] = field(default_factory=list)

    @property
    def stored(self) -> Row:
        """The row under which the resource's objects are kept."""
        return self.row.stored

    def write_options(self) -> WriteOptions:
        kind = _OPTIONS.get(self.http.method, "CreateOptions")
        applies = kind == "PatchOptions" and PatchType(self.http.content_type) is PatchType.APPLY
        return WriteOptions.parse(self.http.query, self.row.resource.api_version, self.warnings, kind, applies=applies)

    @property
    def include_object(self) -> str:
        return self.http.query.get("includeObject", "")


class Resources:
    """`specials` are subresources that are no part of their object: streams to nodes, explanations, tokens. `check`
    raises Forbidden when a caller may not do what turns out to be meant."""

    def __init__(
        self,
        verbs: Verbs,
        registry: Registry,
        specials: dict[str, Special],
        reviews: Reviews,
        check: Callable[[Caller, Attributes], None],
    ) -> None:
        self._verbs = verbs
        self._registry = registry
        self._specials = specials
        self._reviews = reviews
        self._check = check
        self._handlers: dict[str, Special] = {
            "get": self._get,
            "list": self._list,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._delete_collection,
        }
        self._watchers: set[Watcher] = set()
        self._chunks = Chunks()
        self._closing = False

    @property
    def watches(self) -> int:
        return len(self._watchers)

    def end_watches(self) -> None:
        """End what runs and whatever comes: the server is closing."""
        self._closing = True
        for watcher in tuple(self._watchers):
            watcher.close()

    def row(self, info: RequestInfo) -> Row:
        """The row of a request; raises NotFound for what is not served."""
        return routing.find(self._registry, info)

    async def handle(self, http: web.BaseRequest, info: RequestInfo, caller: Caller) -> web.StreamResponse:
        row = self.row(info)
        routing.check(http, info, row)
        headers = {} if info.subresource == PROXY else http.headers  # whom it leads to reads them
        form = negotiate(headers, http.query, tables=not self._reviews.answers(row))
        request = Request(http, info, row, caller, form, [row.deprecation] if row.deprecation else [])
        try:
            return await self._handle(request)
        except ApiError as error:
            error.warnings = (*request.warnings, *error.warnings)
            raise

    def at_once(self, info: RequestInfo, form: Form, now: datetime) -> bytes | None:
        """The body of the answer to a GET of one object without options; None where the answer has warnings, or needs
        anything that takes time. Raises what `handle` raises."""
        row = self.row(info)
        if row.deprecation or webhook_of(row) is not None or not routing.takes("GET", info, row):
            return None
        entry = self._verbs.get(row.stored, info.namespace, info.name)
        require_form(row, form, of_list=False)
        body = encode_object(row, entry, form, "", now)
        return body if len(body) < GZIP_FROM else None

    async def _handle(self, request: Request) -> web.StreamResponse:
        info = request.info
        if info.subresource:
            return await self._subresource(request)
        return await self._handlers[info.verb](request)

    async def _get(self, request: Request) -> web.StreamResponse:
        info = request.info
        entry = self._verbs.get(request.stored, info.namespace, info.name, request.http.query)
        require_form(request.row, request.form, of_list=False)
        return await self._object(request, entry)

    async def _object(self, request: Request, entry: Entry, code: int = 200) -> web.Response:
        (entry,) = await self._verbs.converted(request.row, [entry])
        now = self._verbs.clock.now()
        body = encode_object(request.row, entry, request.form, request.include_object, now)
        return await respond(body, request.form, code=code, warnings=request.warnings, http=request.http)

    async def _written(self, request: Request, entry: Entry, *, created: bool = False) -> web.Response:
        """An object with what whoever wrote it should know."""
        row = request.stored
        if not request.info.subresource and (created or row.warns_on_update):
            request.warnings += row.warnings(entry.obj)
        return await self._object(request, entry, 201 if created else 200)

    async def _status(self, request: Request, status: Object, code: int = 200) -> web.Response:
        return await respond(orjson.dumps(status), request.form.plain, code=code, warnings=request.warnings)

    async def _list(self, request: Request) -> web.StreamResponse:
        options = ListOptions.parse(request.http.query)
        if not options.watch:
            require_form(request.row, request.form, of_list=True)
        selection, late = self._selection(request, options).split(request.row)
        if options.watch:
            if "watch" not in request.row.verbs:
                raise method_not_allowed()
            return await self._watch(request, (selection, late), options)
        page = self._verbs.page(request.stored, selection, options, request.http.query)
        entries = await self._verbs.converted(request.row, page.entries)
        page = replace(page, entries=[entry for entry in entries if late is None or late.accepts(entry)])
        now = self._verbs.clock.now()
        found = encode_list(request.row, page, request.form, request.include_object, now)
        if isinstance(found, bytes):
            return await respond(found, request.form, warnings=request.warnings, http=request.http)
        return await respond_in_pieces(found, request.form, request.http, request.warnings)

    def _selection(self, request: Request, options: ListOptions) -> Selection:
        return Selection.parse(request.row, request.info.namespace, options.label_selector, options.field_selector)

    async def _watch(
        self, request: Request, selections: tuple[Selection, Selection | None], options: ListOptions
    ) -> web.StreamResponse:
        selection, late = selections
        if request.form.is_table:
            included(request.include_object)

        async def convert(events: Sequence[Event]) -> Sequence[Event]:
            converted = await self._verbs.converted_events(request.row, events)
            seen = converted if late is None else [late.view(event) for event in converted]
            return [event for event in seen if event is not None]

        headers = {"Content-Type": "application/json", "Cache-Control": NOT_KEPT, **flow_headers(request.http)}
        response = web.StreamResponse(headers=headers)
        warn(response, request.warnings)
        try:
            watch = open_watch(self._verbs.store, request.stored, selection, options)
        except BadRequest:
            raise
        except ApiError as error:
            # As Kubernetes does: the watch succeeds and its first event says why it cannot go on.
            await response.prepare(request.http)
            await response.write(error_frame(error))
            return response
        self._watchers.add(watch.watcher)
        try:
            await response.prepare(request.http)
            stream = WatchStream(
                self._verbs.store,
                self._verbs.clock,
                request.row,
                options,
                request.form,
                request.include_object,
                convert,
                request.http,
                self._chunks if _goes_as_stored(request, late) else None,
            )
            if not self._closing:
                await stream.run(response, watch)
        except ApiError as error:
            await response.write(error_frame(error))
        except ConnectionError:
            # The client is gone, which is how most watches end.
            cut(request.http)
        finally:
            self._watchers.discard(watch.watcher)
            watch.watcher.close()
        return response

    async def _create(self, request: Request) -> web.StreamResponse:
        options = request.write_options()
        obj = await self._decode(request)
        if self._reviews.answers(request.row):
            context = self._verbs.context(request.caller)
            answer = await self._reviews.answer(request.caller, request.row, request.info.namespace, obj, context)
            return await self._status(request, answer, 201)
        if request.row is BINDINGS:
            # The older way, which clients for Python offer: the pod is the one of the binding's name.
            pods, where = self._registry.row_for(PODS), (request.info.namespace, name(obj))
            await subresources.bind(self._verbs, request.caller, pods, *where, obj, dry_run=options.dry_run)
            return await self._status(request, success(pods, name(obj), code=201), 201)
        entry = await self._verbs.create(request.caller, request.stored, request.info.namespace, obj, options)
        return await self._written(request, entry, created=True)

    async def _decode(self, request: Request) -> Object:
        validation = request.http.query.get("fieldValidation", "")
        obj, warnings = await read_object(request.http, request.row, validation)
        request.warnings += warnings
        return request.row.keep(obj)

    async def _update(self, request: Request) -> web.StreamResponse:
        info, options = request.info, request.write_options()
        obj = await self._decode(request)
        if info.subresource == "finalize":
            entry = await subresources.finalize(self._verbs, request.caller, request.stored, info.name, obj, options)
        elif request.stored.creates_on_update and not info.subresource and not self._is_there(request):
            self._check(request.caller, replace(attributes(info, {}), verb="create"))
            target = request.stored, info.namespace, info.name
            entry = await subresources.create_by_update(self._verbs, request.caller, *target, obj, options)
            return await self._written(request, entry, created=True)
        else:
            entry = await self._verbs.update(
                request.caller, request.stored, info.namespace, info.name, obj, info.subresource, options
            )
        return await self._written(request, entry)

    def _is_there(self, request: Request) -> bool:
        info, resource = request.info, request.stored.resource.group_resource
        return self._verbs.store.newest(resource, info.namespace, info.name) is not None

    async def _patch(self, request: Request) -> web.StreamResponse:
        kind, options = PatchType(request.http.content_type), request.write_options()
        body = await read_body(request.http)
        validation = request.http.query.get("fieldValidation", "") or "Warn"
        if kind is PatchType.APPLY:
            return await self._apply(request, body, validation)

        def change(old: Object) -> Object:
            row = request.row
            patched, found = fitting(row, row.show(old), body, kind, validation)
            request.warnings.extend(found)
            return row.keep(patched)

        info = request.info
        entry = await self._verbs.modify(
            request.caller, "patch", request.stored, info.namespace, info.name, change, info.subresource, options
        )
        return await self._written(request, entry)

    async def _apply(self, request: Request, body: bytes, validation: str) -> web.StreamResponse:
        info, options = request.info, request.write_options()
        config, warnings = await decoded(body, lambda: admission.decode_applied(request.row, body, validation))
        request.warnings += warnings
        if not self._is_there(request):
            self._check(request.caller, replace(attributes(info, {}), verb="create"))
        entry, made = await self._verbs.apply(
            request.caller, request.row, info.namespace, info.name, config, info.subresource, options
        )
        return await self._written(request, entry, created=made)

    async def _delete(self, request: Request) -> web.StreamResponse:
        info, row = request.info, request.stored
        options = await self._delete_options(request)
        entry, gone = await self._verbs.delete(request.caller, row, info.namespace, info.name, options)
        if row.deletion_warning and options.propagation is None:
            request.warnings.append(row.deletion_warning)
        if gone and row.resource.plural not in _RETURNS_DELETED:
            return await self._status(request, success(row, info.name, uid(entry.obj)))
        return await self._object(request, entry)

    async def _delete_options(self, request: Request) -> DeleteOptions:
        body = await read_document(request.http, "DeleteOptions")
        return DeleteOptions.parse(request.http.query, body, request.warnings)

    async def _delete_collection(self, request: Request) -> web.StreamResponse:
        selection_options = ListOptions.parse(request.http.query)
        options = await self._delete_options(request)
        selection, late = self._selection(request, selection_options).split(request.row)
        page = self._verbs.page(request.stored, selection, selection_options)
        shown = await self._verbs.converted(request.row, page.entries)
        chosen = [entry for entry in shown if late is None or late.accepts(entry)]
        await self._verbs.delete_all(request.caller, request.stored, chosen, options)
        metadata = Page([], self._verbs.store.revision).metadata()
        pieces = encode_entries(request.row, metadata, chosen)
        return await respond_in_pieces(pieces, request.form.plain, request.http, request.warnings)

    # Subresources.

    async def _subresource(self, request: Request) -> web.StreamResponse:
        name, method = request.info.subresource, request.http.method
        if name in self._specials:
            if name in CONNECTIONS:
                await self._connect(request)
            return await self._specials[name](request)
        if name == "scale":
            return await self._scale(request)
        if name in {"binding", "eviction"}:
            if method != "POST":
                raise method_not_allowed()
            return await self._post(request)
        handlers: dict[str, Special] = {"GET": self._get, "PUT": self._update, "PATCH": self._patch}
        if method not in handlers or (name == "finalize" and method != "PUT"):
            raise method_not_allowed()
        return await handlers[method](request)

    async def _connect(self, request: Request) -> None:
        """Whoever has a say in connections is asked before one is made."""
        info, row = request.info, request.stored
        opened = connect_options(request.http, info, row)
        asked = Asked(request.caller, row, "CONNECT", info.namespace, info.name, opened, None, info.subresource)
        await self._verbs.ask(asked, request.warnings)

    async def _scale(self, request: Request) -> web.StreamResponse:
        info, http = request.info, request.http
        where = (request.stored, info.namespace, info.name)
        if http.method == "GET":
            scale = await subresources.get_scale(self._verbs, *where)
        elif http.method == "PUT":
            options = request.write_options()
            wanted, found = await read_object(http, SCALES, options.field_validation)
            request.warnings += found
            scale = await subresources.put_scale(self._verbs, request.caller, *where, wanted, options)
        elif http.method == "PATCH":
            kind, patch = PatchType(http.content_type), await read_body(http)
            options = request.write_options()
            scale = await subresources.patch_scale(self._verbs, request.caller, *where, patch, kind, options)
        else:
            raise method_not_allowed()
        if request.form.is_table:
            scale = scale_table(scale, self._verbs.clock.now(), request.include_object)
        return await self._status(request, scale)

    async def _post(self, request: Request) -> web.StreamResponse:
        info = request.info
        kind = "Binding" if info.subresource == "binding" else "Eviction"
        body = await read_document(request.http, kind)
        dry_run = WriteOptions.parse(request.http.query).dry_run
        where = (info.namespace, info.name, body)
        if kind == "Binding":
            if name(body) not in {"", info.name}:
                raise BadRequest("name in URL does not match name in Binding object")
            await subresources.bind(self._verbs, request.caller, request.row, *where, dry_run=dry_run)
        else:
            rows = (request.row, self._registry.row_for(PODDISRUPTIONBUDGETS))
            await evict(self._verbs, request.caller, rows, *where, dry_run=dry_run)
        return await self._status(request, success(request.row, info.name, code=201), 201)


def _goes_as_stored(request: Request, late: Selection | None) -> bool:
    """Whether a watch tells what the store has, byte for byte, in chunks."""
    row, form = request.row, request.form
    if request.http.version < HttpVersion11:
        return False
    converts = row.view is not None or webhook_of(row) is not None
    return not (converts or late or form.is_table or form.is_metadata)
