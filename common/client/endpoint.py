"""Where an API is and how to show who we are: a Unix socket of this machine, or TLS.

A kubeconfig leads to one by `contexts`, which a console of this machine's cluster has no need to load.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`url` has no trailing slash. With a `socket` its host does not matter. `token` is shown with each request; where
    it may change, `renew` gives the one of now, empty where there is none. It blocks. `headers` go with every request:
    whom to act as. `server_name` is the name that the certificate must have, where that is not the url's host; `proxy`
    the URL of an HTTP proxy on the way."""

    url: str
    socket: Path | None = None
    tls: ssl.SSLContext | None = None
    token: str = field(default="", repr=False)
    renew: Callable[[], str] | None = field(default=None, repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    server_name: str = ""
    proxy: str = ""

    @classmethod
    def of_socket(cls, path: Path) -> Endpoint:
        """The control plane of this machine, which knows its user by the uid."""
        return cls("http://localhost", socket=path)

    def __str__(self) -> str:
        return str(self.socket or self.url)
