"""What HAProxy is to do, as data: independent of how a configuration says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from common.api.ingressoptions import Canary


@dataclass(frozen=True, slots=True, order=True)
class Server:
    """An endpoint behind a backend. Weight 0 gets nothing new."""

    address: str
    port: int
    weight: int

    @property
    def name(self) -> str:
        return f"{self.address}_{self.port}"

    @property
    def where(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Way:
    """How a backend's servers are talked to; times in seconds."""

    connect_timeout: int = 2
    read_timeout: int = 60
    retries: int = 3
    protocol: str = "HTTP"
    rewrite: str = ""
    sticky: bool = False  # by the client's address (sessionAffinity of the Service)


@dataclass(frozen=True, slots=True)
class Backend:
    """`name` is NAMESPACE:INGRESS:SERVICE:PORT: statistics are told apart by it."""

    name: str
    way: Way
    servers: tuple[Server, ...] = ()


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the node listens; `versions` are the IP versions that it has."""

    http_port: int = 80
    https_port: int = 443
    versions: tuple[int, ...] = (4, 6)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`maps` by name are HAProxy's, key to value; `certificates` by file name are PEM; `names` say in the order of
    preference which file is for which host names (none: those in the certificate); `choices` are canaries by header or
    cookie, by their id. `secret` is part of `certificates` alone: never print them."""

    listener: Listener = field(default_factory=Listener)
    backends: tuple[Backend, ...] = ()
    maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    certificates: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    choices: tuple[tuple[str, Canary], ...] = ()

    @property
    def structure(self) -> object:
        """What only a new process can take up: all but servers, the content of maps and that of certificates."""
        ways = tuple((backend.name, backend.way) for backend in self.backends)
        return self.listener, ways, self.names, self.choices, frozenset(self.certificates)
