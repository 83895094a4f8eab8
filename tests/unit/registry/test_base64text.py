"""Where Go stops reading base64."""

from __future__ import annotations

import pytest

from console.registry.base64text import first_illegal


@pytest.mark.parametrize("text", ["", "YQ==", "YWI=", "YWJj", "YW\nJj\r\n", "YQ=\n=\n"])
def test_what_go_takes(text: str) -> None:
    assert first_illegal(text) is None


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("no base64!", 2),
        ("YQ", 0),
        ("YWJjYQ", 4),
        ("YWJjY", 4),
        ("YQ=", 3),
        ("YQ=x", 2),
        ("=", 0),
        ("Y===", 1),
        ("YQ==YQ==", 4),
        ("YWI= ", 4),
        ("YW\nI \n", 4),
        ("YWI=\nYQ==", 5),
        ("gr\u00fc", 2),
    ],
)
def test_where_go_stops(text: str, place: int) -> None:
    assert first_illegal(text) == place
