"""The client without an event loop: every way in which a server can fail is one clear error."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from common.blocking import Api, UnixHttp, Unreachable
from common.errors import Conflict, InternalError, NotFound

Serve = Callable[[bytes], Path]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """A server that reads one request and sends these bytes, then closes; without bytes it stays silent."""
    path = tmp_path / "s"
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    listening.listen()
    done = threading.Event()
    threads: list[threading.Thread] = []

    def start(answer: bytes) -> Path:
        def work() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)
                if not answer:
                    done.wait(10)

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        return path

    yield start
    done.set()
    for thread in threads:
        thread.join()
    listening.close()


def response(code: str, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {code}\r\nContent-Length: {size}\r\n\r\n".encode() + body


def test_an_answer(serve: Serve) -> None:
    assert Api(UnixHttp(serve(response("200 OK", b'{"a": 1}')))).get("/") == {"a": 1}


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="there is no such socket"):
        UnixHttp(tmp_path / "none").request("GET", "/")
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "dead"))
    dead.close()
    with pytest.raises(Unreachable, match="nobody listens there"):
        UnixHttp(tmp_path / "dead").request("GET", "/")


def test_silence(serve: Serve) -> None:
    with pytest.raises(Unreachable, match="no answer in time"):
        UnixHttp(serve(b""), timeout=0.1).request("GET", "/")


@pytest.mark.parametrize(
    "answer", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le", response("200 OK", b"half", length=100)]
)
def test_a_broken_or_cut_answer(serve: Serve, answer: bytes) -> None:
    with pytest.raises(Unreachable):
        Api(UnixHttp(serve(answer))).get("/")


def test_an_answer_that_is_no_json(serve: Serve) -> None:
    with pytest.raises(Unreachable, match="not JSON"):
        Api(UnixHttp(serve(response("200 OK", b"<html>")))).get("/")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (response("404 Not Found", b'{"reason": "NotFound", "message": "gone"}'), NotFound),
        (response("409 Conflict", b"{}"), Conflict),
        (response("500 Oops", b"<html>"), InternalError),
    ],
)
def test_failures_are_errors_of_the_api(serve: Serve, answer: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        Api(UnixHttp(serve(answer))).send("POST", "/", {"a": 1})


def test_a_stream_and_its_failure(serve: Serve) -> None:
    api = Api(UnixHttp(serve(response("200 OK", b"some text"))))
    assert b"".join(api.stream("/")) == b"some text"
    api = Api(UnixHttp(serve(response("404 Not Found", b'{"message": "no such pod"}'))))
    with pytest.raises(NotFound, match="no such pod"):
        api.stream("/")


def test_a_refusal_before_the_whole_body_was_read_is_heard(serve: Serve) -> None:
    path = serve(response("413 Too Large", b'{"message": "too large"}'))
    chunks = (bytes(100_000) for _ in range(100))
    answer = UnixHttp(path).request("PUT", "/", body=chunks)
    assert answer.code == 413
