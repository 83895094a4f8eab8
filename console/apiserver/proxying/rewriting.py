"""Makes what a proxied program says about its own addresses lead through the proxy again. Pure.

A program behind the proxy knows nothing of it: a link or redirect to `/page` would leave it. Links to other hosts and
relative ones are right as they are.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# The attributes of HTML that hold addresses.
_LINKS = "action|background|cite|codebase|data|formaction|href|icon|longdesc|manifest|poster|profile|src|usemap|classid"
_TAG = re.compile(rb"<[A-Za-z][^<>]*>")
_ATTRIBUTE = re.compile(rb"(\s(?:" + _LINKS.encode() + rb")\s*=\s*)(\"[^\"]*\"|'[^']*'|[^\s\"'>]+)", re.IGNORECASE)


def rewrite_url(url: str, host: str, prefix: str) -> str:
    """The address as a client of the proxy has to ask for it; `host` is that which was asked behind the proxy."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if (parts.netloc and parts.netloc != host) or not parts.path.startswith("/") or parts.path.startswith(prefix):
        return url
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{prefix}{parts.path}{query}{fragment}"


def rewrite_html(body: bytes, host: str, prefix: str) -> bytes:
    def attribute(found: re.Match[bytes]) -> bytes:
        value = found[2]
        quote = value[:1] if value[:1] in {b'"', b"'"} else b""
        text = value.strip(quote) if quote else value
        changed = rewrite_url(text.decode("latin-1"), host, prefix).encode("latin-1")
        return found[1] + quote + changed + quote

    return _TAG.sub(lambda tag: _ATTRIBUTE.sub(attribute, tag[0]), body)
