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
    control = [(frame.kind, frame.stream) for frame in frames if frame.kind != spdy.DATA]
    assert control == [(spdy.SYN_STREAM, 1), (spdy.SYN_STREAM, 3), (spdy.PING, 5), (spdy.RST_STREAM, 3)]
    assert frames[1].headers == {"streamtype": "data", "port": "80", "requestid": "0"}
    pieces = [frame for frame in frames if frame.kind == spdy.DATA]
    assert b"".join(frame.payload for frame in pieces) == b"hello" * 1000
    assert [frame.stream for frame in pieces if frame.ends] == [3]
    assert pieces[-1].ends


def test_data_comes_out_as_it_arrives_and_ends_with_its_last_byte() -> None:
    decoder = spdy.Decoder()
    whole = spdy.Encoder().data(1, bytes(16 * 1024 * 1024 - 1), fin=True)
    pieces = [frame for start in range(0, len(whole), 65536) for frame in decoder.feed(whole[start : start + 65536])]
    assert len(pieces) == 257  # the last has the eight bytes of the head that were taken off
    assert max(len(frame.payload) for frame in pieces) <= 65536
    assert sum(len(frame.payload) for frame in pieces) == 16 * 1024 * 1024 - 1
    assert [index for index, frame in enumerate(pieces) if frame.ends] == [256]


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
        b"\x80\x03\x00\x01\x00\xff\xff\xff",
    ],
    ids=["version", "headers", "short", "large"],
)
def test_nonsense_ends_the_connection(data: bytes) -> None:
    with pytest.raises(spdy.SpdyError):
        spdy.Decoder().feed(data)
