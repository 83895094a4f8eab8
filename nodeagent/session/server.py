"""The agent's server on port 10250: TLS, who calls, and the handlers that other parts register.

A caller is known by its certificate alone. The server changes from the agent's own certificate to the cluster's while
it runs: each handshake takes the context that counts at that moment, and a connection that was made under another
cluster's authority has no role any more.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from urllib.parse import quote
from weakref import WeakKeyDictionary

from aiohttp import web

from common import pki, tls
from common.session import MAX_REQUEST_LINE, REFUSAL_HEADER
from common.settings import AGENT_PORT

from .credentials import Credentials

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_BODY_BYTES = 4 * 1024 * 1024  # handlers that take more (image layers) read the body as a stream


class Role(StrEnum):
    """Who may call a route. The control plane may do what nodes may."""

    ANYONE = "anyone"
    NODE = "node"
    CONTROLPLANE = "controlplane"


CALLER: web.RequestKey[str] = web.RequestKey("caller", str)
"""Common name of the caller's certificate, empty without one."""


class Server:
    """`known_node` says whether a node of that name belongs to the cluster now: a removed one has no role, though its
    certificate may still be valid."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        port: int = AGENT_PORT,
        addresses: Sequence[str] | None = None,
        known_node: Callable[[str], bool] = lambda _name: True,
    ) -> None:
        self._credentials = credentials
        self._wanted_port = port
        self._addresses = addresses
        self._known_node = known_node
        self._clusters: WeakKeyDictionary[ssl.SSLContext, str] = WeakKeyDictionary()
        self._app = web.Application(client_max_size=MAX_BODY_BYTES)
        self._runner: web.AppRunner | None = None
        self.port = port

    def add_route(self, method: str, path: str, handler: Handler, role: Role) -> None:
        """Serve `path` to callers of that role; the others get 403. Before `start`. Role is also called by its
        name."""
        wanted = Role(role)

        async def guarded(request: web.Request) -> web.StreamResponse:
            name = self._caller(request)
            if not self._allows(wanted, name):
                raise web.HTTPForbidden(text=self._refusal(wanted, name))
            request[CALLER] = name
            try:
                return await handler(request)
            except web.HTTPException as refusal:
                if "Upgrade" in request.headers and refusal.text:
                    refusal.headers[REFUSAL_HEADER] = quote(refusal.text)
                raise

        self._app.router.add_route(method, path, guarded)

    async def start(self) -> None:
        """Listen; OSError names the port and what to do when it is taken. Port 0 takes any, `port` then says which."""
        self.add_route("*", "/{rest:.*}", _nothing, Role.NODE)  # strangers learn of no path whether it is there
        self._runner = web.AppRunner(
            self._app, access_log=None, handle_signals=False, shutdown_timeout=2.0, max_line_size=MAX_REQUEST_LINE
        )
        await self._runner.setup()
        for address in self._addresses or (None,):
            site = web.TCPSite(self._runner, address, self._wanted_port, ssl_context=self._entry_context())
            try:
                await site.start()
            except OSError as error:
                raise OSError(
                    f"cannot listen on {address or 'any address'} port {self._wanted_port}: "
                    f"{_reason(error)}; find what uses it with `ss -ltnp sport = :{self._wanted_port}` and stop it, "
                    "or choose another port with --listen"
                ) from error
        self.port = int(self._runner.addresses[0][1])

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _entry_context(self) -> ssl.SSLContext:
        context = tls.server_context(self._credentials.own, None)

        def choose(connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext) -> None:
            current = self._credentials.server_context
            self._clusters.setdefault(current, self._credentials.cluster)
            connection.context = current

        context.sni_callback = choose
        return context

    def _caller(self, request: web.Request) -> str:
        if request.transport is None:
            return ""
        connection = request.transport.get_extra_info("ssl_object")
        if connection is None or not self._credentials.cluster:
            return ""
        if self._clusters.get(connection.context) != self._credentials.cluster:
            return ""
        return tls.peer_subject(connection.getpeercert())[0]

    def _allows(self, role: Role, name: str) -> bool:
        if role is Role.ANYONE or name == pki.CONTROL_PLANE:
            return True
        node = name.removeprefix(pki.NODE_PREFIX)
        return role is Role.NODE and node != name and self._known_node(node)

    def _refusal(self, role: Role, name: str) -> str:
        who = f"{name} is not" if name else "a caller without a certificate of this cluster is not"
        return f"{who} allowed here: wanted {role}"


async def _nothing(_request: web.Request) -> web.StreamResponse:
    raise web.HTTPNotFound


def _reason(error: OSError) -> str:
    """asyncio puts address and reason into one text of its own."""
    return os.strerror(error.errno) if error.errno else str(error)
