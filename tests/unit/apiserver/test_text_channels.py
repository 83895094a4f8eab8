"""Channels as text."""

from __future__ import annotations

import pytest

from console.apiserver.streams.textchannels import packed, unpacked


@pytest.mark.parametrize(
    ("message", "text"), [(b"\x01hi\n", "1aGkK"), (b"\x03", "3"), (b"\xff\x00", "įAA=="), (b"", "")]
)
def test_the_channel_is_a_digit_and_the_rest_base64(message: bytes, text: str) -> None:
    assert packed(message) == text
    if message:
        assert unpacked(text) == message


@pytest.mark.parametrize("text", ["", "/aGkK", "1a", "1a b=", "\U0001f600"])
def test_what_is_no_such_message(text: str) -> None:
    with pytest.raises(ValueError, match=r"names no channel|is no base64"):
        unpacked(text)
