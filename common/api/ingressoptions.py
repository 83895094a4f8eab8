"""Annotations of an Ingress that say more than its fields: canaries, redirects, timeouts, retries.

Each is understood under our own prefix and, because manifests in the world carry them, under that of ingress-nginx;
ours wins. A value that means nothing is a `Problem`, and what it should have changed stays as it is by default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from . import meta
from .meta import Object

PREFIXES = ("quarterdeck.io/", "nginx.ingress.kubernetes.io/")
PROTOCOLS = ("HTTP", "HTTPS", "GRPC", "GRPCS", "H2C")
MAX_SECONDS = 24 * 3600
MAX_RETRIES = 10
MAX_TEXT = 1024
_TOKEN = re.compile("[A-Za-z0-9_-]+")  # names of headers and cookies; RFC 9110 has more, nobody uses them
_VISIBLE = re.compile("[!-&(-~]+")  # a single quote is what the configuration quotes values with
_PATH = re.compile("/[A-Za-z0-9/._~-]*")
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in an Ingress that cannot be done as it is asked; `reason` is an event's."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Canary:
    """Which requests another Ingress takes from the one with the same host and path: those with the header or cookie,
    and a share of the others. `share` counts in ten thousandths."""

    share: int = 0
    header: str = ""
    header_value: str = ""  # empty: `always` takes a request, `never` leaves it
    cookie: str = ""  # `always` and `never` the same way


@dataclass(frozen=True, slots=True)
class Options:
    """What an Ingress asks of the way to its backends; times in seconds."""

    canary: Canary | None = None
    redirect: bool | None = None  # plain HTTP to HTTPS; None: where the host has TLS
    connect_timeout: int = 2
    read_timeout: int = 60
    retries: int = 3
    protocol: str = "HTTP"
    rewrite: str = ""  # the path that backends see instead of the request's


def options_of(ingress: Object) -> tuple[Options, tuple[Problem, ...]]:
    reader = _Reader(meta.annotations(ingress))
    redirect = reader.boolean("ssl-redirect")
    forced = reader.boolean("force-ssl-redirect")
    found = Options(
        canary=_canary(reader),
        redirect=True if forced else redirect,
        connect_timeout=reader.number("proxy-connect-timeout", 2, 1, MAX_SECONDS),
        read_timeout=reader.number("proxy-read-timeout", 60, 1, MAX_SECONDS),
        retries=reader.number("retries", 3, 0, MAX_RETRIES),
        protocol=reader.word("backend-protocol", "HTTP", PROTOCOLS),
        rewrite=reader.text("rewrite-target", _PATH, "a path of letters, digits and /._~-"),
    )
    return found, tuple(reader.problems)


def _canary(reader: _Reader) -> Canary | None:
    total = reader.number("canary-weight-total", 100, 1, 1_000_000)
    weight = reader.number("canary-weight", 0, 0, total)
    header = reader.text("canary-by-header", _TOKEN, "the name of a header")
    value = reader.text("canary-by-header-value", _VISIBLE, "the value of a header, without blanks and quotes")
    cookie = reader.text("canary-by-cookie", _TOKEN, "the name of a cookie")
    if not reader.boolean("canary"):
        return None
    return Canary(weight * 10_000 // total, header, value if header else "", cookie)


class _Reader:
    """Reads annotations by their name without prefix, and keeps what was wrong."""

    def __init__(self, found: Mapping[str, str]) -> None:
        self._found = found
        self.problems: list[Problem] = []

    def _get(self, name: str) -> tuple[str, str] | None:
        full = next((prefix + name for prefix in PREFIXES if prefix + name in self._found), None)
        return None if full is None else (full, self._found[full].strip())

    def _wrong(self, full: str, value: str, allowed: str) -> None:
        self.problems.append(Problem("InvalidAnnotation", f"{full}: {value!r} is not {allowed}; it is left out"))

    def boolean(self, name: str) -> bool | None:
        given = self._get(name)
        if given is None:
            return None
        found = _BOOLEANS.get(given[1].lower())
        if found is None:
            self._wrong(*given, "true or false")
        return found

    def number(self, name: str, default: int, least: int, most: int) -> int:
        given = self._get(name)
        if given is None:
            return default
        text = given[1].removesuffix("s") if name.endswith("timeout") else given[1]
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
            self._wrong(*given, f"a whole number from {least} to {most}")
            return default
        return int(text)

    def word(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        given = self._get(name)
        if given is None:
            return default
        if given[1].upper() not in allowed:
            self._wrong(*given, f"one of {', '.join(allowed)}")
            return default
        return given[1].upper()

    def text(self, name: str, pattern: re.Pattern[str], meaning: str) -> str:
        given = self._get(name)
        if given is None:
            return ""
        # What is rendered into a configuration has one form here and no other: no blank, no quote, no line end.
        if len(given[1]) > MAX_TEXT or not pattern.fullmatch(given[1]):
            self._wrong(*given, meaning)
            return ""
        return given[1]
