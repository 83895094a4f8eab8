"""What an agent says of itself, and how it reads from the untrusted wire."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

MAX_VALUE = 200  # characters; a TXT string holds 255 bytes
MAX_ADDRESSES = 16
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_DNS_LABEL = re.compile(r"[^a-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class Advertisement:
    """`cpu` in cores and `memory` in bytes; `adopted_by` is the cluster's uid or empty; `fingerprint` is SHA-256 in hex
    of the certificate that the host was born with."""

    name: str
    fingerprint: str
    port: int
    version: str = ""
    engine: str = ""
    arch: str = ""
    cpu: int = 0
    memory: int = 0
    adopted_by: str = ""
    node: str = ""

    def to_json(self) -> dict[str, Any]:
        """The body of `GET /identity`."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_json(cls, data: Any) -> Advertisement:
        """What an agent's `/identity` answered; ValueError names what is wrong."""
        if not isinstance(data, dict):
            raise ValueError("the identity is not an object")
        return _clean({key: str(value) for key, value in data.items() if isinstance(value, str | int)})

    def to_properties(self) -> dict[str, str]:
        """The TXT record. Names are short and in the style of DNS-SD; the port is in the SRV record."""
        return {_TXT_NAMES.get(key, key): str(value) for key, value in self.to_json().items() if key != "port"}

    @classmethod
    def from_properties(cls, properties: Mapping[bytes, bytes | None], port: int) -> Advertisement:
        """What a TXT record says; ValueError when it is not one of an agent."""
        texts: dict[str, str] = {}
        for key, value in list(properties.items())[:32]:
            name = key.decode("ascii", "replace").lower()
            texts[_FIELD_NAMES.get(name, name)] = (value or b"").decode("utf-8", "replace")
        return _clean({**texts, "port": str(port)})


_TXT_NAMES = {"adopted_by": "adopted-by"}
_FIELD_NAMES = {value: key for key, value in _TXT_NAMES.items()}


@dataclass(frozen=True, slots=True)
class SeenHost:
    """A host and the addresses at which it was seen, the best first."""

    advertisement: Advertisement
    addresses: tuple[str, ...]


def _clean(texts: Mapping[str, str]) -> Advertisement:
    fingerprint = texts.get("fingerprint", "").strip().lower()
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise ValueError("the record has no certificate fingerprint (64 hex digits)")
    return Advertisement(
        name=_dns_name(texts.get("name", "")) or fingerprint[:12],
        fingerprint=fingerprint,
        port=_number(texts, "port", 1, 65535),
        version=_text(texts, "version"),
        engine=_text(texts, "engine"),
        arch=_text(texts, "arch"),
        cpu=_number(texts, "cpu", 0, 100_000),
        memory=_number(texts, "memory", 0, 1 << 60),
        adopted_by=_text(texts, "adopted_by"),
        node=_dns_name(texts.get("node", "")),
    )


def _text(texts: Mapping[str, str], name: str) -> str:
    """Printable text: control, format and private characters could draw over the console's screen."""
    value = texts.get(name, "")[:MAX_VALUE]
    return "".join(letter for letter in value if unicodedata.category(letter)[0] != "C").strip()


def _dns_name(value: str) -> str:
    """A name that the API takes: lower case, digits, dashes and dots, at most 63 characters."""
    return _DNS_LABEL.sub("-", value[:MAX_VALUE].lower())[:63].strip("-.")


def _number(texts: Mapping[str, str], name: str, lowest: int, highest: int) -> int:
    text = texts.get(name, "0")
    if not (text.isascii() and text.isdecimal() and len(text) <= 20 and lowest <= int(text) <= highest):
        raise ValueError(f"the record's {name} is not a number from {lowest} to {highest}")
    return int(text)


def usable_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    """Addresses to dial, without duplicates: IPv4 first, then IPv6, link-local ones (with their scope) last."""

    def rank(text: str) -> int:
        address = ipaddress.ip_address(text)
        return 2 if address.is_link_local else address.version == 6

    unique = dict.fromkeys(text for text in addresses if not _is_useless(text))
    return tuple(sorted(unique, key=rank)[:MAX_ADDRESSES])


def _is_useless(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return True
    unscoped = isinstance(address, ipaddress.IPv6Address) and address.is_link_local and not address.scope_id
    return address.is_multicast or address.is_unspecified or unscoped
