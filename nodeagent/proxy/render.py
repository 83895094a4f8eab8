"""HAProxy's configuration as text: a frontend whose rules read maps, and a backend for each Service port of an Ingress.

Which backend a request goes to is in maps, not in rules, so that hosts, paths and shares of canaries change at run time
and a request costs a few look-ups however many Ingresses there are. Prefixes end with a `/` here and are compared with
the path plus a `/`; `map_beg` finds the longest.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from common.api.ingressoptions import Canary

from .model import Backend, Listener, Server, Wanted, Way

CONFIG = "haproxy.cfg"
LIST = "certificates.list"
# SO_REUSEPORT stays on: a worker that cannot get the old one's sockets within a second, as on a host without a free
# processor, binds beside it; without it HAProxy would close the old sockets first and connections be refused meanwhile.
DRAIN_SECONDS = 600  # how long a process that was replaced may finish what it has, WebSockets for instance
_TLS = {"HTTPS", "GRPCS"}
_HTTP2 = {"GRPC", "GRPCS", "H2C"}

_GLOBAL = """\
global
    default-path config
    stats socket {socket} mode 600 level admin expose-fd listeners
    hard-stop-after {drain}s
    {user}
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets

defaults
    mode http
    option idle-close-on-response
    option redispatch 1
    timeout client 60s
    timeout http-request 10s
    timeout http-keep-alive 60s
    timeout queue 5s
    timeout client-fin 30s
    timeout tunnel 1h
"""

_RULES = """\
    http-request set-header X-Forwarded-For %[src]
    http-request set-header X-Real-IP %[src]
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    http-request set-header X-Forwarded-Port %[dst_port]
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Proto https if { ssl_fc }
    http-request set-var(txn.name) req.hdr(host),field(1,:),lower
    http-request set-var(txn.host) var(txn.name),map_str(hosts.map)
    http-request set-var(txn.host) var(txn.name),regsub(^[^.]*,*),map_str(hosts.map) if !{ var(txn.host) -m found }
    http-request set-var(txn.host) str(*) if !{ var(txn.host) -m found }
    http-request set-var(txn.path) path
    http-request set-var(txn.key) var(txn.host),concat(,txn.path)
    http-request set-var(txn.route) var(txn.key),map_str(exact.map)
    http-request set-var(txn.route) var(txn.key),concat(/),map_beg(prefix.map) if !{ var(txn.route) -m found }
    http-request set-var(txn.route) str(*/),map_str(prefix.map) if !{ var(txn.route) -m found }
    http-request return status 404 content-type text/plain string "no Ingress has this host and path\\n" \
if !{ var(txn.route) -m found }
    http-request redirect prefix https://%[var(txn.name)]@PORT@ code 308 \
if !{ ssl_fc } { var(txn.route),field(3,~) -m str redirect }
    http-request set-var(txn.backend) var(txn.route),field(1,~)
    http-request set-var(txn.canary) var(txn.route),field(2,~)
@CHOICES@    http-request set-var(txn.share) var(txn.canary),map_str_int(shares.map,0)
    http-request set-var(txn.dice) rand(10000),sub(txn.share)
    http-request set-var(txn.pick) bool(true) if !{ var(txn.pick) -m found } { var(txn.dice) -m int lt 0 }
    http-request set-var(txn.backend) var(txn.canary),map_str(canaries.map) if { var(txn.pick) -m bool }
    use_backend %[var(txn.backend)]
"""


def render(wanted: Wanted, socket: Path, user: str) -> dict[str, bytes]:
    """All files of a configuration by name. `socket` is where the process answers its agent, `user` whom it becomes
    after it has its ports (empty: it stays who it is)."""
    files = {f"{name}.map": map_text(content.items()) for name, content in wanted.maps.items()}
    return {
        CONFIG: _config(wanted, socket, user).encode(),
        LIST: _names(wanted.names),
        **{name: text.encode() for name, text in files.items()},
        **wanted.certificates,
    }


def map_text(items: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{key} {value}\n" for key, value in items)


def server_options(way: Way) -> str:
    """What stands behind the address of each server of a backend, in the file and at run time."""
    options = ["ssl verify none"] if way.protocol in _TLS else []
    if way.protocol in _HTTP2:
        options.append("proto h2" if way.protocol not in _TLS else "alpn h2")
    # What nobody uses any more is closed soon: a pod that ends waits for its connections.
    return " ".join(["pool-purge-delay 1s", *options])


def _config(wanted: Wanted, socket: Path, user: str) -> str:
    as_user = f"user {user}\n    group {user}" if user else "# stays the user that started it"
    port = wanted.listener.https_port
    rules = _RULES.replace("@PORT@", "" if port == 443 else f":{port}")
    rules = rules.replace("@CHOICES@", "".join(f"    {line}\n" for line in _choices(wanted.choices)))
    parts = [_GLOBAL.format(socket=socket, drain=DRAIN_SECONDS, user=as_user)]
    parts.append("frontend ingress\n" + "".join(f"    {line}\n" for line in _binds(wanted.listener)) + rules)
    parts += [_backend(backend) for backend in wanted.backends]
    return "\n".join(parts)


def _binds(listener: Listener) -> Iterable[str]:
    for version in listener.versions:
        address, only = ("0.0.0.0", "") if version == 4 else ("::", " v6only")
        yield f"bind {address}:{listener.http_port}{only}"
        yield f"bind {address}:{listener.https_port}{only} ssl crt-list {LIST} alpn h2,http/1.1"


def _names(names: Iterable[tuple[str, tuple[str, ...]]]) -> bytes:
    return "".join(" ".join([file, *hosts]) + "\n" for file, hosts in names).encode()


def _choices(choices: Iterable[tuple[str, Canary]]) -> Iterable[str]:
    """Canaries by header and cookie; the header is asked first, as ingress-nginx does."""
    for ident, canary in choices:
        here = f"{{ var(txn.canary) -m str {ident} }}"
        undecided = "!{ var(txn.pick) -m found }"
        if canary.header and canary.header_value:
            asked = f"{{ req.hdr({canary.header}) -m str -- '{canary.header_value}' }}"
            yield f"http-request set-var(txn.pick) bool(true) if {here} {asked}"
        elif canary.header:
            yield from _always_never(f"req.hdr({canary.header})", f"{here} {undecided}")
        if canary.cookie:
            yield from _always_never(f"req.cook({canary.cookie})", f"{here} {undecided}")


def _always_never(sample: str, condition: str) -> Iterable[str]:
    for word, value in (("always", "true"), ("never", "false")):
        yield f"http-request set-var(txn.pick) bool({value}) if {condition} {{ {sample} -m str {word} }}"


def _backend(backend: Backend) -> str:
    way = backend.way
    lines = [
        # Hashing must let servers come and go at run time; what sticks, sticks to the client's address.
        *(["balance source", "hash-type consistent"] if way.sticky else ["balance roundrobin"]),
        f"timeout connect {way.connect_timeout}s",
        f"timeout server {way.read_timeout}s",
        f"retries {way.retries}",
        # A request that may have been carried out already is sent again only when that does no harm.
        "retry-on conn-failure empty-response",
        "http-request disable-l7-retry if !{ method GET HEAD OPTIONS PUT DELETE TRACE }",
        *([f"http-request set-path {way.rewrite}"] if way.rewrite else []),
        *(server_line(server, way) for server in backend.servers),
    ]
    return f"backend {backend.name}\n" + "".join(f"    {line}\n" for line in lines)


def server_line(server: Server, way: Way) -> str:
    return f"server {server.name} {server.where} weight {server.weight} {server_options(way)}"
