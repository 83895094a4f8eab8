"""The console in a browser of this machine, by textual-serve: one console for each tab, with the user's own rights.

Whoever reaches the page may do everything that the user may, so the way to it is narrow: addresses of this machine
alone, a key in the address that is printed (other users of the machine do not have it), and no requests that a page of
somebody else's makes (a foreign `Origin`, a `Host` that only resolves to this machine).
"""

from __future__ import annotations

import argparse
import ipaddress
import re
import secrets
import shlex
import sys
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from common.settings import Home
from console.setup.machine import answers

from .console import start
from .exits import Exit, Failure

if TYPE_CHECKING:
    from aiohttp import web
    from textual_serve.server import Server

PORT = 8000
HTTP_PORT = 80  # browsers leave it out
COOKIE = "quarterdeck"
_FOREIGN_FONT = re.compile(r"<link\b[^>]*fonts\.googleapis[^>]*>")
Handler = Callable[["web.Request"], Awaitable["web.StreamResponse"]]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Serve the console to browsers of this machine; its address has a key that nobody else knows. "
        'Needs the extra "web": pip install "quarterdeck[web]".'
    )
    parser.add_argument(
        "--address", type=_loopback, default="127.0.0.1", metavar="ADDR",
        help="where to listen: 127.0.0.1 (default), ::1 or another address of this machine's loopback",
    )  # fmt: skip
    parser.add_argument("--port", type=_port, default=PORT, metavar="PORT", help=f"1 to 65535 (default: {PORT})")
    parser.set_defaults(run=run)


def _loopback(text: str) -> str:
    try:
        address = ipaddress.ip_address("127.0.0.1" if text == "localhost" else text)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise argparse.ArgumentTypeError(
            f'"{text}" is no address of the loopback: only browsers of this machine may come. From elsewhere lead a '
            f"port here: ssh -L {PORT}:127.0.0.1:{PORT} HOST"
        )
    return str(address)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f'"{text}" is no port: 1 to 65535 are allowed')
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted. Failure when the extra is not installed."""
    try:
        from textual_serve.server import Server
    except ModuleNotFoundError as error:
        raise Failure(f'{error.name} is not installed: pip install "quarterdeck[web]"', Exit.USAGE) from None
    home = Home.from_environment()
    if not args.context and not answers(home.api_socket, "/readyz"):
        start(home)
    shown = f"[{args.address}]" if ":" in args.address else args.address
    gate = Gate(f"http://{shown}" + (f":{args.port}" if args.port != HTTP_PORT else ""))
    server = _guarded(Server, gate)(
        shlex.join(_console(args)), host=args.address, port=args.port, title="quarterdeck", public_url=gate.origin
    )
    try:
        server.serve()
    except OSError as error:
        raise Failure(f"cannot listen on {shown}:{args.port}: {error.strerror}") from None
    return 0


def told(gate: Gate) -> None:
    print(f"The console is at {gate.address}\nOnly browsers of this machine get there; ctrl-c ends it.", flush=True)


def _console(args: argparse.Namespace) -> list[str]:
    """The command of each tab: this program with the options that it was given."""
    words = [str(Path(sys.executable).with_name("quarterdeck"))]
    words += ["--read-only"] * args.read_only + ["--ascii"] * args.ascii
    for option in ("theme", "kubeconfig", "context"):
        if value := getattr(args, option):
            words += [f"--{option}", value]
    return words


class Gate:
    """Lets through who has the key, from pages of our own."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self._key = secrets.token_urlsafe(24)

    @property
    def address(self) -> str:
        """What the user opens; the key in it becomes a cookie with the first page."""
        return f"{self.origin}/?key={self._key}"

    def problem(self, request: web.Request) -> str:
        """Why this request is none of the user's; empty when it is."""
        if f"http://{request.host}" != self.origin:
            return f"this is not {self.origin}"
        if request.headers.get("Origin", self.origin) != self.origin:
            return f"a page of {request.headers['Origin']} has no business here"
        shown = request.query.get("key") or request.cookies.get(COOKIE, "")
        if not secrets.compare_digest(shown.encode(), self._key.encode()):
            return "open the address that `quarterdeck web` printed: it has the key"
        return ""

    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        from aiohttp import web

        if problem := self.problem(request):
            raise web.HTTPForbidden(text=f"{problem}\n")
        if request.query.get("key"):
            answer = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
            answer.set_cookie(COOKIE, self._key, httponly=True, samesite="Strict")
            return answer
        response = await handler(request)
        if isinstance(response, web.Response) and response.content_type == "text/html":
            response.text = _FOREIGN_FONT.sub("", response.text or "")
        return response


def _guarded(server: type[Server], gate: Gate) -> type[Server]:
    """textual-serve's server behind the gate."""
    from aiohttp import web

    @web.middleware
    async def passing(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await gate.handle(request, handler)

    class Guarded(server):  # type: ignore[misc,valid-type]  # the class is there only when the extra is installed
        async def _make_app(self) -> web.Application:
            app: web.Application = await super()._make_app()
            app.middlewares.append(passing)
            return app

        async def on_startup(self, _app: web.Application) -> None:
            """Its own banner names the address without the key."""

        def serve(self, debug: bool = False) -> None:
            """Until a signal ends it; what is printed is true only once it listens. OSError when it cannot."""
            web.run_app(self._make_app(), host=self.host, port=self.port, print=lambda _: told(gate))

    return Guarded
