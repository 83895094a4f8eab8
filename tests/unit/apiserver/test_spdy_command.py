"""Which SPDY streams are which channels, and what a client and we agree on before."""

from __future__ import annotations

import pytest

from common.errors import BadRequest
from console.apiserver.streams import spdy, spdycommand
from console.apiserver.streams.spdycommand import CommandStreams
from console.apiserver.streams.spdyupgrade import negotiate


@pytest.mark.parametrize(
    ("flags", "version", "streams"),
    [
        (("stdout",), "v4", {"error", "stdout"}),
        (("stdin", "stdout", "stderr"), "v2", {"error", "stdin", "stdout", "stderr"}),
        (("stdin", "stdout", "stderr", "tty"), "v3", {"error", "stdin", "stdout", "resize"}),
        (("stdin", "stdout", "tty"), "v2", {"error", "stdin", "stdout"}),
    ],
)
def test_a_client_opens_what_it_asked_for(flags: tuple[str, ...], version: str, streams: set[str]) -> None:
    assert spdycommand.wanted(flags, f"{version}.channel.k8s.io") == streams


@pytest.mark.parametrize(
    ("headers", "chosen"),
    [
        (["v5.channel.k8s.io", "v4.channel.k8s.io"], "v4.channel.k8s.io"),
        (["v2.channel.k8s.io, v4.channel.k8s.io"], "v2.channel.k8s.io"),
        (["channel.k8s.io"], "channel.k8s.io"),
        (["v9.channel.k8s.io"], ""),
    ],
)
def test_the_client_s_first_version_that_we_speak_is_taken(headers: list[str], chosen: str) -> None:
    assert negotiate(headers, spdycommand.PROTOCOLS) == chosen


@pytest.mark.parametrize("headers", [[], [" , "]])
def test_a_client_must_name_a_version(headers: list[str]) -> None:
    with pytest.raises(BadRequest, match="X-Stream-Protocol-Version is required"):
        negotiate(headers, spdycommand.PROTOCOLS)


class Opened:
    """A terminal whose streams are open: 1 error, 3 stdin, 5 stdout, 7 resize."""

    def __init__(self) -> None:
        self.client = spdy.Encoder()
        self.streams = CommandStreams(frozenset({"error", "stdin", "stdout", "resize"}))
        for index, kind in enumerate(("error", "stdin", "stdout", "resize")):
            assert not self.streams.complete
            self.feed(self.client.syn_stream(2 * index + 1, {"streamtype": kind}))
        assert self.streams.complete

    def feed(self, data: bytes) -> list[bytes]:
        return self.streams.feed(data)[0]


def test_input_and_its_end_are_messages() -> None:
    terminal = Opened()
    assert terminal.feed(terminal.client.data(3, b"ls\n")) == [b"\x00ls\n"]
    assert terminal.feed(terminal.client.data(3, b"x", fin=True)) == [b"\x00x", b"\xff\x00"]


def test_sizes_come_in_any_pieces() -> None:
    terminal = Opened()
    text = b'{"Width":80,"Height":24}\n{"Width":81,"Height":25}\n'
    assert terminal.feed(terminal.client.data(7, text)) == [
        b'\x04{"Width":80,"Height":24}', b'\x04{"Width":81,"Height":25}'
    ]  # fmt: skip
    assert terminal.feed(terminal.client.data(7, text[:10])) == []
    assert terminal.feed(terminal.client.data(7, text[10:24])) == [b'\x04{"Width":80,"Height":24}']
    with pytest.raises(spdy.SpdyError, match="no JSON"):
        terminal.feed(terminal.client.data(7, b"{" * 2000))


def test_a_stream_that_is_reset_gets_nothing_more_and_input_ends_with_it() -> None:
    terminal = Opened()
    assert terminal.feed(terminal.client.rst_stream(3)) == [b"\xff\x00"]
    assert terminal.feed(terminal.client.data(3, b"late")) == []
    assert terminal.feed(terminal.client.rst_stream(5)) == []
    assert terminal.streams.framed(b"\x01output") == b""


def test_output_goes_to_its_stream_and_what_has_none_nowhere() -> None:
    terminal = Opened()
    frames = spdy.Decoder().feed(terminal.streams.framed(b"\x01output"))
    assert [(frame.stream, frame.payload, frame.ends) for frame in frames] == [(5, b"output", False)]
    assert terminal.streams.framed(b"\x02complaint") == b""
    assert terminal.streams.framed(b"\x03") == b""
    ends = spdy.Decoder().feed(terminal.streams.ended())
    assert sorted((frame.stream, frame.ends) for frame in ends) == [(1, True), (3, True), (5, True), (7, True)]


def test_only_pings_of_the_client_are_answered() -> None:
    terminal = Opened()
    _, replies = terminal.streams.feed(terminal.client.ping(1) + terminal.client.ping(2))
    assert [frame.stream for frame in spdy.Decoder().feed(replies)] == [1]
