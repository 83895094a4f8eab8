"""HTTP over a Unix socket without an event loop, for commands that ask once and end.

The command line must answer at once: importing aiohttp takes longer than most of its requests. `UnixHttp` speaks to
any server on a Unix socket (the API server, the container engine, an agent); `Api` adds what Kubernetes' API has:
JSON bodies and `Status` errors. It prevents a hanging command: every read has a deadline unless the caller follows.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from .api.meta import Object
from .errors import from_status

DEFAULT_TIMEOUT = 30.0  # seconds of silence; the server answers everything but a followed stream far sooner
_READ = 64 * 1024


class Unreachable(Exception):
    """Nobody answers on the socket, or the connection broke. The message says which socket and why."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer."""

    code: int
    body: bytes

    def json(self) -> Any:
        """The decoded body; Unreachable when it is not JSON, which no server of ours sends."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Unreachable(f"the answer is not JSON: {self.body[:200]!r}") from error


class UnixHttp:
    """One request a connection: a Unix socket costs nothing to connect, and nothing is left to go stale."""

    def __init__(self, path: Path, timeout: float = DEFAULT_TIMEOUT) -> None:
        self.path = path
        self._timeout = timeout

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """The whole answer, whatever its code. Raises Unreachable."""
        connection = _UnixConnection(self.path, timeout or self._timeout)
        try:
            response = self._send(connection, method, path, params, body, headers)
            return Answer(response.status, response.read())
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(_describe(self.path, error)) from error
        finally:
            connection.close()

    def stream(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None, follow: bool = False
    ) -> tuple[int, Iterator[bytes]]:
        """The code, and the body as it comes; with `follow` silence is no error."""
        connection = _UnixConnection(self.path, None if follow else self._timeout)
        try:
            response = self._send(connection, method, path, params, None, None)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Unreachable(_describe(self.path, error)) from error
        return response.status, self._chunks(connection, response)

    def _chunks(self, connection: _UnixConnection, response: http.client.HTTPResponse) -> Iterator[bytes]:
        try:
            while chunk := response.read1(_READ):
                yield chunk
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(_describe(self.path, error)) from error
        finally:
            connection.close()

    @staticmethod
    def _send(
        connection: _UnixConnection,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: bytes | Iterable[bytes] | None,
        headers: Mapping[str, str] | None,
    ) -> http.client.HTTPResponse:
        target = f"{path}?{urlencode(params)}" if params else path
        try:
            connection.request(method, target, body=body, headers=dict(headers or {}))
        except (BrokenPipeError, ConnectionResetError):
            # A server that refuses a large body answers before it has read it; that answer says why.
            if connection.sock is None:
                raise
        return connection.getresponse()


def _describe(path: Path, error: Exception) -> str:
    reasons = {
        FileNotFoundError: "there is no such socket",
        ConnectionRefusedError: "nobody listens there",
        PermissionError: "this user may not connect",
        TimeoutError: "no answer in time",
    }
    why = next((text for kind, text in reasons.items() if isinstance(error, kind)), str(error) or type(error).__name__)
    return f"{path}: {why}"


class Api:
    """Kubernetes' API on a Unix socket. Failed requests raise `common.errors.ApiError` types."""

    def __init__(self, http: UnixHttp) -> None:
        self.http = http

    def get(self, path: str, params: Mapping[str, str] | None = None, *, accept: str = "application/json") -> Any:
        return _checked(self.http.request("GET", path, params=params, headers={"Accept": accept}))

    def send(
        self,
        method: str,
        path: str,
        body: Object | list[Any] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float | None = None,
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json", "Content-Type": content_type}
        return _checked(self.http.request(method, path, params=params, body=data, headers=headers, timeout=timeout))

    def upload(self, method: str, path: str, chunks: Iterable[bytes], *, timeout: float) -> Any:
        """Send a body of unknown length, piece by piece."""
        headers = {"Accept": "application/json", "Content-Type": "application/x-tar"}
        return _checked(self.http.request(method, path, body=chunks, headers=headers, timeout=timeout))

    def stream(self, path: str, params: Mapping[str, str] | None = None, *, follow: bool = False) -> Iterator[bytes]:
        code, chunks = self.http.stream("GET", path, params=params, follow=follow)
        if code >= 400:
            raise from_status(_json_or_none(b"".join(chunks)), code)
        return chunks


def _checked(answer: Answer) -> Any:
    if answer.code >= 400:
        raise from_status(_json_or_none(answer.body), answer.code)
    return answer.json()


def _json_or_none(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
