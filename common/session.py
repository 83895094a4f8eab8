"""The messages of the session between control plane and agent, and their encoding.

One WebSocket that the control plane opens to `wss://HOST:10250/session`. Text frames carry one JSON message each;
binary frames carry data of tunnelled TCP streams: four bytes stream id (big endian), then payload (an empty payload
closes that direction). Those of stream 0 carry messages too long for one frame, piece by piece (`pieces`). Messages are
level-triggered: each says a state, so that repeating one is harmless.

Order: `Open` -> `Welcome` or `Refused`; then `Sync(full=True)`, then increments. An agent sends its next `Report` when
an `Ack` with the `seq` of the last or a higher one has come, and says everything again on another connection.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias, get_type_hints

import orjson

from .api.meta import Object

PROTOCOL_VERSION = 3
USAGE_SECONDS = 5.0  # resolution of charts and of what autoscalers see; a sweep of 100 containers costs milliseconds
HEARTBEAT_SECONDS = 0.5  # twice a second both ways: three missed ones make a node suspect within 1.5 s
REFUSAL_HEADER = "Quarterdeck-Refusal"  # why an agent refused a WebSocket, quoted: a handshake's body is lost
MAX_REQUEST_LINE = 1024 * 1024  # bytes, as of Go's HTTP server: the command of an exec is in it, with all its scripts
MAX_MESSAGE_BYTES = 32 * 1024 * 1024  # a full sync of a large cluster; anything larger is an attack or a bug


class ProtocolError(Exception):
    """The peer sent something that this protocol does not have; the session ends."""


@dataclass(frozen=True, slots=True)
class Open:
    """First message of the control plane. The agent refuses another cluster and an epoch below the highest it saw."""

    cluster: str
    epoch: int
    instance: str
    node: str
    config: Object  # ClusterConfig.to_json()
    time: str  # RFC 3339: the agent reports the difference to its own clock
    version: int = PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class Welcome:
    """The agent accepts; `info` is the node's first report: {"status": Node.status, "labels": {...}}."""

    agent_version: str
    info: Object
    time: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The agent does not; `reason` is one of wrong-cluster, old-epoch, wrong-version; the message is for people."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    seq: int


@dataclass(frozen=True, slots=True)
class Sync:
    """Objects that the node needs now, by resource (`pods`, `configmaps`, `secrets`, `persistentvolumeclaims`,
    `persistentvolumes`, `services`, `endpointslices`, `nodes`, `namespaces`, `runtimeclasses`, `networkpolicies`,
    `policypeers`, `ingresses`, `ingressclasses`). With
    `full` everything not listed is to be forgotten; otherwise `removed` lists uids.

    A node gets its own pods, the ConfigMaps, Secrets and claims that they name, the volumes of those claims and the
    Secrets of those volumes, all Services and EndpointSlices, all Nodes, all NetworkPolicies and, while there are some,
    a `policypeers` record of every pod (common/api/policypeers.py), and, if it runs the proxy, all Ingresses,
    their classes and TLS Secrets.
    `generation` rises by one with each Sync of a session.
    """

    generation: int
    full: bool = False
    objects: dict[str, list[Object]] = field(default_factory=dict)
    removed: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Applied:
    """The node's service tables (nftables, DNS) and its HAProxy reflect that generation."""

    generation: int


@dataclass(frozen=True, slots=True)
class Release:
    """All Ready nodes have taken these pods out of their tables (or the deadline passed): SIGTERM may follow."""

    pods: list[str]


@dataclass(frozen=True, slots=True)
class Report:
    """What the agent has to say, in the order it happened. Each list may be empty.

    pods: {"namespace", "name", "uid", "status"} · node: a Node.status or None · gone: uids of deleted pods whose
    containers are gone, the API object may go too · events: core/v1 Events without metadata.name · endpoints: not sent
    here, readiness is part of the pod's status.
    """

    seq: int
    pods: list[Object] = field(default_factory=list)
    node: Object | None = None
    gone: list[str] = field(default_factory=list)
    events: list[Object] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Usage:
    """Counters of CPU time and bytes of memory in use, every USAGE_SECONDS. Neither acknowledged nor repeated: of one
    that is lost the next tells all but the moment.

    at: seconds on the agent's clock, which only goes forward · node: {"cpu", "memory"}: nanoseconds since some moment,
    bytes · pods: {"namespace", "name", "uid", "containers": [{"name", "started", "cpu", "memory"}]}; `started` tells
    one run of a container from the next · traffic: what the balancers of the node counted, None of simulated nodes:
    {"proxy": {"reason", "message"}, "backends": nodeagent/proxy/stats.py, "connections": [{"namespace", "name",
    "connections"}]}.
    """

    at: float
    node: Object
    pods: list[Object] = field(default_factory=list)
    traffic: Object | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    seq: int


