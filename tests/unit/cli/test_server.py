"""Where `serve` may listen."""

from __future__ import annotations

import argparse

import pytest

from console.cli.server import address


@pytest.mark.parametrize("text", ["127.0.0.1:6443", "0.0.0.0:0", "[::]:6443", "[fd00::1]:65535"])
def test_addresses(text: str) -> None:
    assert address(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "6443", ":6443", "localhost:6443", "::1:6443", "[127.0.0.1]:1", "127.0.0.1:-1", "127.0.0.1:65536", "[::1]"],
)
def test_what_is_none_is_named_with_what_is(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not ADDR:PORT: give an IP address and a port"):
        address(text)
