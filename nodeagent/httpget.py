"""The request of an httpGet action, as kubelet makes it for probes and for lifecycle hooks.

It goes from the node to the pod's address unless the action names another host. Certificates are not verified: the
question is about life, not about identity. Redirects are followed to the same host name alone, so that no pod leads its
node to other machines; what leads elsewhere ends there, and is the answer.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from common.api.meta import Object

BODY_BYTES = 10 * 1024
MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: str


class HttpGetError(Exception):
    """No answer; the words are those of Go's HTTP client."""


class BodyError(Exception):
    """An answer whose first BODY_BYTES did not come, or not in time."""


class HttpGetter:
    """Makes the requests. Keeps no connection and no cookie from one to the next."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(
        self, action: Object, container: Object, address: str, seconds: float, purpose: str = "probe"
    ) -> Answer:
        """The last answer within the time. `purpose` is in the name by which servers know the client: kube-probe,
        kube-lifecycle. Raises HttpGetError, BodyError, and ValueError for a port that there is not."""
        url = url_of(action, container, address)
        return await self._follow(url, headers_of(action, purpose), asyncio.get_running_loop().time() + seconds)

    async def _follow(self, url: URL, headers: CIMultiDict[str], deadline: float) -> Answer:
        first = url
        for _ in range(MOST_REDIRECTS):
            async with await self._ask(url, headers, deadline) as answer:
                body = await _body(answer, deadline)
                location = answer.headers.get("Location", "") if answer.status in _REDIRECTS else ""
            following = _led_to(url, location)
            if following is None or following.host != first.host:
                return Answer(answer.status, body)
            if URL(location).absolute:
                headers.pop("Host", None)  # it was the name of what was asked before
            url = following
        raise HttpGetError(f'Get "{location}": stopped after {MOST_REDIRECTS} redirects')

    async def _ask(self, url: URL, headers: CIMultiDict[str], deadline: float) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._client().get(url, headers=headers, allow_redirects=False)
        except TimeoutError:
            late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            raise HttpGetError(f'Get "{url}": {late}') from None
        except (aiohttp.ClientError, OSError) as error:
            raise HttpGetError(f'Get "{url}": {dial_error(url.host or "", url.port or 0, error)}') from error

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connector = aiohttp.TCPConnector(force_close=True, limit=0, ssl=context)
            self._session = aiohttp.ClientSession(
                connector=connector, auto_decompress=False, skip_auto_headers=("Accept", "Accept-Encoding"),
                cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=None),
            )  # fmt: skip
        return self._session


def url_of(action: Object, container: Object, address: str) -> URL:
    """Where the action asks. Raises ValueError for the name of a port that the container has not."""
    host = str(action.get("host") or address)
    port = port_number(action.get("port"), container)
    scheme = str(action.get("scheme") or "HTTP").lower()
    return URL(f"{scheme}://{bracketed(host)}:{port}/{str(action.get('path') or '/').lstrip('/')}")


def headers_of(action: Object, purpose: str) -> CIMultiDict[str]:
    """What is sent: the action's own headers, each as often as it is there, and what it leaves open."""
    headers: CIMultiDict[str] = CIMultiDict(
        (str(item.get("name")).title(), str(item.get("value") or "")) for item in action.get("httpHeaders") or ()
    )
    headers.setdefault("User-Agent", f"kube-{purpose}/1.36")
    if not headers.setdefault("Accept", "*/*"):
        del headers["Accept"]
    headers["Connection"] = "close"
    return headers


async def _body(answer: aiohttp.ClientResponse, deadline: float) -> str:
    """As much of it as counts, in however many pieces it comes."""
    body = b""
    try:
        async with asyncio.timeout_at(deadline):
            while len(body) < BODY_BYTES and (piece := await answer.content.read(BODY_BYTES - len(body))):
                body += piece
    except TimeoutError:
        late = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"
        raise BodyError(late) from None
    except (aiohttp.ClientError, OSError) as error:
        raise BodyError("unexpected EOF") from error
    return body.decode(errors="replace")


def _led_to(url: URL, location: str) -> URL | None:
    """Where a redirect leads; None for an answer that is none. Raises HttpGetError for what is no address."""
    if not location:
        return None
    try:
        return url.join(URL(location))
    except ValueError as error:
        raise HttpGetError(f'Get "{url}": failed to parse Location header "{location}": {error}') from error


def dial_error(host: str, port: int, error: BaseException) -> str:
    """Go's words for a connection that was not made, or broke."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, ConnectionRefusedError):
        words = "connect: connection refused"
    elif isinstance(cause, aiohttp.ServerDisconnectedError):
        return "EOF"
    else:
        words = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return f"dial tcp {bracketed(host)}:{port}: {words}"


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def port_number(port: object, container: Object) -> int:
    """A port given by number or by the name of a container port; ValueError when there is no such name."""
    if isinstance(port, int):
        return port
    text = str(port)
    if text.isdecimal():
        return int(text)
    for entry in container.get("ports") or ():
        if entry.get("name") == text:
            return int(entry["containerPort"])
    raise ValueError(f"couldn't find port {text!r} among the ports of container {container.get('name')}")
