"""What is no JSON is refused in the words of Go's reader."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.registry.jsonerrors import syntax_error


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "unexpected end of JSON input"),
        (b'{"a": [1, {"b": "c', "unexpected end of JSON input"),
        (b"{a: 1}", "invalid character 'a' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a": 1 "b"}', "invalid character '\"' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b"{} x", "invalid character 'x' after top-level value"),
        (b"'a'", "invalid character '\\'' looking for beginning of value"),
        (b"\xff", "invalid character '\u00ff' looking for beginning of value"),
        (b'"a\x01"', "invalid character '\\x01' in string literal"),
        (b'"\\x"', "invalid character 'x' in string escape code"),
        (b'"\\u12"', "invalid character '\"' in \\u hexadecimal character escape"),
        (b"-x", "invalid character 'x' in numeric literal"),
        (b"01", "invalid character '1' after top-level value"),
        (b"1.", "invalid character ' ' after decimal point in numeric literal"),
        (b"1e+", "invalid character ' ' in exponent of numeric literal"),
        (b"nul", "invalid character ' ' in literal null (expecting 'l')"),
        (b"trux", "invalid character 'x' in literal true (expecting 'e')"),
        (b"[" * 10_001, "invalid character '[' exceeded max depth"),
    ],
)
def test_words(text: bytes, why: str) -> None:
    assert syntax_error(text) == why


@given(st.binary(max_size=40) | st.text(alphabet='{}[],:"\\\\tfnu01.-+e ', max_size=30).map(str.encode))
def test_it_finds_fault_with_what_is_no_json_and_with_nothing_else(text: bytes) -> None:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        # Go takes bytes that are no UTF-8 and halves of surrogate pairs, and makes of them what it can.
        assert syntax_error(text) or not text.isascii() or b"\\u" in text
    else:
        assert not syntax_error(text)
