"""Requests to Services that the API server itself makes: webhooks, aggregated API servers.

The machine of the control plane need not be in the pod network, so a request goes through the agent of the pod that
answers. TLS is between the API server and that pod: agents carry bytes and see none of it.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from common.api.kinds import PODS, SERVICES
from common.api.meta import Key
from common.errors import ServiceUnavailable
from console.apiserver.backends import NodeStreams
from console.registry.row import Lookup

from .connector import PodConnector
from .target import Asked, Target, of_endpoint, of_service, slices_of, subsets
from .upgrading import carry

CONNECT_SECONDS = 5.0


def server_name(namespace: str, name: str) -> str:
    """What the certificate of a Service has to be for."""
    return f"{name}.{namespace}.svc"


class Services:
    """`streams` are the agents; without them only endpoints that are no pods can be asked."""

    def __init__(self, lookup: Lookup, streams: NodeStreams | None) -> None:
        self._lookup = lookup
        self._streams = streams

    def target(self, namespace: str, name: str, port: int) -> Target:
        """A ready endpoint of the Service; ServiceUnavailable says why there is none."""
        service = self._lookup.get(SERVICES, Key(namespace, name))
        if service is None:
            raise ServiceUnavailable(f'service "{name}" not found')
        if (service.get("spec") or {}).get("type") == "ExternalName":
            return Target("https", str(service["spec"]["externalName"]), port)
        ready = subsets(slices_of(self._lookup, namespace, name))
        target = of_service(Asked("https", name, str(port)), service, ready)
        return of_endpoint(target, self._lookup.get(PODS, Key(*target.pod)) if target.pod else None)

    @asynccontextmanager
    async def request(
        self,
        where: tuple[str, str, int],
        method: str,
        path: str,
        context: ssl.SSLContext,
        *,
        encoded: bool = False,
        **how: Any,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer of `where` (namespace, name and port of a Service). An `encoded` path goes out as it is: `..` in it
        leads nowhere else than who allowed it has seen. `how` is as aiohttp's requests have it. Raises
        ServiceUnavailable, aiohttp.ClientError, OSError and TimeoutError."""
        namespace, name, _ = where
        target = self.target(*where)
        async with (
            self._session(target) as session,
            session.request(
                method, _url(target, path, encoded=encoded), ssl=context, allow_redirects=False,
                server_hostname=server_name(namespace, name), **how,
            ) as answer,
        ):  # fmt: skip
            yield answer

    async def upgrade(
        self,
        where: tuple[str, str, int],
        http: web.BaseRequest,
        context: ssl.SSLContext,
        headers: Mapping[str, str],
    ) -> web.StreamResponse:
        """Carry a WebSocket that asks for the path of `http`, which goes out as it is. Raises as `request` does."""
        namespace, name, _ = where
        target = self.target(*where)
        url = _url(target, http.rel_url.raw_path_qs, encoded=True)
        async with self._session(target) as session:
            return await carry(http, session, url, headers, ssl=context, server_hostname=server_name(namespace, name))

    @asynccontextmanager
    async def _session(self, target: Target) -> AsyncIterator[aiohttp.ClientSession]:
        """One connection a request: what trusts another CA must not share it, and a server that restarts is met
        anew."""
        connector: aiohttp.BaseConnector
        if target.pod is None:
            connector = aiohttp.TCPConnector(force_close=True)
        elif self._streams is None:
            raise ServiceUnavailable("this API server is not connected to nodes")
        else:
            connector = PodConnector(self._streams, target)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        skipped = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
        try:
            async with aiohttp.ClientSession(
                connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), skip_auto_headers=skipped,
                auto_decompress=False,
            ) as session:  # fmt: skip
                yield session
        finally:
            if isinstance(connector, PodConnector):
                await connector.end()


def _url(target: Target, path: str, *, encoded: bool) -> URL:
    host = f"[{target.address}]" if ":" in target.address else target.address
    return URL(f"https://{host}:{target.port}{path}", encoded=encoded)