@dataclass(frozen=True, slots=True)
class TunnelOpen:
    """The agent accepted a connection to the API's address inside the cluster and asks for a stream to the API."""

    stream: int


@dataclass(frozen=True, slots=True)
class TunnelClose:
    """The stream is over in both directions; `error` is empty for an orderly end."""

    stream: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class TunnelWindow:
    """The receiver consumed `count` bytes; a sender keeps at most TUNNEL_WINDOW bytes unacknowledged."""

    stream: int
    count: int


@dataclass(frozen=True, slots=True)
class Renew:
    """The agent asks for a new certificate for its key, while the old one is still valid; PEM."""

    request: str


@dataclass(frozen=True, slots=True)
class Renewed:
    """The certificate that was asked for, PEM; the agent shows it from its next connection on."""

    certificate: str


@dataclass(frozen=True, slots=True)
class TokenNeeded:
    """The agent asks for a token of the ServiceAccount that a pod of this node runs as. `pod` is the pod's uid, an
    empty `audience` the API itself."""

    pod: str
    audience: str
    seconds: int


@dataclass(frozen=True, slots=True)
class TokenGiven:
    """The answer; `expires` is RFC 3339. With `error`, which is for people, there is no token."""

    pod: str
    audience: str
    seconds: int
    token: str = ""
    expires: str = ""
    error: str = ""

    def __repr__(self) -> str:
        return f"TokenGiven(pod={self.pod!r}, audience={self.audience!r}, expires={self.expires!r})"


@dataclass(frozen=True, slots=True)
class Leave:
    """The node was removed: the agent stops its pods, forgets the cluster and can be adopted again."""


TUNNEL_WINDOW = 256 * 1024  # bytes; fills a gigabit link of 2 ms and bounds what a stuck reader can pile up

Message: TypeAlias = (
    Open | Welcome | Refused | Heartbeat | Sync | Applied | Release | Report | Usage | Ack
    | TunnelOpen | TunnelClose | TunnelWindow | Renew | Renewed | TokenNeeded | TokenGiven | Leave
)  # fmt: skip
_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        Open, Welcome, Refused, Heartbeat, Sync, Applied, Release, Report, Usage, Ack, TunnelOpen, TunnelClose,
        TunnelWindow, Renew, Renewed, TokenNeeded, TokenGiven, Leave,
    )
}  # fmt: skip
# To evaluate them costs more than all else of a short message.
_HINTS = {kind: get_type_hints(kind) for kind in _KINDS.values()}


def encode(message: Message) -> str:
    return orjson.dumps({"type": type(message).__name__, **_shallow(message)}).decode()


def _shallow(message: Message) -> dict[str, Any]:
    return {item.name: getattr(message, item.name) for item in dataclasses.fields(message)}


def encode_sync(sync: Sync, encoded: Callable[[str, Object], bytes]) -> Iterator[bytes]:
    """The parts of its `encode`, object by object: `encoded` gives the JSON of one when its turn has come."""
    head = orjson.dumps({"type": "Sync", "generation": sync.generation, "full": sync.full, "removed": sync.removed})
    yield head[:-1] + b',"objects":{'
    for number, (resource, items) in enumerate(sync.objects.items()):
        yield (b"," if number else b"") + orjson.dumps(resource) + b":["
        for index, item in enumerate(items):
            if index:
                yield b","
            yield encoded(resource, item)
        yield b"]"
    yield b"}}"


def decode(text: str | bytes) -> Message:
    """The message of a frame; ProtocolError names what is wrong with it."""
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ProtocolError(f"a frame is not JSON: {error}") from error
    if not isinstance(data, dict) or not isinstance(data.get("type"), str):
        raise ProtocolError("a message is not an object with a type")
    kind = _KINDS.get(data.pop("type"))
    if kind is None:
        raise ProtocolError("a message has an unknown type")
    hints = _HINTS[kind]
    # Unknown fields are left out, so that a newer peer can add some.
    values = {name: value for name, value in data.items() if name in hints}
    for name, value in values.items():
        if not _fits(value, hints[name]):
            raise ProtocolError(f"{kind.__name__}.{name} has the wrong type {type(value).__name__}")
    try:
        message: Message = kind(**values)
    except TypeError as error:
        raise ProtocolError(f"{kind.__name__}: {error}") from error
    return message


def _fits(value: Any, hint: Any) -> bool:
    origins = getattr(hint, "__args__", ()) if type(None) in getattr(hint, "__args__", ()) else (hint,)
    plain = tuple(getattr(option, "__origin__", option) for option in origins)
    return isinstance(value, plain) and not (isinstance(value, bool) and bool not in plain)
