"""The formats of strings that Kubernetes validates in custom objects; other formats are documentation."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from urllib.parse import urlsplit

from common.api.meta import parse_time

_UUID = "[0-9a-f]{8}-?[0-9a-f]{4}-?%s[0-9a-f]{3}-?%s[0-9a-f]{3}-?[0-9a-f]{12}"
_HOSTNAME = re.compile(r"([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.?", re.IGNORECASE)
_DURATION = re.compile(
    r"[+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*|0"
    r"|\d+\s*(ns|nanos?|nanoseconds?|us|µs|micros?|microseconds?|ms|millis?|milliseconds?|s|secs?|seconds?|m|mins?"
    r"|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?)"
)


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.IGNORECASE | re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


def _succeeds(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            parse(text)
        except (ValueError, binascii.Error, OverflowError):
            return False
        return True

    return check


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


def _digits(text: str, kinds: str, check: Callable[[str], bool]) -> bool:
    plain = re.sub(kinds, "", text)
    return plain.isascii() and plain.isdigit() and check(plain)


def _is_luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


FORMATS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _matches("[0-9a-f]{24}"),
    "byte": _succeeds(lambda text: base64.b64decode(text, validate=True)),
    "cidr": lambda text: "/" in text and _succeeds(ipaddress.ip_interface)(text),
    "creditcard": lambda text: _digits(text, "[ -]", lambda plain: 13 <= len(plain) <= 19 and _is_luhn(plain)),
    "date": _succeeds(date.fromisoformat),
    "date-time": _succeeds(parse_time),
    "datetime": _succeeds(parse_time),
    "duration": lambda text: _DURATION.fullmatch(text) is not None,
    "email": _matches(r"([^<>@\s]+@[^<>@\s]+|[^<>]*<[^<>@\s]+@[^<>@\s]+>)"),
    "hexcolor": _matches("#?([0-9a-f]{3}|[0-9a-f]{6})"),
    "hostname": lambda text: len(text) <= 255 and _HOSTNAME.fullmatch(text) is not None,
    "ipv4": _succeeds(ipaddress.IPv4Address),
    "ipv6": _succeeds(ipaddress.IPv6Address),
    "isbn": _matches(r"(?:[0-9][- ]?){9}[0-9x](?:(?:[- ]?[0-9]){3})?"),
    "isbn10": _matches(r"(?:[0-9][- ]?){9}[0-9x]"),
    "isbn13": _matches(r"(?:[0-9][- ]?){12}[0-9]"),
    "mac": _matches("([0-9a-f]{2}[:-]){5}([0-9a-f]{2}[:-]){2}?[0-9a-f]{2}|([0-9a-f]{2}[:-]){5}[0-9a-f]{2}"),
    "password": lambda _text: True,
    "rgbcolor": _matches(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)"),
    "ssn": _matches(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    "uri": _is_uri,
    "uuid": _matches(_UUID % ("[0-9a-f]", "[0-9a-f]")),
    "uuid3": _matches(_UUID % ("3", "[0-9a-f]")),
    "uuid4": _matches(_UUID % ("4", "[89ab]")),
    "uuid5": _matches(_UUID % ("5", "[89ab]")),
}
NUMBERS = frozenset({"int32", "int64", "float", "double"})


def is_known(name: str) -> bool:
    """Whether a format is validated, or says something about numbers."""
    return name in FORMATS or name in NUMBERS


@lru_cache(maxsize=1024)
def pattern(text: str) -> re.Pattern[str]:
    """A regular expression of a schema. They are written for RE2, whose classes know ASCII only and whose `$` is the
    end of the text."""
    source = re.sub(r"(?<!\\)((?:\\\\)*)\$(?![^\[]*\])", r"\1\\Z", text)
    for posix, plain in _POSIX.items():
        source = source.replace(posix, plain)
    return re.compile(source.replace(r"\z", r"\Z"), re.ASCII)


_POSIX = {
    "[:alnum:]": "0-9A-Za-z", "[:alpha:]": "A-Za-z", "[:digit:]": "0-9", "[:lower:]": "a-z", "[:upper:]": "A-Z",
    "[:space:]": r"\s", "[:word:]": r"\w", "[:xdigit:]": "0-9A-Fa-f", "[:punct:]": r"!-/:-@\[-`{-~",
}  # fmt: skip
