"""What a running HAProxy is told so that it does what is wanted, without a new process. Pure.

Servers come by `add server` and go by `disable server` (nothing new reaches them, what runs ends in peace); they are
deleted later, when the last connection is gone. Maps change as a whole, in one step. Whatever cannot be told needs a
new process, which `None` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .model import Backend, Wanted
from .render import server_options

MAX_COMMAND = 12_000  # bytes; HAProxy reads a command and what it carries into one buffer of 16 KiB
REST_SECONDS = 60.0
Retired = Mapping[str, frozenset[str]]
"""Servers that are disabled but still known to the process, by backend."""


@dataclass(frozen=True, slots=True)
class Told:
    """Commands in their order, and the servers that are retired after them."""

    servers: tuple[str, ...]
    maps: Mapping[str, Mapping[str, str]]
    certificates: Mapping[str, bytes]
    retired: Retired


class Resting:
    """Since when servers are retired. HAProxy of the distributions (2.6 up to 2.6.15) dies when a stream that chose a
    server and has no connection to it yet, or none any more, comes back to one that was deleted (haproxy issues 2298
    and 2378). Its own count does not know such streams; they live no longer than connecting, queueing and retrying."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def due(self, names: Iterable[str], now: float) -> list[str]:
        """Of all that are retired, `BACKEND/SERVER`, those that have rested for long enough."""
        self._since = {name: self._since.get(name, now) for name in names}
        return [name for name, since in self._since.items() if now - since >= REST_SECONDS]


def changes(old: Wanted, new: Wanted, retired: Retired) -> Told | None:
    if old.structure != new.structure:
        return None
    certificates = {name: pem for name, pem in new.certificates.items() if old.certificates[name] != pem}
    if any(len(pem) > MAX_COMMAND for pem in certificates.values()):
        return None
    left = {name: set(servers) for name, servers in retired.items()}
    commands: list[str] = []
    for before, now in zip(old.backends, new.backends, strict=True):
        if before.servers != now.servers:
            commands += _servers(before, now, left.setdefault(now.name, set()))
    return Told(
        tuple(commands),
        {name: content for name, content in new.maps.items() if old.maps[name] != content},
        certificates,
        {name: frozenset(servers) for name, servers in left.items() if servers},
    )


def _servers(before: Backend, now: Backend, retired: set[str]) -> Iterable[str]:
    """New servers first: a backend whose servers all change is never without one."""
    known = {server.name: server for server in before.servers}
    for server in now.servers:
        name = f"{now.name}/{server.name}"
        if server.name in retired:
            retired.discard(server.name)
            yield f"set server {name} weight {server.weight}"
            yield f"enable server {name}"
        elif server.name not in known:
            yield f"add server {name} {server.where} weight {server.weight} {server_options(now.way)}"
            yield f"enable server {name}"
        elif known[server.name].weight != server.weight:
            yield f"set server {name} weight {server.weight}"
    wanted = {server.name for server in now.servers}
    for name in known:
        if name not in wanted:
            retired.add(name)
            yield f"disable server {now.name}/{name}"


def batches(commands: Iterable[str], separator: str = "; ") -> Iterable[str]:
    """Commands joined as far as one buffer holds them."""
    batch = ""
    for command in commands:
        if batch and len(batch) + len(separator) + len(command) > MAX_COMMAND:
            yield batch
            batch = ""
        batch = f"{batch}{separator}{command}" if batch else command
    if batch:
        yield batch
