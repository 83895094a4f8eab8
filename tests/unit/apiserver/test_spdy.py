"""SPDY frames, in pieces as a network delivers them."""

from __future__ import annotations

import zlib

import pytest

from console.apiserver.streams import spdy


def test_the_dictionary_is_the_one_of_the_protocol() -> None:
    assert len(spdy.DICTIONARY) == 1423
    assert zlib.adler32(spdy.DICTIONARY) == 0xE3C6A7C2


@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_frames_survive_being_cut(piece: int) -> None:
    encoder, decoder = spdy.Encoder(), spdy.Decoder()
    data = b"".join(
        [
            encoder.syn_stream(1, {"streamtype": "error", "port": "80", "requestid": "0"}),
            encoder.syn_stream(3, {"streamtype": "data", "port": "80", "requestid": "0"}),
            encoder.data(3, b"hello" * 1000),
            encoder.data(3, b"", fin=True),
            encoder.ping(5),
            encoder.rst_stream(3),
        ]
    )
    frames = [frame for start in range(0, len(data), piece) for frame in decoder.feed(data[start : start + piece])]
    assert [(frame.kind, frame.stream) for frame in frames] == [
        (spdy.SYN_STREAM, 1), (spdy.SYN_STREAM, 3), (spdy.DATA, 3), (spdy.DATA, 3), (spdy.PING, 5),
        (spdy.RST_STREAM, 3),
    ]  # fmt: skip
    assert frames[1].headers == {"streamtype": "data", "port": "80", "requestid": "0"}
    assert frames[2].payload == b"hello" * 1000
    assert [frame.ends for frame in frames[2:4]] == [False, True]


def test_replies_use_the_same_compression() -> None:
    encoder = spdy.Encoder()
    assert encoder.syn_reply(1)[:4] == b"\x80\x03\x00\x02"
    assert len(encoder.syn_reply(3)) > 12


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02\x00\x01\x00\x00\x00\x0a" + b"\x00" * 10,
        b"\x80\x03\x00\x01\x00\x00\x00\x10" + b"\xff" * 16,
        b"\x80\x03\x00\x06\x00\x00\x00\x01\x00",
        b"\x00\x00\x00\x01\x00\xff\xff\xff",
    ],
    ids=["version", "headers", "short", "large"],
)
def test_nonsense_ends_the_connection(data: bytes) -> None:
    with pytest.raises(spdy.SpdyError):
        spdy.Decoder().feed(data)
