"""The `Client` protocol over HTTP: what the console, the command line and tests use.

An answer that is an error becomes the same `common.errors` type that the server raised; a server that cannot be
reached becomes ServiceUnavailable, naming where it was looked for. A watch whose connection breaks ends without error:
whoever follows it resumes, and notices then whether the server is gone. A token that no longer counts is replaced where
there is another one, and what was refused is asked again.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import orjson
from aiohttp.client_ws import DEFAULT_WS_CLIENT_TIMEOUT

from common.api.kinds import Resource
from common.api.meta import Object, name, namespace
from common.errors import NO_PAGE, ApiError, BadRequest, ServiceUnavailable, Timeout, from_status
from common.tls import explain

from .base import READ_ONLY, ObjectList, PatchType, WatchEvent
from .endpoint import Endpoint
from .resources import ApiResource, discover

REQUEST_SECONDS = 60.0  # Kubernetes' own limit for requests that are not streams
SILENCE_SECONDS = 150.0  # a watch brings a bookmark every minute: two missed ones mean a connection that died unseen
RENEWAL_SECONDS = 10.0  # between two looks for another token: what gives one may be a program that takes its time
STREAM_BUFFER = 4096  # bytes: what nobody takes waits in the socket, so that many small pieces come as few large ones
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

Params = Mapping[str, str] | Sequence[tuple[str, str]]


class HttpClient:
    """Use it as an async context manager, or call `close`. Lives in the event loop of its first request.

    While it is `read_only`, the server refuses everything that is more than reading. `headers` go with every request.
    """

    def __init__(
        self, endpoint: Endpoint, *, user_agent: str = "quarterdeck", headers: Mapping[str, str] | None = None
    ) -> None:
        self.endpoint = endpoint
        self.read_only = False
        self._headers = (("User-Agent", user_agent), *endpoint.headers, *(headers or {}).items())
        self._session: aiohttp.ClientSession | None = None
        self._token = endpoint.token
        self._renewing = asyncio.Lock()
        self._renewed = -RENEWAL_SECONDS

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = (
                aiohttp.UnixConnector(str(self.endpoint.socket), limit=0)
                if self.endpoint.socket
                else aiohttp.TCPConnector(ssl=self.endpoint.tls or True, limit=0)
            )
            self._session = aiohttp.ClientSession(
                connector=connector, headers=self._headers, proxy=self.endpoint.proxy or None
            )
        return self._session

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        params: Params = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: aiohttp.ClientTimeout | None = None,
        buffer: int | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A successful response; any other is raised as the error that it says. `buffer` is how many bytes may wait to
        be taken before no more are read, about."""
        timeout = timeout or aiohttp.ClientTimeout(total=REQUEST_SECONDS)

        async def ask() -> aiohttp.ClientResponse:
            return await self._connected().request(
                method,
                self.endpoint.url + path,
                params=params,
                data=None if body is None else io.BytesIO(body),  # goes out in pieces, however large it is
                headers={**self._own_headers(), **(headers or {})},
                timeout=timeout,
                read_bufsize=buffer,
                server_hostname=self.endpoint.server_name or None,
            )

        try:
            shown = self._token
            response = await ask()
            if response.status == HTTPStatus.UNAUTHORIZED:
                await response.read()  # which frees the connection
                if await self._has_other_token(shown):
                    response = await ask()
            async with response:
                if response.status >= 400:
                    raise _error(await response.read(), response.status)
                yield response
        except TimeoutError as error:
            raise Timeout(f"the API at {self.endpoint} did not answer {method} {path} in time") from error
        except aiohttp.ClientError as error:
            raise self._unreachable(error) from error

    def _own_headers(self) -> dict[str, str]:
        bond = {READ_ONLY: "true"} if self.read_only else {}
        return {**bond, "Authorization": f"Bearer {self._token}"} if self._token else bond

    async def _has_other_token(self, shown: str) -> bool:
        """Whether there is another one by now than the one that was shown and refused."""
        renew = self.endpoint.renew
        if renew is None:
            return False
        async with self._renewing:  # of many that are refused one asks
            now = asyncio.get_running_loop().time()
            if self._token == shown and now - self._renewed >= RENEWAL_SECONDS:
                self._renewed = now
                self._token = await asyncio.to_thread(renew) or shown
        return self._token != shown

    def _unreachable(self, error: Exception) -> ServiceUnavailable:
        why = explain(error)
        if isinstance(error, aiohttp.ServerDisconnectedError) and self.endpoint.tls is not None:
            # With TLS 1.3 a server refuses a certificate after the handshake, and the reason is lost on the way.
            why += "; so does a server of another cluster, to which our certificate means nothing"
        return ServiceUnavailable(f"the API at {self.endpoint} cannot be reached: {why}")

    async def request_json(
        self,
        method: str,
        path: str,
        params: Params = (),
        body: Any = None,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        """The decoded answer of any path of the API. `body` is an object to encode, or bytes to send as they are."""
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        headers = {"Accept": accept, **({"Content-Type": content_type} if data is not None else {})}
        async with self._open(method, path, params, data, headers) as response:
            return orjson.loads(await response.read() or b"null")

    async def stream(self, path: str, params: Params = ()) -> AsyncIterator[bytes]:
        """The bytes of an answer as they come (logs), without a time limit."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_SECONDS)
        async with self._open("GET", path, params, timeout=timeout, buffer=STREAM_BUFFER) as response:
            async for chunk in response.content.iter_any():
                yield chunk

    async def websocket(
        self, path: str, params: Params = (), protocols: Sequence[str] = ()
    ) -> aiohttp.ClientWebSocketResponse:
        """An open WebSocket to `exec`, `attach` or `portforward`; the caller closes it."""
        shown = self._token
        try:
            return await self._connected().ws_connect(
                self.endpoint.url + path, params=params, protocols=protocols, max_msg_size=0,
                timeout=DEFAULT_WS_CLIENT_TIMEOUT, headers=self._own_headers(),
                server_hostname=self.endpoint.server_name or None,
            )  # fmt: skip
        except aiohttp.WSServerHandshakeError as error:
            if error.status == HTTPStatus.UNAUTHORIZED and await self._has_other_token(shown):
                return await self.websocket(path, params, protocols)
            # A refused handshake comes without its body; the same request without upgrade says why.
            await self.request_json("GET", path, params)
            raise BadRequest(f"the API at {self.endpoint} refused a WebSocket: {error.message}") from error
        except aiohttp.ClientError as error:
            raise self._unreachable(error) from error

    # The Client protocol.

    async def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, subresource: str = ""
    ) -> Object:
        found: Object = await self.request_json("GET", _path(resource, namespace, name, subresource))
        return found

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        page: str = "",
    ) -> ObjectList:
        params = _filled(
            labelSelector=label_selector,
            fieldSelector=field_selector,
            limit=str(limit) if limit else "",
            **{"continue": page},
        )
        answer = await self.request_json("GET", _path(resource, namespace), params)
        found = answer.get("metadata") or {}
        # Items of a list may come without the fields that the list itself tells.
        own = {"apiVersion": resource.api_version, "kind": resource.kind}
        items = [item if "kind" in item else {**own, **item} for item in answer.get("items") or ()]
        return ObjectList(items, str(found.get("resourceVersion", "")), str(found.get("continue") or ""))

    async def watch(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncIterator[WatchEvent]:
        params = _filled(
            watch="true",
            allowWatchBookmarks="true",
            resourceVersion=resource_version,
            labelSelector=label_selector,
            fieldSelector=field_selector,
        )
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_SECONDS, sock_read=SILENCE_SECONDS)
        async with self._open("GET", _path(resource, namespace), params, timeout=timeout) as response:
            async for line in _lines(response.content):
                event = orjson.loads(line)
                if event["type"] == "ERROR":
                    raise from_status(event["object"], int(event["object"].get("code") or 500))
                yield WatchEvent(event["type"], event["object"])

    async def create(self, resource: Resource, obj: Object, namespace: str | None = None) -> Object:
        found: Object = await self.request_json("POST", _path(resource, namespace or _namespace(obj)), body=obj)
        return found

    async def update(self, resource: Resource, obj: Object, *, subresource: str = "") -> Object:
        path = _path(resource, _namespace(obj), name(obj), subresource)
        found: Object = await self.request_json("PUT", path, body=obj)
        return found

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        namespace: str | None = None,
        *,
        kind: PatchType = PatchType.MERGE,
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
    ) -> Object:
        found: Object = await self.request_json(
            "PATCH",
            _path(resource, namespace, name, subresource),
            _filled(fieldManager=field_manager, force="true" if force else ""),
            patch,
            content_type=kind.value,
        )
        return found

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        grace_period_seconds: int | None = None,
        propagation_policy: str | None = None,
    ) -> Object:
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        if propagation_policy is not None:
            options["propagationPolicy"] = propagation_policy
        found: Object = await self.request_json("DELETE", _path(resource, namespace, name), body=options)
        return found

    async def post(
        self, resource: Resource, name: str, subresource: str, body: Object, namespace: str | None = None
    ) -> Object:
        found: Object = await self.request_json("POST", _path(resource, namespace, name, subresource), body=body)
        return found

    # What only a remote client asks for.

    async def table(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        name: str = "",
        label_selector: str = "",
        field_selector: str = "",
        include_object: str = "Metadata",
    ) -> Object:
        """What `kubectl get` prints: a `meta.k8s.io/v1` Table of the collection, or of one object."""
        params = _filled(labelSelector=label_selector, fieldSelector=field_selector, includeObject=include_object)
        found: Object = await self.request_json("GET", _path(resource, namespace, name), params, accept=TABLE)
        return found

    async def discover(self) -> Sequence[ApiResource]:
        """Everything that the server serves, core group first."""
        return await discover(lambda path, accept: self.request_json("GET", path, accept=accept))


def _path(resource: Resource, namespace: str | None, name: str = "", subresource: str = "") -> str:
    return resource.path(quote(namespace or "", safe=""), quote(name, safe=""), subresource)


def _namespace(obj: Object) -> str | None:
    return namespace(obj) or None


def _filled(**params: str) -> dict[str, str]:
    return {key: value for key, value in params.items() if value}


def _error(body: bytes, code: int) -> ApiError:
    try:
        return from_status(orjson.loads(body), code)
    except orjson.JSONDecodeError:
        text = body.decode(errors="replace").strip()[:500]
        return from_status({"message": text} if text and text != NO_PAGE else None, code)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length; ends with the connection, however that ends."""
    rest = b""
    try:
        async for chunk in content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line:
                    yield line
    except (aiohttp.ClientError, TimeoutError):
        return
