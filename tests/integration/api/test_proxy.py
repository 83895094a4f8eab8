"""HTTP through the API to pods, Services and nodes, as kubectl and programs ask for it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from common.api.kinds import ENDPOINTS, PODS, SERVICES
from common.api.meta import Object
from common.client.http import HttpClient
from common.clock import SystemClock
from common.pki import Authority, Subject
from common.tls import server_context
from console.apiserver.proxying import serve

from .conftest import Running
from .kubectl import Kubectl

pytestmark = pytest.mark.kubectl
Ask = Callable[..., Awaitable[tuple[int, str, dict[str, str]]]]
PAGE = '<a href="/next?x=1">on</a> <img src="//cdn.example/i.png"> <a href="near">near</a> plain="/text"'
PREFIX = "/api/v1/namespaces/default/pods/web/proxy"


async def _tell(request: web.Request) -> web.Response:
    body = (await request.read()).decode()
    told = f"{request.method} {request.rel_url} {body} {request.headers.get('Authorization', 'nobody')}"
    return web.Response(text=told + " " + request.headers["X-Forwarded-Uri"])


async def _page(_request: web.Request) -> web.Response:
    return web.Response(text=PAGE, content_type="text/html")


async def _long(request: web.Request) -> web.StreamResponse:
    """A page that does not say how long it is."""
    response = web.StreamResponse(headers={"Content-Type": "text/html"})
    await response.prepare(request)
    for _ in range(5):
        await response.write(PAGE.encode())
    return response


async def _untyped(request: web.Request) -> web.Response:
    return web.Response(body=b"as it is" + (b"\x00" if request.path == "/binary" else b""))


async def _without_type(request: web.Request, response: web.StreamResponse) -> None:
    if request.path in {"/untyped", "/binary"}:
        del response.headers["Content-Type"]


async def _away(_request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/tell"})


async def _echo(request: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse(protocols=("chat",))
    await socket.prepare(request)
    async for message in socket:
        await socket.send_str(f"{request.query['who']}: {message.data}")
    return socket


async def _turning(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that speaks a protocol of its own with who asks for it: lines, turned round, until an empty one."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    if "\r\nupgrade: turning/1\r\n" in head.lower() and "\r\nconnection: upgrade\r\n" in head.lower():
        writer.write(b"HTTP/1.1 101 Turning\r\nConnection: Upgrade\r\nUpgrade: turning/1\r\nX-Odd: yes\r\n\r\nready\n")
        while line := (await reader.readline()).rstrip(b"\n"):
            writer.write(line[::-1] + b"\n")
            await writer.drain()
    else:
        writer.write(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 4\r\n\r\nturn")
    writer.close()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/page", _page)
    app.router.add_get("/long", _long)
    app.router.add_get("/away", _away)
    app.router.add_get("/echo", _echo)
    app.router.add_get("/untyped", _untyped)
    app.router.add_get("/binary", _untyped)
    app.on_response_prepare.append(_without_type)
    app.router.add_route("*", "/{path:.*}", _tell)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.fixture
async def pod(client: HttpClient, port: int) -> None:
    container = {"name": "main", "image": "x", "ports": [{"containerPort": port}]}
    await client.create(
        PODS, {"metadata": {"name": "web", "namespace": "default"}, "spec": {"containers": [container]}}
    )
    await client.post(PODS, "web", "binding", {"target": {"name": "node-1"}}, "default")
    status = {"phase": "Running", "podIP": "10.42.0.9", "podIPs": [{"ip": "10.42.0.9"}]}
    await client.patch(PODS, "web", {"status": status}, "default", subresource="status")


@pytest.fixture
async def ask(api: Running) -> AsyncIterator[Ask]:
    connector = aiohttp.UnixConnector(str(api.socket))
    async with aiohttp.ClientSession(connector=connector) as session:

        async def asked(
            method: str, path: str, body: bytes | None = None, accept: str = "*/*"
        ) -> tuple[int, str, dict[str, str]]:
            headers = {"Cookie": "a=b", "Accept": accept}
            async with session.request(
                method, f"http://api{path}", data=body, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status, await answer.text(), dict(answer.headers)

        yield asked


@pytest.mark.usefixtures("pod")
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_every_method_reaches_the_pod_with_path_query_and_body(ask: Ask, method: str) -> None:
    assert (await ask("HEAD", f"{PREFIX}/some/path"))[:2] == (200, "")
    status, text, _ = await ask(method, f"{PREFIX}/a%2Fb/c?x=1&y=%20", b"hello" if method != "GET" else None)
    body = "hello" if method != "GET" else ""
    assert (status, text) == (200, f"{method} /a%2Fb/c?x=1&y=%20 {body} nobody {PREFIX}/a%2Fb/c")


@pytest.mark.usefixtures("pod")
@pytest.mark.parametrize("accept", ["text/html", "application/openmetrics-text;version=1.0.0", "image/png,text/plain"])
async def test_what_a_caller_accepts_is_between_it_and_the_pod(ask: Ask, accept: str) -> None:
    assert (await ask("GET", f"{PREFIX}/page", accept=accept))[0] == 200


@pytest.mark.usefixtures("pod")
async def test_ports_are_named_behind_the_name(ask: Ask, port: int, kubectl: Kubectl) -> None:
    for name in (f"web:{port}", f"http:web:{port}", "web", f"http%3Aweb%3A{port}"):
        assert (await ask("GET", f"/api/v1/namespaces/default/pods/{name}/proxy/x"))[1].startswith("GET /x")
    assert (await ask("GET", "/api/v1/namespaces/default/pods/web:nope/proxy/x"))[0] == 400
    status, text, _ = await ask("GET", "/api/v1/namespaces/default/pods/web:1/proxy/x")
    assert (status, "error trying to reach service" in text) == (503, True)
    assert (await ask("GET", "/api/v1/namespaces/default/pods/nobody/proxy/x"))[0] == 404
    raw = f"/api/v1/namespaces/default/pods/web:{port}/proxy/raw"
    assert (await kubectl("get", "--raw", raw)).startswith("GET /raw")


@pytest.mark.usefixtures("pod")
async def test_a_page_without_an_end_is_not_held_back(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "MAX_PAGE", 2 * len(PAGE))
    status, text, _ = await ask("GET", f"{PREFIX}/long")
    assert (status, text) == (200, PAGE * 5)


@pytest.mark.usefixtures("pod")
async def test_links_and_redirects_lead_through_the_proxy_again(ask: Ask) -> None:
    status, text, headers = await ask("GET", f"{PREFIX}/page")
    expected = PAGE.replace('"/next', f'"{PREFIX}/next')
    assert (status, text, headers["Content-Length"]) == (200, expected, str(len(expected)))
    status, _, headers = await ask("GET", f"{PREFIX}/away")
    assert (status, headers["Location"]) == (302, f"{PREFIX}/tell")
    for method in ("GET", "HEAD"):
        status, _, headers = await ask(method, f"{PREFIX}?x=1")
        assert (status, headers["Location"]) == (301, f"{PREFIX}/?x=1")
    assert (await ask("POST", PREFIX, b"x"))[1].startswith("POST / x")


@pytest.fixture
async def secure_port() -> AsyncIterator[int]:
    """The same program behind a certificate that nobody knows."""
    clock = SystemClock()
    authority = Authority.create("stranger", clock.now())
    identity = authority.issue(Subject("pod", names=("pod.example",), server=True), clock.now())
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _tell)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    context = server_context(identity, authority.certificate_pem)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.mark.usefixtures("pod")
async def test_a_pod_and_a_service_are_reached_over_tls(client: HttpClient, ask: Ask, secure_port: int) -> None:
    base = "/api/v1/namespaces/default"
    assert (await ask("GET", f"{base}/pods/https:web:{secure_port}/proxy/x"))[1].startswith("GET /x")
    spec = {"ports": [{"name": "http", "port": 443}]}
    await client.create(SERVICES, {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
    reference = {"kind": "Pod", "namespace": "default", "name": "web"}
    found = endpoints(secure_port, {"ip": "10.42.0.9", "nodeName": "node-1", "targetRef": reference})
    await client.create(ENDPOINTS, found)
    for name in ("https:web:http", "https:web:443"):
        assert (await ask("GET", f"{base}/services/{name}/proxy/x"))[1].startswith("GET /x")


@pytest.mark.usefixtures("pod")
async def test_a_service_takes_every_method_and_sends_readers_to_its_folder(
    client: HttpClient, ask: Ask, port: int
) -> None:
    spec = {"ports": [{"port": 80}]}
    await client.create(SERVICES, {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
    reference = {"kind": "Pod", "namespace": "default", "name": "web"}
    found = endpoints(port, {"ip": "10.42.0.9", "nodeName": "node-1", "targetRef": reference})
    del found["subsets"][0]["ports"][0]["name"]
    await client.create(ENDPOINTS, found)
    prefix = "/api/v1/namespaces/default/services/web/proxy"
    for method in ("DELETE", "OPTIONS", "PATCH", "POST", "PUT"):
        assert (await ask(method, f"{prefix}?method={method}"))[1].startswith(f"{method} /?method={method}")
    for method in ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"):
        assert (await ask(method, f"{prefix}/some/path"))[1].startswith(f"{method} /some/path")
    assert (await ask("HEAD", f"{prefix}/some/path"))[:2] == (200, "")
    for method in ("GET", "HEAD"):
        status, _, headers = await ask(method, f"{prefix}?method={method}")
        assert (status, headers["Location"]) == (301, f"{prefix}/?method={method}")


@pytest.mark.usefixtures("pod")
@pytest.mark.parametrize(
    ("path", "kind"), [("untyped", "text/plain; charset=utf-8"), ("binary", "application/octet-stream")]
)
async def test_what_comes_without_a_type_gets_one_of_its_looks(ask: Ask, path: str, kind: str) -> None:
    status, text, headers = await ask("GET", f"{PREFIX}/{path}")
    assert (status, headers["Content-Type"]) == (200, kind)
    assert text.startswith("as it is")


def endpoints(port: int, *addresses: Object) -> Object:
    subset = {"addresses": list(addresses), "ports": [{"name": "http", "port": port}]}
    return {"metadata": {"name": "web", "namespace": "default"}, "subsets": [subset]}


@pytest.mark.usefixtures("pod")
async def test_a_service_is_reached_by_name_or_number_of_its_port(client: HttpClient, ask: Ask, port: int) -> None:
    ports = [{"name": "http", "port": 80}, {"name": "other", "port": 81}]
    await client.create(SERVICES, {"metadata": {"name": "web", "namespace": "default"}, "spec": {"ports": ports}})
    base = "/api/v1/namespaces/default/services"
    assert (await ask("GET", f"{base}/web:http/proxy/"))[0] == 503
    reference = {"kind": "Pod", "namespace": "default", "name": "web"}
    found = endpoints(port, {"ip": "10.42.0.9", "nodeName": "node-1", "targetRef": reference})
    await client.create(ENDPOINTS, found)
    for name in ("web:http", "web:80", "http:web:http"):
        assert (await ask("GET", f"{base}/{name}/proxy/x"))[1].startswith("GET /x")
    status, text, _ = await ask("GET", f"{base}/web:82/proxy/x")
    assert (status, 'no service port 82 found for service \\"web\\"' in text) == (503, True)
    assert (await ask("GET", f"{base}/web:81/proxy/"))[0] == 503


@pytest.mark.usefixtures("pod")
@pytest.mark.usefixtures("pod")
async def test_a_websocket_goes_through(api: Running) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api.socket))) as session:
        async with session.ws_connect(f"http://api{PREFIX}/echo?who=me", protocols=("chat",)) as socket:
            assert socket.protocol == "chat"
            await socket.send_str("hello")
            assert (await socket.receive()).data == "me: hello"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"http://api{PREFIX}/page")
        assert refused.value.status == 200  # the page that is there, and no upgrade


@pytest.fixture
async def turning() -> AsyncIterator[int]:
    server = await asyncio.start_server(_turning, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def _asking(api: Running, path: str, protocol: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """A connection on which an upgrade was asked for, and the head of the answer."""
    reader, writer = await asyncio.open_unix_connection(str(api.socket))
    writer.write(f"POST {path} HTTP/1.1\r\nHost: api\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n".encode())
    writer.write(b"Content-Length: 0\r\n\r\n")
    async with asyncio.timeout(60):
        return reader, writer, (await reader.readuntil(b"\r\n\r\n")).decode()


@pytest.mark.usefixtures("pod")
async def test_any_upgrade_goes_through_as_bytes(api: Running, turning: int) -> None:
    path = f"/api/v1/namespaces/default/pods/web:{turning}/proxy/x"
    reader, writer, head = await _asking(api, path, "turning/1")
    assert head.startswith("HTTP/1.1 101 ")
    assert "\r\nUpgrade: turning/1\r\n" in head
    assert "\r\nX-Odd: yes\r\n" in head
    async with asyncio.timeout(60):
        assert await reader.readline() == b"ready\n"
        large = bytes(range(97, 123)) * 1000
        for line in (b"hello", large):
            writer.write(line + b"\n")
            assert await reader.readexactly(len(line) + 1) == line[::-1] + b"\n"
        writer.write(b"\n")
        assert await reader.read() == b""
    writer.close()
    reader, writer, head = await _asking(api, path, "other/1")
    assert head.startswith("HTTP/1.1 426 ")
    assert await reader.readexactly(4) == b"turn"
    writer.close()


async def test_what_a_caller_may_not_do_is_not_proxied(api: Running) -> None:
    connector = aiohttp.TCPConnector(ssl=_trusting(api))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(f"{api.url}{PREFIX}/x") as answer,
    ):
        assert answer.status == 403


def _trusting(api: Running) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=api.authority.certificate_pem.decode())
